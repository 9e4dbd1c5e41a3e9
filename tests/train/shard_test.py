"""A sharded run (FSDP2) is the run that it would be otherwise, on two processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from longtake.train.checkpoint import load_newest
from longtake.train.loop import TrainConfig, train

TESTS = Path(__file__).parents[1]
SCRIPT = """
import os, sys
from pathlib import Path
sys.path[:0] = [{train!r}, {tests!r}]
import torch
import shard_test as t
made = getattr(t, sys.argv[1])(Path(sys.argv[2]), *eval(sys.argv[3]))
if made is not None:
    torch.save(made.state_dict(), Path(sys.argv[2]) / ("rank" + os.environ.get("RANK", "0") + ".pt"))
"""

Weights = dict[str, Tensor]


def config(**change: Any) -> TrainConfig:
    made = TrainConfig(
        steps=6, batch=3, muon_lr=1e-2, adam_lr=1e-2, warmup=1, weight_decay=0.1, save_every=2, log_every=1
    )
    return replace(made, **change)


def run(out: Path, model: nn.Module, loss: Any, batches: Any, change: dict[str, Any], last: int) -> Any:
    """Train, or break off in the middle of step `last`; ranks start apart, the first weights count."""
    from loop_test import Stopped

    rank = int(os.environ.get("RANK", "0"))
    generator = torch.Generator().manual_seed(rank)
    with torch.no_grad():
        for p in model.parameters():  # layers that start at zero are at work, too
            p.add_(0.05 * torch.randn(p.shape, generator=generator))

    def some(step: int, rank: int, world: int) -> Any:
        if step == last:
            raise Stopped
        return batches(step, rank, world)

    try:
        return train(model, loss, some, config(**change), out)
    except Stopped:
        return None


def small(out: Path, change: dict[str, Any], last: int = -1) -> Any:
    """A network with tables, vectors, frozen and unused weights."""
    import loop_test as t

    model = t.net()
    model.last.requires_grad_(False)
    return run(out, model, t.loss, t.batches, change, last)


def denoiser(out: Path, change: dict[str, Any], last: int = -1) -> Any:
    """The denoiser, on clips with known frames and prompts."""
    import denoiser_test as t

    return run(out, t.network(), *masked_clips(), change, last)


def masked_clips() -> tuple[Any, Any]:
    """Loss and batches of a denoiser."""
    import denoiser_test as t

    cache = t.cache(12)
    cache = replace(cache, latents=(cache.latents / 6 - 1).astype("float16"))
    loss = t.MaskedClipLoss(diffusion=t.diffusion(), text_dropout=0.1)
    return loss, t.cached_batches(cache, t.TEXT, 3)


def inflated(out: Path, change: dict[str, Any], last: int = -1) -> Any:
    """A pretrained image network, frozen, with the new layers that are trained."""
    from diffusers import UNet2DConditionModel
    from tiny_sd import UNET

    from longtake.models.inflated import InflatedUNet

    torch.manual_seed(0)
    image = UNet2DConditionModel(**{**UNET, "in_channels": 2, "out_channels": 2, "cross_attention_dim": 8})
    model: nn.Module = InflatedUNet.of(image, head=16, known_channels=8)
    model.requires_grad_(False)
    for p in model.temporal_parameters():
        p.requires_grad_(True)
    return run(out, model, *masked_clips(), change, last)


def decoder(out: Path, change: dict[str, Any], last: int = -1) -> Any:
    """An autoencoder with a frozen encoder; its loss calls other methods than `forward`."""
    import autoencoder_test as t

    model = t.tiny()
    model.encoder.requires_grad_(False)
    return run(out, model, t.NoisyStillLoss(noise=0.1), t.still_batches(t.WORLD, 16, 2), change, last)


def inflated_decoder(out: Path, change: dict[str, Any], last: int = -1) -> Any:
    """A pretrained image autoencoder with a frozen encoder."""
    import autoencoder_test as t
    from diffusers import AutoencoderKL

    from longtake.models.inflated_vae import InflatedVAE

    torch.manual_seed(0)
    image = AutoencoderKL(
        block_out_channels=(8, 16),
        norm_num_groups=4,
        latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
    )
    model: nn.Module = InflatedVAE.of(image, head=16)
    model.encoder.requires_grad_(False)
    return run(out, model, t.NoisyStillLoss(noise=0.1), t.still_batches(t.WORLD, 16, 2), change, last)


def chain(out: Path, change: dict[str, Any], last: int = -1) -> Any:
    """All stages of a recipe on films, with sheets; the denoiser that they leave."""
    from moving import Moving
    from tiny_recipe import tiny

    from longtake.models.load import load_network
    from longtake.models.unet import MaskTemporalUNet
    from longtake.recipes import run_all

    recipe, spread = tiny(), dict[str, Any]()
    for name in ("autoencoder", "text", "denoiser", "distillation", "decoder", "hd"):
        part: Any = getattr(recipe, name)
        spread[name] = replace(part, training=replace(part.training, sheet_every=1, **change))
    footage: Any = Moving()
    run_all(replace(recipe, **spread), footage, out, "cpu", evaluate=run, preset="", tell=print)
    return load_network(MaskTemporalUNet, out / "model" / "unet")


def launch(out: Path, what: str, change: dict[str, Any], last: int = -1, processes: int = 2) -> list[Weights]:
    """One of the above in processes; the averaged weights that each of them got, none where it broke off."""
    out.mkdir(parents=True, exist_ok=True)
    script = out / "script.py"
    script.write_text(SCRIPT.format(train=str(TESTS / "train"), tests=str(TESTS)))
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    paths = [str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    asked = [sys.executable, *torchrun, str(script), what, str(out), repr((change, last))]
    subprocess.run(asked, check=True, env=environment)
    return [torch.load(path) for path in sorted(out.glob("rank*.pt"))]


def difference(one: Weights, other: Weights, hidden: str = "") -> float:
    """The largest, but for the weight `hidden`."""
    assert one.keys() == other.keys()
    return max(float((one[key] - other[key]).abs().max()) for key in one if key != hidden)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["small", "denoiser", "inflated", "decoder", "inflated_decoder"])
def test_a_sharded_step_is_the_step_of_a_whole_network(what: str, tmp_path: Path) -> None:
    whole, sharded = (
        launch(tmp_path / str(shared), what, {"steps": 1, "sharded": shared}) for shared in (False, True)
    )
    assert difference(sharded[0], sharded[1]) == 0
    # Softmax hides it: its gradient is what rounding leaves of 0, and the first step takes the sign of that.
    hidden = "added.spacing.pair.2.bias"
    # Sums are in another order, and Muon rounds what it makes orthogonal to bfloat16; a step is about 1e-2.
    assert difference(sharded[0], whole[0], hidden) < 2e-4
    first, other = (load_newest(tmp_path / str(shared)) for shared in (False, True))
    assert first is not None
    assert other is not None
    for part in ("model", "ema", "optimiser"):
        assert difference(getattr(first, part), getattr(other, part), hidden) < 2e-4
    losses = [(tmp_path / str(shared) / "log.jsonl").read_text().split(",")[1] for shared in (False, True)]
    assert losses[0] == losses[1]  # six digits


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{}, {"recompute": True, "precision": "bf16"}], ids=["plain", "recomputed"]
)
def test_a_broken_sharded_run_equals_an_unbroken_one(change: dict[str, Any], tmp_path: Path) -> None:
    change = {"sharded": True, **change}
    unbroken = launch(tmp_path / "whole", "denoiser", change)
    assert launch(tmp_path / "part", "denoiser", change, last=3) == []
    again = launch(tmp_path / "part", "denoiser", change)
    assert difference(again[0], unbroken[0]) == 0
    one, other = load_newest(tmp_path / "part"), load_newest(tmp_path / "whole")
    assert one is not None
    assert other is not None
    for part in ("model", "ema", "optimiser"):
        assert difference(getattr(one, part), getattr(other, part)) == 0


@pytest.mark.slow
def test_a_sharded_run_goes_on_in_one_process_and_back(tmp_path: Path) -> None:
    """Its checkpoints are whole."""
    launch(tmp_path, "denoiser", {"sharded": True}, last=3)
    alone = launch(tmp_path, "denoiser", {}, last=5, processes=1)
    assert alone == []
    kept = load_newest(tmp_path)
    assert kept is not None
    assert kept.state["step"] == 4
    assert all(tensor.isfinite().all() for tensor in kept.optimiser.values())
    both = launch(tmp_path, "denoiser", {"sharded": True})
    assert difference(both[0], both[1]) == 0


@pytest.mark.slow
def test_every_stage_can_be_sharded_and_leaves_whole_networks(tmp_path: Path) -> None:
    plain, sharded = (
        launch(tmp_path / str(shared), "chain", {"sharded": shared}) for shared in (False, True)
    )
    assert difference(sharded[0], sharded[1]) == 0
    assert difference(plain[0], sharded[0]) < 0.05  # after the other stages
    sheets = sorted(path.name for path in (tmp_path / "True" / "denoiser" / "sheets").iterdir())
    assert sheets == ["step-00000001.png", "step-00000002.png"]
    assert (tmp_path / "True" / "package" / "README.md").exists()
