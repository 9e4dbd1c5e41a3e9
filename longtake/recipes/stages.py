"""The stages of a recipe, each a command: they read what the ones before left in the run's folder."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress

from longtake.conditions.pretrained import PretrainedTextEncoder
from longtake.conditions.text import SmallTextEncoder
from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Footage, films_to_show
from longtake.data.sources import open_footage
from longtake.diffusion import SCHEDULES, DiffusionLoss
from longtake.draw.load import text_encoder_in
from longtake.evaluate.gates import GATES, check_probes
from longtake.evaluate.look import load_probes
from longtake.manifest import Manifest, ModelError, write_manifest
from longtake.models.load import network_in
from longtake.models.probe import ClipProbe, FrameProbe
from longtake.models.unet import MaskTemporalUNet
from longtake.models.upsampler import HDDecoder
from longtake.models.vae import TKLVAE
from longtake.recipes.begin import BEGUN
from longtake.recipes.films import films_64
from longtake.recipes.measures import in_words, measure
from longtake.recipes.recipe import Recipe
from longtake.recipes.sd import sd
from longtake.recipes.toon import toon_64, toon_128, toon_128_accelerated, toon_256
from longtake.train.autoencoder import (
    DecoderLoss,
    NoisyStillLoss,
    StillLoss,
    clip_batches,
    latent_statistics,
    reconstruction_sheet,
    still_batches,
    to_model,
)
from longtake.train.cache import build_cache, open_cache
from longtake.train.checkpoint import weights_digest
from longtake.train.denoiser import (
    WIDE,
    ClipBatch,
    MaskedClipLoss,
    cached_batches,
    encode_captions,
    wide_from,
)
from longtake.train.distil import DistilLoss
from longtake.train.drafts import Drafts
from longtake.train.feed import spare_cores
from longtake.train.hd import HDLoss, hd_sheet, still_pairs
from longtake.train.loop import TrainConfig, train
from longtake.train.probe import clip_loss, clip_probe_batches, frame_loss, frame_probe_batches
from longtake.train.processes import own_device, place
from longtake.train.retell import Reteller, retell_batches, retell_loss
from longtake.train.samples import keyframe_sheet
from longtake.train.spoken import captions_of, vocabulary_of
from longtake.train.text import CaptionReader, caption_batches, facts_loss
from longtake.world.captions import lexicon, vocabulary

_CLIP = 16  # frames of a whole training clip

RECIPES: dict[str, Callable[[], Recipe]] = {
    "toon-64": toon_64,
    "toon-128": toon_128,
    "toon-128-10min": partial(toon_128_accelerated, 10),
    "toon-128-25min": partial(toon_128_accelerated, 25),
    "toon-256": toon_256,
    "films-64": films_64,
    "sd-512": partial(sd, 512, "epsilon"),
    "sd-768": partial(sd, 768, "v"),
}


def run_stage(stage: str, recipe: str, out: Path, device: str, data: Path | None = None) -> None:
    """Runs `stage` (one of `STAGES`) of the recipe of that name in the folder `out`.

    A stage that was interrupted goes on where it stopped. `data`: what is learnt from, instead of the cartoon
    world. Raises ValueError for an unknown stage or recipe, where an earlier stage has not been run, and
    where `data` holds nothing to learn from.
    """
    if stage not in _STAGES:
        raise ValueError(f"no stage '{stage}': use one of {', '.join(STAGES)}")
    if recipe not in RECIPES:
        raise ValueError(f"no recipe '{recipe}': use one of {', '.join(RECIPES)}")
    share_threads()
    made = RECIPES[recipe]()
    do_stage(stage, made, footage_of(made, data), out, device)


def footage_of(recipe: Recipe, data: Path | None) -> Footage:
    """What is learnt from: what `data` holds, by default the cartoon world."""
    return CartoonWorld(recipe.episodes) if data is None else open_footage(data)


def share_threads() -> None:
    """Gives this process its part of the threads, once: the processes of a run have one machine."""
    torch.set_num_threads(max(1, torch.get_num_threads() // place()[1]))


def do_stage(stage: str, recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """`run_stage` of a recipe and footage at hand, with the threads that there are."""
    torch.manual_seed(recipe.seed)
    _STAGES[stage](recipe, footage, out, str(own_device(device)))


def _finished(out: Path, part: str, kind: Any, device: str = "cpu") -> Any:
    """The network that an earlier stage left in `out/model`."""
    folder = out / "model" / part
    if not (folder / "config.json").exists():
        made = {"vae": "autoencoder", "unet": "denoiser", "student": "distillation"}.get(part, part)
        raise ModelError(f"{folder} is not there: run `longtake train {made}` with the same --out first")
    # Where the run began with another kind of model, it is that one's.
    load = text_encoder_in if kind is SmallTextEncoder else network_in
    return load(folder).requires_grad_(False).to(device)


def _save(model: Any, out: Path, part: str) -> None:
    if place()[0] == 0:
        model.save_pretrained(out / "model" / part, safe_serialization=True)


def _check_own(recipe: Recipe, network: str, arguments: Mapping[str, Any]) -> None:
    """Raises ValueError where the recipe has no such network of its own."""
    if not arguments:
        raise ValueError(
            f"the recipe {recipe.name} goes on with the {network} of a model: begin with one, --from MODEL"
        )


def _pretrained_text(recipe: Recipe) -> PretrainedTextEncoder:
    """The text encoder that the recipe names. Raises ValueError where its denoiser takes other tokens."""
    found = PretrainedTextEncoder.load(recipe.text["pretrained"], recipe.text.get("tokens"))
    taken = recipe.denoiser.get("text_channels")
    if taken != found.width:
        raise ValueError(
            f"the tokens of {recipe.text['pretrained']} have {found.width} channels, the recipe's denoiser "
            f"takes {taken}: set its text_channels"
        )
    return found


def _free(model: Any, part: Any, recipe: Recipe) -> None:
    """Let training change `part` of the network, or of all of it only what inflating added."""
    part.requires_grad_(recipe.trained == "all")
    for parameter in model.temporal_parameters() if recipe.trained == "added" else ():
        parameter.requires_grad_(True)


def _autoencoder(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    _check_own(recipe, "autoencoder", recipe.autoencoder)
    films = footage.films("train")
    batches = still_batches(
        footage.draws(films), recipe.size, recipe.stills.batch, recipe.seed, recipe.turned
    )
    loss = StillLoss(kl_weight=recipe.kl_weight)
    model = TKLVAE(**recipe.autoencoder)
    shown = footage.draws(films_to_show(footage, 64))

    def sheet(made: TKLVAE, step: int) -> np.ndarray:
        return reconstruction_sheet(made, shown, recipe.size)

    made = train(model, loss, batches, recipe.stills, out / "autoencoder", sheet, **_by(device))
    made.set_statistics(*latent_statistics(made, footage.draws(films[:400]), recipe.size))
    _save(made, out, "vae")


def _text(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """The world's captions are read for their facts, all others said again; none need no training."""
    _check_own(recipe, "text encoder", recipe.text)
    if "pretrained" in recipe.text:
        _save(_pretrained_text(recipe), out, "text")
        return
    films, by = footage.films("train"), _by(device)
    if isinstance(footage, CartoonWorld):
        encoder = SmallTextEncoder(vocabulary=vocabulary(), **recipe.text)
        facts = caption_batches(encoder, list(films), recipe.captions.batch, recipe.seed)
        reader = train(CaptionReader(encoder), facts_loss, facts, recipe.captions, out / "text", **by)
        _save(reader.encoder, out, "text")
        return
    captions = captions_of(footage, films)
    encoder = SmallTextEncoder(vocabulary=vocabulary_of(captions), **recipe.text)
    if captions:
        retold = retell_batches(encoder, captions, recipe.captions.batch, recipe.seed)
        teller = train(Reteller(encoder), retell_loss, retold, recipe.captions, out / "text", **by)
        encoder = teller.encoder
    elif place()[0] == 0:
        told = f"{footage.name}: has no captions, so the model will draw without regard to prompts"
        print(told, file=sys.stderr)
    _save(encoder, out, "text")


