"""How fast a recipe trains and its model draws, as a share of what the machine can do.

Measures in one run, on the CPU or an accelerator: the matrix product's ceiling; a training step of the
recipe's denoiser (forward, backward, optimisers, random latents); and one network evaluation as the sampler
makes it. All in bfloat16 where the device has it, else in float32; the result says in which. Prints clips per
second and the share of the ceiling: model FLOPs are those of matrix products and convolutions as PyTorch
counts them (`torch.utils.flop_counter`), for a step of training three times forward.

    python benchmarks/throughput.py --recipe toon-128-25min --device cuda
    OMP_NUM_THREADS=1 python benchmarks/throughput.py --recipe toon-128 --batch 10
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from longtake.draw.load import number_type
from longtake.models.unet import MaskTemporalUNet
from longtake.models.vae import TKLVAE
from longtake.recipes import RECIPES, Recipe
from longtake.recipes.stages.denoiser import denoising_loss
from longtake.train.denoiser import ClipBatch
from longtake.train.loop import train

LENGTH = 16


def clips(recipe: Recipe, batch: int, device: torch.device) -> ClipBatch:
    """Random latents in the shape of the recipe's, two prompts to a clip."""
    channels = recipe.denoiser.network["latent_channels"]
    with torch.device("meta"):
        side = recipe.size // TKLVAE(**recipe.autoencoder.network).factor
    tokens = recipe.text.network.get("registers", 8)
    shape = (batch, LENGTH, channels, side, side)
    return ClipBatch(
        torch.randn(shape, device=device).half(),
        torch.arange(float(LENGTH), device=device).expand(batch, -1),
        torch.randn(2 * batch + 1, tokens, recipe.text.network["width"], device=device),
        torch.randint(1, 2 * batch + 1, (batch, LENGTH), device=device),
        torch.zeros(batch, LENGTH, dtype=torch.bool, device=device),
    )


def seconds(work: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Median wall time of `work`, after one call that does not count."""
    taken = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken[1:])


def ceiling(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP per second of a matrix product, the best of a few sizes."""
    best = 0.0
    for size in (1024, 2048) if device.type == "cpu" else (4096, 8192):
        a, b = torch.randn(2, size, size, device=device, dtype=dtype)
        best = max(best, 2 * size**3 / seconds(partial(torch.matmul, a, b), device, 5))
    return best


def forward(net: nn.Module, batch: ClipBatch) -> Tensor:
    """One evaluation, nothing known."""
    x = batch.latents.to(next(net.parameters()).dtype)
    t = torch.full(batch.time.shape, 0.5, device=x.device)
    given = batch.given(torch.zeros_like(x[:, :, :1])).without_known().to(x.dtype)
    out: Tensor = net(x, t, given)
    return out


def training(
    recipe: Recipe, batch: ClipBatch, device: torch.device, steps: int
) -> tuple[float, dict[str, str]]:
    """Seconds of a training step, the loop's own without its first half; and what it was computed in."""
    config = replace(
        recipe.denoiser.training, steps=steps, log_every=1, save_every=10**9, sheet_every=10**9, warmup=1
    )
    with TemporaryDirectory() as folder:
        model = MaskTemporalUNet(**recipe.denoiser.network)
        train(model, denoising_loss(recipe.denoiser), lambda *_: batch, config, Path(folder), device=device)
        lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    ends: list[float] = [line["seconds"] for line in lines]
    taken = statistics.median(b - a for a, b in zip(ends[steps // 2 :], ends[steps // 2 + 1 :], strict=False))
    return taken, {name: lines[-1][name] for name in ("precision", "muon_precision")}


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", default="toon-128", choices=list(RECIPES))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, help="clips of a training step (default: the recipe's)")
    parser.add_argument("--steps", type=int, default=10, help="of training")
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile in training, as the recipe says"
    )
    args = parser.parse_args()
    device = torch.device(args.device)
    recipe = RECIPES[args.recipe]()
    batch = args.batch or recipe.denoiser.training.batch
    config = recipe.denoiser.training
    config = replace(config, batch=batch, compile=args.compile and config.compile)
    recipe = replace(recipe, denoiser=replace(recipe.denoiser, training=config))
    torch.manual_seed(0)
    dtype = number_type("bf16", device.type)
    most = ceiling(device, dtype)
    batch_of_clips = clips(recipe, batch, device)
    net = MaskTemporalUNet(**recipe.denoiser.network).eval().requires_grad_(False)
    net = nn.Module.to(net, device=device, dtype=dtype)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        forward(net, clips(recipe, 1, device))
    flops = counter.get_total_flops()
    four = clips(recipe, 4, device)
    with torch.inference_mode():
        drawing = seconds(lambda: forward(net, four), device, 5) / 4
    step, computed = training(recipe, batch_of_clips, device, args.steps)
    result = {
        "recipe": recipe.name,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "ceiling_and_evaluation_precision": "bf16" if dtype == torch.bfloat16 else "fp32",
        **{f"training_{name}": numbers for name, numbers in computed.items()},
        "parameters": sum(p.numel() for p in net.parameters()),
        "forward_gflop_per_clip": flops / 1e9,
        "ceiling_tflops": most / 1e12,
        "training_clips_per_second": batch / step,
        "training_share_of_ceiling": 3 * flops * batch / step / most,
        "evaluations_per_second": 1 / drawing,
        "evaluation_share_of_ceiling": flops / drawing / most,
    }
    print(
        json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in result.items()}, indent=1)
    )


if __name__ == "__main__":
    main()
