"""The training loop: one for every network; what differs is the loss and the batches it is handed.

All that happens in a step is a function of the step's number: the batch, the noise (a generator seeded from
seed, step and rank) and the learning rate. So a killed and resumed run equals an unbroken one, bit for bit.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from longtake.files import seed_of
from longtake.machine import has_bf16
from longtake.train.checkpoint import Checkpoint, load_newest, save
from longtake.train.ema import decay_at, ema_copy, ema_update
from longtake.train.feed import feed
from longtake.train.log import Log, save_sheet
from longtake.train.muon import Muon, muon_names
from longtake.train.processes import average, broadcast, processes
from longtake.train.shard import as_part, shard, whole, whole_tensors

Loss = Callable[[Any, Any, torch.Generator], tuple[Tensor, dict[str, Tensor]]]
M = TypeVar("M", bound=nn.Module)


class NonFiniteLossError(ArithmeticError):
    """A loss or gradient is infinite or no number; the message names the step as `batches` knew it."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long, how fast, and how often to look."""

    steps: int  # of the whole run, also where it resumes
    batch: int  # clips per step and process; told to the log, the batches come from `batches`
    muon_lr: float  # of hidden matrices
    adam_lr: float  # of all else
    warmup: int  # steps in which the rates rise from nothing
    final_lr_fraction: float = 0.0  # of the rates, reached linearly at the last step
    decay: float = 1.0  # share of the steps after the warm-up in which the rates fall: the last ones
    weight_decay: float = 0.0  # decoupled, of matrices only
    grad_clip: float = 1.0  # largest norm of all gradients together
    ema: float = 0.995  # longest decay of the averaged weights
    seed: int = 0  # of the noise
    log_every: int = 10  # steps
    save_every: int = 500  # steps
    sheet_every: int = 500  # steps
    precision: Literal["fp32", "bf16"] = "fp32"  # bf16: autocast where the device has it; weights are float32
    compile: bool = False  # torch.compile: a minute or two at the start, then 1.3 times faster
    recompute: bool = False  # blocks compute twice and keep less for their gradients
    sharded: bool = False  # each process keeps a part of the weights only (FSDP2)
    keep: int = 2  # newest checkpoints that stay

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every", "save_every", "sheet_every", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} is too small: use 1 or more")
        if not 0 < self.decay <= 1:
            raise ValueError(
                f"decay = {self.decay} is no share of the steps: use a number above 0, at most 1"
            )
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision {self.precision!r} is unknown: use 'fp32' or 'bf16'")


def rate_at(step: int, config: TrainConfig) -> float:
    """Fraction of the learning rates in `step` (from 0): linear warm-up, a level stretch, linear decay.

    A run that stays level for long can be resumed with more steps and loses little.
    """
    if step < config.warmup:
        return (step + 1) / config.warmup
    left = min(1.0, (config.steps - step) / max(config.decay * (config.steps - config.warmup), 1))
    return config.final_lr_fraction + (1 - config.final_lr_fraction) * left


def step_seed(seed: int, step: int, rank: int) -> int:
    """Seed of a step's noise in one process: 63 bits of a hash, so that neighbours share nothing."""
    return seed_of(f"{seed}/{step}/{rank}") >> 1


