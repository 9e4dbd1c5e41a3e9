"""Known frames come back as they were, and nothing else jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.draw.backends.blend import with_known


def grey(value: int) -> np.ndarray:
    return np.full((2, 2, 3), value, np.uint8)


@given(
    values=st.lists(st.integers(0, 255), min_size=9, max_size=9),
    known=st.dictionaries(st.integers(0, 8), st.integers(0, 255)),
    reach=st.integers(1, 12),
)
def test_known_frames_are_exact_and_others_move_less_the_farther_away(
    values: list[int], known: dict[int, int], reach: int
) -> None:
    drawn = np.stack([grey(v) for v in values]).astype(np.float32) / 255
    made = with_known(drawn, {k: grey(v) for k, v in known.items()}, reach)[:, 0, 0, 0].astype(int)
    for k, value in enumerate(values):
        if k in known:
            assert made[k] == known[k]
            continue
        away = [abs(k - other) for other in known]
        if not away or min(away) >= reach:
            assert made[k] == value
        most = sum(abs(v - values[p]) * max(0, 1 - abs(k - p) / reach) for p, v in known.items())
        assert abs(made[k] - value) <= most + 1


def test_a_miss_fades_out() -> None:
    drawn = np.stack([grey(100)] * 9).astype(np.float32) / 255
    made = with_known(drawn, {0: grey(140), 8: grey(100)}, 4)
    assert made[:, 0, 0, 0].tolist() == [140, 130, 120, 110, 100, 100, 100, 100, 100]
    alone = with_known(drawn, {0: grey(140)}, 1)
    assert alone[:, 0, 0, 0].tolist() == [140] + [100] * 8


def test_it_stops_at_the_next_known_frame() -> None:
    drawn = np.stack([grey(100)] * 9).astype(np.float32) / 255
    made = with_known(drawn, {0: grey(100), 2: grey(140), 3: grey(100)}, 8)
    assert made[:, 0, 0, 0].tolist() == [100, 135, 140, 100, 100, 100, 100, 100, 100]


def test_what_is_not_finite_is_refused() -> None:
    drawn = np.zeros((1, 2, 2, 3), np.float32)
    drawn[0, 1, 1, 1] = np.nan
    with pytest.raises(ValueError, match="use dtype=bf16 or fp32"):
        with_known(drawn, {}, 4)
