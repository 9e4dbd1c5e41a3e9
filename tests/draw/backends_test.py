"""Films by pretrained pipelines, small ones with random weights, from the command line to the mp4."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("transformers", reason="pip install 'longtake[pipelines]'")
pytest.importorskip("accelerate", reason="pip install 'longtake[pipelines]'")

import tiny_pipelines
from stored import clips_in
from tiny_sd import save_sd

from longtake.cli import main
from longtake.draw.backends import BACKENDS
from longtake.draw.backends.chosen import BackendOptions, choose_backend, find_pipeline
from longtake.errors import OptionError
from longtake.film import Film, open_film
from longtake.film.segments import cut_segments, decode_segment
from longtake.manifest import ModelError, digest_of_pipeline
from longtake.video import Pixels, count_frames, read_frames

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other

# Two scenes of 20 and 13 frames: gaps of 8 frames, or of 4 which lie in gaps of 16.
BOARD = """
title: A day
seed: 7
video: {{fps: 12, frames: 33}}
scenes:
  - {{id: one, at: 0, prompt: fox in the meadow{image}}}
  - {{id: two, at: 20, prompt: frog in the rain{image}}}
"""
WAYS = {
    "ltx": "ltx:clip=9:size=64x32:steps=2:dtype=fp32",
    "wan-vace": "wan-vace:clip=5:size=48x32:steps=2:dtype=fp32",
    "wan-i2v": "wan-i2v:clip=5:size=32x48:steps=2:dtype=fp32",
}
LEVELS = {"ltx": [2, 3 + 2], "wan-vace": [2, 2 + 3, 5], "wan-i2v": [2, 2 + 3, 5]}  # keyframes first

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of pipelines by the back end's name, and one that makes pictures."""
    folder = tmp_path_factory.mktemp("pipelines")
    made = {"ltx": tiny_pipelines.ltx, "wan-vace": tiny_pipelines.wan_vace, "wan-i2v": tiny_pipelines.wan_i2v}
    found = {name: make(folder / name) for name, make in made.items()}
    return found | {"pictures": save_sd(folder / "pictures")}


def write_board(folder: Path, image: bool = False) -> Path:
    """A storyboard, its scenes with a picture each or not."""
    Image.effect_noise((90, 60), 80).convert("RGB").save(folder / "fox.png")
    path = folder / "board.yaml"
    path.write_text(BOARD.format(image=", image: fox.png" if image else ""))
    return path


