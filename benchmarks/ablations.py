"""What matters for quality: small networks, equal steps, one thing changed at a time, on held-out clips.

Reads the latent cache and the text encoder of a run (`longtake train latents`), trains one small denoiser per
arm and seed on all but the last clips of the cache, and compares on these: the error at four noise levels of
keyframes with nothing known and of gaps between known ends, and how near drawn gaps come to the truth.

    python benchmarks/ablations.py --run runs/toon-128 --out runs/ablations --arms all --seeds 0 1 --steps 300

Finished arms are kept in --out and not trained again. Prints the table as Markdown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from longtake.conditions.text import SmallTextEncoder
from longtake.diffusion import SAMPLERS, SCHEDULES, Denoiser, Network, pin, times
from longtake.diffusion.condition import enter, only_known
from longtake.diffusion.schedule import diffuse
from longtake.given import Given
from longtake.machine import has_bf16
from longtake.models.load import load_network
from longtake.models.unet import MaskTemporalUNet
from longtake.recipes import RECIPES, Recipe
from longtake.recipes.stages.clips import clip_lengths
from longtake.recipes.stages.denoiser import denoising_loss
from longtake.train.clip_cache import ClipCache, open_cache
from longtake.train.denoiser import WIDE, ClipBatch, cached_batches, encode_captions
from longtake.train.loop import train

Change = Callable[[Recipe], Recipe]
Spacings = NDArray[np.float64]  # median film frames between neighbours, of each clip
TIMES = (0.15, 0.4, 0.65, 0.9)  # noise levels at which the loss is measured
HELD_OUT = 400  # clips at the cache's end, never trained on
MEASURED = 32  # held-out clips per kind


@dataclass(frozen=True, kw_only=True)
class Arm:
    """What is changed: the recipe, the masks that clips are trained with, the clips that are trained on."""

    recipe: Change = lambda recipe: recipe
    masks: Mapping[str, Any] = field(default_factory=dict)  # "wide", "narrow" -> regimes
    clips: Callable[[Spacings], NDArray[np.bool_]] = lambda spacings: np.ones(len(spacings), bool)


def network(**changes: Any) -> Arm:
    """An arm with another network."""

    def change(recipe: Recipe) -> Recipe:
        part = recipe.denoiser
        return replace(recipe, denoiser=replace(part, network={**part.network, **changes}))

    return Arm(recipe=change)


def training(**changes: Any) -> Arm:
    """An arm whose denoiser is trained otherwise."""
    return Arm(recipe=lambda recipe: replace(recipe, denoiser=replace(recipe.denoiser, **changes)))


def without_references(recipe: Recipe) -> Recipe:
    return replace(recipe, clips=replace(recipe.clips, reference_steps=0.0))


def every_other(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All clips but every second one of the chosen."""
    kept = ~chosen
    kept[np.flatnonzero(chosen)[::2]] = True
    return kept


ARMS: dict[str, Arm] = {
    "base": Arm(),
    "nearest known latents not told": network(nearest=False),
    "times not told": network(spaced=False),
    "prompt by cross-attention only": network(summarised=False),
    "injection: none": network(inject_down=False, inject_up=False),
    "injection: down only": network(inject_up=False),
    "injection: up only": network(inject_down=False),
    "no full attention in the middle": network(middle=0),
    "top level 64 channels": network(channels=[64, 192]),
    "flow prediction": training(prediction="flow"),
    "cosine schedule, v": training(schedule="cosine", prediction="v"),
    "noise level: logit-normal mean 0": training(time_mean=0.0),
    "noise level: logit-normal mean 0.6": training(time_mean=0.6),
    "known frames never noised": training(known_noise=0.0),
    "known frames noised up to 0.4": training(known_noise=0.4),
    "leaves weigh as much as keyframes": training(weights=(1.0, 1.0, 1.0)),
    "no clips with references": Arm(recipe=without_references),
    "masks: only none and both ends": Arm(masks={"wide": {"none": 1.0}, "narrow": {"ends": 1.0}}),
    "masks: as many random ones": Arm(
        masks={"wide": {"none": 0.5, "frames": 0.5}, "narrow": {"ends": 0.5, "frames": 0.5}}
    ),
    "spacings: only 1, 15 and 225": Arm(clips=lambda spacings: np.isin(spacings, (1, 15, 225))),
    "spacings: half as many leaves": Arm(clips=lambda spacings: every_other(spacings == 1)),
    "spacings: half as many keyframes": Arm(clips=lambda spacings: every_other(spacings >= WIDE)),
}


