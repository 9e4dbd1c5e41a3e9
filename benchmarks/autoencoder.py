"""Designs of the autoencoder, or of decoders, trained for the same processor time and held against the truth.

In one run the designs take turns: the next step is that of the one which has used the least processor time.
Every design sees the same frames in the same order and the same seeds; rates fall with the time that is left.
Then frames of validation episodes are encoded and decoded, and measured: all pixels, those in the boxes of
figures, and those of figures that move. Haze is the share of a figure's pixels with a weak edge. Costs are
the processor time per frame of a batch of 16, the median of several that take turns as well.

    python benchmarks/autoencoder.py --seconds 240 --out runs/vae
    python benchmarks/autoencoder.py --seconds 240 --out runs/decoders --size 256 --vae runs/vae/cells-8

With `--size` above 128, decoders to that size are learnt from the latents of frames of 128 pixels.
"""

from __future__ import annotations

import argparse
import copy
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from longtake.machine import has_bf16
from longtake.models.decoder import FrameDecoder
from longtake.models.load import network_in
from longtake.models.pixels import to_model, to_pixels
from longtake.models.vae import TKLVAE
from longtake.train.autoencoder import StillLoss, distance, spoil
from longtake.train.ema import decay_at, ema_copy, ema_update
from longtake.train.loop import step_seed
from longtake.train.muon import Muon, muon_names
from longtake.video import Pixels, write_png
from longtake.world.edition import CURRENT, world
from longtake.world.episodes import episode_seeds

Floats = NDArray[np.float64]
_SIDE = 128  # pixels of the frames that are encoded
_EPISODES = 4000  # that are trained on
_FRAMES = 4200  # of an episode, from its start
_MOVING = ("walk", "jump", "wave", "ball")
_EDGE = 24  # luma steps from pixel to pixel that count as an edge, of 255
_HAZE = (4, 30)  # luma steps that count as a weak edge
_NOISE = 0.25  # on latents, in their spread
_MOST_NOISE = 0.35  # in the training of decoders
_AT_ONCE, _COST_ROUNDS = 16, 8  # frames; the first round is not counted
_SHOWN = 8
_HEAD = (
    "| design | steps | dB | dB, figures | dB, moving figures | noisy dB | noisy dB, figures | haze "
    "| edges / true | posterior's noise | encode, ms | decode, ms |"
)
_RULE = "|---" * 12 + "|"


@dataclass(frozen=True, kw_only=True)
class Design:
    """A network and how it is trained."""

    network: Mapping[str, Any]  # arguments of TKLVAE, or of FrameDecoder.of
    kl_weight: float = 7e-4  # of an autoencoder, per latent number
    muon_lr: float = 3e-3
    adam_lr: float = 3e-3


def _cells_8(channels: list[int], blocks: list[int]) -> Design:
    """Cells of 8 pixels with 4 channels, folded 2x2; channels and blocks of the decoder's levels."""
    network = {
        "latent_channels": 16,
        "encoder_channels": [64, 112],
        "decoder_channels": channels,
        "decoder_blocks": blocks,
        "heads": 0,
        "temporal_decoder": False,
        "patch": 4,
        "fold": 2,
    }
    return Design(network=network, kl_weight=3e-3, muon_lr=6e-3, adam_lr=6e-3)


def _decoder(channels: list[int], blocks: list[int], shuffle: int = 4) -> Design:
    network = {"channels": channels, "blocks": blocks, "shuffle": shuffle}
    return Design(network=network, muon_lr=6e-3, adam_lr=6e-3)


_OLD = {
    "latent_channels": 16,
    "encoder_channels": [32, 64, 96, 160],
    "decoder_channels": [160, 128, 80],
    "temporal_decoder": False,
}
AUTOENCODERS = {
    "toon-128": Design(network=_OLD),
    "toon-128, faster": Design(network=_OLD, muon_lr=6e-3, adam_lr=6e-3),
    "cells-8": _cells_8([128, 80], [2, 2]),
    "cells-8-light": _cells_8([96, 64], [2, 2]),
    "cells-8-fine": _cells_8([96, 64, 32], [2, 2, 1]),
}
DECODERS = {
    256: {
        "96-64-32": _decoder([96, 64, 32], [2, 2, 1]),
        "128-80-32": _decoder([128, 80, 32], [2, 1, 1]),
        "96-80-32": _decoder([96, 80, 32], [2, 2, 0]),
    },
    512: {
        "128-96-64-24": _decoder([128, 96, 64, 24], [2, 2, 1, 1]),
        "96-64-48-24": _decoder([96, 64, 48, 24], [2, 2, 1, 1]),
        "128-96-64-32": _decoder([128, 96, 64, 32], [2, 2, 1, 0]),
    },
}