@pytest.fixture
def run(
    tmp_path: Path,
    pipelines: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Runs a command on the storyboard by a back end; its report. Pictures begin the scenes of wan-i2v."""
    monkeypatch.chdir(tmp_path)

    def call(command: str, way: str, *arguments: object) -> dict[str, Any]:
        name = way.split(":")[0]
        if not (tmp_path / "board.yaml").exists():
            write_board(tmp_path, image=name == "wan-i2v")
        given = [command, "board.yaml", *map(str, arguments), "--backend", way]
        code = main([*given, "--model", str(pipelines[name]), "--json"])
        out, err = capsys.readouterr()
        assert code == 0, err
        report: dict[str, Any] = json.loads(out)
        return report

    return call


def opened(folder: Path, way: str, pipelines: dict[str, Path], store: str = ".longtake") -> Film:
    model = str(pipelines[way.split(":")[0]])
    board = folder / "board.yaml"
    return open_film(board, backend=way, model=model, store=folder / store)


def shown(work: Film) -> list[Pixels]:
    """The frames of a film as the encoder gets them."""
    decode = work.drawer.load_decoder()
    return [f for segment in cut_segments(work.jobs) for f in decode_segment(segment, work.store, decode)]


@pytest.mark.parametrize("name", list(WAYS))
def test_a_film_is_rendered_resumed_and_seen_at_any_frame(
    run: Run, tmp_path: Path, pipelines: dict[str, Path], name: str
) -> None:
    way = WAYS[name]
    plan = run("plan", way)
    assert plan["levels"] == LEVELS[name]
    whole = run("render", way, "--out", "a.mp4", "--sheet", "a.png")
    assert whole["frames"] == count_frames(tmp_path / "a.mp4") == 33
    pictures = int(name == "wan-i2v")  # that the storyboard gives, the same for both scenes
    assert whole["jobs_run"] == whole["jobs_total"] == plan["jobs_missing"] == sum(LEVELS[name]) + pictures
    width, height = opened(tmp_path, way, pipelines).drawer.size
    times = 256 // 32  # small films are enlarged, to be watched
    assert next(read_frames(tmp_path / "a.mp4")).shape == (times * height, times * width, 3)
    again = run("render", way, "--out", "b.mp4")
    assert again["jobs_run"] == 0
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    frames = shown(opened(tmp_path, way, pipelines))
    for i in (7, 19, 20):  # within a clip, and both sides of a cut
        report = run("peek", way, i, "--out", "frame.png", "--store", "alone")
        assert report["jobs_run"] <= len(LEVELS[name]) + 1, (
            "no more than its way from the root, and a picture"
        )
        with Image.open(tmp_path / "frame.png") as picture:
            assert np.array_equal(np.asarray(picture), frames[i])
    sheet = run("keys", way, "--out", "keys.png")
    assert sheet["jobs_run"] == 0
    assert sheet["frames"][:2] == [0, 8 if name == "ltx" else 16]


def test_the_same_film_in_any_order(run: Run, tmp_path: Path) -> None:
    way = WAYS["ltx"]  # of the others it follows from what is seen at single frames
    run("render", way, "--store", "a", "--out", "a.mp4")
    for span in ("25:33", "10:14", "0:33"):
        run("render", way, "--store", "b", "--out", "b.mp4", "--span", span, "--order", "keyframes-first")
    assert clips_in(tmp_path / "a") == clips_in(tmp_path / "b")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    lost = sorted((tmp_path / "b").glob("??/*.safetensors"))[::2]
    for path in lost:
        path.unlink()  # as if the run had been killed, or worse
    run("render", way, "--store", "b", "--out", "b.mp4", "--upscale", 1)
    assert clips_in(tmp_path / "b").items() <= clips_in(tmp_path / "a").items()


@pytest.mark.slow
@pytest.mark.parametrize("name", list(WAYS))
def test_two_workers_make_the_same_film(run: Run, tmp_path: Path, name: str) -> None:
    way = WAYS[name]
    run("render", way, "--store", "a", "--out", "a.mp4")
    run("render", way, "--store", "b", "--out", "b.mp4", "--workers", 2)
    assert clips_in(tmp_path / "a") == clips_in(tmp_path / "b")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.slow
def test_ray_makes_the_same_film(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'longtake[ray]'")
    run("render", WAYS["ltx"], "--store", "a", "--out", "a.mp4")
    run("render", WAYS["ltx"], "--store", "b", "--out", "b.mp4", "--executor", "ray", "--workers", 2)
    assert clips_in(tmp_path / "a") == clips_in(tmp_path / "b")


@pytest.mark.parametrize("name", list(WAYS))
def test_clips_meet_in_a_frame_that_is_shown_once(
    run: Run, tmp_path: Path, pipelines: dict[str, Path], name: str
) -> None:
    run("render", WAYS[name])
    work = opened(tmp_path, WAYS[name], pipelines)
    for one in work.jobs.shown(slice(None)):
        clip, given = work.store.get(one.leaf.key), [work.store.frame(*frame) for frame in one.leaf.inputs]
        assert clip.dtype == np.uint8
        for k, frame in zip(one.leaf.spec.known, given, strict=True):
            assert np.array_equal(clip[k], frame), "bit for bit the keyframe"
    frames = shown(work)
    assert len(frames) == 33
    for i in work.jobs.keyframe_numbers():
        latent = work.jobs.frame(i)
        assert np.array_equal(frames[i], work.store.frame(*latent))


@pytest.mark.parametrize("name", ["ltx", "wan-vace"])
def test_edits_leave_the_other_scene_alone(
    run: Run, tmp_path: Path, pipelines: dict[str, Path], name: str
) -> None:
    way = WAYS[name]
    run("render", way)
    before = shown(opened(tmp_path, way, pipelines))
    told = run("edit", way, "--scene", "two", "--prompt", "hen in the meadow")
    assert run("render", way)["jobs_run"] == told["jobs_to_run"] == {"ltx": 3, "wan-vace": 4}[name]
    after = shown(opened(tmp_path, way, pipelines))
    assert [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [
        i >= 20 for i in range(33)
    ]
    run("edit", way, "--scene", "two", "--move-to", 18)
    run("render", way)
    moved = shown(opened(tmp_path, way, pipelines))
    changed = [i for i, (a, b) in enumerate(zip(after, moved, strict=True)) if not np.array_equal(a, b)]
    assert changed == [18, 19], "what was shown stays, also in the clip that the cut crosses"


@pytest.mark.parametrize("name", list(WAYS))
def test_a_picture_of_the_users_is_in_the_film(
    run: Run, tmp_path: Path, pipelines: dict[str, Path], name: str
) -> None:
    board = write_board(tmp_path, image=True)
    if name != "wan-i2v":  # which takes none between its ends
        board.write_text(board.read_text() + "images:\n  - {at: 26, image: fox.png}\n")
    run("render", WAYS[name])
    work = opened(tmp_path, WAYS[name], pipelines)
    frames = shown(work)
    with Image.open(tmp_path / "fox.png") as picture:
        assert picture.size == (90, 60)
    (width, height), one = work.drawer.size, frames[0]
    assert one.shape == (height, width, 3)
    assert np.array_equal(one, work.store.get(work.picture("fox.png").key)[0])
    assert np.array_equal(one, frames[20])
    assert np.array_equal(one, frames[26]) is (name != "wan-i2v")
    assert run("render", WAYS[name])["jobs_run"] == 0


@pytest.mark.parametrize("name", list(WAYS))
def test_keyframes_of_another_pipeline(
    run: Run, tmp_path: Path, pipelines: dict[str, Path], name: str
) -> None:
    write_board(tmp_path)
    way = f"{WAYS[name]}:picture={pipelines['pictures']}:picture_steps=2"
    plan = run("plan", way)
    assert plan["levels"][0] == 2 + 2, "a picture begins each scene"
    pictures = f"{way}:keyframes=pictures:strength=0.5"
    film = run("render", pictures)
    assert film["jobs_run"] == film["jobs_total"]
    work = opened(tmp_path, pictures, pipelines)
    jobs = [job for job in work.jobs.missing((), slice(None)) if job.op == "imagine"]
    first, second, *_ = (work.store.get(job.key)[0] for job in jobs)
    assert first.shape == (work.drawer.size[1], work.drawer.size[0], 3)
    assert not np.array_equal(first, second)
    frames = shown(work)
    step = BACKENDS[name].rule.unit
    assert np.array_equal(frames[0], first)
    assert np.array_equal(frames[step], second)
    assert str(pipelines["pictures"]) not in json.dumps([job.params for job in jobs])


def test_weights_that_need_both_ends_take_pictures(
    tmp_path: Path, pipelines: dict[str, Path], capsys: Any
) -> None:
    folder = tiny_pipelines.wan_i2v(tmp_path / "flf", **tiny_pipelines.FLF)
    board, way = write_board(tmp_path, image=True), WAYS["wan-i2v"]
    told = ["render", str(board), "--out", str(tmp_path / "film.mp4"), "--model", str(folder)]
    assert main([*told, "--backend", way]) == 3
    assert "draw between two pictures only: use keyframes=pictures" in " ".join(
        capsys.readouterr().err.split()
    )
    assert not clips_in(tmp_path / ".longtake"), "before anything is drawn"
    way += f":keyframes=pictures:picture={pipelines['pictures']}:picture_steps=2"
    assert main([*told, "--backend", way]) == 0
    assert count_frames(tmp_path / "film.mp4") == 33


@pytest.mark.parametrize(
    ("name", "more", "code", "message"),
    [
        ("ltx", ["--backend", "guess"], 2, "'guess' is no back end: use ltx, wan-vace, wan-i2v"),
        (
            "ltx",
            ["--backend", "ltx:clips=9"],
            2,
            "'clips=9' is no option of ltx: use NAME=VALUE of clip, size",
        ),
        ("ltx", ["--backend", "ltx:clip=10"], 2, "ltx draws 8 k + 1 frames, from 9 to 257; give 9"),
        ("ltx", ["--backend", "ltx:size=700x500"], 2, "multiples of 32; 704x512 is near"),
        ("ltx", ["--backend", "ltx:size=700"], 2, "give WIDTHxHEIGHT in pixels"),
        ("ltx", ["--backend", "ltx:dtype=int8"], 2, "dtype: Input should be 'bf16', 'fp16' or 'fp32'"),
        ("ltx", ["--backend", "ltx:steps=0"], 2, "steps is 0: give 1 or more"),
        ("ltx", ["--backend", "ltx:shift=3"], 2, "ltx has a schedule of its own"),
        ("wan-vace", ["--backend", "wan-vace:shift=0"], 2, "give a number above 0"),
        ("ltx", ["--backend", "ltx:guidance=nan"], 2, "guidance is nan: give a number above 0"),
        ("ltx", ["--backend", "ltx:strength=0.01"], 2, "leaves none: give more"),
        ("ltx", ["--backend", "ltx:keyframes=pictures"], 2, "picture=FOLDER"),
        ("ltx", ["--backend", "ltx:picture=nowhere"], 3, "nowhere holds no diffusers pipeline"),
        ("ltx", ["--backend", "ltx", "--strategy", "lvdm"], 2, "goes without --backend"),
        ("ltx", ["--backend", "ltx", "--fps", "24"], 2, "goes with longtake's own models"),
        ("ltx", ["--backend", "ltx", "--size", "64"], 2, "goes with longtake's own models"),
        ("wan-vace", ["--backend", "ltx"], 3, "holds a WanVACEPipeline, not a LTXConditionPipeline"),
        ("wan-vace", ["--backend", "ltx"], 3, "back ends are ltx (LTXConditionPipeline), wan-vace (Wan"),
        ("wan-i2v", ["--backend", "wan-i2v"], 3, "wan-i2v draws from a picture"),
        ("wan-i2v", ["--backend", "wan-i2v", "--model", "no/such"], 3, "--allow-download fetches it"),
        ("wan-i2v", ["--backend", "wan-i2v", "--model", "nowhere"], 3, "name the folder of a diffusers"),
        ("wan-i2v", ["--backend", "wan-i2v", "--model", "toon-128"], 2, "a back end has none of its own"),
    ],
)
def test_mistakes_have_a_remedy(
    tmp_path: Path,
    pipelines: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    more: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    write_board(tmp_path)
    assert main(["render", "board.yaml", "--model", str(pipelines[name]), *more]) == code
    assert message in " ".join(capsys.readouterr().err.split())
    assert not clips_in(tmp_path / ".longtake")


def test_what_is_not_installed_is_told_first(
    tmp_path: Path, pipelines: dict[str, Path], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("longtake.strategies.requirements.find_spec", lambda module: None)
    write_board(tmp_path)
    assert main(["render", "board.yaml", "--backend", "ltx", "--model", str(pipelines["ltx"])]) == 2
    assert "back ends need transformers: pip install 'longtake[pipelines]'" in capsys.readouterr().err


def test_all_that_changes_a_clip_is_in_its_key(tmp_path: Path, pipelines: dict[str, Path]) -> None:
    write_board(tmp_path)

    def key(more: str = "", model: Path | None = None, **told: Any) -> str:
        return opened_with(tmp_path, WAYS["ltx"] + more, model or pipelines["ltx"], **told).jobs.leaf(3).key

    other = shutil.copytree(pipelines["ltx"], tmp_path / "other")
    assert key(model=other) == key(), "where they lie is nobody's business"
    weights = next(other.glob("transformer/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    ways = [
        ":steps=3",
        ":guidance=2",
        ":negative=rain",
        ":dtype=bf16",
        ":tiling=true",
        ":blend=2",
    ]
    ways.append(":size=32x32")
    keys = [key(), key(model=other), key(seed=8), *map(key, ways)]
    assert len(set(keys)) == len(keys)
    assert key(":offload=model") == key()
    assert key(steps=3) == key(":steps=3")
    assert key(precision="bf16") == key(":dtype=bf16")


def opened_with(folder: Path, way: str, model: Path, **told: Any) -> Film:
    board = folder / "board.yaml"
    return open_film(board, backend=way, model=model, **told)


def test_weights_are_hashed_once(pipelines: dict[str, Path], tmp_path: Path) -> None:
    folder, known = shutil.copytree(pipelines["ltx"], tmp_path / "ltx"), dict[str, str]()
    digest = digest_of_pipeline(folder, known)
    assert digest == digest_of_pipeline(pipelines["ltx"])
    assert digest_of_pipeline(folder, dict.fromkeys(known, "0")) != digest, "what is known is not read again"
    config = folder / "vae" / "config.json"
    config.write_text(config.read_text() + "\n")
    assert digest_of_pipeline(folder, known) != digest, "what has changed is"
    write_board(tmp_path)
    opened_with(tmp_path, "ltx", pipelines["ltx"])
    assert len(json.loads((tmp_path / ".longtake" / "checksums.json").read_text())) == len(known) - 1


def test_a_pipeline_in_the_hubs_cache_is_found(
    pipelines: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--some--ltx"
    snapshot = repository / "snapshots" / ("0" * 40)
    shutil.copytree(pipelines["ltx"], snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    backend = BACKENDS["ltx"]
    assert find_pipeline("some/ltx", backend, allow_download=False) == snapshot
    with pytest.raises(ModelError, match="--allow-download fetches it from the hub"):
        find_pipeline("some/other", backend, allow_download=False)


def test_folders_of_the_same_parts_are_taken_unless_they_are_too_old(
    pipelines: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(pipelines["ltx"], tmp_path / "ltx")
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("LTXConditionPipeline", "LTXPipeline"))
    backend = BACKENDS["ltx"]
    assert find_pipeline(str(folder), backend, allow_download=False) == folder
    assert backend.narrowed(folder, backend.rule) == backend.rule
    settings = folder / "scheduler" / "scheduler_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"use_dynamic_shifting": True}))
    with pytest.raises(ValueError, match=r"use weights of 0\.9\.5 or later"):
        backend.narrowed(folder, backend.rule)


def test_the_documentation_has_the_declared_numbers_and_options() -> None:
    text = (Path(__file__).parents[2] / "docs" / "backends.md").read_text()
    for backend in BACKENDS.values():
        rule, (width, height) = backend.rule, backend.size
        frames = f"{rule.unit}k + 1, {rule.unit + 1} to {rule.most}; {backend.clip}"
        row = f"| `{backend.name}` | `{backend.pipeline}` | {frames} | {backend.multiple}; {width}x{height} |"
        assert row in text
    for option in asdict(BackendOptions()):
        assert f"`{option}" in text, f"docs/backends.md says nothing of {option}"
    assert choose_backend("ltx").options == BackendOptions()


OWN = """
from dataclasses import replace
from longtake import backends

MINE = replace(backends.BACKENDS["ltx"], name="mine", version=7)
NOTHING = 3
"""


def test_a_back_end_of_ones_own_is_handed_over_or_named(
    run: Run, tmp_path: Path, pipelines: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_backends.py").write_text(OWN)
    options = "clip=9:size=64x32:steps=2:dtype=fp32"
    board, model = write_board(tmp_path), pipelines["ltx"]
    film = open_film(board, backend=f"my_backends:MINE:{options}", model=model)
    assert film.drawer.name.startswith("mine ")
    assert film[3].shape == (32, 64, 3)
    theirs = open_film(board, backend=f"ltx:{options}", model=model)
    assert film.jobs.leaf(3).key != theirs.jobs.leaf(3).key, "its name and version are in every key"
    mine = replace(BACKENDS["ltx"], name="mine", version=7, clip=9, size=(64, 32), steps=2)
    same = open_film(board, backend=mine, model=model, precision="fp32")
    assert same.jobs.leaf(3).key == film.jobs.leaf(3).key
    for name, message in (
        ("my_backends:NOTHING", "holds no `Backend` of that name"),
        ("no_such_module:MINE", "and no module either"),
        ("guess", "use ltx, wan-vace, wan-i2v, or MODULE:NAME of your own"),
    ):
        with pytest.raises(OptionError, match=re.escape(message)):
            open_film(board, backend=name, model=model)
