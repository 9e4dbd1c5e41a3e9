"""Training: a killed and resumed run equals an unbroken one, processes agree, and what stops a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from longtake.models.layers import adam_
from longtake.train.checkpoint import load_newest, newest
from longtake.train.ema import decay_at, ema_copy, ema_update
from longtake.train.loop import NonFiniteLossError, TrainConfig, rate_at, step_seed, train
from longtake.train.muon import Muon, muon_names, orthogonalise

CONFIG = TrainConfig(
    steps=12, batch=8, muon_lr=1e-2, adam_lr=1e-2, warmup=3, weight_decay=0.1, save_every=4, log_every=2
)


class Net(nn.Module):
    """A first layer, two hidden ones (matrix, kernel), a table, a last layer, and one that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.first = adam_(nn.Linear(4, 8))
        self.hidden = nn.Linear(8, 8)
        self.kernel = nn.Conv1d(8, 8, 3, padding=1)
        self.table = nn.Embedding(3, 8)
        self.last = adam_(nn.Linear(8, 1))
        self.unused = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.first(x)) + self.table.weight[0]
        h = torch.tanh(self.kernel(torch.tanh(self.hidden(h))[..., None])[..., 0])
        out: Tensor = self.last(h)
        return out


def net(seed: int = 0) -> Net:
    torch.manual_seed(seed)
    return Net()


