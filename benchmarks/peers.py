"""How long one network evaluation takes: our default denoiser beside two of diffusers, equally large.

A *clip-step* is one evaluation of one clip: 16 frames of latents 16x8x8, a prompt of 8 tokens of width 128.
All networks have random weights and run eagerly:

- `MaskTemporalUNet` as toon-128 configures it and the sampler runs it; both ends known, one prompt a clip;
- diffusers' `UNet3DConditionModel` (heads of 32, as many as a width holds) and `UNetMotionModel` (of 32 or
  more), as many parameters within 5 %. Searched: two levels, widths in multiples of 16, the lower level's 1.5
  to 3 times the upper's (ours: twice), 1 or 2 layers per block, the lower level with attention (as ours) or
  without (diffusers' habit). Taken: the fastest shape that fits, then its fastest arrangement: weights
  contiguous or channels-last (activations follow); attention `sdpa` (the default: the fused routine), `bmm`
  (products and softmax) or `fused` (`sdpa` with one product for queries, keys and values).

What no configuration makes equal: ours also injects known frames, knows when its frames are, sums up the
prompt, has a noise level and a prompt per frame, and attends in the middle among all pixels of all frames;
the others could be told known frames by more input channels, at next to no cost. Ours makes keys and values
once per prompt, they once per frame. `UNetMotionModel` is a 2-D U-Net with temporal transformers and no
temporal convolution, the other has four in a row per layer; both have one more layer up than down. Our layers
were written by measurements on a CPU. And equally large is not equally good.

The networks take turns; the least time of each counts: process time of one thread on the CPU, else wall time.
The ceiling is the matrix product of `benchmarks/throughput.py` in each precision, but its least time, in
turns with the others. FLOPs are of products and convolutions as PyTorch counts them, attention as `bmm`.

    OMP_NUM_THREADS=1 python benchmarks/peers.py --precision bf16 fp32 --rounds 20
    python benchmarks/peers.py --precision bf16 --rounds 100 --device cuda
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import diffusers
import torch
from diffusers import UNet3DConditionModel, UNetMotionModel
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from longtake.given import Given
from longtake.models.unet import MaskTemporalUNet
from longtake.recipes import RECIPES

LENGTH, CHANNELS, SIDE, TOKENS, TEXT = 16, 16, 8, 8, 128
IO = {"sample_size": SIDE, "in_channels": CHANNELS, "out_channels": CHANNELS, "cross_attention_dim": TEXT}
SAME = {**IO, "norm_num_groups": 16}  # for both networks of diffusers
HEAD = 32  # channels of an attention head, at least
BATCHES = 1, 3
PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}
ARRANGEMENTS = tuple(product(("contiguous", "channels-last"), ("sdpa", "bmm", "fused")))
Entry = tuple[ModelMixin, ModelMixin, str]  # what is timed, what is counted, how it was chosen


class Shape(NamedTuple):
    """What is searched."""

    widths: tuple[int, int]  # channels of the upper and the lower level
    layers: int  # per block on the way down; one more on the way up
    lower_attention: bool


def peer(kind: type[ModelMixin], shape: Shape) -> ModelMixin:
    """A network of diffusers; one kind is told numbers of heads, the other channels of a head."""
    name, lower = "3D", "CrossAttn" * shape.lower_attention
    heads: dict[str, Any] = {"attention_head_dim": HEAD}
    if kind is UNetMotionModel:
        counts = tuple(max(k for k in range(1, c // HEAD + 1) if c % k == 0) for c in shape.widths)
        name, heads = "Motion", dict.fromkeys(("num_attention_heads", "motion_num_attention_heads"), counts)
    down = f"CrossAttnDownBlock{name}", f"{lower}DownBlock{name}"
    up = f"{lower}UpBlock{name}", f"CrossAttnUpBlock{name}"
    searched = {"block_out_channels": shape.widths, "layers_per_block": shape.layers}
    return kind(down_block_types=down, up_block_types=up, **searched, **SAME, **heads)


def search(kind: type[ModelMixin], wanted: int) -> list[Shape]:
    """All shapes with `wanted` parameters within 5 %."""
    shapes = []
    for layers, attention, upper in product((1, 2), (True, False), range(HEAD, 161, 16)):
        for lower in range(-(-3 * upper // 32) * 16, 3 * upper + 1, 16):
            shape = Shape((upper, lower), layers, attention)
            with torch.device("meta"):
                share = peer(kind, shape).num_parameters() / wanted
            if share > 1.05:
                break
            if share >= 0.95:
                shapes.append(shape)
    return shapes


def randomised(net: ModelMixin) -> ModelMixin:
    """`net` with random matrices: some would be zero or the identity at first."""
    for p in net.eval().requires_grad_(False).parameters():
        if p.dim() > 1:
            p.normal_(std=0.02)
    return net


def arranged(net: ModelMixin, layout: str, attention: str) -> ModelMixin:
    """A copy of a network of diffusers in one of `ARRANGEMENTS`."""
    net = copy.deepcopy(net)
    formats = {4: torch.channels_last, 5: torch.channels_last_3d} if layout == "channels-last" else {}
    for p in net.parameters():
        p.data = p.data.contiguous(memory_format=formats.get(p.dim(), torch.contiguous_format))
    if attention == "bmm":
        net.set_attn_processor(AttnProcessor())
    elif attention == "fused":
        net.fuse_qkv_projections()
    return net


def evaluation(net: ModelMixin, batch: int) -> Callable[[], Any]:
    """One evaluation of a batch of clips; what it is told is made beforehand."""
    weight = next(net.parameters())
    clips = torch.randn(batch, LENGTH, CHANNELS, SIDE, SIDE).to(weight)
    text = torch.randn(batch, TOKENS, TEXT).to(weight)
    if isinstance(net, MaskTemporalUNet):
        level = torch.full((batch, LENGTH), 0.5, device=weight.device)
        mask = torch.zeros_like(clips[:, :, :1])
        mask[:, [0, -1]] = 1
        given = Given(
            time=torch.arange(float(LENGTH), device=weight.device).expand(batch, -1),
            text=text,
            prompt=torch.arange(batch, device=weight.device)[:, None].expand(-1, LENGTH),
            known=clips,
            mask=mask,
        )
        return partial(net, clips, level, given)
    if isinstance(net, UNetMotionModel):  # which wants its text per frame, as its pipelines give it
        text = text.repeat_interleave(LENGTH, dim=0)
    level = torch.full((batch,), 500, device=weight.device)
    return partial(net, clips.transpose(1, 2).contiguous(), level, text, return_dict=False)


def least(works: Sequence[Callable[[], Any]], rounds: int, device: torch.device) -> list[float]:
    """The least seconds of each of `works`, which take turns; a first round does not count."""
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds + 1):
        for work, times in zip(works, taken, strict=True):
            begin = clock()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(clock() - begin)
    return [min(times[1:]) for times in taken]


def measured(nets: Sequence[ModelMixin], rounds: int) -> tuple[list[list[float]], float]:
    """Seconds of a clip-step, for each network those of `BATCHES`; FLOP per second of a matrix product."""
    like = next(nets[0].parameters())
    edges = (1024, 2048) if like.device.type == "cpu" else (4096, 8192)
    works: list[Callable[[], Any]] = [partial(torch.matmul, *torch.randn(2, n, n).to(like)) for n in edges]
    works += [evaluation(net, batch) for net in nets for batch in BATCHES]
    times = iter(least(works, rounds, like.device))
    ceiling = max(2 * n**3 / next(times) for n in edges)
    return [[next(times) / batch for batch in BATCHES] for _ in nets], ceiling


def fastest(nets: Sequence[ModelMixin], rounds: int) -> int:
    """Which takes the least time, that of a clip-step summed over `BATCHES`."""
    return min(enumerate(measured(nets, rounds)[0]), key=lambda each: sum(each[1]))[0]


def chosen(kind: type[ModelMixin], shapes: Sequence[Shape], like: torch.Tensor, rounds: int) -> Entry:
    """The fastest of the shapes, in its fastest arrangement, where and in the precision that `like` is."""
    nets = [nn.Module.to(randomised(peer(kind, shape)), like) for shape in shapes]
    k = fastest(nets, rounds)
    copies = [arranged(nets[k], *how) for how in ARRANGEMENTS]
    best = fastest(copies, rounds)
    what = f"{shapes[k]}, of {len(shapes)} that fit; {', '.join(ARRANGEMENTS[best])}"
    return copies[best], arranged(nets[k], "contiguous", "bmm"), what


def table(entries: Sequence[Entry], rounds: int) -> str:
    """The networks, ours first, measured."""
    steps, ceiling = measured([net for net, _, _ in entries], rounds)
    measures = "ms per clip-step", "times ours", "of the ceiling"
    heads = ["network", "parameters", "GFLOP", *(f"{m}, batch {b}" for m in measures for b in BATCHES)]
    rows = [heads, ["---"] * len(heads)]
    for (net, plain, _), each in zip(entries, steps, strict=True):
        with FlopCounterMode(display=False) as counter:  # in bfloat16 our attention, too, is counted products
            evaluation(nn.Module.to(copy.deepcopy(plain), "cpu", torch.bfloat16), 1)()
        count = counter.get_total_flops()
        cells = [type(net).__name__, f"{plain.num_parameters():,}", f"{count / 1e9:.2f}"]
        cells += [f"{1000 * t:.1f}" for t in each]
        cells += [f"{t / first:.2f}" for t, first in zip(each, steps[0], strict=True)]
        rows.append([*cells, *(f"{count / t / ceiling:.0%}" for t in each)])
    notes = [f"- {type(net).__name__}: {how}" for net, _, how in entries]
    lines = [*(f"| {' | '.join(row)} |" for row in rows), "", *notes]
    return "\n".join([*lines, f"- the ceiling: {ceiling / 1e9:,.0f} GFLOP/s"])


@torch.inference_mode()
def main() -> None:
    """Print a table for each precision."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--precision", nargs="+", default=list(PRECISIONS), choices=list(PRECISIONS))
    parser.add_argument("--rounds", type=int, default=20, help="turns of each; a quarter for the choice")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    net = randomised(MaskTemporalUNet(**RECIPES["toon-128"]().denoiser.network))
    fitting = {kind: search(kind, net.num_parameters()) for kind in (UNet3DConditionModel, UNetMotionModel)}
    where = torch.cuda.get_device_name() if args.device == "cuda" else f"CPU, threads: {args.threads}"
    versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
    for name in args.precision:
        like = torch.zeros((), device=args.device, dtype=PRECISIONS[name])
        entries: list[Entry] = [(nn.Module.to(copy.deepcopy(net), like), net, "as the sampler runs it")]
        entries += [chosen(*each, like, -(-args.rounds // 4)) for each in fitting.items()]
        print(f"{name}, {where}, rounds: {args.rounds}, {versions}\n")
        print(table(entries, args.rounds), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
