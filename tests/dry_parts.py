"""Everything that a GPU would run, run on a GPU made of paper: `python dry_parts.py MODEL FOLDER REPORT`.

For a process of its own, see `dry_device`. Where a part draws, decodes or reads, its numbers are compared
with the CPU's. MODEL is a tiny model, FOLDER an empty one; REPORT becomes JSON: of each part its fault, or
null.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

WAYS = ("nuwa-xl:references=2", "lvdm:carried=2", "vidrd:guided=2", "videogen")
BACKENDS = {"ltx": (64, 32, 17), "wan-vace": (64, 32, 9), "wan-i2v": (64, 32, 9)}  # width, height, frames
STAGES = (
    "autoencoder",
    "text",
    "latents",
    "denoiser",
    "distillation",
    "decoder",
    "hd",
)  # of one run, in order

Latents = NDArray[np.float32]


def agree(there: Any, here: Any, tolerance: float) -> None:
    """Raises AssertionError where numbers of the device are not the CPU's."""
    apart = np.abs(np.asarray(there, np.float64) - np.asarray(here, np.float64)).max(initial=0)
    assert apart <= tolerance, f"numbers of the device are {apart} from the CPU's"


def on_both(compute: Callable[[str], Any], device: str, tolerance: float = 1e-3) -> None:
    """Compute on the CPU and on the device, and compare."""
    from torch.overrides import _pop_mode_temporarily
    from torch.utils._python_dispatch import _disable_current_modes

    there = compute(device)
    with _disable_current_modes(), _pop_mode_temporarily():
        here = compute("cpu")
    agree(there, here, tolerance)