class HeldOut:
    """Clips of one kind that no arm was trained on, with what is known of them."""

    def __init__(self, cache: ClipCache, text: Tensor, rows: np.ndarray, ends: bool) -> None:
        part = replace_rows(cache, rows)
        self.batch: ClipBatch = cached_batches(part, text, len(rows), lengths={16: 1.0})(0, 0, 1)
        self.latents = self.batch.latents.float()
        b, t, _, h, w = self.latents.shape
        self.mask = torch.zeros(b, t, 1, h, w)
        if ends:
            self.mask[:, [0, -1]] = 1.0
        self.noise = torch.randn(self.latents.shape, generator=torch.Generator().manual_seed(5))

    def given(self) -> Given:
        """What the network is given beside the noisy latents."""
        return replace(self.batch.given(self.mask), known=only_known(self.latents, self.mask))


def replace_rows(cache: ClipCache, rows: np.ndarray) -> ClipCache:
    """The clips `rows` of `cache`."""
    return replace(
        cache, latents=cache.latents[rows], numbers=cache.numbers[rows], prompts=cache.prompts[rows]
    )


def spacings_of(cache: ClipCache, rows: np.ndarray) -> Spacings:
    """Median film frames between neighbours of the clips `rows`."""
    own = cache.numbers.shape[1] - cache.references
    return np.median(np.diff(cache.numbers[rows, :own], axis=1), axis=1)


@torch.no_grad()
def loss_of(net: MaskTemporalUNet, clips: HeldOut, chosen: Recipe) -> float:
    """Mean squared error of the latents over unknown cells and the noise levels `TIMES`.

    The error of x0, whatever the network predicts, so that predictions and schedules can be compared.
    """
    schedule = SCHEDULES[chosen.denoiser.schedule]
    given, free = clips.given(), 1 - clips.mask
    denoiser = Denoiser(evaluate(net), schedule, chosen.denoiser.prediction)
    errors = []
    for level in TIMES:
        t = torch.full(clips.batch.time.shape, level)
        x = diffuse(clips.latents, clips.noise, t, schedule)
        x, seen = enter(x, t, given, clips.noise, torch.zeros_like(t), schedule)
        x0 = denoiser.denoise(x, seen, given)
        error = ((x0 - clips.latents).square() * free).sum() / free.expand_as(x0).sum()
        errors.append(error.item())
    return statistics.mean(errors)


@torch.no_grad()
def gap_errors(net: MaskTemporalUNet, clips: HeldOut, chosen: Recipe) -> dict[str, float]:
    """Root mean square errors of gaps, in the latents' own spread: drawn, and interpolated between the ends.

    "moved" is the error of what changes from frame to frame: flicker and wrong motion.
    """
    schedule = SCHEDULES[chosen.denoiser.schedule]
    denoiser = Denoiser(evaluate(net), schedule, chosen.denoiser.prediction)
    pinned = pin(denoiser.denoise, clips.given(), clips.noise, schedule)
    drawn = SAMPLERS["ddim"](pinned, clips.noise, times(8, 1.5), schedule)
    share = torch.linspace(0, 1, drawn.shape[1])[:, None, None, None]
    linear = clips.latents[:, :1] * (1 - share) + clips.latents[:, -1:] * share
    inner = slice(1, -1)

    def error(guess: Tensor, true: Tensor) -> float:
        return (guess - true).square().mean().sqrt().item()

    return {
        "drawn": error(drawn[:, inner], clips.latents[:, inner]),
        "linear": error(linear[:, inner], clips.latents[:, inner]),
        "moved": error(drawn.diff(dim=1), clips.latents.diff(dim=1)),
    }


def evaluate(net: MaskTemporalUNet) -> Network:
    """The network in bfloat16 autocast, where that is faster."""

    def run(x: Tensor, t: Tensor, given: Given) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bf16("cpu")):
            out: Tensor = net(x, t, given)
        return out.float()

    return run


