"""What a run computes in: bfloat16 where its device has it, else float32; it may go on in the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from short_numbers import ShortNumbers
from torch import Tensor, nn

from longtake.models.layers import adam_
from longtake.train.checkpoint import load_newest
from longtake.train.loop import TrainConfig, train

SHORT = TrainConfig(
    steps=12, batch=8, muon_lr=1e-2, adam_lr=1e-2, warmup=3, save_every=4, log_every=2, precision="bf16"
)


def net(seed: int = 0) -> nn.Module:
    """With a hidden layer, which is Muon's."""
    torch.manual_seed(seed)
    first, last = adam_(nn.Linear(4, 8)), adam_(nn.Linear(8, 1))
    return nn.Sequential(first, nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), last)


def batches(step: int, rank: int, world: int) -> Tensor:
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(step * world + rank))


def loss(model: nn.Module, x: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
    return (model(x) - x[:, :1].sin()).square().mean(), {}


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def has_bf16(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Says whether this machine has it, from then on."""
    return lambda has: monkeypatch.setattr("longtake.machine._cpu_has_bf16", lambda: has)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("has", [False, True])
def test_bfloat16_is_computed_with_where_the_device_has_it(
    has: bool, precision: str, has_bf16: Callable[[bool], None], tmp_path: Path
) -> None:
    """By the network if that is asked for, and by Muon's products."""
    has_bf16(has)
    config = replace(SHORT, precision=precision)
    with ShortNumbers() as seen:
        train(net(), loss, batches, config, tmp_path)
    assert ("baddbmm" in seen.operations) == has
    assert ("addmm" in seen.operations) == ("tanh" in seen.operations) == (has and precision == "bf16")
    assert has or not seen.operations
    computed = {"precision": precision if has else "fp32", "muon_precision": "bf16" if has else "fp32"}
    assert all(computed.items() <= line.items() for line in lines(tmp_path))
    state = load_newest(tmp_path).state
    assert state["computed"] == computed
    assert state["config"]["precision"] == precision, "what was asked for stays asked for"


@pytest.mark.parametrize("first", [True, False])
def test_a_run_goes_on_in_the_other_numbers(
    first: bool, has_bf16: Callable[[bool], None], tmp_path: Path
) -> None:
    """Begun where there is bfloat16 and ended where there is none, or the other way round."""

    def nine(step: int, rank: int, world: int) -> Tensor:
        if step == 9:
            raise KeyboardInterrupt
        return batches(step, rank, world)

    has_bf16(first)
    with pytest.raises(KeyboardInterrupt):
        train(net(), loss, nine, SHORT, tmp_path / "run")
    begun = load_newest(tmp_path / "run")
    assert begun.state["step"] == 8
    for part in (begun.model, begun.ema, begun.optimiser):
        assert {weight.dtype for weight in part.values()} == {torch.float32}
    has_bf16(not first)
    with ShortNumbers() as seen:
        ended = train(net(seed=99), loss, batches, SHORT, tmp_path / "run")
    assert bool(seen.operations) == (not first)
    told = [line["precision"] for line in lines(tmp_path / "run")]
    assert told == ["bf16" if first else "fp32"] * 4 + ["fp32" if first else "bf16"] * 2
    has_bf16(False)
    start = net()
    exact = train(net(), loss, batches, SHORT, tmp_path / "exact")
    assert 0 < distance(ended, exact) < 0.1 * distance(start, exact)


def distance(a: nn.Module, b: nn.Module) -> float:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return sum(float((x - y).square().sum()) for x, y in pairs) ** 0.5


SCRIPT = """
import os, sys
from pathlib import Path
sys.path[:0] = {folders!r}
import torch
import precision_test as t
from longtake import machine
out, having = Path(sys.argv[1]), sys.argv[2]
machine._cpu_has_bf16 = lambda: os.environ["RANK"] == having
ema = t.train(t.net(), t.loss, t.batches, t.SHORT, out)
torch.save(ema.state_dict(), out / ("rank" + os.environ["RANK"] + ".pt"))
"""


def launch(out: Path, having: str) -> list[dict[str, Tensor]]:
    """The weights that each of two processes ends with; the one of rank `having` has bfloat16."""
    out.mkdir()
    tests = Path(__file__).parents[1]
    (script := out / "script.py").write_text(SCRIPT.format(folders=[str(tests / "train"), str(tests)]))
    paths = os.pathsep.join([str(tests.parent), os.environ.get("PYTHONPATH", "")])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    subprocess.run([*torchrun, str(script), str(out), having], check=True, env=environment)
    return [torch.load(out / f"rank{rank}.pt") for rank in range(2)]


@pytest.mark.slow
def test_processes_on_unlike_machines_compute_in_what_all_of_them_have(tmp_path: Path) -> None:
    """Or they would exchange Muon's matrices in two sizes."""
    (first, second), (exact, _) = launch(tmp_path / "one", "0"), launch(tmp_path / "none", "")
    for name, weight in exact.items():
        assert torch.equal(first[name], weight)
        assert torch.equal(second[name], weight)
    last = lines(tmp_path / "one")[-1]
    assert (last["precision"], last["muon_precision"]) == ("fp32", "fp32")
