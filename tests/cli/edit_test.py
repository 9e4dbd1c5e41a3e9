"""`longtake edit`: what it writes, what it says that costs, and what a render then draws."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from longtake.cli import main
from longtake.manifest import DEFAULT_MODEL
from longtake.plan import Plan
from longtake.store import Store
from longtake.storyboard import Storyboard, StoryboardError, load, parse, with_edits
from longtake.video import read_frames

BOARD = """\
# a film
title: A day
video: {fps: 12, frames: 61}
seed: 7
scenes:  # three
  - {id: one, at: 0, prompt: a fox}
  - {id: two, at: 20, prompt: an owl}
  # the end
  - {id: three, at: 41, prompt: a fox}
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    path = tmp_path / "board.yaml"
    path.write_text(BOARD)
    return path


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command with the tiny model; its JSON, or its last line of stderr where it fails."""

    def call(command: str, path: Path, *arguments: object) -> Any:
        extra: list[object] = []
        if command == "render":
            extra = ["--workers", 1, "--upscale", 1, "--out", tmp_path / "film.mp4"]
        words = [command, path, *arguments, *extra, "--model", tiny_model, "--json"]
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return json.loads(out) if code == 0 else (code, err.strip().splitlines()[-1])

    return call


def clips(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / ".longtake").glob("??/*.safetensors")}


def segments(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in (folder / ".longtake").glob("??/*.mp4/*.mp4")}


def test_a_new_prompt_draws_only_its_scene(run: Any, board: Path, tmp_path: Path) -> None:
    total = run("render", board)["jobs_total"]
    before = list(read_frames(tmp_path / "film.mp4"))
    drawn = clips(tmp_path)
    tried = run("edit", board, "--scene", "two", "--prompt", "a frog", "--dry-run")
    assert board.read_text() == BOARD
    assert tried["frames_changed"] == [20, 40]
    assert tried["seconds"] >= 0
    done = run("edit", board, "--scene", "two", "--prompt", "a frog")
    assert board.read_text() == BOARD + "edits:\n  - {edit: prompt, scene: two, prompt: a frog}\n"
    assert done["jobs_to_run"] == tried["jobs_to_run"] == run("plan", board)["jobs_missing"] < total
    film = run("render", board)
    assert (film["jobs_total"], film["jobs_run"]) == (total, done["jobs_to_run"])
    assert drawn.items() <= clips(tmp_path).items()
    after = list(read_frames(tmp_path / "film.mp4"))
    assert len(after) == 61
    changed = {i for i in range(61) if not np.array_equal(before[i], after[i])}
    assert set(range(20, 41)) <= changed
    for command in ("render", "plan", "peek"):
        again = run(command, board, *(["30", "--out", tmp_path / "a.png"] if command == "peek" else []))
        assert again.get("jobs_run", again.get("jobs_missing")) == 0
    alone = run("render", board, "--store", tmp_path / "other")
    assert alone["jobs_run"] >= total
    assert [frame.tobytes() for frame in read_frames(tmp_path / "film.mp4")] == [f.tobytes() for f in after]


def test_an_edit_of_the_film_with_another_seed_goes_elsewhere(
    run: Any, board: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file says another film, and keeps its comments."""
    monkeypatch.chdir(tmp_path)
    code, error = run("edit", Path(board.name), "--seed", 99, "--scene", "two", "--reroll")
    assert code == 3
    assert "Save it elsewhere" in error
    assert board.read_text() == BOARD
    run("edit", Path(board.name), "--seed", 99, "--scene", "two", "--reroll", "--out", "other.yaml")
    assert "seed: 99" in (tmp_path / "other.yaml").read_text()


def test_segments_without_a_changed_frame_are_kept(run: Any, tmp_path: Path) -> None:
    board = tmp_path / "board.yaml"
    board.write_text(BOARD.replace("61", "241").replace("at: 41", "at: 59"))
    run("render", board)
    before = segments(tmp_path)
    run("edit", board, "--scene", "two", "--reroll")
    run("render", board)
    assert len(before) == 5
    assert len(segments(tmp_path) - before) == 1
    assert before < segments(tmp_path)


