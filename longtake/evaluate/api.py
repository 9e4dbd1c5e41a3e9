"""Films to a report, in one call: beside ground truth of their storyboard, beside real videos, or compared.

Whoever calls this hears how far it is and gets what it found; nothing is printed. What was seen of films is
kept in the report's folder, so that the same call goes on where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from longtake.draw.load import best_device
from longtake.errors import OptionError
from longtake.evaluate.catalogue import BESIDE_REAL_VIDEOS, measures_of
from longtake.evaluate.controls import CONTROLS, controls_of
from longtake.evaluate.distances.published import NETWORKS, Networks, open_networks, published_distances
from longtake.evaluate.distances.sets import reference_digest
from longtake.evaluate.gates import gates_of
from longtake.evaluate.measured import Row
from longtake.evaluate.probes import Probes, load_probes, probes_of
from longtake.evaluate.real_videos import distances_to_real, measure_real
from longtake.evaluate.report import (
    Report,
    doubts_of,
    scales_for,
    spread_of,
    versions,
    write_report,
    write_strip,
)
from longtake.evaluate.rows import Episode, Line, Measuring, measure_lines, seam_profiles, watch_lines
from longtake.evaluate.script import Script, script_of_episode, script_of_prompts
from longtake.evaluate.sources import DecodedTruth, Films, GivenFilm, Source, WorldFilm, films_of
from longtake.evaluate.table import Header
from longtake.machine import cores
from longtake.manifest import DEFAULT_MODEL, ModelError, find_model, read_manifest
from longtake.plan import Plan
from longtake.storyboard import Storyboard, StoryboardError, load, timeline
from longtake.video import Codec
from longtake.world.edition import World, world
from longtake.world.episodes import episode_seeds
from longtake.world.vocabulary import Split

TRUTH = "ground truth"

ProgressListener = Callable[[int, int, str], None]  # hears how many of how many are done, and of what

_OTHER_FACTS = 1_000_000_000  # added to an episode's seed for its reference


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What all ways to evaluate share."""

    out: Path  # folder of the report
    # Names in CONTROLS: films that must fail, measured as well. "all": those that the edition has.
    controls: Sequence[str] | Literal["all"] = ()
    probes: Path | None = None  # folder; None: those that come with longtake
    networks: Networks | None = None  # of published numbers; None: those of the folder of weights
    workers: int | None = None  # processes; None: one per core
    memorised: bool = True  # whether films are looked up among training clips of longtake's own models
    progress: ProgressListener | None = None

    @property
    def kept(self) -> Path:
        """The folder that keeps what was seen."""
        return self.out / "seen"

    def probes_for(self, edition: int) -> Path:
        """The folder of the probes that read this edition."""
        return self.probes or probes_of(edition)

    def listener(self, what: str) -> Callable[[int, int], None] | None:
        """Hears how many of how many `what` are done, and passes it on."""
        progress = self.progress
        return None if progress is None else lambda done, total: progress(done, total, what)


