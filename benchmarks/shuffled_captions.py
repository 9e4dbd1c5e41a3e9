"""Does the prompt accuracy of `longtake evaluate` fall to chance where captions mean nothing?

Goes on training the shipped model twice, from the same weights, over the same clips in the same order and
with the same noise: once with the true captions, and once with every clip under the captions of another one.
Then `longtake evaluate` measures both models. Only the captions differ, so what the second model lost against
the first is what the captions told it; what the first one lost against the shipped model is the training's.

    python benchmarks/shuffled_captions.py --cache runs/toon-64/latents --out runs/shuffled

Chance is told twice. "other script" is that control of `longtake evaluate`: ground truth of other episodes.
And below each model are the same films again, measured against scripts that they were not made for: the
range that holds 90 % of such draws. A model that does not hear its prompts lies in its own range; one that
does lies above. A film of mush is at chance too, so look at `report/strip-1.png` of both before believing it.

Two episodes hold about six scenes, which makes chance coarse: eight (--episodes 8) tell more.

Place and time of day are shares of frames, and no measures of the report; they are read from what it saw.
Without --cache a small one is built, of which 300 steps see every clip three times: a large one is better.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from longtake.commands.evaluate import PRESETS, film_of
from longtake.commands.selection import Selection
from longtake.data.clips import WorldDraws
from longtake.draw.decode import Decoder
from longtake.draw.load import best_device, text_encoder_in
from longtake.evaluate.probes import PROBES
from longtake.evaluate.prompts import prompt_measures
from longtake.evaluate.readings import Readings
from longtake.evaluate.script import NOT_ASKED, Script, script_of_episode
from longtake.evaluate.sources import Source, StoredFilm, WorldFilm
from longtake.evaluate.watching import Viewing, load_watched
from longtake.manifest import find_model, read_manifest, write_manifest
from longtake.models.load import load_network
from longtake.models.unet import MaskTemporalUNet
from longtake.recipes import RECIPES
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages import clip_lengths, denoising_loss
from longtake.train.autoencoder import to_model
from longtake.train.cache import ClipCache, build_cache, open_cache
from longtake.train.denoiser import cached_batches, encode_captions
from longtake.train.loop import train
from longtake.world.script import episode_seeds

MODEL = "toon-64"
COLUMNS = ("scenes right", "characters F1", "place", "time of day")
FRAMES = PRESETS["ci"][1]  # of a film
OTHERS = 200  # draws of scripts that a film was not made for
OTHERS_FROM = 100_000  # seed from which they are taken, far above the episodes that are evaluated
GENTLER = 1 / 3  # learning rates, as a share of the recipe's

Floats = NDArray[np.float64]


def shuffled(cache: ClipCache, seed: int) -> ClipCache:
    """The cache with every clip under the captions of another, frame by frame.

    The clips stand in a ring of random order and each takes the captions of the one before it, so that none
    keeps its own.
    """
    ring = np.random.default_rng(seed).permutation(len(cache))
    prompts = np.empty_like(cache.prompts)
    prompts[ring] = cache.prompts[np.roll(ring, 1)]
    return replace(cache, prompts=prompts)


def small_cache(folder: Path, model: Path, recipe: Recipe, clips: int) -> None:
    """A latent cache in `folder`, encoded by the model's own autoencoder; one that is done stays."""
    decoder = Decoder(model, threads=torch.get_num_threads())

    @torch.inference_mode()
    def encode(pixels: NDArray[np.uint8]) -> NDArray[np.float16]:
        mean = decoder.vae.encode(to_model(pixels).to(decoder.device), framewise=True).mean
        return decoder.vae.normalise(mean).half().cpu().numpy()

    draws = WorldDraws(episode_seeds("train", recipe.episodes))
    done = build_cache(folder, clips, encode, draws, recipe.size)
    with Progress(transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("latents", total=clips)
        for count in done:
            progress.update(task, completed=count)


def go_on_training(
    model: Path, cache: ClipCache, text: Tensor, recipe: Recipe, steps: int, batch: int, out: Path
) -> MaskTemporalUNet:
    """The model's network after `steps` more on the cache; a run that was interrupted goes on."""
    net = load_network(MaskTemporalUNet, model / "unet")
    config = replace(
        recipe.diffusion,
        steps=steps,
        batch=batch,
        muon_lr=recipe.diffusion.muon_lr * GENTLER,
        adam_lr=recipe.diffusion.adam_lr * GENTLER,
        ema=0.98,  # a longer memory would still be full of the weights that it began with
        log_every=10,
        save_every=50,
        compile=False,
    )
    batches = cached_batches(cache, text, batch, seed=recipe.seed, lengths=clip_lengths(recipe))
    loss = denoising_loss(recipe)
    made: MaskTemporalUNet = train(net.float(), loss, batches, config, out, device=best_device())
    return made


def package(net: MaskTemporalUNet, model: Path, name: str, folder: Path) -> None:
    """A copy of the shipped model with this network in bfloat16: what `--model` takes."""
    shutil.copytree(
        model, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("README.md", "recipe.json")
    )
    torch.nn.Module.to(net, torch.bfloat16).save_pretrained(folder / "unet", safe_serialization=True)
    write_manifest(replace(read_manifest(folder), name=f"{MODEL} on {name}"))


def evaluate(model: Path, episodes: int, probes: Path, report: Path) -> None:
    """Run `longtake evaluate` on the model."""
    command = [sys.executable, "-m", "longtake", "evaluate", "--strategies", "nuwa-xl", "--preset", "ci"]
    command += ["--episodes", str(episodes), "--model", str(model), "--controls", "other script"]
    subprocess.run([*command, "--probes", str(probes), "--out", str(report)], check=True)


def scores(script: Script, readings: Readings) -> list[float]:
    """What `COLUMNS` names, of a film measured against a script."""
    measured = prompt_measures(script, readings)
    shares = [
        float(np.mean((read.argmax(1) == asked)[asked != NOT_ASKED]))
        for asked, read in ((script.wanted.place, readings.place), (script.wanted.time, readings.time))
    ]
    return [measured["scene_accuracy"].value, measured["character_f1"].value, *shares]


def chance(films: Sequence[Readings]) -> tuple[Floats, Floats]:
    """The 5 % and 95 % quantiles of the films' mean scores against scripts they were not made for."""
    seeds = iter(episode_seeds("test", OTHERS * len(films), first=OTHERS_FROM))
    draws = [
        np.mean([scores(script_of_episode(next(seeds), FRAMES), film) for film in films], axis=0)
        for _ in range(OTHERS)
    ]
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    return low, high


def drawn_film(model: Path, report: Path, seed: int) -> StoredFilm:
    """The film of a test episode that `longtake evaluate` left in the report's store."""
    board = report / "storyboards" / f"test-{seed}-{FRAMES}.yaml"
    work = Selection(storyboard=board, strategy="nuwa-xl", model=str(model), store=report / "store").open()
    return film_of(work)


def print_table(folders: Mapping[str, Path], episodes: int, probes: Path) -> None:
    """A row per model, the range of its chance below, and the control at the end."""
    seeds = episode_seeds("test", episodes)
    scripts = [script_of_episode(seed, FRAMES) for seed in seeds]

    def seen(report: Path, films: Sequence[Source]) -> list[Readings]:
        return [load_watched(Viewing(film, report / "seen", probes)).readings for film in films]

    def mean_scores(films: Sequence[Readings]) -> str:
        each = [scores(script, film) for script, film in zip(scripts, films, strict=True)]
        return " | ".join(f"{value:.3f}" for value in np.mean(each, axis=0))

    print("| | " + " | ".join(COLUMNS) + " |\n|---|" + "---|" * len(COLUMNS))
    for name, folder in folders.items():
        report = folder / "report"
        films = seen(report, [drawn_film(folder / "model", report, seed) for seed in seeds])
        ranges = " | ".join(f"{low:.3f} to {high:.3f}" for low, high in zip(*chance(films), strict=True))
        print(f"| {name} | {mean_scores(films)} |\n| … by other scripts | {ranges} |")
    others = [WorldFilm("other script", script, seed) for script, seed in zip(scripts, seeds, strict=True)]
    print(f"| other script | {mean_scores(seen(report, others))} |")


def main() -> None:
    """Train, package and evaluate both models, and print a table."""
    count, _ = PRESETS["ci"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=300, help="of each of the two trainings")
    parser.add_argument("--batch", type=int, default=10, help="clips per step")
    parser.add_argument(
        "--cache", type=Path, help="latent cache to train on: a folder of the stage 'latents'"
    )
    parser.add_argument("--clips", type=int, default=1000, help="of the cache that is built without --cache")
    parser.add_argument("--episodes", type=int, default=count, help="to evaluate")
    parser.add_argument("--probes", type=Path, default=PROBES, help="folder of other probes")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/shuffled"), help="it resumes; another one for other trainings"
    )
    asked = parser.parse_args()
    recipe, shipped = RECIPES[MODEL](), find_model(MODEL)
    if asked.cache is None:
        small_cache(asked.out / "latents", shipped, recipe, asked.clips)
    cache = open_cache(asked.cache or asked.out / "latents")
    # Shuffling leaves the captions' rows alone, so that both trainings take the same tokens.
    text = encode_captions(cache.captions, text_encoder_in(shipped / "text"), asked.out)
    taught = {"true captions": cache, "shuffled captions": shuffled(cache, recipe.seed)}
    folders = {name: asked.out / name.replace(" ", "-") for name in taught}
    for name, clips in taught.items():
        folder = folders[name]
        net = go_on_training(shipped, clips, text, recipe, asked.steps, asked.batch, folder / "training")
        package(net, shipped, name, folder / "model")
        evaluate(folder / "model", asked.episodes, asked.probes, folder / "report")
    print_table(folders, asked.episodes, asked.probes)


if __name__ == "__main__":
    main()
