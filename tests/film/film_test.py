"""A film that is asked: what it answers, and what that draws."""

from __future__ import annotations

import io
import logging
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from longtake.errors import OptionError
from longtake.film import Crew, Film, Progress, open_film
from longtake.film.segments import cut_segments, decode_segment
from longtake.storyboard import Scene, Storyboard, StoryboardError, Video, load, parse, to_yaml
from longtake.video import Pixels, count_frames, join_segments, read_metadata

BOARD = """\
title: A day
video: {fps: 12, frames: 61}
seed: 7
scenes:
  - {id: one, at: 0, prompt: fox in the meadow}
  - {id: two, at: 20, prompt: frog in the rain}
  - {id: three, at: 41, prompt: rabbit sleeps}
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    path = tmp_path / "board.yaml"
    path.write_text(BOARD)
    return path


@pytest.fixture
def film(board: Path, tiny_model: Path) -> Film:
    return open_film(board, model=tiny_model)


def keys(film: Film) -> list[str]:
    return [job.key for job in film.jobs.missing((), slice(None))]


def test_opening_draws_nothing(film: Film, tmp_path: Path) -> None:
    assert (len(film), film.plan().missing, film.plan().clips) == (61, 5, 5)
    assert film.plan(0, 15).levels == [1, 1]
    assert (film.fps, film.title, film.prompt(25)) == (12, "A day", "frog in the rain")
    assert repr(film) == "<Film 'A day': 61 frames, 5.1 s at 12 fps, drawn by tiny>"
    assert [path.name for path in tmp_path.iterdir()] == ["board.yaml"]


def test_a_frame_draws_its_path_and_frames_are_what_the_encoder_gets(film: Film) -> None:
    frame = film[40]
    assert film.plan().missing == 3, "keyframes and one leaf"
    frames = film.frames()
    assert film.plan().missing == 0
    assert (frames.dtype, frames.shape) == (np.uint8, (61, 16, 16, 3))
    assert np.array_equal(frame, frames[40])
    decode = film.drawer.load_decoder()
    encoded = [f for s in cut_segments(film.jobs) for f in decode_segment(s, film.store, decode)]
    assert np.array_equal(frames, np.stack(encoded))
    assert np.array_equal(film[-1], frames[60])
    assert np.array_equal(film[10:20], frames[10:20])
    assert np.array_equal(film[50:10:-7], frames[50:10:-7])
    assert film[30:30].shape == film[9:3].shape == (0, 16, 16, 3)
    assert sum(1 for _ in film) == 61  # type: ignore[attr-defined]


def test_latents_are_what_frames_are_decoded_from(film: Film) -> None:
    latents = film.latents(13, 32)
    assert (latents.dtype, latents.shape) == (np.float16, (19, 2, 4, 4))
    for i, latent in zip(range(13, 32), latents, strict=True):
        assert np.array_equal(latent, film.store.frame(*film.jobs.frame(i)))


@pytest.mark.parametrize("ask", [lambda f: f[61], lambda f: f[-62]])
def test_frames_outside_are_an_index_error(film: Film, ask: Any) -> None:
    with pytest.raises(IndexError, match="not in the film of 61 frames"):
        ask(film)


@pytest.mark.parametrize("span", [(5, 62), (-1, 5), (9, 5)])
def test_spans_outside_are_refused(film: Film, span: tuple[int, int]) -> None:
    for ask in (film.frames, film.latents, film.draw, film.plan):
        with pytest.raises(ValueError, match="it has 61"):
            ask(*span)


def test_a_storyboard_made_in_python_is_the_same_film(film: Film, tiny_model: Path, tmp_path: Path) -> None:
    scenes = [
        ("one", 0, "fox in the meadow"),
        ("two", 20, "frog in the rain"),
        ("three", 41, "rabbit sleeps"),
    ]
    board = Storyboard(
        title="A day",
        video=Video(fps=12, frames=61),
        seed=7,
        scenes=[Scene(id=name, at=at, prompt=prompt) for name, at, prompt in scenes],
    )
    made = open_film(board, model=tiny_model, store=tmp_path / "s")
    assert keys(made) == keys(film)
    edited = made.edit("remove", scene="two").edit("pin", at="0:01", picture=str(_picture(tmp_path)))
    assert parse(to_yaml(edited.storyboard)) == edited.storyboard
    assert load(edited.save(tmp_path / "new.yaml")) == edited.storyboard
    with pytest.raises(ValueError, match="has no file: name one"):
        edited.save()


def _picture(folder: Path) -> Path:
    path = folder / "red.png"
    Image.new("RGB", (40, 30), (200, 30, 30)).save(path)
    return path


def test_an_edit_is_another_film(film: Film, board: Path) -> None:
    before = film.frames()
    new = film.edit("prompt", scene="two", prompt="rabbit in the rain")
    assert (new.changed, film.changed) == (range(20, 41), None)
    assert film.plan().missing == 0 < new.plan().missing
    after = new.frames()
    changed = {i for i in range(61) if not np.array_equal(before[i], after[i])}
    assert set(range(20, 41)) <= changed
    assert np.array_equal(film.frames(), before)
    assert board.read_text() == BOARD
    new.save()
    assert keys(open_film(board, model=film.drawer.manifest.folder)) == keys(new)  # type: ignore[attr-defined]
    assert keys(new.undo()) == keys(film)
    towards = film.edit_towards(parse(BOARD.replace("frog", "rabbit")))
    assert keys(towards) == keys(new)
    with pytest.raises(StoryboardError, match="nothing to take back"):
        film.undo()
    with pytest.raises(OptionError, match="prompt"):
        film.edit("prompt", scene="two")
    with pytest.raises(OptionError):
        film.edit("paint", scene="two")
    with pytest.raises(StoryboardError, match="no scene 'four'"):
        film.edit("reroll", scene="four")


def test_segments_are_the_pieces_of_the_film(film: Film, tmp_path: Path) -> None:
    assert film.segments == [range(15), range(15, 61)]
    first = film.segment(0)
    assert film.plan().missing == 3, "only what the segment shows"
    assert count_frames(first) == 15
    film.render(tmp_path / "film.mp4")
    parts = [film.segment(n) for n in range(2)]
    assert parts[0] == first
    metadata = {"title": "A day", "storyboard": BOARD, "seed": "7", "model": f"tiny {film.drawer.digest}"}
    join_segments(parts, tmp_path / "joined.mp4", film.fps, metadata)
    assert (tmp_path / "joined.mp4").read_bytes() == (tmp_path / "film.mp4").read_bytes()


def test_threads_of_a_server_get_the_same_frames(film: Film, board: Path, tiny_model: Path) -> None:
    wanted = [40, 3, 60, 17, 44, 0, 33, 29]
    found: dict[int, Pixels] = {}

    def ask(i: int) -> None:
        found[i] = film[i]

    threads = [threading.Thread(target=ask, args=(i,)) for i in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = open_film(board, model=tiny_model, store=board.parent / "other").frames()
    assert all(np.array_equal(found[i], alone[i]) for i in wanted)


def test_a_frame_can_be_had_while_another_thread_renders(film: Film, tmp_path: Path) -> None:
    long = open_film(
        film.storyboard.model_copy(update={"video": Video(fps=12, frames=1024)}),
        model=film.drawer.manifest.folder,  # type: ignore[attr-defined]
        store=tmp_path / "long",
    )
    begun, heard = threading.Event(), list[Progress]()

    def hear(progress: Progress) -> None:
        heard.append(progress)
        begun.set()

    rendering = threading.Thread(
        target=long.render, args=(tmp_path / "long.mp4",), kwargs={"crew": Crew(workers=1), "progress": hear}
    )
    rendering.start()
    assert begun.wait(60)
    frame = long[1000]
    assert heard[-1].clips < 75, "the film is not there yet"
    rendering.join()
    assert np.array_equal(frame, long[1000])
    assert heard[-1].frames == count_frames(tmp_path / "long.mp4") == 1024


def test_a_rendered_edit_is_in_the_files_metadata(film: Film, board: Path, tmp_path: Path) -> None:
    edited = film.edit("reroll", scene="two")
    edited.render(tmp_path / "film.mp4", 0, 16)
    assert parse(read_metadata(tmp_path / "film.mp4")["storyboard"]) == edited.storyboard
    assert board.read_text() == BOARD


def test_progress_hears_of_every_clip_and_may_stop(film: Film, tmp_path: Path) -> None:
    heard: list[Progress] = []

    def stop(progress: Progress) -> None:
        heard.append(progress)
        if progress.clips == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        film.frames(progress=stop)
    assert film.plan().missing == 3, "what was drawn is kept"
    heard.clear()
    film.render(tmp_path / "film.mp4", progress=heard.append)
    assert [(p.clips, p.clips_total) for p in heard if p.event][-1] == (5, 5)
    assert heard[-1].event is None
    assert (heard[-1].frames, heard[-1].frames_total) == (61, 61)


def test_a_film_has_a_price_once_clips_were_drawn(film: Film) -> None:
    assert film.plan().seconds is None
    film.draw(0, 1)
    seconds = film.plan().seconds
    assert seconds is not None
    assert seconds > 0
    film.draw()
    assert film.plan().seconds == 0


def test_a_notebook_shows_the_keyframes(film: Film) -> None:
    found = film.keys()
    assert found.numbers == [0, 15, 30, 45, 60]
    latents = film.store.get(film.jobs.keyframes.key)  # of which each clip makes its own pixels
    assert np.array_equal(found.pictures, film.drawer.load_decoder()(latents))
    assert found.prompts[2] == "frog in the rain"
    with Image.open(io.BytesIO(film._repr_png_())) as picture:
        assert np.array_equal(np.asarray(picture), found.sheet)


def test_another_rate_shows_the_same_frames_among_others(film: Film) -> None:
    pytest.importorskip("cv2")
    double = film.at(24)
    assert (len(double), double.fps, len(film)) == (121, 24, 61)
    few, many = film.latents(0, 16), double.latents(0, 31)
    assert np.array_equal(many[::2], few)
    assert not np.array_equal(many[1], many[0])
    assert double.frames(0, 31).shape == (31, 16, 16, 3)
    edited = double.edit("reroll", scene="one")
    assert len(edited) == 121
    for rate in (18.0, float("nan"), 0.0):
        with pytest.raises(OptionError, match="give a multiple of 12") as caught:
            film.at(rate)
        assert caught.value.option == "fps"


def test_unknown_words_are_logged(tmp_path: Path, tiny_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    board = tmp_path / "board.yaml"
    board.write_text("video: {fps: 12, frames: 8}\nscenes:\n  - {id: b, at: 0, prompt: the medow}\n")
    with caplog.at_level(logging.INFO, "longtake"):
        open_film(board, model=tiny_model).draw()
    assert "the model does not know the word 'medow'" in caplog.text


@pytest.mark.parametrize(
    ("option", "chosen"),
    [
        ("strategy", {"strategy": "guess"}),
        ("backend", {"backend": "guess", "model": "x"}),
        ("model", {"backend": "ltx"}),
        ("strategy", {"backend": "ltx", "strategy": "lvdm"}),
        ("size", {"size": 17}),
        ("fps", {"fps": 13.0}),
        (None, {"guidance": float("nan")}),
    ],
)
def test_a_mistake_names_the_option(
    board: Path, tiny_model: Path, option: str | None, chosen: dict[str, Any]
) -> None:
    with pytest.raises(OptionError) as caught:
        open_film(board, **({} if "backend" in chosen else {"model": tiny_model}), **chosen)
    assert caught.value.option == option
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.option) == (str(caught.value), option)


def test_larger_frames_are_what_is_encoded(film: Film, board: Path, tiny_model: Path) -> None:
    large = open_film(board, model=tiny_model, size=64)  # its HD decoder's
    assert large[3].shape == (64, 64, 3)
    twice = open_film(board, model=tiny_model, size=32)
    assert twice[3].shape == (32, 32, 3)
    assert twice.encoding.codec.upscale == 2


OWN = """
from longtake.strategies import Chain, Strategy

