"""The commands: what they answer, what they cost, and how they take mistakes and interruptions."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pytest
import typer
from PIL import Image
from stored import clips_in

import longtake
from longtake.cli import app, main
from longtake.cli.options import FilmOptions
from longtake.film import open_film, segments
from longtake.film.hls import Broadcast
from longtake.plan import Job, Plan
from longtake.store import Store
from longtake.video import Pixels, count_frames, encode_segment, read_metadata

ROOT = Path(longtake.__file__).parents[1]
SCENES = (("one", 0, "fox in the meadow"), ("two", 20, "frog in the rain"), ("three", 41, "rabbit sleeps"))


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        assert self.code == 0, self.err
        report: dict[str, Any] = json.loads(self.out)
        return report


Command = Callable[..., Done]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Done:
        code = main([str(argument) for argument in arguments])
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def film_of(cli: Command, tiny_model: Path) -> Command:
    """Runs a command on a storyboard with the tiny model; cheaply where not told otherwise."""

    def run(command: str, board: Path, *arguments: object) -> Done:
        cheap: list[object] = []
        for option in ("--workers", "--upscale"):
            if command == "render" and option not in arguments:
                cheap += [option, 1]
        return cli(command, board, *arguments, *cheap, "--model", tiny_model, "--json")

    return run


def storyboard(folder: Path, frames: int = 61, name: str = "board.yaml", **changes: object) -> Path:
    scenes = "".join(
        f"  - {{id: {i}, at: {at}, prompt: {prompt}}}\n" for i, at, prompt in SCENES if at < frames
    )
    head = {"title": "A day", "seed": 7, **changes}
    lines = "".join(f"{key}: {value}\n" for key, value in head.items())
    path = folder / name
    path.write_text(f"{lines}video: {{fps: 12, frames: {frames}}}\nscenes:\n{scenes}")
    return path


def plan_of(board: Path, model: Path, **options: Any) -> Plan:
    return open_film(board, model=model, **options).jobs


def files_in(store: Path) -> dict[str, bytes]:
    """All but notes: how long clips took, what was last rendered."""
    files = (p for p in store.rglob("*") if p.is_file() and p.name != "costs.json" and p.suffix != ".yaml")
    return {str(p.relative_to(store)): p.read_bytes() for p in files}


def picture(path: Path) -> Pixels:
    return np.asarray(Image.open(path))


def jobs_of(plan: Plan) -> list[Job]:
    return list(plan.missing((), slice(None)))


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[Pixels]:
    """The frames that go to the encoder, in order."""
    seen: list[Pixels] = []

    def listen(frames: Iterator[Pixels], *arguments: Any) -> int:
        def passing() -> Iterator[Pixels]:
            for frame in frames:
                seen.append(frame.copy())
                yield frame

        return encode_segment(passing(), *arguments)

    monkeypatch.setattr(segments, "encode_segment", listen)
    return seen


@pytest.mark.parametrize(
    ("frames", "levels"),
    [
        (3376, [1, 15, 225]),
        (1024, [1, 5, 69]),
        (256, [1, 9, 17]),
        (3377, [1, 8, 16, 226]),
        (16, [1]),
        (1, [1]),
    ],
)
def test_plan_tells_the_cost(film_of: Command, tmp_path: Path, frames: int, levels: list[int]) -> None:
    report = film_of("plan", storyboard(tmp_path, frames)).json
    jobs = sum(levels)
    assert report["levels"] == levels
    assert (report["frames"], report["jobs_total"], report["jobs_missing"]) == (frames, jobs, jobs)
    assert [scene["id"] for scene in report["scenes"]][:1] == ["one"]
    assert not (tmp_path / ".longtake").exists()


def test_plan_says_where_scenes_are_first_seen(film_of: Command, tmp_path: Path) -> None:
    report = film_of("plan", storyboard(tmp_path, 3376)).json
    assert report["scenes"] == [
        {"id": "one", "start": 0, "frames": 20, "level": 0},
        {"id": "two", "start": 20, "frames": 21, "level": 1},
        {"id": "three", "start": 41, "frames": 3335, "level": 0},
    ]


def test_a_film_of_twelve_million_clips(film_of: Command, tmp_path: Path) -> None:
    board = storyboard(tmp_path, 15**7 + 1)
    assert film_of("plan", board).json["jobs_missing"] == 12_204_241
    done = film_of("peek", board, 15**7).json
    assert (done["frame"], done["jobs_run"], done["jobs_cached"]) == (15**7, 7, 0)
    assert film_of("plan", board).json["jobs_missing"] == 12_204_241 - 7


@pytest.mark.parametrize("frame", [0, 15, 225, 3375])
def test_peek_draws_one_clip_per_level(film_of: Command, tmp_path: Path, frame: int) -> None:
    done = film_of("peek", storyboard(tmp_path, 3376), frame)
    assert done.json.keys() == {"frame", "jobs_run", "jobs_cached", "seconds"}
    assert (done.json["frame"], done.json["jobs_run"], done.json["jobs_cached"]) == (frame, 3, 0)
    assert len(clips_in(tmp_path / ".longtake")) == 3
    assert picture(tmp_path / "frame.png").shape == (16, 16, 3)


def test_peek_shows_what_the_encoder_gets(film_of: Command, tmp_path: Path, encoded: list[Pixels]) -> None:
    board = storyboard(tmp_path)
    report = film_of("render", board, "--store", "a").json
    assert report["frames"] == len(encoded) == 61
    assert len({frame.tobytes() for frame in encoded}) > 50
    # Within clips and where they meet, around cuts, at the ends; from the last on, so that none is there yet.
    for i in (60, 59, 50, 45, 44, 41, 40, 31, 30, 29, 21, 20, 19, 16, 15, 14, 7, 1, 0):
        assert film_of("peek", board, i, "--store", "b").json["frame"] == i
        assert np.array_equal(picture(tmp_path / "frame.png"), encoded[i])
    assert clips_in(tmp_path / "a") == clips_in(tmp_path / "b")
    assert film_of("peek", board, "0:05", "--store", "b").json["frame"] == 60


@pytest.mark.slow
def test_peek_shows_what_the_encoder_gets_in_a_long_film(
    film_of: Command, tmp_path: Path, encoded: list[Pixels]
) -> None:
    board = storyboard(tmp_path, 3376)
    assert film_of("render", board, "--store", "a").json["jobs_run"] == 241
    for i in (0, 15, 225, 3375):
        assert film_of("peek", board, i, "--store", f"b{i}").json["jobs_run"] == 3
        assert np.array_equal(picture(tmp_path / "frame.png"), encoded[i])


def test_the_network_runs_jobs_times_steps_times_passes(film_of: Command, tmp_path: Path) -> None:
    import torch

    from longtake.models.unet import MaskTemporalUNet

    calls = 0

    def count(module: torch.nn.Module, _: Any, output: torch.Tensor) -> None:
        nonlocal calls  # of single clips: several may be drawn together
        calls += len(output) if isinstance(module, MaskTemporalUNet) else 0

    board = storyboard(tmp_path, 256)
    hook = torch.nn.modules.module.register_module_forward_hook(count)
    try:
        first = film_of("render", board).json
        # Keyframes: 3 steps with text guidance; gaps: 2 with both; leaves: 2 with that of known frames.
        assert calls == 1 * 3 * 2 + 9 * 2 * 3 + 17 * 2 * 2
        calls = 0
        second = film_of("render", board).json
        assert calls == 0
    finally:
        hook.remove()
    assert first.keys() == {"film", "frames", "jobs_total", "jobs_run", "jobs_cached", "seconds"}
    told = [(r["frames"], r["jobs_total"], r["jobs_run"], r["jobs_cached"]) for r in (first, second)]
    assert told == [(256, 27, 27, 0), (256, 27, 0, 27)]
    assert count_frames(tmp_path / "film.mp4") == 256


def test_the_film_is_large_enough_to_watch_and_knows_its_storyboard(
    cli: Command, tmp_path: Path, tiny_model: Path
) -> None:
    board = storyboard(tmp_path, 16)
    render = ("render", board, "--model", tiny_model)  # a single clip: no other process starts
    assert cli(*render, "--seed", 9, "--sheet", "scenes.png").code == 0
    with av.open(tmp_path / "film.mp4") as video:
        assert (video.streams.video[0].width, video.streams.video[0].height) == (256, 256)
    metadata = read_metadata(tmp_path / "film.mp4")
    assert (metadata["title"], metadata["seed"]) == ("A day", "9")
    assert metadata["storyboard"] == board.read_text()
    assert metadata["model"].startswith("tiny ")
    assert picture(tmp_path / "scenes.png").shape[0] > 16
    assert cli(*render, "--upscale", 2, "--out", "small.mp4").code == 0
    with av.open(tmp_path / "small.mp4") as video:
        assert video.streams.video[0].width == 32


def test_a_film_can_be_watched_while_it_is_made(
    film_of: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, parts = storyboard(tmp_path, 256), []
    add = Broadcast.add

    def listen(self: Broadcast, segment: Path) -> None:
        add(self, segment)
        parts.append(len(clips_in(tmp_path / ".longtake")))

    monkeypatch.setattr(Broadcast, "add", listen)
    report = film_of("render", board, "--follow", "stream").json
    assert parts[0] == 3, "the first part is there when one way down the tree is drawn"
    assert parts[-1] == report["jobs_total"] == 27
    with av.open(report["playlist"]) as stream, av.open(report["film"]) as film:
        streamed = [frame.to_ndarray() for frame in stream.decode(video=0)]
        assert all(
            np.array_equal(a, b.to_ndarray()) for a, b in zip(streamed, film.decode(video=0), strict=True)
        )


def test_keys_draws_the_first_level_alone(film_of: Command, tmp_path: Path) -> None:
    report = film_of("keys", storyboard(tmp_path, 256)).json
    assert report["frames"] == list(range(0, 256, 30))
    assert (report["jobs_run"], len(clips_in(tmp_path / ".longtake"))) == (1, 1)
    assert picture(tmp_path / "sheet.png").shape[2] == 3


def test_a_span_draws_and_shows_its_frames_only(
    film_of: Command, tmp_path: Path, encoded: list[Pixels]
) -> None:
    board = storyboard(tmp_path)
    report = film_of("render", board, "--span", "14:17").json
    assert (report["frames"], report["jobs_run"], report["jobs_total"]) == (3, 3, 3)
    span = list(encoded)
    planned = film_of("plan", board, "--span", ":17").json
    assert (planned["frames"], planned["levels"], planned["jobs_missing"]) == (17, [1, 2], 0)
    assert film_of("plan", board).json["jobs_missing"] == 2
    encoded.clear()
    assert film_of("render", board).json["jobs_cached"] == 3
    assert np.array_equal(span, encoded[14:17])


def test_fewer_frames_are_a_film_of_their_own(film_of: Command, tmp_path: Path, tiny_model: Path) -> None:
    board = storyboard(tmp_path)
    done = film_of("plan", board, "--frames", 31)
    assert done.json["frames"] == 31
    assert done.err == (
        "note: 1 of 3 scenes fall away, from 'three' on: they start after the first 31 frames\n"
    )
    as_written = plan_of(storyboard(tmp_path, 31, "short.yaml"), tiny_model)
    assert jobs_of(plan_of(board, tiny_model, frames=31)) == jobs_of(as_written)


def test_another_seed_is_another_film(film_of: Command, tmp_path: Path, tiny_model: Path) -> None:
    plans = [plan_of(storyboard(tmp_path), tiny_model, seed=seed) for seed in (None, 7, 8)]
    seven, also_seven, eight = [{job.key for job in jobs_of(plan)} for plan in plans]
    assert seven == also_seven
    assert not seven & eight


def test_the_title_is_in_no_key_and_guidance_in_every(tmp_path: Path, tiny_model: Path) -> None:
    plans = [
        plan_of(storyboard(tmp_path), tiny_model),
        plan_of(storyboard(tmp_path, title="Another"), tiny_model),
        plan_of(storyboard(tmp_path), tiny_model, guidance=2.0),
        plan_of(storyboard(tmp_path), tiny_model, guidance=2.02),
    ]
    old, new, plain, guided = [jobs_of(plan) for plan in plans]
    assert old == new
    assert not {job.key for job in plain} & {job.key for job in guided}
    assert [job.spec.seed for job in plain] == [job.spec.seed for job in guided]


def test_processes_make_the_same_bytes(film_of: Command, tmp_path: Path) -> None:
    board = storyboard(tmp_path, 76)
    for workers in (1, 2):
        film_of("render", board, "--store", workers, "--workers", workers, "--out", f"{workers}.mp4")
    assert files_in(tmp_path / "1") == files_in(tmp_path / "2")
    assert (tmp_path / "1.mp4").read_bytes() == (tmp_path / "2.mp4").read_bytes()


def test_an_altered_parent_moves_the_childs_inner_frames(
    film_of: Command, tmp_path: Path, tiny_model: Path
) -> None:
    board, store = storyboard(tmp_path), Store(tmp_path / ".longtake")
    film_of("render", board)
    leaf = plan_of(board, tiny_model).leaf(20)
    before, end = store.get(leaf.key), leaf.inputs[1]
    parent = store.get(end.key).copy()
    parent[end.index, 0, 1, 2] += 1
    for key in (end.key, leaf.key):
        store.drop(key)
    store.put(end.key, parent)
    assert film_of("render", board).json["jobs_run"] == 1
    after = store.get(leaf.key)
    assert [bool((x != y).any()) for x, y in zip(before, after, strict=True)] == [False] + [True] * 15


@pytest.mark.parametrize("harm", ["flipped", "cut off"])
def test_a_damaged_clip_is_named_and_drawn_again(
    film_of: Command, tmp_path: Path, tiny_model: Path, harm: str
) -> None:
    board, store = storyboard(tmp_path), tmp_path / ".longtake"
    film_of("render", board)
    whole = files_in(store)
    key = plan_of(board, tiny_model).leaf(30).key
    path = store / key[:2] / f"{key[2:]}.safetensors"
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data if harm == "flipped" else data[:-50])
    done = film_of("render", board)
    assert (done.json["jobs_run"], done.json["jobs_cached"]) == (1, 4)
    assert re.fullmatch(rf"warning: {re.escape(str(path))} is damaged \(.*\): it is drawn again\n", done.err)
    assert files_in(store) == whole


def test_words_that_the_model_does_not_know_are_named_once(film_of: Command, tmp_path: Path) -> None:
    board = tmp_path / "board.yaml"
    board.write_text(
        "video: {fps: 12, frames: 8}\nscenes:\n"
        "  - {id: a, at: 0, prompt: a fox jumps}\n  - {id: b, at: 4, prompt: a fog in the medow}\n"
    )
    done = film_of("render", board)
    assert done.err.splitlines() == [
        "warning: scene 'a': the model does not know the word 'a'; it knows none like it",
        "warning: scene 'b': the model does not know the word 'fog'; the nearest it knows: frog, fox",
        "warning: scene 'b': the model does not know the word 'medow'; the nearest it knows: meadow",
    ]
    assert film_of("render", board).err == ""


GOOD = "video: {fps: 12, frames: 61}\nscenes:\n  - {id: a, at: 0, prompt: fox}\n"
BAD = {
    "a misspelt key": GOOD.replace("prompt", "promt"),
    "overlapping times": GOOD + "  - {id: b, at: 0, prompt: frog}\n",
    "an empty prompt": GOOD.replace("fox", "''"),
    "zero frames": GOOD.replace("61", "0"),
    "a negative frame rate": GOOD.replace("12", "-12"),
    "a huge number of frames": GOOD.replace("61", "9" * 30),
    "a huge frame number": GOOD + f"  - {{id: b, at: {'9' * 30}, prompt: frog}}\n",
    "binary rubbish": bytes(range(256)) * 40,
    "an object tag": GOOD + "edits: !!python/object/apply:os.system ['touch gotcha']\n",
    "nothing": "",
}


@pytest.mark.parametrize("command", ["render", "plan", "keys", "peek"])
@pytest.mark.parametrize("bad", BAD)
def test_a_bad_storyboard_gets_one_message(film_of: Command, tmp_path: Path, command: str, bad: str) -> None:
    content = BAD[bad]
    board = tmp_path / "board.yaml"
    board.write_bytes(content.encode() if isinstance(content, str) else content)
    done = film_of(command, board, *(("0",) if command == "peek" else ()))
    assert done.code == 3
    assert done.out == ""
    assert re.fullmatch(rf"error: {re.escape(str(board))}: .+\n", done.err)
    assert os.listdir(tmp_path) == ["board.yaml"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plan", "none.yaml"], 3, "none.yaml: there is no such file"),
        (["plan", "."], 3, "is a folder"),
        (["plan"], 2, "Missing argument"),
        (["paint", "board.yaml"], 2, "No such command"),
        (["plan", "board.yaml", "--frames", "0"], 3, "has 1 to 170859376 frames, not 0"),
        (["plan", "board.yaml", "--frames", "-1"], 3, "not -1"),
        (["plan", "board.yaml", "--frames", "9" * 40], 3, "a film has 1 to 170859376 frames"),
        (["plan", "board.yaml", "--frames", "many"], 2, "--frames"),
        (["plan", "board.yaml", "--seed", "-1"], 2, "--seed"),
        (["plan", "board.yaml", "--steps", "0"], 2, "--steps"),
        (["plan", "board.yaml", "--guidance", "nan"], 2, "text_guidance is nan"),
        (["plan", "board.yaml", "--precision", "fp8"], 2, "--precision"),
        (["plan", "board.yaml", "--strategy", "guess"], 2, "--strategy"),
        (["plan", "board.yaml", "--span", "here"], 2, "give A:B"),
        (["plan", "board.yaml", "--span", "9"], 2, "give A:B"),
        (["plan", "board.yaml", "--span", "5:5"], 3, "A below B and B at most 61"),
        (["plan", "board.yaml", "--span", "60:62"], 3, "B at most 61"),
        (["plan", "board.yaml", "--store", "board.yaml"], 2, "is a file: name a folder"),
        (["plan", "board.yaml", "--model", "nobody"], 3, "no model 'nobody'"),
        (["plan", "board.yaml", "--model", "bad"], 3, "bad/manifest.json is no model's manifest"),
        (["render", "board.yaml", "--workers", "0"], 2, "--workers"),
        (["render", "board.yaml", "--executor", "cloud"], 2, "--executor"),
        (["render", "board.yaml", "--out", "board.yaml"], 2, "name a file that ends in .mp4"),
        (["render", "board.yaml", "--sheet", "sheet.jpg"], 2, "name a file that ends in .png"),
        (["render", "board.yaml", "--out", "board.yaml/film.mp4"], 2, "is no folder"),
        (["peek", "board.yaml", "61"], 3, "past the film's end: the last frame is 60"),
        (["peek", "board.yaml", "0:06"], 3, "past the film's end"),
        (["peek", "board.yaml", "99999999999"], 3, "must be from 0 to"),
        (["peek", "board.yaml", "noon"], 3, "must be a frame number or a time"),
        (["peek", "board.yaml", "0", "--out", "board.yaml"], 2, "name a file that ends in .png"),
        (["data", "world", "--episode", "7", "--frames", "9:9"], 2, "holds no frame"),
        (["data", "world", "--episode", "7", "--frames", "x"], 2, "give A:B"),
        (["data", "world", "--episode", "7", "--out", "x.doc"], 2, "name a .png for a sheet"),
        (["data", "world", "--episode", "-7"], 2, "--episode"),
        (["train", "nonsense", "--recipe", "toon-64", "--out", "x"], 2, "is none of autoencoder"),
        (["train", "autoencoder", "--recipe", "nonsense", "--out", "x"], 2, "is none of toon-64"),
    ],
)
def test_a_mistake_gets_one_message(
    cli: Command, tmp_path: Path, tiny_model: Path, arguments: list[str], code: int, message: str
) -> None:
    storyboard(tmp_path)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "manifest.json").write_text("[]")
    planned = arguments[0] in {"plan", "render", "peek"} and len(arguments) > 1
    model = ["--model", str(tiny_model)] if planned and "--model" not in arguments else []
    done = cli(*arguments, *model)
    assert done.code == code
    assert done.out == ""
    assert message in " ".join(done.err.split())
    assert len(done.err.splitlines()) == (1 if code == 3 else 4)  # usage comes with the way to the help
    assert sorted(os.listdir(tmp_path)) == ["bad", "board.yaml"]


def test_the_unforeseen_is_one_line_unless_debugged(
    cli: Command, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LookupError("no\nluck")

    monkeypatch.setattr(Plan, "count_missing", fails)
    arguments = ["plan", storyboard(tmp_path), "--model", tiny_model]
    assert cli(*arguments) == (1, "", "error: LookupError: no luck (longtake --debug ... shows where)\n")
    with pytest.raises(LookupError):
        cli("--debug", *arguments)


def command_line(*arguments: object, before: str = "") -> list[str]:
    code = f"import sys; {before}; from longtake.cli import main; code = main(sys.argv[1:])"
    check = "assert 'torch' not in sys.modules; " if "torchless" in before else ""
    return [sys.executable, "-c", f"{code}; {check}sys.exit(code)", *map(str, arguments)]


def start(*arguments: object, before: str = "pass") -> subprocess.Popen[str]:
    return subprocess.Popen(
        command_line(*arguments, before=before),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )


def test_help_and_plan_do_not_wait_for_torch(tmp_path: Path, tiny_model: Path, cli: Command) -> None:
    board = storyboard(tmp_path)
    cli("render", board, "--model", tiny_model, "--workers", 1)
    for arguments in (["--help"], ["plan", board], ["render", board]):  # of a film that is in the store
        model = ["--model", tiny_model] if len(arguments) > 1 else []
        with start(*arguments, *model, before="torchless = True") as process:
            out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert out


WITHOUT_WORLD = """
import sys
sys.modules["longtake.data"] = sys.modules["cv2"] = None
from longtake.cli import app, main
from longtake.cli.options import FilmOptions
board, *rest = sys.argv[1:]
for command in ("render --out b.mp4 --workers 1 --upscale 1", "keys --out b.png", "peek --out c.png", "plan"):
    name, *options = command.split()
    assert main([name, board, *(["9"] if name == "peek" else []), *options, *rest]) == 0