def evaluate(
    films: Films,
    *,
    storyboard: str | Path | Storyboard | None = None,
    plan: Plan | None = None,
    real: Films | None = None,
    out: str | Path,
    controls: str | Sequence[str] = "all",
    probes: str | Path | None = None,
    edition: int | None = None,
    networks: Networks | None = None,
    workers: int | None = None,
    memorised: bool = True,
    progress: ProgressListener | None = None,
) -> Report:
    """Measure films, and write `report.json`, `report.md` and plots into the folder `out`.

    Args:
        films: a video file, a folder of videos or of PNG frames, an array uint8 `[T, H, W, 3]` of values
            0..255, or a dictionary of such by name.
        storyboard: what all the films should show: its file, or a `Storyboard`. Give this or `real`.
        plan: how longtake planned the films. With it, seams are looked for where clips meet. An edited
            storyboard needs it, as its edits are in the plan only.
        real: real videos of anything, given as films are, to stand beside the films.
        out: also keeps, in its folder `seen`, what was watched; it is not watched again.
        controls: films that must fail: "all" that the edition has, "none", or names in `CONTROLS`, in one
            text with commas or several. Beside real videos there are none.
        probes: folder of other probes than longtake's own.
        edition: of the cartoon world, in which the storyboard is drawn for comparison; None is the one that
            the default model learnt.
        networks: of published numbers, as `open_networks` makes them of a user's weights.
        workers: processes that watch films; None is one per core.
        memorised: whether films are looked up among the training clips of longtake's own models, which says
            nothing of films that other models drew.
        progress: hears (done, total, what), such as (1, 4, "films watched").

    Raises:
        ValueError: the message says what to give instead. Some kinds are of their own: VideoError for what is
            no film or too small, StoryboardError for a storyboard that these films do not show, ModelError
            for probes that are not there.
    """
    options = EvaluateOptions(
        out=Path(out),
        controls=chosen_controls(controls),
        probes=None if probes is None else Path(probes),
        networks=networks,
        workers=workers,
        memorised=memorised,
        progress=progress,
    )
    if (storyboard is None) == (real is None):
        raise ValueError("give either a storyboard that the films should show, or real videos beside them")
    if real is not None and any(given is not None for given in (plan, probes, edition)):
        raise ValueError(
            "a plan, probes and an edition only go with a storyboard: leave them out beside real videos"
        )
    with _same_threads():
        if real is not None:
            name = Path(films).stem if isinstance(films, str | Path) else "films"
            return beside_real_videos(films_of(films), films_of(real), name, options)
        assert storyboard is not None
        cartoon = world(edition_of(DEFAULT_MODEL) if edition is None else edition)
        if isinstance(storyboard, Storyboard):
            board, file = storyboard, storyboard.title or "storyboard"
        else:
            board, file = load(storyboard), Path(storyboard).name
        return beside_truth(films_of(films), board, file, plan, cartoon, options)


def beside_truth(
    films: Mapping[str, GivenFilm],
    board: Storyboard,
    file: str,  # name of the storyboard's file
    plan: Plan | None,  # None: nothing is known of borders and reach
    cartoon: World,
    options: EvaluateOptions,
) -> Report:
    """Measure films beside ground truth of the storyboard that they show."""
    networks, probes = check_options(options, cartoon)
    script = script_of_board(cartoon, board, plan)
    for called, film in films.items():
        _check_length(called, film, script.length)
    name, seed = board.title or Path(file).stem, board.seed
    codecs = {called: film.codec for called, film in films.items()}

    def reference(codec: Codec | None) -> dict[str, Source]:
        return {name: WorldFilm(TRUTH, script, seed + _OTHER_FACTS, codec=codec)}

    lines = [Line(n, "system", {name: film}, reference(codecs[n])) for n, film in films.items()]
    ways = [codec for codec in dict.fromkeys(codecs.values()) if codec]
    for codec in ways:  # what encoding alone does: its pictures that refer to nothing lie on borders
        encoded = f"{TRUTH}, encoded" + (f" x{codec.upscale}" if len(ways) > 1 else "")
        drawn = {name: WorldFilm(TRUTH, script, seed, codec=codec)}
        lines.append(Line(encoded, "reference", drawn, reference(codec), floor=True))
    episodes = [Episode(name, script, plan)]
    lines += _known_lines(episodes, [seed], reference(None), options.controls)
    facts = {"storyboard": file, "films": {called: film.key for called, film in films.items()}}
    return _report(episodes, lines, probes, networks, options, facts)


def beside_real_videos(
    films: Mapping[str, Source],
    real: Mapping[str, Source],
    name: str,  # of the films' row
    options: EvaluateOptions,
) -> Report:
    """Measure films beside real videos of anything."""
    networks = _networks(options)
    not_computed = {
        NETWORKS["clip"]: "real videos have no prompts",
        NETWORKS["lpips"]: "no frame of a real video belongs to one of the film",
        **networks.not_computed,
        "all that a script decides (prompt, identity, seams, order)": "needs --storyboard",
    }
    rows, facts = measure_real(films, real, name, options.kept, options.listener("videos watched"))
    seen = options.listener("videos seen by named networks")
    named = distances_to_real(films, real, name, networks, options.kept, seen)
    header = Header(facts={**versions(), **facts}, not_computed=not_computed)
    return write_report(rows, header, options.out, named=named, measures=BESIDE_REAL_VIDEOS)


@dataclass(frozen=True, kw_only=True)
class DrawnBy:
    """Who drew the films that are compared."""

    name: str
    digest: str  # of all weights that drew
    model: Path | None  # the folder of a model of longtake; None: of whoever else draws, clips are pixels


class DrawnFilm(NamedTuple):
    """A film that was drawn of an episode's script, and how it was planned."""

    film: Source
    plan: Plan


