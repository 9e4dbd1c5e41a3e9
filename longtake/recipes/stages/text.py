"""The text encoder, before any picture is drawn: it learns what captions say."""

from __future__ import annotations

import sys

from longtake.conditions.pretrained import PretrainedTextEncoder
from longtake.conditions.text import SmallTextEncoder
from longtake.draw.load import text_encoder_in
from longtake.recipes.recipe import Recipe
from longtake.recipes.stages.stage import Run, Stage, check_own
from longtake.train.caption_facts import CaptionReader, caption_batches, facts_loss
from longtake.train.captions import (
    CaptionRebuilder,
    captions_in,
    rebuilding_batches,
    rebuilding_loss,
    vocabulary_of,
)
from longtake.train.loop import train
from longtake.train.processes import place
from longtake.world.edition import world


def _train_text(run: Run) -> None:
    """A script's captions are read for their facts, all others rebuilt; none need no training."""
    recipe, part = run.recipe, run.recipe.text
    check_own(recipe, "text encoder", part.network)
    if "pretrained" in part.network:
        TEXT.save(run, _pretrained(recipe))
        return
    films, folder, batch = run.footage.films("train"), run.out / TEXT.name, part.training.batch
    if run.footage.scripted:
        cartoon = world(recipe.edition)
        encoder = SmallTextEncoder(vocabulary=cartoon.vocabulary(), **part.network)
        facts = caption_batches(cartoon, encoder, list(films), batch, recipe.seed)
        reader = train(CaptionReader(encoder, cartoon), facts_loss, facts, part.training, folder, **run.where)
        TEXT.save(run, reader.encoder)
        return
    captions = captions_in(run.footage, films)
    encoder = SmallTextEncoder(vocabulary=vocabulary_of(captions), **part.network)
    if captions:
        batches = rebuilding_batches(encoder, captions, batch, recipe.seed)
        rebuilder = train(
            CaptionRebuilder(encoder), rebuilding_loss, batches, part.training, folder, **run.where
        )
        encoder = rebuilder.encoder
    elif place()[0] == 0:
        warning = f"{run.footage.name}: has no captions, so the model will draw without regard to prompts"
        print(warning, file=sys.stderr)
    TEXT.save(run, encoder)


def _pretrained(recipe: Recipe) -> PretrainedTextEncoder:
    """The text encoder that the recipe names. Raises ValueError where its denoiser takes other tokens."""
    source = recipe.text.network["pretrained"]
    encoder = PretrainedTextEncoder.load(source, recipe.text.network.get("tokens"))
    taken = recipe.denoiser.network.get("text_channels")
    if taken != encoder.width:
        raise ValueError(
            f"the tokens of {source} have {encoder.width} channels, the recipe's denoiser "
            f"takes {taken}: set its text_channels"
        )
    return encoder


TEXT = Stage(
    name="text",
    run=_train_text,
    leaves="model/text",
    training=lambda recipe: recipe.text.training,
    examples=lambda recipe: "captions",
    load=text_encoder_in,
)
