"""The command that makes a model of a pretrained image pipeline."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from longtake.cli.options import Json, show
from longtake.cli.progress import Bar
from longtake.manifest import ModelError

_PARTS = 5  # that `inflate` tells of


def inflate(
    source: Annotated[
        str,
        Argument(
            metavar="FOLDER|ID",
            help="A diffusers pipeline in the layout of Stable Diffusion 1 or 2; an ID is one on the hub.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, Option("--out", help="Folder of the model.", metavar="DIR")],
    size: Annotated[
        int | None,
        Option(
            "--size",
            help="Pixels per side; pictures are square.",
            min=8,
            max=4096,
            metavar="N",
            show_default="what it was trained at",
        ),
    ] = None,
    half: Annotated[bool, Option("--half", help="Keep the weights in float16: half the disk.")] = False,
    image_decoder: Annotated[
        bool, Option("--image-decoder", help="Decode frame by frame for good: no layers along time.")
    ] = False,
    variant: Annotated[
        str | None,
        Option(
            "--variant", help="Which of its files, as fp16.", metavar="NAME", show_default="the plain ones"
        ),
    ] = None,
    allow_download: Annotated[
        bool, Option("--allow-download", help="An ID may be fetched from the hub.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a model of a pretrained image pipeline.

    It draws films at once, every frame an image of its own, so they flicker; training what was added makes
    the frames hang together. --model takes it, and train --from.

    Example: longtake inflate stable-diffusion-v1-5 --out models/sd
    """
    if find_spec("transformers") is None:
        raise ModelError("pretrained text encoders need transformers: pip install 'longtake[pipelines]'")
    from longtake.recipes.inflate import inflate  # here: it imports torch and diffusers

    with Bar() as bar:
        done = 0

        def tell(text: str) -> None:
            nonlocal done
            bar.show(done, _PARTS, text)
            done += 1

        inflated = inflate(
            source,
            out,
            tell=tell,
            size=size,
            half=half,
            temporal_decoder=not image_decoder,
            variant=variant,
            allow_download=allow_download,
        )
    manifest = inflated.manifest
    report = {
        "model": str(out),
        "size": manifest.size,
        "schedule": manifest.schedule,
        "prediction": manifest.prediction,
        "pretrained": inflated.pretrained,
        "added": inflated.added,
    }
    counts = [f"{count / 1e6:,.1f} M" for count in (inflated.pretrained, inflated.added)]
    line = (
        f"{out}: {manifest.size}x{manifest.size} pixels, {counts[0]} pretrained parameters and {counts[1]} "
        "new ones, which add nothing yet. It draws every frame as an image of its own, so films flicker "
        "until it is trained; docs/pretrained.md says how"
    )
    show(report, line, as_json)