def test_every_kind_of_edit_and_back(run: Any, board: Path, tmp_path: Path) -> None:
    run("render", board)
    Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / "red.png")
    texts = [board.read_text()]
    for arguments, frames, changed in (
        (["--scene", "three", "--reroll"], 61, [41, 60]),
        (["--scene", "two", "--move-to", "0:02"], 61, [20, 23]),
        (["--scene", "new", "--prompt", "a frog", "--insert-at", 41, "--frames", 20], 81, [41, 60]),
        (["--scene", "last", "--prompt", "a frog", "--insert-at", "end", "--frames", 5], 86, [81, 85]),
        (["--scene", "two", "--remove"], 69, None),
        (["--pin", "red.png", "--at", 30], 69, [24, 43]),
    ):
        done = run("edit", board, *arguments)
        assert (done["frames"], done["frames_changed"]) == (frames, changed)
        film = run("render", board)
        assert (film["frames"], film["jobs_run"]) == (frames, done["jobs_to_run"])
        texts.append(board.read_text())
    assert len(load(board).edits) == 6
    for text in reversed(texts[:-1]):
        assert run("edit", board, "--undo")["jobs_to_run"] == 0
        assert parse(board.read_text()) == parse(text)
    assert run("edit", board, "--undo") == (3, f"error: {board}: has no edits: there is nothing to take back")


def test_a_pinned_picture_is_seen(run: Any, board: Path, tmp_path: Path, tiny_model: Path) -> None:
    from longtake.draw.decode import ClipDecoder
    from longtake.draw.network import ClipSampler

    Image.new("RGB", (40, 30), (200, 30, 30)).save(tmp_path / "red.png")
    run("edit", board, "--pin", "red.png", "--at", 30)
    run("peek", board, 30, "--out", tmp_path / "frame.png")
    store, decode = Store(tmp_path / ".longtake"), ClipDecoder(tiny_model, "cpu")
    pinned = next(clip for path in clips(tmp_path) if len(clip := store.get(path_key(tmp_path, path))) == 1)
    vae = ClipSampler(tiny_model, "cpu")
    job = next(job for job in jobs_of(board, tiny_model) if job.op == "encode")
    assert np.array_equal(vae([job], [[]])[0].astype(np.float16), pinned)
    ((leaf, (index,), *_),) = plan_of(board, tiny_model).shown(slice(30, 31))
    assert np.array_equal(store.frame(leaf.key, index), pinned[0])
    seen = np.asarray(Image.open(tmp_path / "frame.png"))
    assert np.array_equal(seen, decode(store.get(leaf.key))[index])
    assert seen.shape == decode(pinned)[0].shape


def path_key(folder: Path, name: str) -> str:
    (path,) = (folder / ".longtake").glob(f"??/{name}")
    return path.parent.name + path.stem


def plan_of(board: Path, model: Path | str) -> Plan:
    from longtake.film import open_film

    return open_film(board, model=model).jobs


def jobs_of(board: Path, model: Path) -> list[Any]:
    return list(plan_of(board, model).missing((), slice(None)))


def test_from_one_storyboard_to_another(run: Any, board: Path, tmp_path: Path) -> None:
    run("render", board)
    other = tmp_path / "other.yaml"
    other.write_text(
        """\
title: Another day
video: {fps: 12, frames: 71}
seed: 7
scenes:
  - {id: one, at: 0, prompt: a fox}
  - {id: new, at: 25, prompt: a frog}
  - {id: two, at: 35, prompt: an owl at night}
  - {id: three, at: 51, prompt: a fox}
"""
    )
    edited = tmp_path / "edited.yaml"
    done = run("edit", board, "--to", other, "--out", edited)
    assert board.read_text() == BOARD
    assert [edit.edit for edit in load(edited).edits] == ["insert", "move", "move", "prompt"]
    assert scenes_of(edited) == scenes_of(other)
    assert run("edit", edited, "--to", other, "--dry-run")["edits"] == done["edits"], "nothing is left to do"
    assert run("render", edited)["jobs_run"] == done["jobs_to_run"]


