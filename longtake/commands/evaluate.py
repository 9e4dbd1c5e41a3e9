"""Measuring films: beside ground truth of the same script and controls that must fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import yaml

from longtake.commands.draw import draw, resumable
from longtake.commands.progress import Bar
from longtake.commands.selection import Selection, Work, note
from longtake.evaluate.controls import CONTROLS
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.evaluate.sources import (
    DecodedTruth,
    PictureFolder,
    Source,
    StoredFilm,
    VideoFile,
    WorldFilm,
)
from longtake.film.segments import cut_segments
from longtake.machine import cores
from longtake.plan import Plan
from longtake.storyboard import StoryboardError
from longtake.strategies import choose
from longtake.video import Codec, VideoError, count_frames
from longtake.world.script import episode_seeds
from longtake.world.vocabulary import Split

if TYPE_CHECKING:
    from longtake.evaluate.evaluation import Episode, Line
    from longtake.evaluate.look import Probes
    from longtake.evaluate.named import Networks

PRESETS = {"ci": (2, 256), "dev": (8, 1024), "release": (32, 3376)}  # episodes, frames of each
TRUTH = "ground truth"
_VIDEOS = {".mp4", ".mkv", ".webm", ".mov", ".avi"}
_OTHER_LATENTS = 1_000_000_000  # added to an episode's seed for its reference

Report = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What all ways to evaluate share."""

    out: Path  # folder of the report
    controls: str  # "all", "none", or names with commas
    probes: Path | None  # None: those that come with longtake
    workers: int | None  # None: one per core
    weights: Sequence[str] = ()  # of named networks: "NET=PATH"
    sha256: Sequence[str] = ()  # "NET=SHA"
    allow_download: bool = False


def evaluate_films(path: Path, selection: Selection, options: Options) -> tuple[Report, str]:
    """Measure the film, or every film of a folder, against the storyboard that they show."""
    from longtake.evaluate.evaluation import Episode, Line

    films = _films(path, "FILM")
    networks = _networks(options)
    probes = _probes(options)
    work = selection.open()
    scenes = [(scene.start, scene.prompt) for scene in work.plan.timeline.scenes]
    script = script_of_prompts(scenes, work.plan.length)
    _name_silent_scenes(script)
    for name, film in films.items():
        _check_length(name, film, work.plan.length)
    name = work.board.title or selection.storyboard.stem
    seed = work.board.seed
    codecs = {called: _codec(film) for called, film in films.items()}

    def reference(codec: Codec | None) -> dict[str, Source]:
        return {name: WorldFilm(TRUTH, script, seed + _OTHER_LATENTS, codec=codec)}

    lines = [Line(n, "system", {name: film}, reference(codecs[n])) for n, film in films.items()]
    ways = [codec for codec in dict.fromkeys(codecs.values()) if codec]
    for codec in ways:  # what encoding alone does: its pictures that refer to nothing lie on borders
        encoded = f"{TRUTH}, encoded" + (f" x{codec.upscale}" if len(ways) > 1 else "")
        drawn = {name: WorldFilm(TRUTH, script, seed, codec=codec)}
        lines.append(Line(encoded, "reference", drawn, reference(codec), floor=True))
    episodes = [Episode(name, script, work.plan)]
    lines += _known_lines(episodes, [seed], reference(None), options.controls)
    facts = {"storyboard": selection.storyboard.name, "films": {n: film.key for n, film in films.items()}}
    return _report(episodes, lines, probes, networks, options, facts)


def evaluate_real(path: Path, real: Path, options: Options) -> tuple[Report, str]:
    """Measure the film, or every film of a folder, beside real videos of anything."""
    from longtake.evaluate.named import NETWORKS
    from longtake.evaluate.real import measure_real, named_real
    from longtake.evaluate.report import write_real_report

    films, videos = _films(path, "FILM"), _films(real, "--real")
    networks = _networks(options)
    not_computed = {
        NETWORKS["clip"]: "real videos have no prompts",
        NETWORKS["lpips"]: "no frame of a real video belongs to one of the film",
        **networks.not_computed,
        "all that a script decides (prompt, identity, seams, order)": "needs --storyboard",
    }
    kept = options.out / "seen"
    with Bar() as bar, resumable(_how_to_go_on(kept)):
        try:
            rows, facts = measure_real(films, videos, path.stem, kept, _shown(bar, "videos watched"))
        except VideoError:
            raise
        except ValueError as error:
            raise VideoError(str(error)) from error
        seen = _shown(bar, "videos seen by named networks")
        named = named_real(films, videos, path.stem, networks, kept, seen)
    return write_real_report(rows, facts=facts, not_computed=not_computed, named=named, folder=options.out)