def train(
    model: M,
    loss: Loss,
    batches: Callable[[int, int, int], Any],
    config: TrainConfig,
    out_dir: Path,
    sheet: Callable[[M, int], Any] | None = None,
    device: str | torch.device = "cpu",
    workers: int = 0,
) -> M:
    """Train the parameters of `model` that require gradients; returns a copy with the averaged weights.

    Args:
        model: trained in place.
        loss: `(model, batch, generator) -> (mean loss of the batch, further numbers for the log)`. It calls
            `model`, which may be its compiled twin; all chance comes from the generator, on `device`.
        batches: `(step, rank, world) -> batch`: tensors, or tuples, lists or dicts of them.
        out_dir: of checkpoints, `log.jsonl` and `sheets/`. Resumes from the newest checkpoint found there.
        sheet: `(averaged model, steps done) -> uint8 picture [H, W, 3]`.
        device: of this process; under `torchrun`, "cuda" is each process's own GPU.
        workers: processes that make batches ahead; 0: they are made when asked for.

    Raises:
        NonFiniteLossError: in any process; the last checkpoint stays as it was.
        KeyboardInterrupt: after the first SIGINT or SIGTERM, when the step is done and saved.
        ValueError: the checkpoint in `out_dir` is of another model.
    """
    with processes(device) as (rank, world, own), _stop_requests() as stop:
        model.train()
        if config.recompute:
            _recompute(model)
        sharded = config.sharded and world > 1
        if sharded:
            averaged, ema = ema_copy(model), ema_copy(model)
            shard(model, own)
            shard(ema, own)
        else:
            broadcast(model.to(own))
            averaged = ema = ema_copy(model)
        short = _all_have_bf16(own)
        autocast = short and config.precision == "bf16"
        optimisers = _optimisers(model, config, torch.bfloat16 if short else torch.float32)
        done, seconds = _resume(model, ema, optimisers, out_dir)
        trained = [p for p in model.parameters() if p.requires_grad]
        # Each clip length for itself: with lengths left open the compiler fails on this network (torch 2.13).
        net: Any = torch.compile(model, dynamic=False) if config.compile else model  # the same weights
        computed = {"precision": _name_of(autocast), "muon_precision": _name_of(short)}
        clips = config.batch * world
        with Log(out_dir, config.steps, done, seconds, clips, own, computed, first=rank == 0) as log:
            steps = range(done, config.steps)
            for step, fed in zip(steps, feed(batches, steps, rank, world, workers), strict=True):
                generator = torch.Generator(own).manual_seed(step_seed(config.seed, step, rank))
                batch = _moved(fed, own)
                with torch.autocast(own.type, torch.bfloat16, enabled=autocast):
                    value, metrics = loss(net, batch, generator)
                for p in trained:
                    p.grad = None
                value.backward()  # type: ignore[no-untyped-call]
                names = ["loss", *sorted(metrics)]
                mine = [value, *(metrics[name] for name in names[1:]), value.new_tensor(float(stop.is_set()))]
                exchanged = [] if sharded else trained  # a sharded network averages its gradients itself
                numbers = average(exchanged, torch.stack([number.detach().float() for number in mine]))
                norm = whole(nn.utils.clip_grad_norm_(trained, config.grad_clip))
                *values, stopping, size = [*numbers.tolist(), norm.item()]
                if not (math.isfinite(values[0]) and math.isfinite(size)):
                    raise NonFiniteLossError(
                        f"step {step}: the loss is {values[0]}, the gradient's norm {size}. The last "
                        f"checkpoint in {out_dir} is whole: look at batch {step}, "
                        "or start again at lower rates"
                    )
                rate = rate_at(step, config)
                for optimiser in optimisers:
                    for group in optimiser.param_groups:
                        group["lr"] = group["base"] * rate
                    optimiser.step()
                ema_update(ema, model, decay_at(step, config.ema))
                last, count = stopping > 0 or step + 1 == config.steps, step + 1
                log.add(dict(zip(names, values, strict=True)) | {"grad_norm": size})
                if count % config.log_every == 0 or last:
                    log.write(count, {"lr": config.muon_lr * rate})
                if (rank == 0 or sharded) and (count % config.save_every == 0 or last):
                    state = {"step": count, "seconds": log.seconds, "world": world, "config": asdict(config)}
                    checkpoint = _checkpoint(model, ema, optimisers, state | {"computed": computed})
                    if rank == 0:
                        save(checkpoint, out_dir, config.keep)
                shown = count % config.sheet_every == 0 or count == config.steps
                if sheet and shown and (rank == 0 or sharded):  # all draw with a sharded network
                    picture = sheet(ema, count)
                    if rank == 0:
                        save_sheet(picture, out_dir, count)
                if stopping > 0:
                    raise KeyboardInterrupt(
                        f"stopped after {count} of {config.steps} steps; run again to go on"
                    )
        if sharded:
            _gather(ema, averaged)
        return averaged


