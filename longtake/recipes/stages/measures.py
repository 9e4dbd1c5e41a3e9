"""What is measured of a model of films that no script describes: `measures.json`, and its words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from longtake.conditions.text import SmallTextEncoder
from longtake.files import written_whole
from longtake.models.unet import MaskTemporalUNet
from longtake.models.vae import TKLVAE
from longtake.recipes.stages.autoencoder import AUTOENCODER
from longtake.recipes.stages.denoiser import DENOISER, denoising_loss
from longtake.recipes.stages.stage import Run, Stage
from longtake.recipes.stages.text import TEXT
from longtake.train.held_out import LEVELS, denoising, level_clips, reconstruction

_CLIPS = 16  # of each level


def _measure(run: Run) -> None:
    """Measure the networks on films that they were trained on and, where there are some, on others.

    Written to `out/measures.json`: `data`, `films` (how many of each split), and of each split `psnr` in dB
    of frames through the autoencoder and `denoising`: per level the loss, and that of always answering 0.
    """
    footage, size = run.footage, run.recipe.size
    vae: TKLVAE = AUTOENCODER.network(run, run.device)
    encoder: SmallTextEncoder = TEXT.network(run, run.device)
    net: MaskTemporalUNet = DENOISER.network(run, run.device)
    diffusion = denoising_loss(run.recipe.denoiser).diffusion
    measures: dict[str, Any] = {"data": footage.name, "films": {}, "psnr": {}, "denoising": {}}
    for split in ("train", "validation"):
        films = footage.films(split)
        measures["films"][split] = len(films)
        if not films:
            continue
        measures["psnr"][split] = round(reconstruction(vae, footage.draws(films), size), 2)
        measures["denoising"][split] = levels = {}
        for level in LEVELS:
            clips = list(level_clips(footage, films, level, _CLIPS))
            if clips:
                loss, nothing = denoising(
                    net, vae, encoder, diffusion, clips, size, ends=level != "keyframes"
                )
                levels[level] = {"loss": round(loss, 4), "of_nothing": round(nothing, 4)}
    with written_whole(run.out / MEASURES.leaves) as aside:
        aside.write_text(json.dumps(measures, indent=1) + "\n", encoding="utf-8")
    print(*measures_table(measures), sep="\n")


def read_measures(out: Path) -> Mapping[str, Any]:
    """What the stage left in `out`."""
    measures: Mapping[str, Any] = json.loads((out / MEASURES.leaves).read_text(encoding="utf-8"))
    return measures


def measures_table(measures: Mapping[str, Any]) -> Iterator[str]:
    """The measures as lines of markdown."""
    counts, splits = measures["films"], list(measures["psnr"])
    names = {"train": "it was trained on", "validation": "it never saw"}
    whose = (f"{counts[s]} film{'s' * (counts[s] != 1)} {names[s]}" for s in splits)
    yield "| measure | unit | " + " | ".join(whose) + " |"
    yield "|---" * (2 + len(splits)) + "|"
    yield (
        "| frames through the autoencoder | PSNR, dB | "
        + " | ".join(f"{measures['psnr'][split]:.2f}" for split in splits)
        + " |"
    )
    for level in LEVELS:
        by_split = [measures["denoising"][split].get(level) for split in splits]
        if any(by_split):
            cells = (f"{one['loss']:.3f} ({one['of_nothing']:.3f})" if one else "–" for one in by_split)
            yield f"| denoising {level} | loss (of answering 0) | " + " | ".join(cells) + " |"
    if "validation" not in splits:
        yield ""
        yield "No film was held out: the numbers tell what was memorised, not what was understood."


MEASURES = Stage(
    name="measures",
    run=_measure,
    leaves="measures.json",
    needed=lambda recipe, footage: not footage.scripted,  # where there is ground truth, it is evaluated
    alone=True,
)
