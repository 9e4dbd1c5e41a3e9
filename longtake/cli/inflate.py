"""A model made of a pretrained image pipeline."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from longtake.cli.progress import Bar
from longtake.manifest import ModelError

_PARTS = 5  # that `inflate` tells of


def run(source: str, out: Path, **options: Any) -> tuple[dict[str, Any], str]:
    """Make it, with progress; `options` are those of `recipes.inflate`. What to say as JSON, and as text.

    Raises ModelError where the pipeline is not there or of another layout, or transformers is lacking.
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

        made = inflate(source, out, tell=tell, **options)
    manifest = made.manifest
    report = {
        "model": str(out),
        "size": manifest.size,
        "schedule": manifest.schedule,
        "prediction": manifest.prediction,
        "pretrained": made.pretrained,
        "added": made.added,
    }
    counts = [f"{count / 1e6:,.1f} M" for count in (made.pretrained, made.added)]
    told = (
        f"{out}: {manifest.size}x{manifest.size} pixels, {counts[0]} pretrained parameters and {counts[1]} "
        "new ones, which add nothing yet. It draws every frame as an image of its own, so films flicker "
        "until it is trained; docs/pretrained.md says how"
    )
    return report, told
