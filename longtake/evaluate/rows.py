"""Films, ground truth and controls of the same scripts: watched, measured, and put into rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtake.evaluate.distances.sets import refuse_overlap, set_distances
from longtake.evaluate.drift import curve, drift_measures
from longtake.evaluate.going import going_measures
from longtake.evaluate.identity import cast_hues, diversity, identity_measures
from longtake.evaluate.measured import FilmResult, Measured, Row, not_measured
from longtake.evaluate.memory import clip_rows, memorised, too_near, training_index
from longtake.evaluate.motion import motion_measures
from longtake.evaluate.order import order_measures
from longtake.evaluate.prompts import frame_correct, prompt_measures
from longtake.evaluate.reach import Reach
from longtake.evaluate.readings import Watched
from longtake.evaluate.script import Script
from longtake.evaluate.seams import borders_of, cut_measures, seam_measures, seam_profile
from longtake.evaluate.sources import Source
from longtake.evaluate.watching import Viewing, load_watched, watch_all
from longtake.files import written_whole
from longtake.plan import Plan
from longtake.world.edition import World
from longtake.world.episodes import episode_seeds


@dataclass(frozen=True)
class Episode:
    """A script that all rows share, and how films of it are planned."""

    name: str
    script: Script
    plan: Plan | None  # None: nothing is known of borders and reach


@dataclass(frozen=True)
class Line:
    """A row to be: of every episode a film, and ground truth of other hidden facts to measure it by."""

    name: str
    kind: str  # "system", "reference" or "control"
    films: Mapping[str, Source]  # by the episode's name
    references: Mapping[str, Source]
    floor: bool = False  # whether it is ground truth that went the same way as films with these references
    plans: Mapping[str, Plan] = field(default_factory=dict)  # of its films, where they are not the episodes'

    def episodes(self, all_of_them: Sequence[Episode]) -> list[Episode]:
        """The episodes that it has films of, as these were planned."""
        own = [episode for episode in all_of_them if episode.name in self.films]
        return [replace(episode, plan=self.plans.get(episode.name, episode.plan)) for episode in own]


@dataclass(frozen=True)
class Measuring:
    """How films are watched, and where what was seen is kept."""

    folder: Path
    probes: Path
    seed: int = 0  # of the probes
    workers: int = 1  # processes
    on_done: Callable[[int, int], None] | None = None  # hears how many films of how many were watched
    on_row: Callable[[int, int], None] | None = None  # hears how many rows of how many were measured
    resamples: int = 200  # of a distance's bootstrap, for all rows but controls; 0 for no intervals
    memorised: bool = True  # whether films are looked up among training clips

    def viewing(self, source: Source) -> Viewing:
        """The source, to be watched so."""
        return Viewing(source, self.folder, self.probes, self.seed)


def measure_lines(episodes: Sequence[Episode], lines: Sequence[Line], how: Measuring) -> list[Row]:
    """Watch and measure everything; what was watched before is not watched again.

    Raises ValueError where a film is its own reference.
    """
    watch_lines([(lines, how)])
    index = _training_index(episodes[0].script.world, how.folder) if how.memorised else None
    known, rows = _Reaches(), []
    for line in lines:
        rows.append(_row(line, line.episodes(episodes), known, index, how))
        if how.on_row:
            how.on_row(len(rows), len(lines))
    floors = {_references(line): row for line, row in zip(lines, rows, strict=True) if line.floor}
    return [_over_floor(row, floors.get(_references(line))) for line, row in zip(lines, rows, strict=True)]


def watch_lines(wanted: Sequence[tuple[Sequence[Line], Measuring]]) -> None:
    """Watch what the lines are measured by, each film once for all who want it; workers are the first's.

    Raises ValueError where a film is its own reference.
    """
    for lines, _ in wanted:
        refuse_overlap({s.key for line in lines for s in line.films.values()},
                       {s.key for line in lines for s in line.references.values()})  # fmt: skip
    viewings = [
        how.viewing(source)
        for lines, how in wanted
        for line in lines
        for side in (line.films, line.references)
        for source in side.values()
    ]
    watch_all(viewings, wanted[0][1].workers, wanted[0][1].on_done)


def _references(line: Line) -> tuple[str, ...]:
    return tuple(sorted(source.key for source in line.references.values()))


def _over_floor(row: Row, floor: Row | None) -> Row:
    """The row with its distances divided by those of ground truth to the same references, at the same N.

    A Frechet distance has a limit at one N only, and the next script has another floor; their ratio does not.
    """
    ratios: dict[str, Measured] = {}
    for name in ("frames", "clips", "motion"):
        own = row.together[f"fd_{name}"]
        least = floor.together[f"fd_{name}"].value if floor else float("nan")
        ratios[f"{name}_over_floor"] = (
            Measured(own.value / least, low=own.low / least, high=own.high / least)
            if least > 0
            else not_measured("there is no ground truth beside it, or it is too short")
        )
    return replace(row, together={**row.together, **ratios})


class _Reaches:
    """What clips join in every planned episode, worked out once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], Reach] = {}

    def of(self, episode: Episode) -> Reach | None:
        """None where nothing is known of the plan."""
        if episode.plan is None:
            return None
        key = episode.name, id(episode.plan)
        if key not in self._known:
            self._known[key] = Reach(episode.script, episode.plan)
        return self._known[key]


