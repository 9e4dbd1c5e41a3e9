"""A strategy of one's own: eight lines, in a script or in a module of the user's."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import planned
import pytest

from longtake.plan import Plan, PlannedScene, Timeline
from longtake.plan.edit import insert, set_prompt
from longtake.strategies import STRATEGIES, Chain, NuwaXL, Strategy, choose

ALL = slice(None)
LINE = Timeline((PlannedScene("a", 0, "a fox"), PlannedScene("b", 200, "an owl")), 400)
MODEL = planned.Model(
    keyframes=replace(planned.SAMPLING, steps=9),
    gaps=replace(planned.SAMPLING, steps=7),
    leaves=replace(planned.SAMPLING, steps=5),
)


class Every60(Strategy):
    name = "every-60"
    chain = Chain(16, 4)

    def strides(self, length: int) -> list[int]:
        return [60, 15, 1]


class Chosen60(Every60):
    """With an option, and no name."""

    @dataclass(frozen=True, kw_only=True)
    class Options(Strategy.Options):
        carried: int = 4

    def __init__(self, *asked: Any) -> None:
        super().__init__(*asked)
        self.chain = Chain(16, self.options.carried)


def film(wanted: Any = Every60, line: Timeline = LINE, **everywhere: Any) -> Plan:
    return choose(wanted).plan(line, 7, MODEL, **everywhere)


def test_keyframes_gaps_and_leaves_are_sampled_as_the_model_likes_it() -> None:
    plan = film()
    assert plan.strides == (60, 15, 1)
    assert plan.levels == [1, 7, 27]
    jobs = list(plan.missing((), ALL))
    assert len(jobs) == plan.jobs_total
    assert {(job.level, job.spec.sampling.steps) for job in jobs} == {(0, 9), (1, 7), (2, 5)}
    assert {job.spec.sampling.steps for job in film(steps=3).missing((), ALL)} == {3}
    shown = [one.start + k for one in plan.shown(ALL) for k in range(len(one.indices))]
    assert shown == list(range(400))
    (image,) = film(line=LINE.first(1)).missing((), ALL)
    assert image.spec.times == (0,)


def test_a_broken_run_goes_on_and_an_edit_draws_what_it_touches() -> None:
    plan = film()
    jobs = [job.key for job in plan.missing((), ALL)]
    assert [job.key for job in plan.missing(set(jobs[:20]), ALL)] == jobs[20:]
    edited = set_prompt(plan, "b", "a hen").plan
    fresh = list(edited.missing(set(jobs), ALL))
    assert 0 < len(fresh) < len(jobs)
    assert all("a hen" in job.spec.prompts for job in fresh)
    assert all(edited.leaf(i) == plan.leaf(i) for i in range(180))
    longer = insert(plan, "n", 100, 30, "a frog").plan
    assert longer.count_missing(set(jobs)) == len(list(longer.missing(set(jobs), ALL))) < 8


def test_it_may_be_handed_over_as_it_is() -> None:
    chosen = choose(Every60)
    assert (chosen.text, chosen.strategy, chosen.pipelines) == ("every-60", Every60, {})
    assert [choose(name).strategy for name in STRATEGIES] == list(STRATEGIES.values())
    assert choose("nuwa-xl") == replace(choose(NuwaXL), sampling=choose("nuwa-xl").sampling)
    assert choose(Chosen60).text == "Chosen60"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a module of the user's in it."""
    (tmp_path / "my_strategies.py").write_text(
        "from dataclasses import dataclass\n"
        "from longtake.strategies import Chain, Strategy\n"
        "class Every60(Strategy):\n"
        "    @dataclass(frozen=True, kw_only=True)\n"
        "    class Options(Strategy.Options):\n"
        "        carried: int = 4\n"
        "    @property\n"
        "    def chain(self):\n"
        "        return Chain(16, self.options.carried)\n"
        "    def strides(self, length):\n"
        "        return [60, 15, 1]\n"
        "wrong = 3\n"
    )
    (tmp_path / "broken.py").write_text("class Every60(:\n")
    (tmp_path / "lacking.py").write_text("import nosuchlib\n")
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_strategies", raising=False)
    return tmp_path


def test_it_may_be_named_by_its_module_in_the_current_folder(folder: Path) -> None:
    plan = film("my_strategies:Every60")
    assert [job.key for job in plan.missing((), ALL)] == [job.key for job in film().missing((), ALL)]
    chosen = film("my_strategies:Every60:carried=2:leaves.steps=4")
    assert chosen.strategy.chain == Chain(16, 2)
    assert {job.spec.sampling.steps for job in chosen.missing((), ALL)} == {9, 7, 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("my_strategys:Every60", "'my_strategys' is no strategy .*, and no module either: No module named"),
        ("broken:Every60", "the module broken cannot be imported: SyntaxError: invalid syntax"),
        ("lacking:Every60", "the module lacking cannot be imported: No module named 'nosuchlib'"),
        ("leaving:Every60", "the module leaving cannot be imported: SystemExit: 3"),
        ("my_strategies:wrong", "my_strategies has no strategy 'wrong': name a class"),
        ("my_strategies:Every61", "my_strategies has no strategy 'Every61'"),
        ("my_strategies", "use nuwa-xl, lvdm, vidrd, videogen, or MODULE:CLASS of your own"),
        ("my_strategies:Every60:carried=few", "carried: Input should be a valid integer"),
        ("my_strategies:Every60:guided=2", "'guided=2' is no option of Every60"),
        (":Every60", "no module either"),
        (".own:Every60", "no module either"),
    ],
)
def test_mistakes_have_a_remedy(folder: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose(text)


def test_clips_that_are_too_long_for_the_model_are_refused() -> None:
    class Every100(Every60):
        def strides(self, length: int) -> list[int]:
            return [100, 1]

    with pytest.raises(ValueError, match="clips of 101 frames, as Every100 has them, do not go with a model"):
        film(Every100).leaf(0)