class Every20(Strategy):
    name = "every-20"
    chain = Chain(4, 1)

    def strides(self, length):
        return [20, 10, 1]
"""


def test_a_strategy_of_ones_own_is_handed_over_or_named(
    board: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film_strategies.py").write_text(OWN)
    named = open_film(board, model=tiny_model, strategy="film_strategies:Every20")
    held: dict[str, Any] = {}
    exec(OWN, held)
    handed = open_film(board, model=tiny_model, strategy=held["Every20"])
    assert keys(named) == keys(handed)
    assert named.plan().levels == [1, 3, 6], "gaps of 20 frames, then of 10, over 61"
    assert not set(keys(named)) & set(keys(open_film(board, model=tiny_model, steps=3)))
    first = named.frames(0, 30)
    assert np.array_equal(handed.frames(), named.frames()), "resumed from what the first one drew"
    assert np.array_equal(first, handed.frames(0, 30))
    edited = named.edit("reroll", scene="three")
    assert 0 < edited.plan().missing < named.plan().clips
    fewer = open_film(board, model=tiny_model, strategy="film_strategies:Every20:steps=1")
    assert not set(keys(fewer)) & set(keys(named))
    with pytest.raises(OptionError, match="derives from Strategy"):
        open_film(board, model=tiny_model, strategy="film_strategies:Chain")


def test_what_a_film_hands_out_can_be_painted_into(film: Film, tmp_path: Path) -> None:
    short = open_film(
        film.storyboard.model_copy(
            update={"video": Video(fps=12, frames=16), "scenes": film.storyboard.scenes[:1]}
        ),
        model=film.drawer.manifest.folder,  # type: ignore[attr-defined]
        store=tmp_path / "short",
    )
    before = short.frames()
    for picture in short.keys().pictures:
        picture[:] = 255
    short[3][:] = 255
    short.latents()[:] = 0
    assert np.array_equal(short.frames(), before)


def test_a_film_of_other_frames_or_seed_is_not_saved_as_its_file(
    board: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.yaml").symlink_to(board)
    for chosen in ({"frames": 30}, {"seed": 99}):
        other = open_film(board, model=tiny_model, **chosen).edit("reroll", scene="one")  # type: ignore[arg-type]
        for own in (None, board, board.name, "link.yaml"):
            with pytest.raises(StoryboardError, match="Save it elsewhere"):
                other.save(own)
        saved = other.save(board.parent / "other.yaml")
        assert load(saved) == other.storyboard
    assert board.read_text() == BOARD


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(film: Film, board: Path) -> None:
    first = film.edit("reroll", scene="one")
    first.save()
    second = first.edit("reroll", scene="two")
    second.save()
    assert load(board) == second.storyboard, "what films of this storyboard wrote may be written again"
    board.write_text(board.read_text().replace("A day", "Another"))
    for own in (None, board, os.path.relpath(board)):
        with pytest.raises(StoryboardError, match="changed since it was opened"):
            second.undo().save(own)
    assert "Another" in board.read_text()


def test_a_film_stays_where_it_was_opened(
    film: Film, board: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _picture(tmp_path)
    monkeypatch.chdir(tmp_path)
    relative = open_film("board.yaml", model=tiny_model).edit("pin", at=3, picture="red.png")
    relative.draw(0, 1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert relative.draw(0, 1).drawn == 0
    assert relative.edit("reroll", scene="three").save() == board
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_colon_in_a_path_is_no_address(
    board: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    film = open_film(board, model=tiny_model, store="st:ore")
    assert film.render("take:1.mp4", 0, 16).frames == count_frames("take:1.mp4") == 16


def test_changes_at_a_higher_rate_are_in_its_frames(film: Film) -> None:
    pytest.importorskip("cv2")
    edited = film.at(24).edit("prompt", scene="two", prompt="rabbit in the rain")
    assert edited.changed == range(40, 81)
    assert edited.prompt(40) == edited.prompt(80) == "rabbit in the rain" != edited.prompt(39)


@pytest.mark.parametrize(
    "crew",
    [{"executor": "guess"}, {"order": "guess"}, {"address": "here"}, {"workers": 0}, {"workers": "2"}],
)
def test_a_crew_that_there_is_not(crew: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        Crew(**crew)
    assert caught.value.option in crew


@pytest.mark.parametrize(
    "chosen",
    [
        {"seed": -1},
        {"seed": "5"},
        {"frames": 5.0},
        {"enlarged": 0},
        {"size": 0},
        {"fps": "fast"},
        {"strategy": 5},
    ],
)
def test_numbers_are_checked_when_a_film_is_opened(
    board: Path, tiny_model: Path, chosen: dict[str, Any]
) -> None:
    with pytest.raises(OptionError) as caught:
        open_film(board, model=tiny_model, **chosen)
    assert caught.value.option in chosen
    assert len(open_film(board, model=tiny_model, frames=np.int64(31), seed=np.uint8(3))) == 31  # type: ignore[arg-type]


def test_a_film_is_no_array_and_no_copy(film: Film) -> None:
    assert film[np.int8(-1)].shape == (16, 16, 3)
    assert {film: 1}[film] == 1
    with pytest.raises(TypeError, match="open it there"):
        pickle.dumps(film)
    with pytest.raises(ValueError, match="give start below stop"):
        film.latents(5, 5)
    with pytest.raises(ValueError, match="1 \\(the keyframes\\) or more"):
        film.draw(levels=0)
    with pytest.raises(OptionError, match="there is no such key"):
        film.edit("prompt", scene="two", promt="a fox")
