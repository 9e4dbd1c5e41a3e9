"""Films by every strategy: in any order, resumed, edited, finer, and one of them under Ray.

That any number of workers makes the same film is the engine's promise: film/executors, cli/cli_test.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from stored import clips_in

import longtake
from longtake.cli import main
from longtake.film import open_film
from longtake.film.segments import cut_segments, decode_segment
from longtake.manifest import read_manifest
from longtake.plan import PlannedScene, Timeline
from longtake.strategies import STRATEGIES, choose
from longtake.video import count_frames, read_frames

WAYS = ["lvdm:carried=2", "vidrd:guided=2", "videogen"]
BOARD = """
title: A day
seed: 7
video: {fps: 12, frames: 61}
scenes:
  - {id: one, at: 0, prompt: fox in the meadow}
  - {id: two, at: 20, prompt: frog in the rain}
  - {id: three, at: 41, prompt: rabbit sleeps}
"""

Render = Callable[..., dict[str, Any]]


@pytest.fixture
def render(
    tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Render:
    """Runs a command on the storyboard in an empty folder; its report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "board.yaml").write_text(BOARD)

    def run(command: str, *arguments: object) -> dict[str, Any]:
        code = main([command, "board.yaml", *map(str, arguments), "--model", str(tiny_model), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        report: dict[str, Any] = json.loads(out)
        return report

    return run


@pytest.mark.parametrize("way", ["nuwa-xl", *WAYS])
def test_a_film_is_the_same_in_any_order(render: Render, tmp_path: Path, way: str) -> None:
    def film(store: str, *more: object) -> dict[str, Any]:
        return render("render", "--strategy", way, "--store", store, "--out", f"{store}.mp4", *more)

    whole = film("a", "--workers", 1)
    assert whole["frames"] == count_frames(tmp_path / "a.mp4") == 61
    plan = render("plan", "--strategy", way, "--store", "b")
    assert plan["jobs_missing"] == whole["jobs_run"] == sum(plan["levels"])
    for span in ("45:61", "20:31", "0:61"):
        film("b", "--workers", 1, "--span", span)
    assert clips_in(tmp_path / "a") == clips_in(tmp_path / "b")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    for number, path in enumerate(sorted((tmp_path / "a").glob("??/*.safetensors"))):
        if number % 2:
            path.unlink()  # as if the run had been killed, or worse
    again = film("a", "--workers", 1, "--span", "0:60")
    assert again["jobs_run"] > 0
    assert film("a", "--workers", 1)["jobs_cached"] > 0
    assert clips_in(tmp_path / "a").items() <= clips_in(tmp_path / "b").items(), "all that is needed is there"
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["nuwa-xl", *WAYS])
def test_a_killed_render_goes_on(render: Render, tmp_path: Path, tiny_model: Path, way: str) -> None:
    long = ["--frames", "601", "--strategy", way]  # so that it is not over before it is killed
    render("render", *long, "--store", "calm", "--out", "calm.mp4")
    told = [*long, "--store", "killed", "--out", "killed.mp4", "--model", str(tiny_model)]
    words = [sys.executable, "-m", "longtake", "render", "board.yaml", *told]
    path = {**os.environ, "PYTHONPATH": str(Path(longtake.__file__).parents[1])}
    with subprocess.Popen(
        words, cwd=tmp_path, env=path, start_new_session=True, stderr=subprocess.DEVNULL
    ) as process:
        while len(clips_in(tmp_path / "killed")) < 2:
            assert process.poll() is None, "it was to be killed before its end"
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
    there = clips_in(tmp_path / "killed")
    assert not (tmp_path / "killed.mp4").exists()
    went_on = render("render", *told[:-2])
    assert went_on["jobs_run"] == went_on["jobs_total"] - len(there) > 0
    assert clips_in(tmp_path / "killed") == clips_in(tmp_path / "calm")
    assert (tmp_path / "killed.mp4").read_bytes() == (tmp_path / "calm.mp4").read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_peek_shows_what_the_encoder_gets(render: Render, tmp_path: Path, tiny_model: Path, way: str) -> None:
    render("peek", 33, "--strategy", way, "--out", "alone.png", "--store", "alone")
    render("render", "--strategy", way, "--workers", 1, "--store", "store")
    board, store = tmp_path / "board.yaml", tmp_path / "store"
    work = open_film(board, strategy=way, model=tiny_model, store=store)
    segments = cut_segments(work.jobs)
    frames = [f for segment in segments for f in decode_segment(segment, work.store, work.loaded.decode)]
    with Image.open(tmp_path / "alone.png") as picture:
        assert np.array_equal(np.asarray(picture), frames[33])


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_leaves_the_other_scenes_alone(
    render: Render, tmp_path: Path, tiny_model: Path, way: str
) -> None:
    store = tmp_path / "store"

    def latents() -> list[bytes]:
        board = tmp_path / "board.yaml"
        work = open_film(board, strategy=way, model=tiny_model, store=store)
        return [
            work.store.get(one.leaf.key)[k].tobytes()
            for one in work.jobs.shown(slice(None))
            for k in one.indices
        ]

    render("render", "--strategy", way, "--workers", 1, "--store", store)
    before = latents()
    render("edit", "--strategy", way, "--scene", "two", "--prompt", "rabbit in the meadow", "--store", store)
    render("render", "--strategy", way, "--workers", 1, "--store", store)
    after = latents()
    assert [a != b for a, b in zip(before, after, strict=True)] == [20 <= i < 41 for i in range(61)]


@pytest.mark.parametrize("way", ["nuwa-xl", *WAYS])
def test_twice_the_frames_add_to_the_film(render: Render, tmp_path: Path, way: str) -> None:
    def film(*more: object) -> dict[str, Any]:
        return render("render", "--strategy", way, "--workers", 1, "--store", "store", *more)

    plain = film("--out", "plain.mp4")
    fine = film("--out", "fine.mp4", "--fps", 24)
    assert fine["frames"] == count_frames(tmp_path / "fine.mp4") == 121
    assert fine["jobs_run"] == fine["jobs_total"] - plain["jobs_total"], "the film's own clips are there"
    assert film("--out", "again.mp4", "--fps", 24)["jobs_run"] == 0
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "fine.mp4").read_bytes()
    with av.open(tmp_path / "fine.mp4") as video:
        assert video.streams.video[0].average_rate == 24
    assert film("--out", "part.mp4", "--fps", 24, "--span", "10:20")["frames"] == 20


