"""A folder of films into a data set: resumable, in several processes, and what was edited by hand stays."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from longtake.data.tables import (
    CAPTIONS,
    FILMS,
    SHOTS,
    SKIPPED,
    Cells,
    DataSetError,
    Look,
    read_look,
    read_table,
    write_look,
    write_table,
)
from longtake.files import file_digest
from longtake.ingest.captioner import Captioner, describe_shots
from longtake.ingest.captions import caption_rows, captions_of, digest_of_rows
from longtake.ingest.card import write_data_card
from longtake.ingest.import_film import FilmSettings, ImportedFilm, imported_film, read_thumbnails
from longtake.ingest.import_films import FolderImport, ProgressListener
from longtake.ingest.list_folder import FolderFiles, Skipped, list_folder
from longtake.ingest.near_duplicates import Thumbnails, is_copy, share_pictures
from longtake.ingest.resume_file import ResumeFile, read_resume_file
from longtake.ingest.sidecars import DEFAULT_KINDS, Sidecar, sidecars
from longtake.ingest.splits import Assigned, assign_splits


@dataclass(frozen=True, kw_only=True)
class IngestOptions:
    """What a user may choose."""

    film: FilmSettings
    kinds: tuple[str, ...] = DEFAULT_KINDS  # of captions, the best first
    language: str = "en"
    shares: tuple[int, int, int] = (80, 10, 10)  # of train, validation, test
    workers: int = 1
    captioner: str = ""  # a folder or hub id; "": shots that nobody described stay so


@dataclass(kw_only=True)
class Ingested:
    """What a run did."""

    films: int = 0  # in the data set
    taken: int = 0  # now
    described: int = 0  # shots, now, by the captioner
    skipped: int = 0  # files of the folder that are no films of the data set
    unchanged: bool = False  # there was nothing to do
    notes: list[str] = field(default_factory=list)  # for the user


def ingest(
    folder: Path,
    out: Path,
    options: IngestOptions,
    progress: ProgressListener,
    load_captioner: Callable[[], Captioner] | None = None,
) -> Ingested:
    """Import the films of `folder` and all below it into the data set `out`; what is there already stays.

    Raises DataSetError where `out` is made otherwise, or its tables cannot be read.
    """
    look = _look_of(out, options.film)
    files, resume = list_folder(folder, out), read_resume_file(out)
    if resume.done == _fingerprint(files, out, options):
        rows = read_table(out, FILMS)
        if all((out / "films" / f"{row['film']}.mp4").is_file() for row in rows):
            skipped = len(resume.skipped[str(folder.resolve())])
            return Ingested(films=len(rows), skipped=skipped, unchanged=True)
    _sweep(out)
    run = _Run(files, out, options, resume, progress)
    done = run()
    if load_captioner is not None:
        done.described = describe_shots(folder, out, load_captioner, progress)
    films = sorted((row["film"], run.pictures(row["film"])) for row in read_table(out, FILMS))
    digest = hashlib.sha256(repr((options.film.digest, films)).encode()).hexdigest()
    _write_look(out, Look(**{**vars(look), "digest": digest}), options, len(films))
    write_data_card(out)
    resume.done = _fingerprint(files, out, options)
    resume.save()
    return done


def _sweep(out: Path) -> None:
    """Remove what runs that were killed an hour ago or earlier have left half written."""
    for path in [*out.glob("*/*.part"), *out.glob("*.part")]:
        if time.time() - path.stat().st_mtime > 3600:
            path.unlink(missing_ok=True)


def _look_of(out: Path, film: FilmSettings) -> Look:
    """What the data set's films have in common; of a new one, what the settings say, written at once."""
    look = Look(name=out.resolve().name, fps=film.fps, size=film.size, aspect=film.aspect, cut=film.cut)
    if not (out / "dataset.json").exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataSetError(f"{out}: holds other files and no data set: name a new folder")
        write_look(out, look, {})
        return look
    old = read_look(out)
    for name in ("fps", "size", "aspect", "cut"):
        was, now = getattr(old, name), getattr(look, name)
        if was != now:
            raise DataSetError(f"{out}: was made with --{name} {was}, not {now}: take that, or another --out")
    return old