class EpisodeScript(NamedTuple):
    """An episode of the cartoon world that films are drawn of."""

    name: str
    seed: int
    script: Script


def episode_scripts(cartoon: World, split: Split, count: int, frames: int) -> list[EpisodeScript]:
    """The first `count` episodes of the split, `frames` of each."""
    return [
        EpisodeScript(f"{split}-{seed}", seed, script_of_episode(cartoon, seed, frames))
        for seed in episode_seeds(split, count)
    ]


def compare(
    films: Mapping[str, Mapping[str, DrawnFilm]],  # by strategy, then by the episode's name
    scripts: Sequence[EpisodeScript],
    split: Split,  # that the scripts are of
    by: DrawnBy,
    options: EvaluateOptions,
) -> Report:
    """Compare films that several strategies drew of the same scripts."""
    networks, probes = check_options(options, scripts[0].script.world)
    first = next(iter(films.values()))
    episodes = [Episode(one.name, one.script, first[one.name].plan) for one in scripts]
    references: dict[str, Source] = {
        one.name: WorldFilm(TRUTH, one.script, one.seed + _OTHER_FACTS) for one in scripts
    }
    lines = [
        Line(
            strategy,
            "system",
            {name: drawn.film for name, drawn in by_episode.items()},
            references,
            plans={name: drawn.plan for name, drawn in by_episode.items()},
        )
        for strategy, by_episode in films.items()
    ]
    decoded = f"{TRUTH}, decoded"
    if by.model is not None:
        truths = {one.name: DecodedTruth(one.script, one.seed, by.model) for one in scripts}
        lines.append(Line(decoded, "reference", truths, references))
    else:
        why = f"{by.name} has no autoencoder of longtake, its clips are pixels"
        networks = replace(networks, not_computed={**networks.not_computed, decoded: why})
    seeds = [one.seed for one in scripts]
    lines += _known_lines(episodes, seeds, references, options.controls)
    facts = {"model": f"{by.name} {by.digest}", "split": split, "episodes": seeds}
    return _report(episodes, lines, probes, networks, options, facts)


def edition_of(model: str | Path) -> int:
    """The edition of the cartoon world that a model learnt, by its name or folder."""
    return read_manifest(find_model(str(model))).edition


def check_options(options: EvaluateOptions, cartoon: World) -> tuple[Networks, Probes]:
    """The networks of published numbers that there are weights of, and the probes of the first seed.

    Raises, before anything takes long, where these weights are not right, or where this edition has no
    probes, no limits, or not the controls that are named.
    """
    scales_for(cartoon.edition, 1)
    for name in () if options.controls == "all" else options.controls:
        if name not in controls_of(cartoon):
            raise OptionError(
                f"edition {cartoon.edition} of the cartoon world has no control {name!r}: leave it out",
                "controls",
            )
    networks = _networks(options)
    probes = load_probes(options.probes_for(cartoon.edition))
    known = probes.frame.config.weathers
    if known != len(cartoon.weathers):
        raise ModelError(
            f"these probes tell {known} weathers apart, edition {cartoon.edition} of the cartoon world has "
            f"{len(cartoon.weathers)}: name probes that learnt from it"
        )
    return networks, probes


def chosen_controls(names: str | Sequence[str]) -> list[str] | Literal["all"]:
    """The controls of "all", "none", or of names, in one text with commas or several.

    Which are all is for the edition to say. Raises ValueError for a name that none has.
    """
    known = [name for name in CONTROLS if name != TRUTH]
    listed = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    if listed in (["all"], ["none"]):
        return "all" if listed == ["all"] else []
    for name in listed:
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(known)}")
    return listed


def script_of_board(cartoon: World, board: Storyboard, plan: Plan | None) -> Script:
    """What a film of the storyboard should show; its edits are in the plan only.

    Raises StoryboardError for an edited storyboard without a plan.
    """
    if plan is None and board.edits:
        raise StoryboardError("an edited storyboard says what a film shows by its plan only: give the plan")
    line = timeline(board) if plan is None else plan.timeline
    return script_of_prompts(cartoon, [(scene.start, scene.prompt) for scene in line.scenes], line.length)