"""


def test_the_cartoon_world_is_not_needed(film_of: Command, tmp_path: Path, tiny_model: Path) -> None:
    """Were any picture taken from the world rather than from the weights, this could not run."""
    board = storyboard(tmp_path)
    film_of("render", board, "--store", "a", "--out", "a.mp4")
    film_of("keys", board, "--store", "a", "--out", "a.png")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_WORLD, str(board), "--store", "b", "--model", str(tiny_model)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for a, b in (("a.mp4", "b.mp4"), ("a.png", "b.png")):
        assert (tmp_path / a).read_bytes() == (tmp_path / b).read_bytes()
    assert files_in(tmp_path / "a") == files_in(tmp_path / "b")


def test_ctrl_c_keeps_what_is_drawn(film_of: Command, tmp_path: Path, tiny_model: Path) -> None:
    board, store = storyboard(tmp_path, 1024), tmp_path / ".longtake"
    arguments = ["render", board, "--steps", 4, "--workers", 1, "--model", tiny_model]
    ready = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    with start(*arguments, "--out", tmp_path / "film.mp4", before=ready) as process:
        while len(clips_in(store)) < 3 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert errors.splitlines()[-1] == (  # on a slow machine its progress stands before it
        f"interrupted: {store} keeps every finished clip; run the same command again to go on"
    )
    assert not (tmp_path / "film.mp4").exists()
    kept = clips_in(store)
    assert 3 <= len(kept) < 75
    again = ("render", board, "--steps", 4, "--span", "0:240")
    assert film_of(*again).json["jobs_cached"] == len(kept)
    film_of(*again, "--store", "other", "--out", "other.mp4")
    assert clips_in(store) == clips_in(tmp_path / "other")
    assert (tmp_path / "film.mp4").read_bytes() == (tmp_path / "other.mp4").read_bytes()


@pytest.mark.parametrize("name", ["render", "plan", "keys", "peek", "edit", "store gc"])
def test_commands_on_films_share_their_options(name: str) -> None:
    command: Any = typer.main.get_command(app)
    for part in name.split():
        command = command.commands[part]
    shared = {f"--{field.name.replace('_', '-')}" for field in fields(FilmOptions)} - {"--storyboard"}
    lacking = {"--frames"} if name == "store gc" else set()
    assert shared - {option for one in command.params for option in one.opts} == lacking


def test_doctor_looks_at_everything(cli: Command, tmp_path: Path) -> None:
    done = cli("doctor", "--json")
    report = json.loads(done.out)
    states = {check["name"]: check["state"] for check in report["checks"]}
    assert states.keys() == {"python", "torch", "device", "bf16", "video", "models", "store", "world"}
    assert {states[name] for name in ("python", "torch", "device", "video", "store")} == {"ok"}
    assert done.code == (0 if report["ok"] else 1)
    assert report["ok"] == ("fail" not in states.values())
    (tmp_path / "file").touch()
    assert os.listdir(tmp_path) == ["file"]


def test_the_world_can_be_looked_at(cli: Command, tmp_path: Path) -> None:
    assert cli("data", "world", "--episode", 7, "--frames", "0:120").code == 0
    assert picture(tmp_path / "sheet.png").shape[2] == 3
    done = cli("data", "world", "--episode", 7, "--frames", "30:60:10", "--size", 32, "--out", "clip.mp4")
    assert (done.code, done.out) == (0, "clip.mp4: 3 frames of episode 7\n")
    assert count_frames(tmp_path / "clip.mp4") == 3


def test_a_strategy_of_ones_own_is_named_by_its_module(film_of: Command, tmp_path: Path) -> None:
    (tmp_path / "one_level.py").write_text(
        "from longtake.strategies import Chain, Strategy\n\n"
        "class Leaves(Strategy):\n    chain = Chain(16, 2)\n\n"
        "    def strides(self, length):\n        return [1]\n"
    )
    report = film_of("render", storyboard(tmp_path), "--strategy", "one_level:Leaves").json
    assert (report["frames"], report["jobs_run"]) == (61, 5), "16 frames, then 14 more each"
    mistake = film_of("plan", storyboard(tmp_path), "--strategy", "one_level:Twigs")
    assert (mistake.code, "--strategy" in mistake.err) == (2, True)