def _row(
    line: Line,
    episodes: Sequence[Episode],
    reaches: _Reaches,
    index: NDArray[np.float32] | None,  # None: nothing is looked up
    how: Measuring,
) -> Row:
    seen = [load_watched(how.viewing(line.films[episode.name])) for episode in episodes]
    truth = [load_watched(how.viewing(line.references[episode.name])) for episode in episodes]
    films = [
        measure_film(episode, film, reference, reaches.of(episode))
        for episode, film, reference in zip(episodes, seen, truth, strict=True)
    ]
    if index is not None:
        near = _memorised(seen, truth, index)
        films = [
            replace(film, measured={**film.measured, "memorised": one})
            for film, one in zip(films, near, strict=True)
        ]
    hues = [cast_hues(e.script, film.readings) for e, film in zip(episodes, seen, strict=True)]
    resamples = 0 if line.kind == "control" else how.resamples
    chance = np.random.default_rng(0)  # equally many films are drawn alike, whatever row they are of
    distances, over = set_distances(seen, truth, chance, resamples=resamples)
    curves = {"FD motion": over} if over else {}
    return Row(line.name, line.kind, tuple(films), {"diversity": diversity(hues), **distances}, curves)


def _memorised(
    seen: Sequence[Watched], truth: Sequence[Watched], index: NDArray[np.float32]
) -> list[Measured]:
    """Per film, what is too near to training; ground truth says how near that is."""
    clips = np.concatenate([clip_rows(film.signals.thumbnails) for film in truth])
    limit = too_near(clips, index) if len(clips) else float("nan")
    return [memorised(film.signals.thumbnails, index, limit) for film in seen]


def _training_index(cartoon: World, folder: Path) -> NDArray[np.float32]:
    """Clips of the episodes that every model of this world was trained on first; `folder` keeps them."""
    path = folder / f"training-index-{cartoon.edition}.npy"
    if not path.is_file():
        index = training_index(cartoon, episode_seeds("train", 8), 210)
        with written_whole(path) as aside, aside.open("wb") as file:
            np.save(file, index)
    kept: NDArray[np.float32] = np.load(path, allow_pickle=False)
    return kept


def seam_profiles(
    episodes: Sequence[Episode], lines: Sequence[Line], how: Measuring
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Mean change around coarse and fine borders `[31]`, by row and level, for all rows but controls."""
    by_row: dict[str, dict[str, NDArray[np.float64]]] = {}
    for line in sorted(lines, key=lambda line: line.kind):  # references first
        if line.kind == "control":
            continue
        profiles: dict[str, list[NDArray[np.float64]]] = {}
        for episode in line.episodes(episodes):
            signals = load_watched(how.viewing(line.films[episode.name])).signals
            for level, at in borders_of(episode.plan)._asdict().items():
                if len(at):
                    profiles.setdefault(level, []).append(seam_profile(episode.script, signals, at))
        by_row[line.name] = {level: np.mean(each, axis=0) for level, each in profiles.items()}
    return by_row


def measure_film(episode: Episode, seen: Watched, truth: Watched, reach: Reach | None) -> FilmResult:
    """Every measure of one film. `truth` was seen in the same script, drawn with other hidden facts."""
    script = episode.script
    correct = frame_correct(script, seen.readings)
    measured = {
        **prompt_measures(script, seen.readings),
        **identity_measures(script, seen.readings, reach),
        **seam_measures(script, seen.signals, borders_of(episode.plan)),
        **cut_measures(script, seen.signals),
        **order_measures(script, seen.readings),
        **motion_measures(script, seen.signals, truth.signals),
        **drift_measures(correct, seen.signals, truth.signals),
        **(going_measures(script, seen.readings) if script.world.clocked else {}),
    }
    curves = {
        "scenes right": curve(correct),
        "saturation": curve(seen.signals.saturation),
        "contrast": curve(seen.signals.contrast),
        "motion": curve(seen.signals.difference),
    }
    return FilmResult(episode.name, measured, curves)