def _recompute(model: nn.Module) -> None:
    enable = getattr(model, "enable_gradient_checkpointing", None)
    if enable is None or not getattr(model, "_supports_gradient_checkpointing", False):
        raise ValueError(f"{type(model).__name__} keeps all for its gradients: leave `recompute` out")
    enable()


@torch.no_grad()
def _gather(ema: nn.Module, gathered: nn.Module) -> None:
    """Put the weights of a sharded network into its whole twin, in every process."""
    for mine, sharded in zip(gathered.state_dict().values(), ema.state_dict().values(), strict=True):
        mine.copy_(whole(sharded))


def _all_have_bf16(own: torch.device) -> bool:
    """Whether every process has it: what one computes goes to the others as it is."""
    return average([], torch.tensor([float(has_bf16(own.type))], device=own)).item() == 1


def _name_of(short: bool) -> str:
    return "bf16" if short else "fp32"


def _optimisers(model: nn.Module, config: TrainConfig, products: torch.dtype) -> list[torch.optim.Optimizer]:
    hidden = muon_names(model)
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    matrices = [p for name, p in named if name in hidden]
    others = [p for name, p in named if name not in hidden and p.ndim >= 2]
    vectors = [p for name, p in named if p.ndim < 2]
    optimisers: list[torch.optim.Optimizer] = []
    if matrices:
        decay = config.weight_decay
        optimisers.append(Muon(matrices, config.muon_lr, weight_decay=decay, dtype=products))
    if others or vectors:
        decayed = {"params": others, "weight_decay": config.weight_decay}
        groups = [decayed, {"params": vectors, "weight_decay": 0.0}]
        optimisers.append(torch.optim.AdamW(groups, config.adam_lr, betas=(0.9, 0.95), fused=True))
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["base"] = group["lr"]
    return optimisers


def _checkpoint(
    model: nn.Module, ema: nn.Module, optimisers: list[torch.optim.Optimizer], state: dict[str, Any]
) -> Checkpoint:
    memory: dict[str, Tensor] = {}
    for optimiser in optimisers:
        for name, p in model.named_parameters():
            memory |= {f"{key}/{name}": tensor for key, tensor in optimiser.state.get(p, {}).items()}
    weights, average = whole_tensors(model.state_dict()), whole_tensors(ema.state_dict())
    return Checkpoint(weights, average, whole_tensors(memory), state)


def _resume(
    model: nn.Module, ema: nn.Module, optimisers: list[torch.optim.Optimizer], out_dir: Path
) -> tuple[int, float]:
    """Steps done and seconds spent so far, after the newest checkpoint, if any, was put into its places."""
    checkpoint = load_newest(out_dir)
    if checkpoint is None:
        return 0, 0.0
    try:
        for net, kept in ((model, checkpoint.model), (ema, checkpoint.ema)):
            places = net.state_dict()
            net.load_state_dict({name: as_part(t, places.get(name, t)) for name, t in kept.items()})
    except RuntimeError as error:
        raise ValueError(f"{out_dir} holds a run of another model; give another folder. {error}") from error
    groups = [(optimiser, group) for optimiser in optimisers for group in optimiser.param_groups]
    owner = {id(p): optimiser for optimiser, group in groups for p in group["params"]}
    params = dict(model.named_parameters())
    for key, tensor in checkpoint.optimiser.items():
        kind, name = key.split("/", 1)
        p = params[name]
        if id(p) in owner:
            if tensor.shape == p.shape:
                owner[id(p)].state[p][kind] = torch.empty_like(p).detach().copy_(as_part(tensor, p))
            else:
                owner[id(p)].state[p][kind] = tensor.to(p.device)
    return checkpoint.state["step"], checkpoint.state["seconds"]


def _moved(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {key: _moved(part, device) for key, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(_moved(part, device) for part in batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(_moved(part, device) for part in batch)
    return batch


@contextmanager
def _stop_requests() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; the second does what it always does."""
    stop = threading.Event()
    before: dict[int, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