def batches(step: int, rank: int, world: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(step * world + rank)
    x = torch.randn(8, 4, generator=generator)
    return {"x": x, "y": (x[:, :1] + x[:, 1:2]).sin()}


def loss(
    model: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    noise = 0.1 * torch.randn(batch["x"].shape, generator=generator, device=batch["x"].device)
    error = (model(batch["x"] + noise) - batch["y"]).square().mean()
    return error, {"root": error.sqrt()}


class Stopped(Exception):
    """What ends a run in the middle of a step here."""


def until(last: int) -> Callable[[int, int, int], dict[str, Tensor]]:
    def some(step: int, rank: int, world: int) -> dict[str, Tensor]:
        if step == last:
            raise Stopped
        return batches(step, rank, world)

    return some


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_the_loss_falls(tmp_path: Path) -> None:
    fast = replace(CONFIG, steps=60, log_every=10, save_every=60, muon_lr=0.05, adam_lr=0.05)
    train(net(), loss, batches, fast, tmp_path)
    losses = [line["loss"] for line in lines(tmp_path)]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("stops", [[5], [11], [2, 4, 7, 11]])
def test_a_broken_run_equals_an_unbroken_one(tmp_path: Path, stops: list[int], precision: str) -> None:
    config = replace(CONFIG, precision=precision)
    whole, part = net(), net()
    ema = train(whole, loss, batches, config, tmp_path / "whole")
    for last in stops:
        with pytest.raises(Stopped):
            train(part, loss, until(last), config, tmp_path / "part")
        # once there is a checkpoint, the weights that the model came with do not matter
        part = net() if newest(tmp_path / "part") is None else net(seed=99)
    again = train(part, loss, batches, config, tmp_path / "part")
    assert same(part, whole)
    assert same(again, ema)
    assert load_newest(tmp_path / "part").optimiser.keys() == load_newest(tmp_path / "whole").optimiser.keys()
    for key, value in load_newest(tmp_path / "whole").optimiser.items():
        assert torch.equal(load_newest(tmp_path / "part").optimiser[key], value)
    kept = [
        {k: v for k, v in line.items() if k in ("step", "loss", "root", "lr")}
        for line in lines(tmp_path / "whole")
    ]
    assert (
        [line["step"] for line in lines(tmp_path / "part")]
        == [line["step"] for line in kept]
        == [2, 4, 6, 8, 10, 12]
    )
    if stops == [11]:  # from a checkpoint on a line's border the log is the same as well
        assert [line["loss"] for line in lines(tmp_path / "part")] == [line["loss"] for line in kept]


def test_a_finished_run_does_nothing(tmp_path: Path) -> None:
    ema, model = train(net(), loss, batches, CONFIG, tmp_path), net(seed=5)
    assert same(train(model, loss, until(0), CONFIG, tmp_path), ema)


def test_only_what_requires_gradients_and_gets_them_is_changed(tmp_path: Path) -> None:
    model, before = net(), net()
    model.first.requires_grad_(False)
    ema = train(model, loss, batches, CONFIG, tmp_path)
    for got in (model, ema):
        assert same(got.first, before.first)
        assert same(got.unused, before.unused)  # no gradient: not even weight decay
        assert not same(got.hidden, before.hidden)
    assert not any("first" in key or "unused" in key for key in load_newest(tmp_path).optimiser)


def test_checkpoints_are_whole_or_absent_and_few(tmp_path: Path) -> None:
    train(net(), loss, batches, replace(CONFIG, save_every=1, keep=3), tmp_path)
    assert sorted(p.name for p in tmp_path.glob("*step*")) == [f"step-{n:08d}" for n in (10, 11, 12)]
    assert newest(tmp_path) == tmp_path / "step-00000012"
    (tmp_path / ".step-00000013").mkdir()  # as a run that was killed while it saved would leave it
    assert newest(tmp_path) == tmp_path / "step-00000012"


def test_another_model_is_refused(tmp_path: Path) -> None:
    train(net(), loss, batches, CONFIG, tmp_path)
    with pytest.raises(ValueError, match="another folder"):
        train(nn.Linear(2, 2), loss, batches, CONFIG, tmp_path)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run_with_its_step(tmp_path: Path, bad: float) -> None:
    def poisoned(step: int, rank: int, world: int) -> dict[str, Tensor]:
        batch = batches(step, rank, world)
        return batch | {"y": batch["y"] + bad} if step == 7 else batch

    model = net()
    with pytest.raises(NonFiniteLossError, match=r"^step 7: "):
        train(model, loss, poisoned, CONFIG, tmp_path)
    assert newest(tmp_path) == tmp_path / "step-00000004"
    assert all(p.isfinite().all() for p in model.parameters())


def test_one_process_alone_keeps_all_of_a_sharded_network(tmp_path: Path) -> None:
    plain, sharded = (
        train(net(), loss, batches, replace(CONFIG, sharded=shared), tmp_path / str(shared))
        for shared in (False, True)
    )
    assert same(plain, sharded)


def test_a_network_that_cannot_compute_twice_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Net keeps all for its gradients: leave `recompute` out"):
        train(net(), loss, batches, replace(CONFIG, recompute=True), tmp_path)


def test_interrupt_saves_and_the_run_goes_on(tmp_path: Path) -> None:
    def interrupted(step: int, rank: int, world: int) -> dict[str, Tensor]:
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return batches(step, rank, world)

    before, part, whole = signal.getsignal(signal.SIGINT), net(), net()
    with pytest.raises(KeyboardInterrupt, match="7 of 12"):
        train(part, loss, interrupted, CONFIG, tmp_path / "part")
    assert signal.getsignal(signal.SIGINT) is before
    assert newest(tmp_path / "part") == tmp_path / "part" / "step-00000007"
    train(part, loss, batches, CONFIG, tmp_path / "part")
    train(whole, loss, batches, CONFIG, tmp_path / "whole")
    assert same(part, whole)


def test_sheets_show_the_average(tmp_path: Path) -> None:
    seen: list[tuple[int, bool, bool]] = []

    def sheet(model: nn.Module, step: int) -> Tensor:
        seen.append((step, model.training, any(p.requires_grad for p in model.parameters())))
        return torch.full((4, 6, 3), step, dtype=torch.uint8)

    train(net(), loss, batches, replace(CONFIG, sheet_every=5), tmp_path, sheet)
    assert seen == [(5, False, False), (10, False, False), (12, False, False)]
    picture = np.asarray(Image.open(tmp_path / "sheets" / "step-00000010.png"))
    assert picture.shape == (4, 6, 3)
    assert (picture == 10).all()


def test_the_log_says_what_happened(tmp_path: Path) -> None:
    train(net(), loss, batches, replace(CONFIG, steps=5, log_every=3), tmp_path)
    first, last = lines(tmp_path)
    assert (first["step"], last["step"]) == (3, 5)
    assert first["lr"] == pytest.approx(1e-2)
    assert {"loss", "root", "grad_norm", "clips_per_second", "seconds", "peak_memory_mib"} < first.keys()


def test_tensorboard_shows_the_same_numbers(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(net(), loss, batches, replace(CONFIG, steps=5, log_every=3), tmp_path)
    events = accumulator.EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    shown = [(event.step, event.value) for event in events.Scalars("loss")]
    assert shown == [(line["step"], pytest.approx(line["loss"], rel=1e-4)) for line in lines(tmp_path)]


def test_rates_rise_and_fall() -> None:
    config = replace(CONFIG, steps=103, warmup=3, final_lr_fraction=0.1)
    rates = [rate_at(step, config) for step in range(104)]
    assert rates[:4] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert rates[53] == pytest.approx(0.55)
    assert rates[103] == pytest.approx(0.1)
    level = [rate_at(step, replace(config, decay=0.2)) for step in range(104)]
    assert level[3:84] == [1] * 81
    assert level[93] == pytest.approx(0.55)
    assert level[103] == pytest.approx(0.1)
    assert len({step_seed(s, i, r) for s in range(4) for i in range(50) for r in range(4)}) == 800


@pytest.mark.parametrize("change", [{"steps": 0}, {"precision": "fp8"}, {"keep": 0}, {"decay": 0.0}])
def test_config_mistakes_say_what_to_do(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="use"):
        replace(CONFIG, **change)


def test_average_of_weights_has_a_closed_form() -> None:
    model = nn.Linear(3, 3).double()
    values = [p.detach().clone() for p in model.parameters()]
    ema = ema_copy(model)
    history = []
    for step in range(20):
        with torch.no_grad():
            for p in model.parameters():
                p += torch.randn(p.shape, generator=torch.Generator().manual_seed(step), dtype=p.dtype)
        history.append([p.detach().clone() for p in model.parameters()])
        ema_update(ema, model, 0.9)
    for i, p in enumerate(ema.parameters()):
        expected = 0.9**20 * values[i] + sum(0.1 * 0.9 ** (19 - k) * h[i] for k, h in enumerate(history))
        torch.testing.assert_close(p, expected)
    assert [decay_at(0, 0.99), decay_at(8, 0.99), decay_at(10_000, 0.99)] == pytest.approx([0.1, 0.5, 0.99])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(32, 64), (64, 32), (48, 48)])
def test_orthogonalise(shape: tuple[int, int], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(3, *shape, generator=generator) * torch.tensor([1e-4, 1.0, 1e4])[:, None, None]
    made = orthogonalise(matrices, dtype).float()
    singular = torch.linalg.svdvals(made)
    assert singular.min() > 0.3  # the smallest of a square random matrix are still on their way up
    assert singular.max() < 1.3
    assert singular.median() == pytest.approx(1.0, abs=0.25)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(made.flatten(1), (u @ v).flatten(1)).min() > 0.95


def test_muons_update_has_the_size_of_adams() -> None:
    for shape in ((64, 32), (16, 64, 3, 3)):
        p = nn.Parameter(torch.zeros(shape))
        p.grad = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        Muon([p], lr=0.1).step()
        assert 0.7 * 0.02 < p.square().mean().sqrt().item() < 1.2 * 0.02  # singular values 0.7 to 1.2
        assert (p * p.grad).sum() < 0


def test_muon_refuses_vectors_and_knows_its_own() -> None:
    with pytest.raises(ValueError, match="AdamW"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)
    assert muon_names(net()) == {"hidden.weight", "kernel.weight", "unused.weight"}
    model = net()
    model.hidden.requires_grad_(False)
    assert muon_names(model) == {"kernel.weight", "unused.weight"}
    assert muon_names(adam_(net())) == set()


SCRIPT = """
import sys, time
from pathlib import Path
from dataclasses import replace
sys.path.insert(0, {folder!r})
import loop_test as t
import torch
out, rank_pause = Path(sys.argv[1]), float(sys.argv[2])
def slow(step, rank, world):
    time.sleep(rank_pause)
    return t.batches(step, rank, world)
import os
model = t.net(seed=int(os.environ.get("RANK", "0")))  # ranks start apart: the first one's weights count
ema = t.train(model, t.loss, slow, replace(t.CONFIG, steps=int(sys.argv[3])), out)
torch.save([model.state_dict(), ema.state_dict()], out / ("rank" + os.environ.get("RANK", "0") + ".pt"))
"""


def launch(out: Path, pause: float = 0.0, steps: int = 12, processes: int = 1) -> subprocess.Popen[bytes]:
    out.mkdir(parents=True, exist_ok=True)
    script = out / "script.py"
    script.write_text(SCRIPT.format(folder=str(Path(__file__).parent)))
    parallel = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    start = [
        sys.executable,
        *(parallel if processes > 1 else []),
        str(script),
        str(out),
        str(pause),
        str(steps),
    ]
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        start, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    )


def result(out: Path, rank: int = 0) -> list[dict[str, Tensor]]:
    weights: list[dict[str, Tensor]] = torch.load(out / f"rank{rank}.pt")
    return weights


def equal(a: list[dict[str, Tensor]], b: list[dict[str, Tensor]]) -> bool:
    return all(torch.equal(x[k], y[k]) for x, y in zip(a, b, strict=True) for k in x)


@pytest.mark.slow
def test_a_run_that_is_killed_equals_an_unbroken_one(tmp_path: Path) -> None:
    assert launch(tmp_path / "whole").wait() == 0
    run = launch(tmp_path / "killed", pause=0.2)
    while newest(tmp_path / "killed") is None:
        time.sleep(0.02)
    time.sleep(0.3)  # somewhere in the steps after the checkpoint
    run.kill()
    assert run.wait() == -signal.SIGKILL
    assert newest(tmp_path / "killed") != tmp_path / "killed" / "step-00000012"
    assert launch(tmp_path / "killed").wait() == 0
    assert equal(result(tmp_path / "killed"), result(tmp_path / "whole"))


@pytest.mark.slow
def test_two_processes_agree_and_resume(tmp_path: Path) -> None:
    assert launch(tmp_path / "whole", processes=2).wait() == 0
    assert equal(result(tmp_path / "whole", 0), result(tmp_path / "whole", 1))
    run = launch(tmp_path / "part", pause=0.3, processes=2)
    while newest(tmp_path / "part") is None:
        time.sleep(0.02)
    run.terminate()
    assert run.wait() != 0
    assert newest(tmp_path / "part") != tmp_path / "part" / "step-00000012"
    assert launch(tmp_path / "part", processes=2).wait() == 0
    for rank in range(2):
        assert equal(result(tmp_path / "part", rank), result(tmp_path / "whole", 0))
