"""Strategies whose clips would not fit together are refused with the remedy."""

from __future__ import annotations

from typing import Any

import planned
import pytest

from longtake.plan import Chain, Plan, PlannedScene, Strategy, Timeline

LINE = Timeline((PlannedScene("a", 0, "a fox"),), 46)


@pytest.mark.parametrize(
    "strides", [[10, 3, 1], [7, 2], [15], [], [15, 0], [1, 15], [-15, 1], [0, 1], [1, 1]]
)
def test_strides_that_are_no_multiples(strides: list[int]) -> None:
    class Mine(Strategy):
        def strides(self, length: int) -> list[int]:
            return strides

    with pytest.raises(ValueError, match="each must be a multiple of the next one"):
        Plan.of(Mine(planned.Model()), LINE)


@pytest.mark.parametrize("chain", [Chain(16, 16), Chain(0, 0), Chain(16, -1)])
def test_chains_that_do_not_move_on(chain: Chain) -> None:
    class Mine(Strategy):
        def strides(self, length: int) -> list[int]:
            return [15, 1]

    Mine.chain = chain
    with pytest.raises(ValueError, match="fewer than it has"):
        Plan.of(Mine(planned.Model()), LINE)


def test_integers_of_numpy_are_integers_and_what_is_missing_is_said() -> None:
    np = pytest.importorskip("numpy")

    class Mine(Strategy):
        def strides(self, length: int) -> Any:
            return np.array([15, 1])

    plan = Plan.of(Mine(planned.Model()), LINE)
    assert plan.levels == [1, 3]
    assert len({job.key for job in plan.missing((), slice(None))}) == 4
    with pytest.raises(NotImplementedError, match="write a method strides"):
        Plan.of(Strategy(planned.Model()), LINE)
