"""Captions by a model that looks at pictures: the middle frame of every shot that nobody described.

Any image-to-text model that transformers loads by `AutoModelForImageTextToText`, such as BLIP or GIT, from a
folder or, where that is allowed, from the hub; weights as safetensors only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.data.tables import (
    FILMS,
    SHOTS,
    Cells,
    DataSetError,
    read_look,
    read_table,
    says_yes,
    write_table,
)
from longtake.files import written_whole
from longtake.ingest.source import NoFilm, Painter, film_frames, open_source, resampled
from longtake.video import Pixels

_SIDE = 384  # pixels of the square that is looked at, of the source: most captioners want so many
_TOKENS = 40  # of a caption at most
_BATCH = 8


class Captioner:
    """Pictures uint8 `[H, W, 3]` -> texts."""

    def __init__(self, name: str, allow_download: bool = False, device: str = "cpu") -> None:
        """`name`: a folder or a hub id. Raises DataSetError where it holds no such model."""
        import torch  # here: few data sets need it

        transformers: Any = import_module("transformers")
        transformers.utils.logging.disable_progress_bar()
        local = Path(name).is_dir() or not allow_download
        try:
            self._processor: Any = transformers.AutoProcessor.from_pretrained(name, local_files_only=local)
            model: Any = transformers.AutoModelForImageTextToText.from_pretrained(
                name, local_files_only=local, use_safetensors=True
            )
        except (OSError, ValueError, ImportError) as error:
            remedy = "give the folder of an image-to-text model as transformers saves it"
            if not local or not Path(name).exists():
                remedy += ", or a hub id with --allow-download"
            raise DataSetError(f"{name} is no captioner ({str(error).splitlines()[0]}): {remedy}") from error
        self._torch, self._device = torch, device
        self._model = model.eval().to(device)
        self.name = name
        self.digest = _digest(model)

    def __call__(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """A caption for every picture, by greedy search: the same for the same pictures."""
        from PIL import Image

        inputs = self._processor(images=[Image.fromarray(p) for p in pictures], return_tensors="pt")
        with self._torch.inference_mode():
            tokens = self._model.generate(
                **inputs.to(self._device), max_new_tokens=_TOKENS, num_beams=1, do_sample=False
            )
        texts = self._processor.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()) for text in texts]


def _digest(model: Any) -> str:
    known = hashlib.sha256()
    for name, weights in sorted(model.state_dict().items()):
        known.update(name.encode())
        known.update(weights.detach().cpu().contiguous().view(-1).float().numpy().tobytes())
    return known.hexdigest()


def describe_shots(
    source: Path,  # the folder that was ingested
    out: Path,
    load: Callable[[], Captioner],  # called where there is something to describe
    progress: Callable[[int, int, str], None],
) -> int:
    """Fill the empty captions of shots.csv; how many there were.

    What the captioner said is kept film by film, so that an interrupted run goes on. A caption that was
    written or changed by hand stays. Films whose file is not in `source` any more are described from the data
    set's own, smaller pictures.
    """
    look = read_look(out)
    films = {row["film"]: source / row["source"] for row in read_table(out, FILMS) if says_yes(row["keep"])}
    table = read_table(out, SHOTS)
    empty = [
        row for row in table if row["film"] in films and says_yes(row["keep"]) and not row["caption"].strip()
    ]
    wanted: dict[str, list[Cells]] = {}
    for row in empty:
        wanted.setdefault(row["film"], []).append(row)
    if not empty:
        return 0
    captioner, done = load(), 0
    for film, rows in wanted.items():
        path = films[film] if films[film].is_file() else out / "films" / f"{film}.mp4"
        middles = {(int(row["start"]) + int(row["end"])) // 2: row for row in rows}
        kept = out / "films" / f"{film}.captions.json"
        captions = _kept_captions(kept, captioner)
        missing = [number for number in middles if str(number) not in captions]
        progress(done, len(empty), f"{done:,} of {len(empty):,} shots described")
        if missing:
            captions |= _describe(path, missing, look.fps, look.aspect, captioner)
            with written_whole(kept) as aside:
                aside.write_text(json.dumps({"captioner": captioner.digest, "said": captions}) + "\n")
        for number, row in middles.items():
            row["caption"] = captions.get(str(number), "")
        done += len(rows)
    write_table(out, SHOTS, table)
    return sum(bool(row["caption"]) for row in empty)


def _kept_captions(path: Path, captioner: Captioner) -> dict[str, str]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return dict(facts["said"]) if facts["captioner"] == captioner.digest else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _describe(
    path: Path, numbers: Sequence[int], fps: Any, aspect: str, captioner: Captioner
) -> dict[str, str]:
    """Captions of film frames, by their number."""
    wanted, captions = set(numbers), dict[str, str]()
    waiting: list[tuple[int, Pixels]] = []

    def flush() -> None:
        if waiting:
            texts = captioner([picture for _, picture in waiting])
            captions.update({str(n): text for (n, _), text in zip(waiting, texts, strict=True)})
            waiting.clear()

    try:
        with open_source(path) as (video, stream):
            paint = Painter(stream, _SIDE, aspect)
            for number, shown in resampled(film_frames(video, stream, []), fps):
                if number in wanted:
                    waiting.append((number, paint(shown.frame)))
                    if len(waiting) == _BATCH:
                        flush()
                if number >= max(wanted):
                    break
            flush()
    except NoFilm as error:
        raise DataSetError(f"{path}: {error}") from error
    return captions
