"""The table of controls comes out as it must, on films of the test split with the probes of the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from cartoon import CARTOON

from longtake.evaluate.catalogue import CATALOGUE
from longtake.evaluate.controls import controls_of
from longtake.evaluate.intervals import film_values
from longtake.evaluate.measured import Row
from longtake.evaluate.probes import probes_of
from longtake.evaluate.report import scales_for
from longtake.evaluate.rows import Measuring
from longtake.evaluate.score import row_verdict

FRAMES = 1024
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "controls.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("controls_benchmark", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def rows(benchmark: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    how = Measuring(tmp_path_factory.mktemp("seen"), probes_of(1), workers=2)
    return {row.name: row for row in benchmark.measured(CARTOON, "test", 3, FRAMES, 1, how)}


def mean(rows: dict[str, Row], row: str, measure: str) -> float:
    return float(np.nanmean(film_values(rows[row], measure)))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_telling_cells_have_margins(rows: dict[str, Row]) -> None:
    def of(measure: str, row: str = "ground truth") -> float:
        return mean(rows, row, measure)

    assert of("scene_accuracy") > 0.97
    for row in ("other script", "shuffled", "frozen", "reversed", "scenes permuted"):
        assert of("scene_accuracy", row) < 0.3, row
    assert of("action_accuracy", "frozen per scene") < of("action_accuracy") - 0.2
    assert of("count_accuracy", "doubled figure") < of("count_accuracy") - 0.2
    assert of("identity_far") < 0.03
    for row in ("forgets per scene", "clips glued"):
        assert of("identity_far", row) > 5 * of("identity_far"), row
    assert of("revisit_far", "forgets per scene") > 5 * of("revisit_far")
    assert 0.4 < of("seam_fine") < 0.6
    for row in ("clips glued", "seams only"):
        assert of("seam_fine", row) > 0.95, row
    assert of("cut_recall") > 0.9
    assert of("cut_recall", "shuffled in 16") < 0.6
    assert of("tau") > 0.95
    assert of("tau", "reversed") < -0.9
    assert abs(of("lag_ratio", "shuffled in 16")) < 0.7 * of("lag_ratio")
    assert of("flicker", "flicker") > 10 * of("flicker")
    assert of("drift_correctness", "drifts") < -0.1 < of("drift_correctness")
    assert of("fd_motion", "blur") > 1.5 * of("fd_motion")
    assert of("fd_motion", "noise") > 1.5 * of("fd_motion")
    assert of("memorised", "training clips") > 0.5
    assert of("diversity", "one cast") < 0.05


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_control_is_caught_and_ground_truth_is_not(rows: dict[str, Row]) -> None:
    scales = scales_for(1, FRAMES)[1]
    caught = {
        name: [each for each in CATALOGUE if row_verdict(rows[name], each, scales.get(each)) == "fails"]
        for name in controls_of(CARTOON)
    }
    assert caught.pop("ground truth") == []
    assert [name for name, found in caught.items() if not found] == []
