"""A job's key is its recipe, and nothing else."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from longtake.plan import Frame, Job
from longtake.plan.job import Place

PARAMS = {"seed": 1, "prompts": ["a fox", "a hen"], "shift": 1.5}


def test_the_key_is_the_recipe() -> None:
    job = Job("draw", (Frame("ab", 3),), PARAMS)
    assert job.key == Job("draw", (Frame("ab", 3),), dict(reversed(PARAMS.items()))).key
    others = [
        Job("draw", (Frame("ab", 4),), PARAMS),
        Job("draw", (Frame("ac", 3),), PARAMS),
        Job("draw", (), PARAMS),
        Job("draw", (Frame("ab", 3),), PARAMS | {"seed": 2}),
        Job("draw", (Frame("ab", 3),), PARAMS | {"prompts": ["a hen", "a fox"]}),
    ]
    assert len({job.key, *(other.key for other in others)}) == 6


def test_the_place_in_the_film_is_not_in_the_key() -> None:
    here, there = (Job("draw", (), PARAMS, place=Place(level=k), start=k) for k in (0, 2))
    assert here.key == there.key
    assert here == there
    assert len({here, there}) == 1


def test_a_key_means_the_same_in_every_process() -> None:
    job = Job("draw", (Frame("ab", 3),), PARAMS)
    assert pickle.loads(pickle.dumps(job)).key == job.key
    code = f"from longtake.plan import *; print(Job('draw', (Frame('ab', 3),), {PARAMS!r}).key)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == job.key


def test_a_parameter_that_is_not_a_number_has_no_key() -> None:
    with pytest.raises(ValueError, match="JSON"):
        _ = Job("draw", (), {"shift": float("nan")}).key