def measure(
    arm: Arm, base: Recipe, cache: ClipCache, text: Tensor, seed: int, steps: int, out: Path
) -> dict[str, float]:
    """Trains one arm and measures it; a finished one is read."""
    result = out / "result.json"
    if result.exists():
        kept: dict[str, float] = json.loads(result.read_text())
        return kept
    torch.manual_seed(seed)
    chosen, batch = arm.recipe(base), 10
    config = replace(
        chosen.denoiser.training,
        steps=steps,
        batch=batch,
        seed=seed,
        compile=False,
        log_every=25,
        save_every=100,
    )
    rows = np.arange(len(cache) - HELD_OUT)
    training = replace_rows(cache, rows[arm.clips(spacings_of(cache, rows))])
    loss = replace(denoising_loss(chosen.denoiser), **arm.masks)
    lengths = clip_lengths(chosen.clips)
    batches = cached_batches(training, text, batch, seed=seed, lengths=lengths)
    began = time.process_time()
    net = train(MaskTemporalUNet(**chosen.denoiser.network), loss, batches, config, out)
    spent = time.process_time() - began
    rows = np.arange(len(cache) - HELD_OUT, len(cache))
    spacing = spacings_of(cache, rows)
    kinds = {"keyframes": spacing >= WIDE, "gaps": (spacing >= 8) & (spacing < WIDE), "leaves": spacing == 1}
    values: dict[str, float] = {"seconds": spent, "parameters": sum(p.numel() for p in net.parameters())}
    for name, chosen_rows in kinds.items():
        clips = HeldOut(cache, text, rows[chosen_rows][:MEASURED], ends=name != "keyframes")
        values[f"{name} loss"] = loss_of(net, clips, chosen)
        if name != "keyframes":
            values |= {f"{name} {what}": value for what, value in gap_errors(net, clips, chosen).items()}
    result.write_text(json.dumps(values, indent=1) + "\n")
    return values


COLUMNS = (
    "keyframes loss", "gaps loss", "leaves loss", "gaps drawn", "leaves drawn", "leaves moved", "seconds",
)  # fmt: skip


def table(arms: Mapping[str, list[dict[str, float]]]) -> str:
    """Mean and half the range over seeds of every arm, as Markdown."""
    lines = ["| arm | parameters | " + " | ".join(COLUMNS) + " |", "|---" * (2 + len(COLUMNS)) + "|"]
    for name, runs in arms.items():
        cells = [f"{runs[0]['parameters'] / 1e6:.1f}M"]
        for column in COLUMNS:
            values = [run[column] for run in runs]
            mean, spread = statistics.mean(values), (max(values) - min(values)) / 2
            cells.append(f"{mean:.0f}" if column == "seconds" else f"{mean:.3f} ± {spread:.3f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    runs = next(iter(arms.values()))
    plain = ", ".join(f"{kind} {runs[0][f'{kind} linear']:.3f}" for kind in ("gaps", "leaves"))
    return "\n".join([*lines, "", f"Linear interpolation of the latents, for comparison: {plain}."])


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of a run with text and latents")
    parser.add_argument("--recipe", default="toon-128", help="what the arms change")
    parser.add_argument("--out", type=Path, required=True, help="folder of the arms' runs")
    parser.add_argument("--arms", default="all", help=f"all, or of: {'; '.join(ARMS)}; separated by ;")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, default=300, help="of 10 clips each")
    args = parser.parse_args()
    names = list(ARMS) if args.arms == "all" else [name.strip() for name in args.arms.split(";")]
    base = RECIPES[args.recipe]()
    cache = open_cache(args.run / "latents")
    encoder = load_network(SmallTextEncoder, args.run / "model" / "text")
    text = encode_captions(cache.captions, encoder.eval().requires_grad_(False), args.run / "text")
    runs: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        for name in names:
            folder = args.out / f"{name.replace(' ', '-').replace(':', '').replace(',', '')}-{seed}"
            run = measure(ARMS[name], base, cache, text, seed, args.steps, folder)
            runs.setdefault(name, []).append(run)
            print(f"{name}, seed {seed}: {run}", flush=True)
    print(table(runs))


if __name__ == "__main__":
    main()