class Still(NamedTuple):
    """A frame of the world in two sizes, and its figures."""

    small: Pixels
    large: Pixels  # the same where only one size is asked for
    figures: list[tuple[str, tuple[float, float, float, float]]]  # action and box, in shares of the picture


def drawn_still(episode: int, number: int, size: int) -> Still:
    """The frame source: any frame of any episode."""
    cartoon = world(CURRENT)
    small = cartoon.frame(episode, number, _SIDE)
    large = small if size == _SIDE else cartoon.frame(episode, number, size)
    truth = cartoon.frame_truth(episode, number)
    return Still(small, large, [(actor.action, actor.box) for actor in truth.actors])


def stills(episodes: Sequence[int], seed: int, count: int, size: int) -> list[Still]:
    chance = random.Random(seed)
    return [drawn_still(chance.choice(episodes), chance.randrange(_FRAMES), size) for _ in range(count)]


def small_frames(batch: Sequence[Still]) -> Tensor:
    """`[B, 1, 3, H, W]` in [-1, 1]."""
    return to_model(np.stack([still.small for still in batch]))[:, None]


class Trained:
    """A design on its way: weights, their average, time used, steps done."""

    def __init__(self, design: Design, net: nn.Module, loss: Callable[..., Tensor]) -> None:
        self.design, self.net, self.loss, self.average = design, net.train(), loss, ema_copy(net)
        hidden = muon_names(net)
        named = dict(net.named_parameters())
        self.optimisers: list[torch.optim.Optimizer] = [
            Muon([p for name, p in named.items() if name in hidden], design.muon_lr),
            torch.optim.AdamW(
                [p for name, p in named.items() if name not in hidden],
                design.adam_lr,
                betas=(0.9, 0.95),
                weight_decay=0.0,
            ),
        ]
        self.rates = [design.muon_lr, design.adam_lr]
        self.used, self.steps = 0.0, 0

    def step(self, batch: Sequence[Still], seconds: float, bf16: bool) -> None:
        """One step; drawing its batch is not counted."""
        began = time.process_time()
        generator = torch.Generator().manual_seed(step_seed(0, self.steps, 0))
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = self.loss(self.net, batch, generator)
        self.net.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        rate = min(1.0, (self.steps + 1) / 30) * max(1.0 - self.used / seconds, 0.01)
        for optimiser, whole in zip(self.optimisers, self.rates, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = whole * rate
            optimiser.step()
        self.steps += 1
        ema_update(self.average, self.net, decay_at(self.steps, 0.99))
        self.used += time.process_time() - began


def still_loss(kl_weight: float, net: TKLVAE, batch: Sequence[Still], generator: torch.Generator) -> Tensor:
    frames = torch.from_numpy(np.stack([still.small for still in batch]))[:, None]
    return StillLoss(kl_weight=kl_weight)(net, frames, generator)[0]


def decoder_loss(
    vae: TKLVAE, net: FrameDecoder, batch: Sequence[Still], generator: torch.Generator
) -> Tensor:
    true = to_model(np.stack([still.large for still in batch]))[:, None]
    latents = vae.encode_latents(small_frames(batch))
    drawn: Tensor = net(spoil(latents, _MOST_NOISE, generator))
    return distance(drawn, true)


def train_all(runs: Mapping[str, Trained], seconds: float, size: int, batch: int) -> None:
    """Until each has used its time."""
    episodes, bf16 = episode_seeds("train", _EPISODES), has_bf16("cpu")
    while True:
        run = min(runs.values(), key=lambda run: run.used)
        if run.used >= seconds:
            return
        run.step(stills(episodes, run.steps, batch, size), seconds, bf16)


def settle(net: TKLVAE, frames: Sequence[Still]) -> float:
    """Put the latents' statistics into the network; returns the share of the posterior's noise."""
    with torch.no_grad():
        parts = [net.encode(small_frames(frames[k : k + _AT_ONCE])) for k in range(0, len(frames), _AT_ONCE)]
    mean = torch.cat([part.mean for part in parts])
    spread = mean.std(dim=(0, 1, 3, 4))
    noise = torch.cat([part.logvar for part in parts]).exp().mean(dim=(0, 1, 3, 4)).sqrt()
    net.set_statistics(mean.mean(dim=(0, 1, 3, 4)).tolist(), spread.tolist())
    return float((noise / spread).mean())


@torch.inference_mode()
def decoded(vae: Any, net: Any, frames: Sequence[Still], noise: float) -> list[Pixels]:
    """What `net` makes of the latents of `vae`."""
    generator, made = torch.Generator().manual_seed(0), list[Pixels]()
    for k in range(0, len(frames), _AT_ONCE):
        latents = vae.encode_latents(small_frames(frames[k : k + _AT_ONCE]))
        latents = latents + noise * torch.randn(latents.shape, generator=generator)
        made.extend(to_pixels(net.decode_latents(latents)[:, 0]))
    return made


def luma(picture: Pixels) -> Floats:
    weighted: Floats = picture @ np.array([0.299, 0.587, 0.114])
    return weighted


def steps_of(picture: Pixels) -> Floats:
    """Luma steps to the right and down, `[2, H - 1, W - 1]`."""
    y = luma(picture)
    return np.abs(np.stack([y[:-1, 1:] - y[:-1, :-1], y[1:, :-1] - y[:-1, :-1]]))


def mask_of(still: Still, actions: Sequence[str] | None) -> NDArray[np.bool_]:
    """Pixels in the boxes of figures that do one of these; None: of all figures."""
    side = len(still.large)
    mask = np.zeros((side, side), bool)
    for action, box in still.figures:
        if actions is None or action in actions:
            left, top, right, bottom = (min(max(round(edge * side), 0), side) for edge in box)
            mask[top:bottom, left:right] = True
    return mask


class Measured(NamedTuple):
    """Of all frames together, so that each pixel counts alike."""

    all: float  # dB
    figures: float  # dB
    moving: float  # dB
    haze: float  # share of figures' pixels
    edges: float  # as steep as the true ones


def measured(frames: Sequence[Still], made: Sequence[Pixels]) -> Measured:
    """What was made, beside the frames themselves."""
    true = [still.large for still in frames]
    errors = np.stack([np.square(m.astype(float) - t).mean(-1) for m, t in zip(made, true, strict=True)])
    figures, moving = (np.stack([mask_of(still, actions) for still in frames]) for actions in (None, _MOVING))
    steps, true_steps = (np.stack([steps_of(picture) for picture in row]) for row in (made, true))
    largest, is_edge = steps.max(axis=1), true_steps > _EDGE
    weak = (largest >= _HAZE[0]) & (largest <= _HAZE[1])

    def db(mask: NDArray[np.bool_]) -> float:
        return float(10 * np.log10(255**2 / max(errors[mask].mean(), 1e-9)))

    return Measured(
        all=db(np.ones_like(figures)),
        figures=db(figures),
        moving=db(moving),
        haze=float(weak[figures[:, :-1, :-1]].mean()),
        edges=float(steps[is_edge].sum() / true_steps[is_edge].sum()),
    )


@torch.inference_mode()
def costs(calls: Mapping[str, tuple[Any, Callable[[Any], Any]]]) -> dict[str, str]:
    """Milliseconds per frame of each network in its call, in float32 and, where it is worth it, bfloat16."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for dtype in (torch.float32, torch.bfloat16) if has_bf16("cpu") else (torch.float32,):
        nets = {name: nn.Module.to(copy.deepcopy(net), dtype) for name, (net, _) in calls.items()}
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(_COST_ROUNDS):
            for name, (_, call) in calls.items():
                began = time.process_time()
                call(nets[name])
                times[name].append((time.process_time() - began) / _AT_ONCE * 1000)
        for name, values in times.items():
            found[name].append(statistics.median(values[1:]))
    return {name: " / ".join(f"{value:.1f}" for value in values) for name, values in found.items()}


def encode_some(net: Any) -> None:
    net.encode_latents(
        torch.linspace(-1, 1, 3 * _SIDE * _SIDE).view(1, 1, 3, _SIDE, _SIDE).expand(_AT_ONCE, -1, -1, -1, -1)
    )


def decode_some(size: int, net: Any) -> None:
    side = size // net.factor
    net.decode_latents(torch.randn(_AT_ONCE, 1, net.config.latent_channels, side, side))


def close_up(still: Still, picture: Pixels) -> Pixels:
    """The first figure's surroundings, half a picture wide and high."""
    side = len(picture)
    left, top, right, bottom = still.figures[0][1]
    middles = (left + right) / 2, (top + bottom) / 2
    x, y = (min(max(round(middle * side) - side // 4, 0), side // 2) for middle in middles)
    crop, times = picture[y : y + side // 2, x : x + side // 2], max(1, 2 * _SIDE // (side // 2))
    return crop.repeat(times, axis=0).repeat(times, axis=1)


def sheet(frames: Sequence[Still], rows: Sequence[Sequence[Pixels]]) -> Pixels:
    """Figures, a row for each design."""
    shown = [k for k, still in enumerate(frames) if still.figures][:_SHOWN]
    return np.concatenate(
        [np.concatenate([close_up(frames[k], row[k]) for k in shown], axis=1) for row in rows], axis=0
    )


def begun(designs: Mapping[str, Design], vae: TKLVAE | None) -> dict[str, Trained]:
    """Autoencoders, or decoders of the latents of `vae`."""
    runs: dict[str, Trained] = {}
    for name, design in designs.items():
        torch.manual_seed(0)
        if vae is None:
            net, loss = TKLVAE(**design.network), partial(still_loss, design.kl_weight)
            runs[name] = Trained(design, net, loss)
        else:
            runs[name] = Trained(design, FrameDecoder.of(vae, **design.network), partial(decoder_loss, vae))
    return runs


def report(runs: Mapping[str, Trained], vae: TKLVAE | None, size: int, count: int, out: Path) -> None:
    """Networks, a table, and a picture of figures, the truth above."""
    frames = stills(episode_seeds("validation", 200), 0, count, size)
    truth = [still.large for still in frames]
    lines, rows = (
        [_HEAD, _RULE, f"| truth |{' |' * 6} {measured(frames, truth).haze:.3f} | 1 |{' |' * 3}"],
        [truth],
    )
    decoding = {name: (run.average, partial(decode_some, size)) for name, run in runs.items()}
    decode_cost = costs(decoding)
    encode_cost = (
        costs({name: (run.average, encode_some) for name, run in runs.items()}) if vae is None else {}
    )
    for name, run in runs.items():
        net: Any = run.average
        noise = "" if vae else f"{settle(net, stills(episode_seeds('train', 200), 1, 128, _SIDE)):.3f}"
        net.save_pretrained(out / name, safe_serialization=True)
        rows.append(decoded(vae or net, net, frames, 0.0))
        clean, noisy = (
            measured(frames, made) for made in (rows[-1], decoded(vae or net, net, frames, _NOISE))
        )
        values = *clean[:3], *noisy[:2]
        cells = [name, str(run.steps), *(f"{value:.2f}" for value in values)]
        cells += [
            f"{clean.haze:.3f}",
            f"{clean.edges:.3f}",
            noise,
            encode_cost.get(name, ""),
            decode_cost[name],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(lines)
    print(table)
    (out / "table.md").write_text(table + "\n")
    write_png(sheet(frames, rows), out / "figures.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=240, help="processor time of each design")
    parser.add_argument("--designs", nargs="+", help="names; all, unless given")
    parser.add_argument("--size", type=int, default=_SIDE, choices=(_SIDE, *DECODERS), help="pixels per side")
    parser.add_argument(
        "--vae", type=Path, help="folder of the autoencoder whose latents decoders learn from"
    )
    parser.add_argument("--batch", type=int, default=12, help="frames of a step")
    parser.add_argument("--frames", type=int, default=96, help="validation frames")
    parser.add_argument("--out", type=Path, required=True, help="folder of networks, table and picture")
    args = parser.parse_args()
    if (args.size > _SIDE) != (args.vae is not None):
        parser.error("give --vae with a --size above 128, and only then")
    designs = AUTOENCODERS if args.size == _SIDE else DECODERS[args.size]
    torch.set_num_threads(1)
    vae = network_in(args.vae).requires_grad_(False) if args.vae else None
    runs = begun({name: designs[name] for name in args.designs or designs}, vae)
    train_all(runs, args.seconds, args.size, args.batch)
    report(runs, vae, args.size, args.frames, args.out)


if __name__ == "__main__":
    main()
