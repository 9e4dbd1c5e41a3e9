"""Beside real videos: both sides are measured alike, on as many clips, and no film is its own reference."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from cartoon import CARTOON
from numpy.typing import NDArray
from seen_films import signals_of
from torch import Tensor, nn

from longtake.cli import main
from longtake.evaluate.catalogue import BESIDE_REAL_VIDEOS
from longtake.evaluate.distances.networks import WEIGHTS_DIR
from longtake.evaluate.intervals import interval_of
from longtake.evaluate.measured import Row
from longtake.evaluate.real_videos import REAL, matched, measure_real, watch_pixels
from longtake.evaluate.sources import VideoFile
from longtake.video import Pixels, VideoError, encode_segment, write_png
from longtake.world.episodes import episode_seeds

torch.set_num_threads(1)

SEEDS = episode_seeds("train", 4)


def world(seed: int, frames: int = 64) -> Pixels:
    """The start of an episode `[frames, 64, 64, 3]`."""
    return np.asarray(CARTOON.frames(seed, list(range(200, 200 + frames))))


def blurred(film: Pixels) -> Pixels:
    coarse = film.reshape(len(film), 16, 4, 16, 4, 3).mean(axis=(2, 4)).round().astype(np.uint8)
    return coarse.repeat(4, axis=1).repeat(4, axis=2)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three real videos, and beside it films: one like them, and spoilt ones."""
    folder = tmp_path_factory.mktemp("videos")
    for k, seed in enumerate(SEEDS[:3]):
        encode_segment(world(seed), folder / "real" / f"{k}.mp4", 12)
    like = world(SEEDS[3])
    spoilt = {
        "like": like,
        "frozen": like[:1].repeat(64, axis=0),
        "blurred": blurred(like),
        "cutting": np.concatenate([world(seed, 16) for seed in SEEDS]),
        "noisy": (like + np.random.default_rng(0).normal(0, 30, like.shape)).clip(0, 255).astype(np.uint8),
    }
    for name, film in spoilt.items():
        encode_segment(film, folder / f"{name}.mp4", 12)
    return folder


def measured(videos: Path, *names: str) -> tuple[Row, Row, dict[str, Any]]:
    """Rows of the films and of the real videos, and the facts."""
    films = {name: VideoFile(videos / f"{name}.mp4") for name in names}
    real = {file.stem: VideoFile(file) for file in sorted((videos / "real").iterdir())}
    (row, references), facts = measure_real(films, real, "films", videos / "seen")
    return row, references, facts


def value(row: Row, name: str) -> float:
    return interval_of(row, name).value


def test_pixels_are_those_of_the_middle_square() -> None:
    middle = world(1, 20)
    wide = np.random.default_rng(0).integers(0, 256, (20, 64, 100, 3)).astype(np.uint8)
    wide[:, :, 18:82] = middle
    seen = watch_pixels(iter(wide))
    np.testing.assert_array_equal(seen.signals.difference, signals_of(middle).difference)
    assert seen.motion_features.shape[0] == 1
    larger = middle.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(watch_pixels(larger).motion_features, seen.motion_features)
    np.testing.assert_array_equal(
        watch_pixels(np.moveaxis(wide, 1, 2)).signals.luminance,
        watch_pixels(np.moveaxis(middle, 1, 2)).signals.luminance,
    )


