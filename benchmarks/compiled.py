"""Would torch.compile pay for drawing? Time of an evaluation, time to compile, and whether batches agree.

    python benchmarks/compiled.py --model toon-128 --rounds 20

One thread, the network of the model in bf16, clips of 16 frames, alone and in threes, with known ends.
Medians of rounds that alternate between the two. `render` draws clips alone or together as they come, and
promises that a clip is the same either way: so the last column counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from longtake.draw.load import ready
from longtake.manifest import DEFAULT_MODEL, find_model

Inputs = dict[str, torch.Tensor]


def inputs(clips: int, channels: int, side: int, text: int) -> Inputs:
    chance = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(3, *shape, generator=chance)[:clips].bfloat16()

    mask = torch.zeros(clips, 16, 1, side, side, dtype=torch.bfloat16)
    mask[:, [0, 15]] = 1
    return {
        "x": normal(16, channels, side, side),
        "t": torch.full((clips, 16), 0.6),
        "time": torch.arange(16.0).expand(clips, 16),
        "text": torch.randn(2, 8, text, generator=chance).bfloat16(),
        "prompt": torch.ones(clips, 16, dtype=torch.long),
        "known": normal(16, channels, side, side),
        "mask": mask,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a shipped model or a folder")
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    net = ready(find_model(asked.model) / "unet", torch.bfloat16, "cpu")
    told = net.config.latent_channels, 8, net.config.text_channels
    ways: dict[str, Callable[..., torch.Tensor]] = {
        "as it is": net,
        "compiled": torch.compile(net, dynamic=False),
    }
    table = Table(
        "network", "s until the first result", "ms per clip, alone", "in threes", "alone = in threes"
    )
    alone, threes = inputs(1, *told), inputs(3, *told)
    with torch.inference_mode():
        first, same = {}, {}
        for name, way in ways.items():
            begun = time.monotonic()
            together, one = way(**threes), way(**alone)
            first[name], same[name] = time.monotonic() - begun, torch.equal(together[:1], one)
        spent: dict[tuple[str, int], list[float]] = {}
        for _ in range(asked.rounds):
            for name, way in ways.items():
                for clips, batch in ((1, alone), (3, threes)):
                    begun = time.process_time()
                    way(**batch)
                    spent.setdefault((name, clips), []).append((time.process_time() - begun) / clips)
    for name in ways:
        ms = [f"{1000 * statistics.median(spent[name, clips]):.1f}" for clips in (1, 3)]
        table.add_row(name, f"{first[name]:.0f}", *ms, "yes" if same[name] else "no")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