def unread_scenes(script: Script) -> Iterator[str]:
    """Of scenes whose prompts say too little that can be measured: what is missing."""
    for shot, prompt in zip(script.shots, script.demands, strict=True):
        missing = [] if prompt.cast else ["who is there"]
        missing += [] if prompt.place else ["where it is"]
        if missing:
            what = " and ".join(missing)
            yield f"frame {shot.start}: the prompt says {what} in no words that the probes know"


@contextmanager
def _same_threads() -> Iterator[None]:
    """Watching sets torch to one thread; afterwards the caller has as many as before."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _networks(options: EvaluateOptions) -> Networks:
    """The networks of published numbers that there are weights of."""
    return options.networks or open_networks({}, {}, device=best_device())


def _check_length(name: str, film: GivenFilm, length: int) -> None:
    """A film that is not of the storyboard's length shows something else."""
    if film.length != length:
        raise StoryboardError(
            f"{name} has {film.length} frames, the storyboard {length}: name the storyboard that it was "
            "rendered from, and give --frames if that was given there"
        )


def _known_lines(
    episodes: Sequence[Episode],
    seeds: Sequence[int],
    references: Mapping[str, Source],
    controls: Sequence[str] | Literal["all"],
) -> list[Line]:
    """Ground truth with the episodes' own hidden facts, and controls."""
    known = [name for name in controls_of(episodes[0].script.world) if name != TRUTH]

    def line(name: str) -> Line:
        drawn = {e.name: WorldFilm(name, e.script, seed) for e, seed in zip(episodes, seeds, strict=True)}
        kind = "reference" if name == TRUTH else "control"
        return Line(name, kind, drawn, references, floor=name == TRUTH)

    return [line(name) for name in [TRUTH, *(known if controls == "all" else controls)]]


def _report(
    episodes: Sequence[Episode],
    lines: Sequence[Line],
    probes: Probes,
    networks: Networks,
    options: EvaluateOptions,
    facts: dict[str, Any],
) -> Report:
    """Watch, measure, judge, and write the report."""
    cartoon = episodes[0].script.world
    how = Measuring(
        options.kept,
        options.probes_for(cartoon.edition),
        workers=options.workers or cores(),
        on_done=options.listener("films watched"),
        on_row=options.listener("rows measured"),
        memorised=options.memorised,
    )
    rows, moved = _measured(episodes, lines, how)
    gates = gates_of(probes, cartoon, options.kept)
    seen = options.listener("films seen by named networks")
    named = published_distances(episodes, lines, networks, options.kept, seen)
    for number, line in enumerate((line for line in lines if line.kind == "system"), start=1):
        name, film = next(iter(line.films.items()))
        script = next(episode.script for episode in episodes if episode.name == name)
        write_strip(film, script, options.out / f"strip-{number}.png")
    length = episodes[0].script.length
    at, scales = scales_for(cartoon.edition, length)
    references = {source.key for line in lines for source in line.references.values()}
    header = Header(
        facts={
            **versions(),
            **facts,
            **moved,
            "world": f"edition {cartoon.edition}",
            "probes": probes.sha256,
            "references": reference_digest(references),
            "frames": length,
            "limits": f"fixed on validation episodes of {at} frames",
            "probes on ground truth": {name: round(value, 4) for name, value in gates.items()},
        },
        unreliable=doubts_of(gates, cartoon),
        not_computed={
            **networks.not_computed,
            **({} if options.memorised else {"memorised": "left out, as was wished"}),
        },
    )
    return write_report(
        rows,
        header,
        options.out,
        scales=scales,
        measures=measures_of(cartoon),
        named=named,
        prompts={e.name: [shot.caption for shot in e.script.shots] for e in episodes},
        profiles=seam_profiles(episodes, lines, how),
    )


def _measured(
    episodes: Sequence[Episode], lines: Sequence[Line], how: Measuring
) -> tuple[list[Row], dict[str, Any]]:
    """The rows; and, where there are probes of a second seed, by how much these move the systems' values."""
    if not (how.probes / "frame-1").is_dir():
        return measure_lines(episodes, lines, how), {}
    # Of the other probes only values are shown: their intervals would take long for nothing.
    other, systems = replace(how, seed=1, resamples=0), [line for line in lines if line.kind == "system"]
    watch_lines([(lines, how), (systems, other)])  # each film is made once for both
    rows = measure_lines(episodes, lines, how)
    others = measure_lines(episodes, systems, other)
    return rows, {"another probe moves": spread_of([row for row in rows if row.kind == "system"], others)}
