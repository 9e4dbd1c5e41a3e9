"""A source shows what it says, frame by frame, and two sources have one key where they show the same."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from cartoon import CARTOON
from seen_films import plan_of

from longtake.draw.decode import ClipDecoder
from longtake.evaluate.script import script_of_episode, script_of_prompts
from longtake.evaluate.sources import (
    DecodedTruth,
    PictureFolder,
    PixelArray,
    Source,
    StoredFilm,
    VideoFile,
    WorldFilm,
    films_of,
    pictures,
)
from longtake.files import file_digest
from longtake.film.segments import cut_segments, decode_segment
from longtake.manifest import read_manifest, write_manifest
from longtake.plan import Plan
from longtake.store import Store
from longtake.video import Codec, encode_segment, read_frames, write_png
from longtake.world.episodes import episode_facts, episode_seeds

SEED = episode_seeds("test", 1)[0]


def world(length: int = 65, **changes: object) -> WorldFilm:
    film = WorldFilm("ground truth", script_of_episode(CARTOON, SEED, length), SEED, size=64)
    return replace(film, **changes)  # type: ignore[arg-type]


# -- the world -------------------------------------------------------------------------------------------


def test_ground_truth_is_the_world() -> None:
    shown = list(world().frames())
    assert len(shown) == 65
    for number in (0, 31, 64):
        assert np.array_equal(shown[number], CARTOON.frame(SEED, number, 64))
    assert next(world(size=48).frames()).shape == (48, 48, 3)


def test_a_delivered_film_has_the_same_frames_but_for_what_the_codec_does() -> None:
    plain, sent = list(world().frames()), list(world(codec=Codec(crf=18)).frames())
    assert len(sent) == len(plain) == 65  # encoded in pieces of 60
    off = [np.abs(a.astype(float) - b).mean() for a, b in zip(plain, sent, strict=True)]
    assert 0 < max(off) < 6
    worse = list(islice(world(codec=Codec(crf=45)).frames(), 10))
    assert np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(plain, worse, strict=False)]) > max(
        off
    )
    large = next(world(codec=Codec(upscale=2)).frames())
    assert large.shape == (128, 128, 3)


def test_the_key_of_a_world_film_holds_all_that_it_shows() -> None:
    base = world()
    assert base.key == world().key == pickle.loads(pickle.dumps(base)).key
    others = [
        world(control="reversed"),
        world(seed=SEED + 1),
        world(size=32),
        world(length=64),
        world(codec=Codec()),
        world(codec=Codec(crf=19)),
        world(script=script_of_episode(CARTOON, SEED + 1, 65)),
        world(script=script_of_prompts(CARTOON, [(0, "a fox walks left")], 65)),
    ]
    keys = {base.key, *(other.key for other in others)}
    assert len(keys) == 1 + len(others)


def test_a_control_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="edition 1 has no control 'better'"):
        world(control="better").frames()


# -- files -----------------------------------------------------------------------------------------------


def test_a_video_shows_what_was_encoded(tmp_path: Path) -> None:
    path, frames = tmp_path / "film.mp4", list(world(17).frames())
    encode_segment(frames, path, 12)
    source = VideoFile(path)
    shown = list(source.frames())
    assert len(shown) == 17
    assert all(np.array_equal(a, b) for a, b in zip(shown, read_frames(path), strict=True))
    assert max(np.abs(a.astype(float) - b).mean() for a, b in zip(shown, frames, strict=True)) < 6
    assert source.key == file_digest(path) == VideoFile(shutil.copy(path, tmp_path / "copy.mp4")).key
    before = source.key
    encode_segment(frames[:-1], path, 12)
    assert source.key != before


def test_a_folder_shows_its_pictures_in_the_order_of_their_names(tmp_path: Path) -> None:
    frames = list(world(12, control="noise").frames())
    for number, picture in reversed(list(enumerate(frames))):
        write_png(picture, tmp_path / f"{number:04d}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    source = PictureFolder(tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(source.frames(), frames, strict=True))
    before = source.key
    (tmp_path / "notes.txt").write_text("still none")
    assert source.key == before
    write_png(frames[0], tmp_path / "0005.png")
    assert source.key != before
    write_png(frames[5], tmp_path / "0005.png")
    assert source.key == before
    (tmp_path / "0000.png").rename(tmp_path / "0012.png")  # the same pictures in another order
    assert source.key != before


# -- what a user gives -----------------------------------------------------------------------------------


def test_an_array_shows_its_frames_and_its_key_is_theirs() -> None:
    frames = np.stack(list(world(5, control="noise").frames()))
    source = PixelArray(frames)
    assert source.length == 5
    assert all(np.array_equal(a, b) for a, b in zip(source.frames(), frames, strict=True))
    assert pickle.loads(pickle.dumps(source)).key == source.key == PixelArray(frames.copy()).key
    assert PixelArray(frames[::2]).key == PixelArray(frames[::2].copy()).key
    others = [frames + np.uint8(1), frames[:4], frames[::-1], frames.reshape(5, 32, 128, 3)]
    assert len({source.key, *(PixelArray(other).key for other in others)}) == 1 + len(others)


def test_films_are_known_by_their_names(tmp_path: Path) -> None:
    frames = np.stack(list(world(3).frames()))
    for name in ("a.mp4", "b.mp4"):
        encode_segment(frames, tmp_path / "videos" / name, 12)
    write_png(frames[0], tmp_path / "pictures" / "0.png")
    assert films_of(tmp_path / "videos").keys() == {"a", "b"}
    shutil.copy(tmp_path / "videos" / "a.mp4", tmp_path / "videos" / "a.mov")
    assert films_of(tmp_path / "videos").keys() == {"a.mov", "a.mp4", "b.mp4"}
    assert films_of(str(tmp_path / "videos" / "a.mp4")).keys() == {"a"}
    given = {"one": frames, "two": tmp_path / "pictures", "three": tmp_path / "videos" / "a.mp4"}
    films = films_of(given)
    assert [type(film) for film in films.values()] == [PixelArray, PictureFolder, VideoFile]
    assert [film.length for film in films.values()] == [3, 1, 3]
    assert [film.codec is None for film in films.values()] == [True, True, False]
    with pytest.raises(ValueError, match="name each"):
        films_of({"all": tmp_path / "videos"})


# -- models ----------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path, tiny_model: Path) -> tuple[Plan, StoredFilm]:
    """Random latents as the leaves of a film of 76 frames."""
    plan, store, chance = plan_of(76), Store(tmp_path / "store"), np.random.default_rng(0)
    for leaf, *_ in plan.shown(slice(None)):
        store.put(leaf.key, chance.normal(size=(leaf.spec.frames, 2, 4, 4)).astype(np.float16))
    return plan, StoredFilm(store.root, tuple(cut_segments(plan)), tiny_model)


def test_a_stored_film_is_what_the_encoder_gets(stored: tuple[Plan, StoredFilm], tiny_model: Path) -> None:
    plan, source = stored
    decode, store = ClipDecoder(tiny_model, "cpu"), Store(source.store)
    shown = list(source.frames())
    assert len(shown) == 76
    for i in (0, 14, 15, 16, 59, 60, 61, 75):
        (segment,) = cut_segments(plan, slice(i, i + 1))
        assert np.array_equal(shown[i], next(decode_segment(segment, store, decode)))
    span = replace(source, segments=tuple(cut_segments(plan, slice(20, 40))))
    assert all(np.array_equal(a, b) for a, b in zip(span.frames(), shown[20:40], strict=True))


def test_pictures_of_a_stored_film_need_no_other_leaf(stored: tuple[Plan, StoredFilm]) -> None:
    plan, source = stored
    frames = list(source.frames())
    wanted = [75, 16, 17]
    needed = {shown.leaf.key for i in wanted for shown in plan.shown(slice(i, i + 1))}
    store = Store(source.store)
    others = {leaf.key for leaf, *_ in plan.shown(slice(None))} - needed
    assert len(needed) == 2 < len(others)
    for key in others:
        store.drop(key)
    assert all(
        np.array_equal(a, frames[i]) for a, i in zip(pictures(source, wanted), (16, 17, 75), strict=True)
    )
    with pytest.raises(KeyError):
        pictures(source, [0])


def test_pictures_of_any_film_are_its_frames() -> None:
    source = WorldFilm("shuffled", script_of_episode(CARTOON, SEED, 40), SEED)
    frames = list(source.frames())
    assert all(np.array_equal(a, frames[i]) for a, i in zip(pictures(source, (30, 3)), (3, 30), strict=True))
    assert pictures(source, ()) == []


def test_the_key_of_a_stored_film_holds_its_leaves_and_its_decoder(
    stored: tuple[Plan, StoredFilm], tmp_path: Path
) -> None:
    plan, source = stored
    assert pickle.loads(pickle.dumps(source)).key == source.key
    assert replace(source, segments=source.segments[:1]).key != source.key
    assert replace(source, segments=tuple(cut_segments(plan, slice(1, None)))).key != source.key
    other = Path(shutil.copytree(source.model, tmp_path / "model"))
    same = replace(source, model=other, store=tmp_path / "elsewhere")
    assert same.key == source.key
    config = other / "vae" / "config.json"
    config.write_text(config.read_text() + "\n")
    write_manifest(read_manifest(other))
    assert same.key != source.key


def test_a_stored_film_of_pixels_is_shown_as_it_is_stored(tmp_path: Path) -> None:
    plan, store, chance = plan_of(20), Store(tmp_path / "store"), np.random.default_rng(0)
    shown = []
    for leaf, indices, *_ in plan.shown(slice(None)):
        clip = chance.integers(0, 256, (len(leaf.params["times"]), 4, 4, 3)).astype(np.uint8)
        store.put(leaf.key, clip)
        shown += list(clip[indices.start : indices.stop])
    source = StoredFilm(store.root, tuple(cut_segments(plan)), None)
    np.testing.assert_array_equal(list(source.frames()), shown)
    np.testing.assert_array_equal(pictures(source, [3, 17]), [shown[3], shown[17]])
    assert pickle.loads(pickle.dumps(source)).key == source.key


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 31, 46])
def test_decoded_truth_has_every_frame_once(tiny_model: Path, length: int) -> None:
    shown = list(DecodedTruth(script_of_episode(CARTOON, SEED, length), SEED, tiny_model).frames())
    assert [picture.shape for picture in shown] == [(16, 16, 3)] * length
    assert all(picture.dtype == np.uint8 for picture in shown)


def test_decoded_truth_is_decoded_leaf_by_leaf(tiny_model: Path) -> None:
    script = script_of_episode(CARTOON, SEED, 40)
    shown = np.stack(list(DecodedTruth(script, SEED, tiny_model).frames()))
    decode, hidden = ClipDecoder(tiny_model, "cpu"), episode_facts(SEED)
    for first, last in ((0, 15), (15, 30), (30, 39)):
        drawn = np.stack([script.picture(number, hidden, 16) for number in range(first, last + 1)])
        video = torch.from_numpy(drawn).movedim(-1, 1).float() / 127.5 - 1
        with torch.inference_mode():
            stills = [decode.vae.encode_latents(still[None, None])[0, 0] for still in video]
        leaf = decode(torch.stack(stills).numpy().astype(np.float16))
        end = last + (last == 39)  # a frame that two leaves share is shown of the second
        assert np.abs(shown[first:end].astype(int) - leaf[: end - first]).max() <= 1
    assert shown.std(axis=0).max() > 0


def test_the_key_of_decoded_truth_holds_all_that_it_shows(tiny_model: Path, tmp_path: Path) -> None:
    script = script_of_episode(CARTOON, SEED, 40)
    base = DecodedTruth(script, SEED, tiny_model)
    assert base.key == DecodedTruth(script_of_episode(CARTOON, SEED, 40), SEED, tiny_model).key
    other = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    assert replace(base, model=other).key == base.key
    config = other / "vae" / "config.json"
    config.write_text(config.read_text() + "\n")
    write_manifest(read_manifest(other))
    others: list[Source] = [
        replace(base, model=other),
        replace(base, seed=SEED + 1),
        replace(base, leaf=5),
        replace(base, script=script_of_episode(CARTOON, SEED, 41)),
        world(40, size=16),
    ]
    assert len({base.key, *(source.key for source in others)}) == 1 + len(others)