def evaluate_strategies(
    strategies: Sequence[str],
    model: str,
    split: Split,
    count: int,  # episodes
    frames: int,  # of each
    options: Options,
) -> tuple[Report, str]:
    """Render episodes of the split by every strategy, and compare them on the same scripts."""
    from longtake.evaluate.evaluation import Episode, Line

    for strategy in strategies:
        try:
            choose(strategy)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--strategies") from None
    networks = _networks(options)
    probes = _probes(options)
    seeds = episode_seeds(split, count)
    episodes: list[Episode] = []
    films: dict[str, dict[str, Source]] = {strategy: {} for strategy in strategies}
    plans: dict[str, dict[str, Plan]] = {strategy: {} for strategy in strategies}
    decoded: dict[str, Source] = {}
    references: dict[str, Source] = {}
    for number, seed in enumerate(seeds, start=1):
        name, script = f"{split}-{seed}", script_of_episode(seed, frames)
        board = write_board(script, seed, options.out / "storyboards" / f"{name}-{frames}.yaml")
        for strategy in strategies:
            note(f"episode {number} of {count}, drawn by {strategy}")
            work = Selection(
                storyboard=board, strategy=strategy, model=model, store=options.out / "store"
            ).open()
            with resumable(f"{work.store.root} keeps every clip; run the same command again to go on"):
                draw(work, slice(0, frames), workers=options.workers)
            films[strategy][name] = film_of(work)
            plans[strategy][name] = work.plan
        decoded[name] = DecodedTruth(script, seed, work.manifest.folder)
        references[name] = WorldFilm(TRUTH, script, seed + _OTHER_LATENTS)
        episodes.append(Episode(name, script, plans[strategies[0]][name]))
    lines = [
        Line(strategy, "system", films[strategy], references, plans=plans[strategy])
        for strategy in strategies
    ]
    lines.append(Line(f"{TRUTH}, decoded", "reference", decoded, references))
    lines += _known_lines(episodes, seeds, references, options.controls)
    facts = {"model": f"{work.manifest.name} {work.manifest.digest}", "split": split, "episodes": seeds}
    return _report(episodes, lines, probes, networks, options, facts)


def _films(path: Path, hint: str) -> dict[str, Source]:
    """Videos by name: one, or those of a folder. `hint` says what the user named them as."""
    if path.is_file():
        return {path.stem: VideoFile(path)}
    if not path.is_dir():
        raise typer.BadParameter(f"{path}: there is no such film or folder", param_hint=hint)
    videos = sorted(file for file in path.iterdir() if file.suffix.lower() in _VIDEOS)
    if videos:
        alone = len({file.stem for file in videos}) == len(videos)
        return {file.stem if alone else file.name: VideoFile(file) for file in videos}
    if any(path.glob("*.png")):
        return {path.name: PictureFolder(path)}
    raise typer.BadParameter(f"{path}: holds neither videos nor PNG frames", param_hint=hint)


def _networks(options: Options) -> Networks:
    """The named networks that there are weights of, opened before anything takes long."""
    from longtake.draw.load import best_device
    from longtake.evaluate.named import NETWORKS, open_networks

    def named(pairs: Sequence[str], option: str) -> dict[str, str]:
        found = dict(pair.partition("=")[::2] for pair in pairs)
        for name, value in found.items():
            if name not in NETWORKS or not value:
                known = ", ".join(NETWORKS)
                raise typer.BadParameter(f"{name!r}: give NET=..., NET one of {known}", param_hint=option)
        return found

    weights, sha256 = named(options.weights, "--weights"), named(options.sha256, "--sha256")
    return open_networks(weights, sha256, options.allow_download, best_device())


def _probes(options: Options) -> Probes:
    """The probes of the first seed; raises where there are none, before anything takes long."""
    from longtake.evaluate.look import PROBES, load_probes

    return load_probes(options.probes or PROBES)


def _check_length(name: str, film: Source, length: int) -> None:
    """A film that is not of the storyboard's length shows something else."""
    if isinstance(film, VideoFile):
        frames = count_frames(film.path)
    else:
        assert isinstance(film, PictureFolder)
        frames = len(list(film.path.glob("*.png")))
    if frames != length:
        raise StoryboardError(
            f"{name} has {frames} frames, the storyboard {length}: name the storyboard that it was rendered "
            "from, and give --frames if that was given there"
        )


