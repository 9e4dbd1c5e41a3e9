"""A copy is known in any codec, size and rate; another film, also from the same camera, is no copy."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from films import scenes

from longtake.ingest.likeness import Signature, akin, same, small_grey
from longtake.video import Pixels


def signed(frames: Iterable[Pixels], rate: int = 12) -> Signature:
    kept = list(frames)[rate // 2 :: rate]
    return np.stack([small_grey(frame) for frame in kept])


def test_a_coarser_copy_is_the_same_film() -> None:
    film = list(scenes(1, [60, 60, 60]))
    noise = np.random.default_rng(0)
    small = [
        np.clip(f[::2, ::2].astype(int) + noise.integers(-9, 10, (32, 32, 3)), 0, 255).astype(np.uint8)
        for f in film
    ]
    assert same(signed(film), signed(small))
    assert akin(signed(film), signed(small))


def test_another_film_is_not() -> None:
    one, other = signed(scenes(1, [60, 60, 60])), signed(scenes(2, [60, 60, 60]))
    assert not same(one, other)
    assert not akin(one, other)


def test_a_piece_is_no_copy_but_akin() -> None:
    film = list(scenes(1, [60, 60, 60, 60]))
    piece = film[60:156]
    for one, other in ((film, piece), (piece, film)):
        assert not same(signed(one), signed(other))
        assert akin(signed(one), signed(other))


def test_two_moments_of_a_still_camera_are_akin_but_no_copies() -> None:
    room = next(iter(scenes(3, [1])))
    films = []
    for start in (0, 30):
        film = [room.copy() for _ in range(120)]
        for k, frame in enumerate(film):
            left = (start + k // 6) % 52
            frame[10:54, left : left + 10] = 250  # someone walks by
        films.append(signed(film))
    assert not same(*films)


def test_black_says_nothing() -> None:
    black = np.zeros((9, 144), np.uint8)
    assert not same(black, black)
    assert not akin(black, black)
    assert not akin(black, signed(scenes(1, [120])))