def film(manifest: Any, way: str, frames: int = 31) -> Any:
    """The plan of a film of four scenes; the second is so short that no keyframe of a long film shows it."""
    from longtake.plan import PlannedScene, Timeline
    from longtake.strategies import choose

    prompts = ("fox in the meadow", "frog in the rain", "fox sleeps", "frog jumps")
    starts = (0, frames // 3, 2 * frames // 5, 2 * frames // 3)
    scenes = (PlannedScene(str(at), at, prompt) for at, prompt in zip(starts, prompts, strict=True))
    return choose(way).plan(Timeline(tuple(scenes), frames), 7, manifest)


def drawn(manifest: Any, plan: Any, device: str, pipelines: Any = None) -> Latents:
    """All clips of the plan, one behind the other, `[n]`."""
    from longtake.draw.network import ClipSampler

    drawer, clips = ClipSampler(manifest.folder, device, pipelines), {}
    for job in plan.missing((), slice(None)):
        inputs = [clips[key][index].astype(np.float16) for key, index in job.inputs]
        (clips[job.key],) = drawer([job], [inputs])
    return np.concatenate([clip.ravel() for clip in clips.values()])


def drawing(way: str, device: str, model: Path, folder: Path) -> None:
    from longtake.manifest import read_manifest

    manifest = read_manifest(model)
    plan = film(manifest, f"{way}:steps=2", frames=61 if "nuwa-xl" in way else 31)
    on_both(partial(drawn, manifest, plan), device)


def drawing_short(device: str, model: Path, folder: Path) -> None:
    from longtake.manifest import read_manifest

    manifest = read_manifest(model)
    plan = film(manifest, "nuwa-xl:precision=bf16:sampler=dpm-2m:steps=2", frames=16)
    assert np.isfinite(drawn(manifest, plan, device)).all()  # a CPU may do without bfloat16


def given_pictures(device: str, model: Path, folder: Path) -> None:
    from longtake.manifest import read_manifest
    from longtake.plan import EncodeSpec, Job

    manifest = read_manifest(model)
    pixels = np.random.default_rng(0).integers(0, 256, (manifest.size, manifest.size, 3), dtype=np.uint8)
    picture = Job(EncodeSpec.of(pixels.tobytes()))
    plan = film(manifest, "nuwa-xl:steps=1", frames=16).with_pictures({0: picture, 9: picture})
    on_both(partial(drawn, manifest, plan), device)


def made_pictures(device: str, model: Path, folder: Path) -> None:
    from tiny_sd import save_sd

    from longtake.manifest import read_manifest
    from longtake.strategies import choose

    way, manifest = f"videogen:pipeline={save_sd(folder)}:pipeline_steps=2:steps=1", read_manifest(model)
    plan, pipelines = film(manifest, way), choose(way).pipelines
    # Eight bits of a picture are rounded from numbers that differ a little.
    on_both(lambda where: drawn(manifest, plan, where, pipelines), device, tolerance=0.1)


def latents(manifest: Any, frames: int = 16) -> NDArray[np.float16]:
    return np.random.default_rng(1).normal(size=(frames, *manifest.latents)).astype(np.float16)


def decoding(hd: bool, device: str, model: Path, folder: Path) -> None:
    from longtake.draw.decode import ClipDecoder
    from longtake.manifest import read_manifest

    given = latents(read_manifest(model))
    on_both(lambda where: ClipDecoder(model, where, hd=hd)(given), device, tolerance=1)


def back_end(name: str, device: str, model: Path, folder: Path) -> None:
    import tiny_pipelines

    from longtake.draw import backends
    from longtake.draw.pipeline import ClipFiller
    from longtake.plan import FillSpec, Job
    from longtake.plan.spec import PipelineCall, PipelineSettings

    backend = backends.BACKENDS[name]
    pipeline = getattr(tiny_pipelines, name.replace("-", "_"))(folder)
    width, height, frames = BACKENDS[name]
    settings = PipelineSettings(
        backend=name,
        version=backend.version,
        pipeline="p",
        width=width,
        height=height,
        steps=2,
        guidance=3.0,
        negative="",
        dtype="fp32",
        blend=0,
    )
    call = PipelineCall(prompt="fox in the meadow", seed=7, fps=12.0, settings=settings)
    job = Job(FillSpec(times=tuple(range(frames)), known=(0, frames - 1), call=call))
    ends = np.random.default_rng(3).integers(0, 256, (2, height, width, 3), dtype=np.uint8)

    def fill(where: str) -> Any:
        filler = ClipFiller(backend, pipeline, dtype="fp32", device=where)
        return filler([job], [list(ends)])[0]

    on_both(fill, device, tolerance=2)


def stage(name: str, device: str, model: Path, folder: Path, recipe: Any = None, footage: Any = None) -> None:
    """A stage of training in a run's folder, which has those that come before."""
    from tiny_recipe import tiny

    from longtake.data.cartoon import CartoonWorld
    from longtake.recipes import do_stage

    do_stage(name, recipe or tiny(), footage or CartoonWorld(tiny().episodes, 1), folder, device)


def clip_batch(channels: int, side: int, device: str, text: int = 16) -> Any:
    """Two clips of leaves with one frame each from elsewhere, as `cached_batches` makes them."""
    import torch

    from longtake.train.denoiser import ClipBatch

    chance = torch.Generator().manual_seed(1)
    time = torch.arange(17.0).repeat(2, 1)
    parts = {
        "latents": torch.randn(2, 17, channels, side, side, generator=chance).half(),
        "time": time,
        "text": torch.randn(4, 7, text, generator=chance),
        "prompt": torch.randint(1, 4, (2, 17), generator=chance),
        "reference": time == 16,
    }
    return ClipBatch(**{name: part.to(device) for name, part in parts.items()})


def drafts(device: str, model: Path, folder: Path) -> None:
    """What a run of two steps leaves to chance: half size, drafts of both kinds, references."""
    import torch
    from tiny_recipe import tiny

    from longtake.models.unet import MaskTemporalUNet
    from longtake.recipes.stages.denoiser import denoising_loss

    part = tiny().denoiser
    net = MaskTemporalUNet(**part.network).to(device)
    for small, coarse, between in ((1.0, 1.0, 0.4), (0.0, 0.0, 1.0)):
        shown = replace(part.drafts, coarse=coarse, between=between)
        loss = denoising_loss(replace(part, small=small, drafts=shown))
        value, _ = loss(net, clip_batch(3, 4, device), torch.Generator(device).manual_seed(2))
        value.backward()
    assert all(p.grad is not None and p.grad.device.type == device for p in net.parameters())


def captions(device: str, model: Path, folder: Path) -> None:
    from moving import Moving

    stage("text", device, model, folder, footage=Moving())


def probe_training(device: str, model: Path, folder: Path) -> None:
    from cartoon import CARTOON
    from tiny_recipe import tiny

    from longtake.models.probe import ClipProbe, FrameProbe
    from longtake.train.loop import train
    from longtake.train.probe import clip_loss, clip_probe_batches, frame_loss, frame_probe_batches

    frames, clips = frame_probe_batches(CARTOON, 2, 3), clip_probe_batches(CARTOON, 2, 3)
    train(FrameProbe(), frame_loss, frames, tiny().probes.frame, folder / "f", device=device)
    train(ClipProbe(), clip_loss, clips, tiny().probes.clip, folder / "c", device=device)


def inflated_training(device: str, model: Path, folder: Path) -> None:
    import torch
    from tiny_recipe import tiny
    from tiny_sd import save_sd

    from longtake.models.load import network_in
    from longtake.recipes.inflate import inflate
    from longtake.recipes.stages.denoiser import denoising_loss
    from longtake.train.autoencoder import DecoderLoss, NoisyStillLoss

    manifest = inflate(str(save_sd(folder)), folder / "model").manifest
    unet, vae = (network_in(manifest.folder / part, device=device).train() for part in ("unet", "vae"))
    chance = torch.Generator(device).manual_seed(2)
    part = replace(tiny().denoiser, schedule=manifest.schedule, prediction=manifest.prediction, network={})
    denoising_loss(part)(unet, clip_batch(4, 8, device), chance)[0].backward()
    pixels = torch.randint(0, 256, (1, 5, 16, 16, 3), dtype=torch.uint8, device=device)
    DecoderLoss(noise=0.1)(vae, pixels, chance)[0].backward()
    NoisyStillLoss(noise=0.1)(vae, pixels[:, :1], chance)[0].backward()


def measures(device: str, model: Path, folder: Path) -> None:
    import torch
    from tiny_recipe import tiny

    from longtake.data.cartoon import CartoonWorld
    from longtake.draw.load import load_text_encoder, ready
    from longtake.manifest import read_manifest
    from longtake.recipes.stages.denoiser import denoising_loss
    from longtake.train.held_out import denoising, level_clips, reconstruction

    manifest, world = read_manifest(model), CartoonWorld(tiny().episodes, 1)
    unet, vae = (ready(model / part, torch.float32, device) for part in ("unet", "vae"))
    text, films = load_text_encoder(manifest).to(device), world.films("train")
    assert np.isfinite(reconstruction(vae, world.draws(films), manifest.size))
    loss = denoising_loss(tiny().denoiser).diffusion
    clips = list(level_clips(world, films, "leaves", 2))
    assert np.isfinite(denoising(unet, vae, text, loss, clips, manifest.size, ends=True)).all()


def probes(device: str, model: Path, folder: Path) -> None:
    from longtake.evaluate.probes import load_probes, probes_of, watch

    frames = list(np.random.default_rng(4).integers(0, 256, (37, 64, 64, 3), dtype=np.uint8))
    seen = watch(frames, load_probes(probes_of(1), device=device))
    agree(seen.readings.place.sum(1), 1, 1e-2)  # shares; in bfloat16, so not the CPU's


def pretrained(device: str, model: Path, folder: Path) -> None:
    import torch
    import transformers

    from longtake.evaluate.distances.networks import load_extractor

    torch.manual_seed(0)
    config = transformers.Dinov2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    transformers.Dinov2Model(config).save_pretrained(folder)
    frames = np.random.default_rng(5).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    on_both(lambda where: load_extractor("dino", weights=str(folder), device=where)(frames), device)


def inflated(device: str, model: Path, folder: Path) -> None:
    from tiny_sd import save_sd

    from longtake.draw.decode import ClipDecoder
    from longtake.draw.pictures import PictureLatents
    from longtake.recipes.inflate import inflate

    manifest = inflate(str(save_sd(folder)), folder / "model").manifest
    plan = film(manifest, "nuwa-xl:steps=2", frames=16)
    on_both(partial(drawn, manifest, plan), device, tolerance=1e-2)
    given = latents(manifest, 4)
    on_both(lambda where: ClipDecoder(manifest.folder, where)(given), device, tolerance=1)
    picture = np.random.default_rng(6).integers(0, 256, (manifest.size, manifest.size, 3), dtype=np.uint8)
    on_both(lambda where: PictureLatents(manifest, where, {}).encode(picture), device, tolerance=1e-2)


def rules(device: str, model: Path, folder: Path) -> None:
    """The device itself: what an accelerator would refuse is refused, what it takes is taken."""
    import torch
    from dry_device import OtherDevice

    here, there = torch.arange(6.0).view(2, 3), torch.arange(6.0, device=device).view(2, 3)
    chance = torch.Generator(device).manual_seed(1)
    refused: tuple[Callable[[], Any], ...] = (
        lambda: here + there,
        lambda: torch.cat([here, there]),
        lambda: torch.nn.functional.linear(there, here),
        lambda: here[torch.tensor([0], device=device)],
        lambda: there.numpy(),
        lambda: np.asarray(there),
        lambda: torch.randn(2, generator=chance),
        lambda: torch.randn(2, device=device, generator=torch.Generator()),
        lambda: torch.stack([here[0, 0], there[0, 0]]),
    )
    for number, call in enumerate(refused):
        try:
            call()
        except OtherDevice:
            continue
        raise AssertionError(f"number {number} was not refused")
    taken = there.clone()
    taken[1] = here[0]  # copying is moving
    taken[:, 2] += torch.tensor(2.0)
    taken[0, torch.tensor([0, 1])] = 7
    agree(taken.cpu(), [[7, 7, 4], [0, 1, 4]], 0)
    assert (there.half().to("cpu") * here.half()).device.type == "cpu"
    with torch.autocast(device, torch.bfloat16):
        assert (there @ there.mT).dtype == torch.bfloat16


RUNS: dict[str, Callable[[str, Path, Path], None]] = {
    "the rules": rules,
    **{f"drawing {way}": partial(drawing, way) for way in WAYS},
    "drawing in bfloat16": drawing_short,
    "pictures of the user's": given_pictures,
    "pictures of a pipeline": made_pictures,
    "decoding": partial(decoding, False),
    "decoding in HD": partial(decoding, True),
    **{f"back end {name}": partial(back_end, name) for name in BACKENDS},
    **{f"training {name}": partial(stage, name) for name in STAGES},
    "training with drafts": drafts,
    "training on captions": captions,
    "training the probes": probe_training,
    "training an inflated model": inflated_training,
    "measures of a run": measures,
    "evaluation's probes": probes,
    "evaluation's pretrained networks": pretrained,
    "an inflated model": inflated,
}


def fault_of(error: BaseException) -> str:
    """What went wrong, the line that did it, and those of the package that led there."""
    import longtake

    package = Path(longtake.__file__).parent
    lines = traceback.extract_tb(error.__traceback__)
    ours = [line for line in lines if Path(line.filename).is_relative_to(package)] or list(lines)
    way = [f"{Path(line.filename).parent.name}/{Path(line.filename).name}:{line.lineno}" for line in ours]
    message = str(error).split(". This could")[0]
    return f"{type(error).__name__}: {message}\nin {' > '.join(way)}: {ours[-1].line}"


def main(model: str, folder: str, report: str, *only: str) -> None:
    """Run all parts, or those whose names hold one of the words `only`."""
    from dry_device import paper

    if hasattr(os, "sched_setaffinity"):  # training forks a process for every core that it may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    warnings.simplefilter("ignore")  # other people's libraries deprecate each other
    faults: dict[str, str | None] = {}
    with paper() as device:
        for name, part in RUNS.items():
            if only and not any(word in name for word in only):
                continue
            place = Path(folder) / ("run" if name.removeprefix("training ") in STAGES else name)
            place.mkdir(parents=True, exist_ok=True)
            began = time.process_time()
            try:
                part(device, Path(model), place)
                faults[name] = None
            except Exception as error:
                faults[name] = fault_of(error)
            print(f"{time.process_time() - began:6.2f} s  {name}: {faults[name] or 'well'}", flush=True)
    Path(report).write_text(json.dumps(faults), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