def _codec(film: Source) -> Codec | None:
    """How the film was encoded, so that its reference can go the same way; pictures were not."""
    if not isinstance(film, VideoFile):
        return None
    height = next(iter(film.frames())).shape[0]
    return Codec(upscale=max(1, height // 64), smooth=True)


def _known_lines(
    episodes: Sequence[Episode], seeds: Sequence[int], references: Mapping[str, Source], controls: str
) -> list[Line]:
    """Ground truth with the episodes' own latents, and the controls."""
    from longtake.evaluate.evaluation import Line

    known = [name for name in CONTROLS if name != TRUTH]
    asked = [name.strip() for name in controls.split(",")]
    chosen = known if asked == ["all"] else [] if asked == ["none"] else asked
    for name in chosen:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}", param_hint="--controls")

    def line(name: str) -> Line:
        drawn = {e.name: WorldFilm(name, e.script, seed) for e, seed in zip(episodes, seeds, strict=True)}
        kind = "reference" if name == TRUTH else "control"
        return Line(name, kind, drawn, references, floor=name == TRUTH)

    return [line(name) for name in [TRUTH, *chosen]]


def film_of(work: Work) -> StoredFilm:
    """The film that was drawn into the store."""
    return StoredFilm(work.store.root, tuple(cut_segments(work.plan)), work.manifest.folder)


def write_board(script: Script, seed: int, path: Path) -> Path:
    """The storyboard of a script, for the planners."""
    scenes = [
        {"id": f"shot-{k:03}", "at": shot.start, "prompt": shot.caption}
        for k, shot in enumerate(script.shots)
    ]
    board = {
        "title": path.stem,
        "video": {"fps": 12, "frames": script.length},
        "seed": seed,
        "scenes": scenes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(board, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def _name_silent_scenes(script: Script) -> None:
    """Warn of scenes whose prompts say too little that can be measured."""
    for shot, told in zip(script.shots, script.told, strict=True):
        missing = [] if told.cast else ["who is there"]
        missing += [] if told.place else ["where it is"]
        if missing:
            what = " and ".join(missing)
            note(f"frame {shot.start}: the prompt says {what} in no words that the probes know", "warning")


def _shown(bar: Bar, what: str) -> Callable[[int, int], None]:
    return lambda done, total: bar.show(done, total, f"{done} of {total} {what}")


def _how_to_go_on(kept: Path) -> str:
    return f"run the same command again to go on; {kept} keeps what was seen"


def _report(
    episodes: Sequence[Episode],
    lines: Sequence[Line],
    probes: Probes,
    networks: Networks,
    options: Options,
    facts: Report,
) -> tuple[Report, str]:
    """Watch, measure, judge, and write the report; its JSON, and a few sentences."""
    from longtake.evaluate.distances import reference_digest
    from longtake.evaluate.evaluation import Measuring, evaluate, seam_profiles, watch_lines
    from longtake.evaluate.gates import gates_of
    from longtake.evaluate.look import PROBES
    from longtake.evaluate.named import named_distances
    from longtake.evaluate.report import spread_of, write_report, write_strip

    folder = options.probes or PROBES
    kept = options.out / "seen"
    systems = [line for line in lines if line.kind == "system"]
    with Bar() as bar, resumable(_how_to_go_on(kept)):
        workers = options.workers or cores()
        watched, measured = _shown(bar, "films watched"), _shown(bar, "rows measured")
        how = Measuring(kept, folder, workers=workers, on_done=watched, on_row=measured)
        # Of the other probes only values are told: their intervals would take long for nothing.
        other = replace(how, seed=1, resamples=0) if (folder / "frame-1").is_dir() else None
        watch_lines([(lines, how), *([(systems, other)] if other else [])])
        rows = evaluate(episodes, lines, how)
        if other:
            others = evaluate(episodes, systems, other)
            facts["another probe moves"] = spread_of([row for row in rows if row.kind == "system"], others)
        gates = gates_of(probes, kept)
        seen = _shown(bar, "films seen by named networks")
        named = named_distances(episodes, lines, networks, kept, seen)
    for number, line in enumerate(systems, start=1):
        name, film = next(iter(line.films.items()))
        script = next(episode.script for episode in episodes if episode.name == name)
        write_strip(film, script, options.out / f"strip-{number}.png")
    references = {source.key for line in lines for source in line.references.values()}
    facts |= {"probes": probes.sha256, "references": reference_digest(references)}
    return write_report(
        rows,
        prompts={e.name: [shot.caption for shot in e.script.shots] for e in episodes},
        profiles=seam_profiles(episodes, lines, how),
        gates=gates,
        facts=facts,
        not_computed=networks.not_computed,
        length=episodes[0].script.length,
        folder=options.out,
        named=named,
    )
