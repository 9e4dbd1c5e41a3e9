"""A copy is known in any codec, size and rate; another film, also from the same camera, is no copy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from films import scenes

from longtake.ingest.near_duplicates import Thumbnails, is_copy, share_pictures, thumbnail
from longtake.video import Pixels


def signed(frames: Iterable[Pixels], rate: int = 12) -> Thumbnails:
    kept = list(frames)[rate // 2 :: rate]
    return np.stack([thumbnail(frame) for frame in kept])


def test_a_coarser_copy_is_the_same_film() -> None:
    film = list(scenes(1, [60, 60, 60]))
    noise = np.random.default_rng(0)
    small = [
        np.clip(f[::2, ::2].astype(int) + noise.integers(-9, 10, (32, 32, 3)), 0, 255).astype(np.uint8)
        for f in film
    ]
    assert is_copy(signed(film), signed(small))
    assert share_pictures(signed(film), signed(small))


def test_another_film_is_not() -> None:
    one, other = signed(scenes(1, [60, 60, 60])), signed(scenes(2, [60, 60, 60]))
    assert not is_copy(one, other)
    assert not share_pictures(one, other)


def test_a_piece_is_no_copy_but_akin() -> None:
    film = list(scenes(1, [60, 60, 60, 60]))
    piece = film[60:156]
    for one, other in ((film, piece), (piece, film)):
        assert not is_copy(signed(one), signed(other))
        assert share_pictures(signed(one), signed(other))


def test_two_moments_of_a_still_camera_are_akin_but_no_copies() -> None:
    room = next(iter(scenes(3, [1])))
    films = []
    for start in (0, 30):
        film = [room.copy() for _ in range(120)]
        for k, frame in enumerate(film):
            left = (start + k // 6) % 52
            frame[10:54, left : left + 10] = 250  # someone walks by
        films.append(signed(film))
    assert not is_copy(*films)


def test_black_says_nothing() -> None:
    black = np.zeros((9, 144), np.uint8)
    assert not is_copy(black, black)
    assert not share_pictures(black, black)
    assert not share_pictures(black, signed(scenes(1, [120])))