def test_scenes_that_were_changed_by_hand_are_noticed(
    run: Any, board: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny_model: Path
) -> None:
    def render() -> str:
        words = ["render", board, "--workers", 1, "--out", tmp_path / "film.mp4", "--model", tiny_model]
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().err

    assert "changed" not in render()
    assert "changed" not in render()
    board.write_text(BOARD.replace("an owl", "a frog"))
    told = render()
    assert "5 clips have to be drawn" in told
    command = re.search(r"longtake (edit .* --to .* --out) edited.yaml", told)
    assert command is not None
    assert "changed" not in render()
    board.write_text(BOARD)
    render()  # the record is of this one
    board.write_text(BOARD.replace("an owl", "a frog"))
    edited = tmp_path / "edited.yaml"
    assert main([*command[1].split(), str(edited), "--model", str(tiny_model)]) == 0
    assert [edit.edit for edit in load(edited).edits] == ["prompt"]


def scenes_of(path: Path) -> list[tuple[str, int, str]]:
    scenes = plan_of(path, DEFAULT_MODEL).timeline.scenes
    return [(scene.id, scene.start, scene.prompt) for scene in scenes]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seed: 7", "seed: 8"), "another seed or frame rate"),
        (("frames: 61", "frames: 65"), "has 65 frames; with whole scenes inserted and removed there are 61"),
        (("id: one", "id: four"), ""),
    ],
)
def test_what_no_edit_can_do_is_said(
    run: Any, board: Path, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(BOARD.replace(*change))
    done = run("edit", board, "--to", other, "--dry-run")
    if message:
        assert done[0] == 3
        assert message in done[1]
    else:
        assert done["edits"] == 2  # one removed, one inserted


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "say one change"),
        (["--scene", "two"], 2, "--scene alone says no change"),
        (["--prompt", "x"], 2, "it also needs --scene"),
        (["--scene", "two", "--reroll", "--remove"], 2, "one change at a time"),
        (["--scene", "two", "--reroll", "--prompt", "x"], 2, "--prompt does not go with it"),
        (["--scene", "two", "--reroll", "--undo"], 2, "say one change"),
        (["--scene", "x", "--reroll"], 3, "there is no scene 'x'"),
        (
            ["--scene", "x", "--prompt", "y", "--insert-at", "soon", "--frames", "3"],
            2,
            "must be a frame number",
        ),
        (["--pin", "none.png", "--at", "3"], 3, "none.png is not there"),
        (["--pin", "board.yaml", "--at", "3"], 3, "is no picture"),
        (["--pin", "board.yaml", "--at", "99"], 3, "past the film's end"),
    ],
)
def test_mistakes_change_nothing(
    run: Any, board: Path, arguments: list[str], code: int, message: str
) -> None:
    found, said = run("edit", board, *arguments)
    assert found == code
    assert message in said
    assert board.read_text() == BOARD


@pytest.mark.parametrize(
    "text",
    [
        BOARD,
        BOARD + "edits: []\n",
        BOARD + "edits:\n# mine\n- {edit: reroll, scene: one}\n\n# the last words\n",
        BOARD.replace("seed: 7", "edits:\n  - edit: reroll\n    scene: one\nseed: 7"),
        BOARD.replace("seed: 7", "edits: [{edit: reroll, scene: one}]\nseed: 7").rstrip(),
    ],
)
def test_all_but_the_edits_stays_in_the_text(text: str) -> None:
    edits = parse(BOARD + 'edits: [{edit: move, scene: two, at: "0:01.5"}, {edit: remove, scene: one}]').edits
    new = with_edits(text, edits)
    assert parse(new).edits == edits
    assert with_edits(new, parse(text).edits) in (text, with_edits(text, parse(text).edits))
    for line in text.splitlines():
        if "edit" not in line and "mine" not in line and "    scene: one" not in line:
            assert line in new.splitlines()


def test_a_text_that_no_list_fits_into_is_refused() -> None:
    flow = "{video: {fps: 12, frames: 9}, scenes: [{id: a, at: 0, prompt: b}]}"
    edits = parse(BOARD + "edits: [{edit: reroll, scene: one}]").edits
    with pytest.raises(StoryboardError, match="one below the other"):
        with_edits(flow, edits)
    assert isinstance(parse(flow), Storyboard)