def _write_look(out: Path, look: Look, options: IngestOptions, films: int) -> None:
    chosen = {"captions": options.kinds, "language": options.language, "splits": options.shares}
    write_look(out, look, {"options": chosen, "films": films})


def _fingerprint(files: FolderFiles, out: Path, options: IngestOptions) -> str:
    """Of all that a run sees: another one where there may be something to do."""
    tables = [
        (table.file, file_digest(out / table.file) if (out / table.file).is_file() else "")
        for table in (FILMS, SHOTS, CAPTIONS, SKIPPED)
    ]
    chosen = (options.film.digest, options.kinds, options.language, options.shares, options.captioner)
    return hashlib.sha256(repr((files.stamps, tables, chosen)).encode()).hexdigest()


class _Run:
    """One run over a folder: its films, then the tables."""

    def __init__(
        self,
        files: FolderFiles,
        out: Path,
        options: IngestOptions,
        resume: ResumeFile,
        progress: ProgressListener,
    ) -> None:
        self._files, self._out, self._options, self._resume = files, out, options, resume
        self._import = films = FolderImport(files, out, options.film, resume, options.workers, progress)
        self._films, self._copies, self._skipped = films.films, films.copies, films.skipped
        self._done = Ingested()

    def __call__(self) -> Ingested:
        self._import()
        rows = read_table(self._out, FILMS)
        rows = self._with_new_films(rows)
        whose = self._whose({row["film"] for row in rows})
        offered = sidecars(self._files.captions, whose)
        self._write_captions(rows, [one for one in offered.values() if one is not None], whose)
        others = sidecars([path for path, one in offered.items() if one is None], self._files.films)
        for path, one in others.items():
            if one is None:
                self._skipped.append(Skipped(path, "no film of that name", "no video, and none is beside it"))
            else:
                detail = f"of {self._files.name_of(one.film)}, which is not in the data set"
                self._skipped.append(Skipped(path, "captions, not used", detail))
        self._write_skipped()
        self._done.films, self._done.skipped = len(rows), len(self._skipped)
        return self._done

    def pictures(self, film: str) -> str:
        """sha256 of a film's pictures."""
        known = imported_film(self._out, film, self._options.film)
        return known.pictures if known else ""

    def _whose(self, kept: Container[str]) -> dict[Path, str]:
        """Files of the folder that show a film of the data set: itself, and its copies."""
        shown = {path: self._resume.twins.get(film, film) for film, (path, _) in self._films.items()}
        shown |= {path: shown[one] for path, one in self._copies.items() if one in shown}
        return {path: film for path, film in shown.items() if film in kept}

    def _with_new_films(self, rows: list[Cells]) -> list[Cells]:
        """films.csv and shots.csv with the films that are in neither, but for copies."""
        old = {row["film"]: (row["group"], row["split"].strip()) for row in rows}
        new, pairs = self._unlike_pictures(old)
        fps = self._options.film.fps
        assigned = assign_splits(new, old, pairs, self._options.shares)
        # A run that was killed between the two tables has left rows of shots.
        shots = [row for row in read_table(self._out, SHOTS) if row["film"].strip() not in new]
        for film in sorted(new, key=lambda film: str(self._films[film][0])):
            path, imported = self._films[film]
            rows.append(_film_row(imported, self._files.name_of(path), assigned[film], fps))
            shots += _shot_rows(imported, fps)
        if new or not (self._out / FILMS.file).exists():
            write_table(self._out, SHOTS, shots)
            write_table(self._out, FILMS, rows)
        self._done.taken = len(new)
        self._resume.rowed = sorted({*self._resume.rowed, *new})
        self._resume.save()
        return rows

    def _unlike_pictures(self, old: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
        """New films that are no copies, and pairs of films that share pictures."""
        seen: dict[str, Thumbnails] = {film: read_thumbnails(self._out, film) for film in old}
        fresh = [film for film in self._films if film not in seen]
        new, pairs = [], []
        for film in sorted(fresh, key=self._rank):
            path, _ = self._films[film]
            if film in self._resume.rowed:
                self._skipped.append(Skipped(path, "deleted by hand", f"its row {film} in {FILMS.file}"))
                continue
            mine = read_thumbnails(self._out, film)
            twin = next((other for other, its in seen.items() if is_copy(mine, its)), None)
            if twin is not None:
                self._resume.twins[film] = twin
                for file in ("films", "mp4"), ("sheets", "png"):
                    (self._out / file[0] / f"{film}.{file[1]}").unlink(missing_ok=True)
                self._skipped.append(Skipped(path, "same pictures", f"a copy of {twin}"))
                continue
            pairs += [(film, other) for other, its in seen.items() if share_pictures(mine, its)]
            seen[film] = mine
            new.append(film)
        return new, pairs

    def _rank(self, film: str) -> tuple[int, str]:
        """Of two copies the one with more pixels is taken, else the first by name."""
        path, imported = self._films[film]
        return -imported.width * imported.height, str(path)

    def _write_captions(
        self, rows: list[Cells], offered: Sequence[Sidecar], whose: Mapping[Path, str]
    ) -> None:
        """captions.csv; of films whose rows were edited, or whose sources are as they were, it stays."""
        table = read_table(self._out, CAPTIONS)
        for row in rows:
            film = row["film"]
            if film not in self._films:
                continue
            _, imported = self._films[film]
            mine = [one for one in offered if whose[one.film] == film]
            captions = captions_of(imported, mine, self._options.kinds, self._options.language)
            self._skipped += captions.unused
            used = [one for one in mine if one.path.name == captions.source]
            self._skipped += [Skipped(one.path, "captions", f"{one.kind} of {film}") for one in used]
            before, written = self._resume.captioned.get(film, ("", digest_of_rows([])))
            now = hashlib.sha256(repr((captions.source, captions.digest)).encode()).hexdigest()
            current = [old for old in table if old["film"].strip() == film]
            if before == now:
                continue
            fresh = caption_rows(imported, captions.cues, self._options.film.fps)
            if current and digest_of_rows(current) not in (written, digest_of_rows(fresh)):
                source = captions.source or "that there are none any more"
                kept = f"{film}: its captions were edited by hand, so {source} is not taken over"
                self._done.notes.append(f"{kept}: delete its rows in {CAPTIONS.file} to have that")
                continue
            table = [old for old in table if old["film"].strip() != film] + fresh
            row["captions"] = captions.source
            self._resume.captioned[film] = now, digest_of_rows(fresh)
        write_table(self._out, CAPTIONS, table)
        write_table(self._out, FILMS, rows)

    def _write_skipped(self) -> None:
        here = str(self._files.folder.resolve())
        self._resume.skipped[here] = sorted(
            (self._files.name_of(s.path), s.reason, s.detail) for s in self._skipped
        )
        several = len(self._resume.skipped) > 1
        rows = [
            {"file": f"{Path(folder).name}/{file}" if several else file, "reason": reason, "detail": detail}
            for folder, skipped in self._resume.skipped.items()
            for file, reason, detail in skipped
        ]
        write_table(self._out, SKIPPED, rows)


def _film_row(film: ImportedFilm, source: str, assigned: Assigned, fps: Fraction) -> Cells:
    """The row of a film that was imported from the file `source`, before anybody edits it."""
    seconds = float(film.frames / fps)
    rate = float(Fraction(film.rate))
    return {
        "film": film.film,
        "keep": "no" if assigned.clash else "yes",
        "split": assigned.split,
        "caption": "",
        "start": "0",
        "end": str(film.frames),
        "group": assigned.group,
        "frames": str(film.frames),
        "seconds": f"{seconds:.2f}",
        "shots": str(len(film.shots)),
        "source": source,
        "format": f"{film.width}x{film.height} {rate:.4g} fps {film.format}",
        "captions": "",
        "note": "; ".join([*film.notes, *([assigned.clash] if assigned.clash else [])]),
    }


def _shot_rows(film: ImportedFilm, fps: Fraction) -> Iterator[Cells]:
    for number, (start, end) in enumerate(film.shots):
        yield {
            "film": film.film,
            "shot": str(number),
            "keep": "yes",
            "start": str(start),
            "end": str(end),
            "time": _clock(start / fps),
            "caption": "",
        }


def _clock(seconds: Fraction) -> str:
    """h:mm:ss.s, as players show it."""
    tenths = int(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}.{rest % 10}"