def _latents(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    rank, world = place()
    model: TKLVAE = _finished(out, "vae", TKLVAE, device)

    @torch.no_grad()
    def encode(clips: np.ndarray) -> np.ndarray:
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            mean = model.encode(to_model(clips).to(device), framewise=True).mean
        return model.normalise(mean).half().cpu().numpy()

    done = build_cache(
        out / "latents",
        recipe.clips,
        encode,
        footage.draws(footage.films("train")),
        recipe.size,
        references=recipe.references,
        seed=recipe.seed,
        maker=weights_digest(model.encoder),
        footage=footage.name,
        share=(rank, world),
        workers=spare_cores(device, world),
    )
    with Progress(disable=rank > 0) as progress:
        task = progress.add_task("latents", total=-(-recipe.clips // world))
        for clips in done:
            progress.update(task, completed=clips)


def _by(device: str) -> dict[str, Any]:
    """Where a network is trained, and how many other cores make its batches, which come from the host."""
    return {"device": device, "workers": spare_cores(device, place()[1])}


def _denoiser(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    encoder: SmallTextEncoder = _finished(out, "text", SmallTextEncoder)
    batches, wide = _clip_batches(recipe, recipe.diffusion, recipe.seed, out, encoder, device)
    loss = denoising_loss(recipe, wide)
    vae = _finished(out, "vae", TKLVAE)
    begun = (out / "model" / BEGUN).exists()
    if not begun:
        _check_own(recipe, "denoiser", recipe.denoiser)
    model = _finished(out, BEGUN, MaskTemporalUNet) if begun else MaskTemporalUNet(**recipe.denoiser)
    _free(model, model, recipe)

    def sheet(drawing: MaskTemporalUNet, step: int) -> np.ndarray:
        how = SCHEDULES[recipe.schedule], recipe.prediction
        return keyframe_sheet(drawing, vae, encoder, *how, footage, films_to_show(footage, 2), recipe.size)

    _save(train(model, loss, batches, recipe.diffusion, out / "denoiser", sheet, device), out, "unet")


def _distillation(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """The denoiser of `out/model/unet` becomes `out/model/student`: fewer steps, no guidance."""
    if recipe.distillation is None:
        raise ValueError(f"the recipe {recipe.name} has no distillation: leave this stage out")
    encoder: SmallTextEncoder = _finished(out, "text", SmallTextEncoder)
    # Other batches than those of the first steps of the denoiser.
    batches, wide = _clip_batches(recipe, recipe.distillation, recipe.seed + 1, out, encoder, device)
    teacher: MaskTemporalUNet = _finished(out, "unet", MaskTemporalUNet, device)
    loss = DistilLoss(
        teacher=teacher,
        schedule=SCHEDULES[recipe.schedule],
        prediction=recipe.prediction,
        substeps=recipe.substeps,
        guided=recipe.undistilled,
        aimed=recipe.aimed,
        wide_from=wide,
    )
    student = copy.deepcopy(teacher).requires_grad_(True)
    made = train(student, loss, batches, recipe.distillation, out / "distillation", device=device)
    _save(made, out, "student")


def _clip_batches(
    recipe: Recipe, config: TrainConfig, seed: int, out: Path, encoder: SmallTextEncoder, device: str
) -> tuple[Callable[[int, int, int], ClipBatch], float]:
    """Batches of the run's latent cache, of one shape for a compiled network; the spacing of keyframes."""
    cache = open_cache(out / "latents")
    if len(cache) < recipe.clips:
        raise ValueError(f"{len(cache)} of {recipe.clips} clips are in {out}: run the stage 'latents' again")
    batches = cached_batches(
        cache,
        encode_captions(cache.captions, encoder, out / "text"),
        config.batch,
        seed=seed,
        prompts=config.batch * (_CLIP + recipe.references) + 1 if config.compile else None,
        lengths=clip_lengths(recipe),
        device=own_device(device),
    )
    return batches, wide_from(cache)


def clip_lengths(recipe: Recipe) -> dict[int, float]:
    """Frames of a training clip -> share of the steps that draw so many, references counted in."""
    short = dict.fromkeys(range(4, 15), recipe.short_clips / 11) if recipe.short_clips else {}
    longer = {_CLIP + recipe.references: recipe.reference_steps} if recipe.references else {}
    return {_CLIP: 1 - recipe.short_clips - recipe.reference_steps, **short, **longer}


def denoising_loss(recipe: Recipe, wide: float = WIDE) -> MaskedClipLoss:
    """What the denoiser is trained on; clips count as keyframes from a spacing of `wide` frames on."""
    diffusion = DiffusionLoss(
        schedule=SCHEDULES[recipe.schedule],
        prediction=recipe.prediction,
        time_mean=recipe.time_mean,
        time_std=recipe.time_std,
        terminal_share=0.02,
        known_noise_max=recipe.known_noise,
    )
    drafts = Drafts(coarse=recipe.coarse, between=recipe.between, noise=recipe.draft_noise)
    return MaskedClipLoss(
        diffusion=diffusion,
        text_dropout=recipe.text_dropout,
        weights=recipe.weights,
        small=recipe.small,
        drafts=drafts if recipe.denoiser.get("drafted") else None,
        wide_from=wide,
    )


def _decoder(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    model: TKLVAE = _finished(out, "vae", TKLVAE, device)
    _free(model, model.decoder, recipe)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        return  # inflating added nothing to it: it stays as it is
    draws, batch = footage.draws(footage.films("train")), recipe.decoder.batch
    loss: DecoderLoss | NoisyStillLoss
    if model.config.temporal_decoder:
        loss = DecoderLoss(noise=recipe.latent_noise)
        batches = clip_batches(draws, recipe.size, batch, 31, recipe.seed)
    else:
        loss = NoisyStillLoss(noise=recipe.latent_noise)
        seed = recipe.seed + 1  # others than the encoder's
        batches = still_batches(draws, recipe.size, batch, seed, recipe.turned)
    shown = footage.draws(films_to_show(footage, 64))

    def sheet(made: TKLVAE, step: int) -> np.ndarray:
        return reconstruction_sheet(made, shown, recipe.size)

    _save(train(model, loss, batches, recipe.decoder, out / "decoder", sheet, **_by(device)), out, "vae")


def _hd(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """The decoder of `out/model/vae` with finer levels behind it becomes `out/model/hd`."""
    if recipe.hd is None:
        raise ValueError(f"the recipe {recipe.name} has no HD decoder: leave this stage out")
    vae: TKLVAE = _finished(out, "vae", TKLVAE, device)
    model = HDDecoder.of(vae, recipe.hd_times, recipe.hd_channels)
    draws, shown = (footage.draws(films) for films in (footage.films("train"), films_to_show(footage, 64)))
    pairs = still_pairs(draws, recipe.size, recipe.hd_times, recipe.hd.batch, recipe.seed + 2)
    loss = HDLoss(vae=vae, noise=recipe.latent_noise)

    def sheet(made: HDDecoder, step: int) -> np.ndarray:
        return hd_sheet(made, vae, shown, recipe.size)

    _save(train(model, loss, pairs, recipe.hd, out / "hd", sheet, **_by(device)), out, "hd")


def _package(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """The model, in `out/package`, which `--model` takes, and in `out/undistilled` what it was made from."""
    # Other films name their subjects as they like.
    phrases = lexicon() if recipe.references and isinstance(footage, CartoonWorld) else {}
    if recipe.distillation is None:
        _pack(recipe, phrases, out, out / "package", "unet")
        return
    _pack(recipe, phrases, out, out / "package", "student")
    keyframes, gaps, leaves = recipe.undistilled
    before = replace(recipe, distillation=None, hd=None, keyframes=keyframes, gaps=gaps, leaves=leaves)
    named = replace(before, name=f"{recipe.name}-undistilled")
    _pack(named, phrases, out, out / "undistilled", "unet")


def _pack(
    recipe: Recipe, phrases: Mapping[str, Sequence[str]], out: Path, folder: Path, drawing: str
) -> None:
    """Weights in bfloat16 and the manifest, in `folder`; `drawing` is the network that draws clips."""
    parts = {"unet": (drawing, MaskTemporalUNet), "text": ("text", SmallTextEncoder), "vae": ("vae", TKLVAE)}
    if recipe.hd is not None:
        parts["hd"] = ("hd", HDDecoder)
    networks = {part: _finished(out, source, kind) for part, (source, kind) in parts.items()}
    for part, made in networks.items():
        _bfloat16(made).save_pretrained(folder / part, safe_serialization=True)
    latent = recipe.size // networks["vae"].factor
    manifest = Manifest(
        folder=folder,
        name=recipe.name,
        size=recipe.size,
        latents=(networks["vae"].config.latent_channels, latent, latent),
        clip_length=_CLIP,
        schedule=recipe.schedule,
        prediction=recipe.prediction,
        keyframes=recipe.keyframes,
        gaps=recipe.gaps,
        leaves=recipe.leaves,
        decoder_precision=recipe.decoder_precision,
        files={},
        distilled=drawing == "student",
        references=recipe.references,
        drafts=bool(recipe.denoiser.get("drafted")),
        hd=recipe.size * recipe.hd_times if recipe.hd is not None else 0,
        lexicon=phrases,
    )
    write_manifest(manifest)
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1, default=list) + "\n")


def _measures(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """How the run's networks do on the footage's films, in `out/measures.json`."""
    parts = (("vae", TKLVAE), ("text", SmallTextEncoder), ("unet", MaskTemporalUNet))
    vae, encoder, net = (_finished(out, part, kind, device) for part, kind in parts)
    if place()[0] == 0:
        diffusion = denoising_loss(recipe).diffusion
        print(*in_words(measure(vae, encoder, net, diffusion, footage, recipe.size, out)), sep="\n")


def _probe(recipe: Recipe, footage: Footage, out: Path, device: str) -> None:
    """Frame and clip probes of every seed, in bfloat16 in `out/probes`, and how they do on ground truth."""
    if not isinstance(footage, CartoonWorld):
        raise ValueError("probes read the cartoon world's characters and places: leave --data out")
    folder = out / "probes"
    kinds = (
        ("frame", FrameProbe, frame_loss, frame_probe_batches, recipe.frame_probe),
        ("clip", ClipProbe, clip_loss, clip_probe_batches, recipe.clip_probe),
    )
    for seed, (name, kind, loss, batches, config) in product(recipe.probe_seeds, kinds):
        torch.manual_seed(seed)
        run, seeded = out / f"{name}-probe-{seed}", replace(config, seed=seed)
        made: Any = train(kind(), loss, batches(config.batch, seed), seeded, run, **_by(device))
        if place()[0] == 0:
            _bfloat16(made.cpu()).save_pretrained(folder / f"{name}-{seed}", safe_serialization=True)
    if place()[0] == 0:
        found = {
            seed: check_probes(load_probes(folder, seed), split="validation") for seed in recipe.probe_seeds
        }
        (folder / "gates.json").write_text(json.dumps(found, indent=1) + "\n")
        for gate in GATES:
            told = ", ".join(f"{values[gate.name]:.4f}" for values in found.values())
            print(f"{gate.name}: {told} ({'at least' if gate.at_least else 'at most'} {gate.bar})")


def _bfloat16(model: Any) -> Any:
    # diffusers' own `to` writes a line about layers to keep in float32, of which there are none.
    return torch.nn.Module.to(model, torch.bfloat16)


_STAGES: dict[str, Callable[[Recipe, Footage, Path, str], None]] = {
    "autoencoder": _autoencoder,
    "text": _text,
    "latents": _latents,
    "denoiser": _denoiser,
    "distillation": _distillation,
    "decoder": _decoder,
    "hd": _hd,
    "package": _package,
    "measures": _measures,
    "probe": _probe,
}
STAGES = tuple(_STAGES)