@pytest.mark.parametrize(
    ("shape", "why"), [((1, 60, 90, 3), "90x60 are too small"), ((0, 64, 64, 3), "no frame")]
)
def test_what_cannot_be_measured_is_refused(shape: tuple[int, ...], why: str) -> None:
    with pytest.raises(VideoError, match=why):
        watch_pixels(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("ours", "theirs"), [([5, 0, 8], [40, 3]), ([40, 3], [5, 0, 8]), ([6], [6]), ([0], [7])]
)
def test_both_sides_have_as_many_samples_and_none_twice(ours: list[int], theirs: list[int]) -> None:
    def numbered(lengths: list[int]) -> list[NDArray[np.float32]]:
        ends = np.cumsum(lengths)
        return [
            np.arange(end - n, end, dtype=np.float32)[:, None] for n, end in zip(lengths, ends, strict=True)
        ]

    films, real = matched(numbered(ours), numbered(theirs))
    count = min(sum(ours), sum(theirs))
    assert [len(film) for film in films] == [len(piece) for piece in real]
    for side, total in ((films, sum(ours)), (real, sum(theirs))):
        numbers = np.sort(np.concatenate([np.zeros((0, 1)), *side]).ravel())
        assert len(numbers) == len(set(numbers)) == count
        if count:  # spread over all there is
            assert np.diff([0, *numbers, total]).max() <= -(-total // count)
    assert sum(map(len, matched(numbered(ours), numbered(theirs), most=3)[0])) == min(count, 3)


def test_a_film_like_the_real_ones_is_near_and_spoilt_ones_show_their_fault(videos: Path) -> None:
    rows = {name: measured(videos, name)[0] for name in ("like", "frozen", "blurred", "cutting", "noisy")}
    _, real, facts = measured(videos, "like")
    assert set(rows["like"].films[0].measured) | {"fd_motion"} == set(BESIDE_REAL_VIDEOS)
    assert value(rows["frozen"], "motion") < -4
    assert value(rows["noisy"], "lag_ratio") < 1.5 < value(rows["like"], "lag_ratio")
    assert abs(value(rows["like"], "motion")) < 1.5
    assert value(rows["blurred"], "sharpness") < value(rows["like"], "sharpness") - 0.5
    assert value(rows["cutting"], "cuts") >= 3 / 64 * 1000 > value(rows["like"], "cuts")
    assert value(rows["noisy"], "fd_motion") > value(rows["like"], "fd_motion")
    motions = [film.measured["motion"].value for film in real.films]
    assert min(motions) < 0 < max(motions)  # they are compared with their own mean
    assert "floor" in real.together["fd_motion"].note
    assert facts["clips of 16 frames"] == "4 of films, 12 of real videos; 4 of each are compared"
    assert "N = 4 of 1 films" in rows["like"].together["fd_motion"].note
    assert np.isnan(rows["like"].together["fd_motion"].low)


def test_several_films_have_an_interval(videos: Path) -> None:
    row, _, _ = measured(videos, "like", "blurred", "cutting")
    one = row.together["fd_motion"]
    assert one.low <= one.value <= one.high
    assert interval_of(row, "motion").over == "films"


def test_a_film_is_never_its_own_reference(videos: Path) -> None:
    film = VideoFile(videos / "real" / "0.mp4")
    with pytest.raises(ValueError, match="among the references"):
        measure_real(
            {"copy": film}, {"0": film, "like": VideoFile(videos / "like.mp4")}, "films", videos / "seen"
        )


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def cli(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Done]:
    """Runs `longtake evaluate` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(WEIGHTS_DIR, raising=False)

    def run(*arguments: object) -> Done:
        code = main(["evaluate", *map(str, arguments)])
        return Done(code, *capsys.readouterr())

    return run


class MeanColour(nn.Module):
    def forward(self, x: Tensor, return_features: bool) -> Tensor:
        return x.mean(dim=[2, 3])


def saved(file: Path) -> str:
    """Writes a network as TorchScript; its sha256."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(MeanColour()).save(str(file))  # type: ignore[no-untyped-call]
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_command_writes_a_report_and_says_what_it_could_not_compute(
    cli: Callable[..., Done], videos: Path, tmp_path: Path
) -> None:
    done = cli(videos / "like.mp4", "--real", videos / "real", "--out", "report", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report == json.loads((tmp_path / "report" / "report.json").read_text())
    assert [(row["name"], row["kind"], len(row["films"])) for row in report["rows"]] == [
        ("like", "system", 1), (REAL, "reference", 3)]  # fmt: skip
    for row in report["rows"]:
        assert set(row["measures"]) == set(BESIDE_REAL_VIDEOS)
    text = (tmp_path / "report" / "report.md").read_text()
    assert len(re.findall(r"^- .*: not computed: no weights: name them with --weights$", text, re.M)) == 5
    assert "| | films | cuts per 1,000 frames |" in text
    assert report["facts"]["films"]["like"] == hashlib.sha256((videos / "like.mp4").read_bytes()).hexdigest()
    assert report["named"] == []

    files = {file: file.read_bytes() for file in (tmp_path / "report").iterdir() if file.is_file()}
    again = cli(videos / "like.mp4", "--real", videos / "real", "--out", "report")
    assert (again.code, again.out.splitlines()[0]) == (0, "report/report.md: RELIABLE")
    assert files == {file: file.read_bytes() for file in files}


def test_the_command_measures_by_named_networks(
    cli: Callable[..., Done], videos: Path, tmp_path: Path
) -> None:
    sha = saved(tmp_path / "net.pt")
    real = (videos / "like.mp4", "--real", videos / "real", "--json", "--weights", "inception=net.pt")
    done = cli(*real, "--sha256", f"inception={sha}")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert [(one["row"], one["name"], one["samples"]) for one in report["named"]] == [
        (row, f"{name} (inception)", 64)
        for row in ("like", "real videos, half")
        for name in ("Avg-FID", "KID")
    ]
    assert {one["sha256"] for one in report["named"]} == {sha}
    assert report["named"][0]["references"] == report["facts"]["references"]
    assert len(report["not_computed"]) == 4 + 1  # four networks, and all that needs a script
    assert sha in (tmp_path / "report" / "report.md").read_text()

    wrong = cli(*real, "--sha256", f"inception={'0' * 64}")
    assert (wrong.code, sha in wrong.err, wrong.err.count("\n")) == (3, True, 1)
    (tmp_path / "net.pt").write_bytes(b"broken")
    broken = cli(*real, "--sha256", f"inception={hashlib.sha256(b'broken').hexdigest()}")
    assert (broken.code, "no TorchScript" in broken.err) == (3, True)
    assert cli(*real, "--sha256", f"inception={sha}", "--weights", "inception=nowhere.pt").code == 0


def test_mistakes_get_one_message(cli: Callable[..., Done], videos: Path, tmp_path: Path) -> None:
    film, real = videos / "like.mp4", ("--real", videos / "real")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mp4").write_bytes(b"no video")
    write_png(np.zeros((32, 32, 3), dtype=np.uint8), tmp_path / "small" / "0.png")
    for arguments, code, said in (
        ((film,), 2, "--real"),
        ((film, *real, "--storyboard", "board.yaml"), 2, "either --storyboard"),
        (real, 2, "name either a film"),
        ((*real, "--strategies", "nuwa-xl"), 2, "--storyboard"),
        ((film, *real, "--frames", 20), 2, "--frames"),
        ((film, *real, "--probes", "probes"), 2, "--probes"),
        ((film, "--real", "nowhere"), 2, "nowhere"),
        ((film, "--real", "empty"), 2, "neither videos"),
        ((film, *real, "--weights", "vgg=net.pt"), 2, "i3d, inception"),
        ((film, *real, "--weights", "i3d"), 2, "NET="),
        ((film, "--real", "bad"), 3, "not a video"),
        (("small", *real), 3, "too small"),
        ((videos / "real" / "0.mp4", *real), 3, "among the references"),
    ):
        done = cli(*arguments)
        assert (done.code, said in " ".join(done.err.split())) == (code, True), (arguments, done)
        assert not (tmp_path / "report" / "report.json").exists()