def test_films_in_high_resolution(render: Render, tmp_path: Path) -> None:
    render("render", "--workers", 1, "--size", 64, "--frames", 20, "--out", "hd.mp4", "--sheet", "hd.png")
    assert next(read_frames(tmp_path / "hd.mp4")).shape == (64, 64, 3)
    render("render", "--workers", 1, "--size", 32, "--frames", 20, "--out", "plain.mp4")
    assert next(read_frames(tmp_path / "plain.mp4")).shape == (32, 32, 3)
    report = render("peek", 5, "--size", 128, "--frames", 20, "--out", "frame.png")
    assert report["jobs_run"] == 0, "the same clips, whatever decodes them"
    with Image.open(tmp_path / "frame.png") as picture:
        assert picture.size == (128, 128)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--size", "24"], "give a multiple of 16 or of 64"),
        (["--fps", "25"], "give a multiple of 12"),
        (["--fps", "240"], "from 1 to 15"),
        (["--fps", "nan"], "give a multiple of 12"),
        (["--size", "64", "--upscale", "2"], "goes without --size"),
    ],
)
def test_sizes_and_rates_that_cannot_be_are_told(
    tmp_path: Path,
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "board.yaml").write_text(BOARD)
    assert main(["render", "board.yaml", "--model", str(tiny_model), *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("arguments", [["--fps", "24"], ["--strategy", "videogen"]])
def test_what_is_not_installed_is_told_before_anything_is_drawn(
    tmp_path: Path,
    tiny_model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("longtake.strategies.requirements.find_spec", lambda module: None)
    (tmp_path / "board.yaml").write_text(BOARD)
    assert main(["render", "board.yaml", "--model", str(tiny_model), *arguments]) == 2
    assert "pip install 'longtake[flow]'" in " ".join(capsys.readouterr().err.split())
    assert not clips_in(tmp_path / ".longtake")


def test_ray_draws_the_same_film(render: Render, tmp_path: Path) -> None:
    """By the strategy whose clips hand on more than frames."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'longtake[ray]'")
    film = ["render", "--strategy", "vidrd:guided=2"]
    render(*film, "--workers", 1, "--store", "here", "--out", "here.mp4")
    render(*film, "--workers", 2, "--store", "there", "--out", "there.mp4", "--executor", "ray")
    assert (tmp_path / "here.mp4").read_bytes() == (tmp_path / "there.mp4").read_bytes()
    assert clips_in(tmp_path / "here") == clips_in(tmp_path / "there")


def test_strategies_are_told_apart_and_their_options_are_in_the_keys(tiny_model: Path) -> None:
    manifest, line = read_manifest(tiny_model), Timeline((PlannedScene("a", 0, "fox"),), 400)

    def last(text: str, **more: object) -> str:
        return choose(text).plan(line, 7, manifest, **more).leaf(399).key

    ways = [
        *STRATEGIES,
        "lvdm:carried=3",
        "lvdm:perturbation=0",
        "lvdm:known_guidance=2",
        "lvdm:stride=8",
        "lvdm:paper_exact=true",
        "vidrd:guided=3",
        "vidrd:recycled=1",
        "vidrd:guidance=1",
        "vidrd:frames=9",
        "vidrd:steps=7",
        "videogen:stages=1",
        "videogen:flow=none",
        "videogen:stride=5",
        "nuwa-xl:leaves.steps=9",
        "nuwa-xl:leaves.precision=bf16",
        "nuwa-xl:leaves.compiled=true",
    ]
    assert len({last(way) for way in ways}) == len(ways)
    assert last("nuwa-xl:references=0") == last("nuwa-xl")  # the tiny model has none
    assert last("vidrd:steps=7") == last("vidrd", steps=7) == last("vidrd:steps=9", steps=7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("guess", "'guess' is no strategy: use nuwa-xl, lvdm, vidrd, videogen"),
        ("lvdm:guided=2", "'guided=2' is no option of lvdm"),
        ("lvdm:carried", "'carried' is no option of lvdm: use NAME=VALUE of"),
        ("lvdm:carried=few", "carried: Input should be a valid integer"),
        ("lvdm:carried=0", "a clip needs at least one frame"),
        ("nuwa-xl:ends.steps=2", "is no option"),
    ],
)
def test_mistakes_have_a_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(text)
