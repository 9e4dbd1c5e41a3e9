"""A job's key is its recipe, and nothing else."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace

import planned
import pytest

from longtake.plan import ClipSpec, Frame, Job
from longtake.plan.job import Place

SPEC = ClipSpec(
    times=(0, 1),
    prompts=("a fox", "a hen"),
    rows=(0, 1),
    known=(0,),
    seed=1,
    model="m",
    sampling=planned.SAMPLING,
)


def test_the_key_is_the_recipe() -> None:
    job = Job(SPEC, (Frame("ab", 3),))
    assert job.key == Job(replace(SPEC), (Frame("ab", 3),)).key
    others = [
        Job(SPEC, (Frame("ab", 4),)),
        Job(SPEC, (Frame("ac", 3),)),
        Job(SPEC),
        Job(replace(SPEC, seed=2), (Frame("ab", 3),)),
        Job(replace(SPEC, prompts=("a hen", "a fox")), (Frame("ab", 3),)),
    ]
    assert len({job.key, *(other.key for other in others)}) == 6


def test_the_place_in_the_film_is_not_in_the_key() -> None:
    here, there = (Job(SPEC, place=Place(level=k), start=k) for k in (0, 2))
    assert here.key == there.key
    assert here == there
    assert len({here, there}) == 1


def test_a_key_means_the_same_in_every_process() -> None:
    job = Job(SPEC, (Frame("ab", 3),))
    assert pickle.loads(pickle.dumps(job)).key == job.key
    code = f"import pickle; print(pickle.loads({pickle.dumps(replace(job))!r}).key)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == job.key


def test_a_parameter_that_is_not_a_number_has_no_key() -> None:
    with pytest.raises(ValueError, match="JSON"):
        _ = Job(replace(SPEC, known_level=float("nan"))).key
