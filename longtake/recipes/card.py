"""The card of a model: what it is, how it was made and how it does, only from what the run left."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from longtake.data.cartoon import CartoonWorld
from longtake.data.footage import Footage
from longtake.evaluate.score import JUDGED, read_scale
from longtake.evaluate.table import bold, limit_of, number, read_interval, table_line, with_interval
from longtake.files import written_whole
from longtake.manifest import Manifest, read_manifest
from longtake.plan import Sampling
from longtake.recipes.recipe import Recipe
from longtake.recipes.run_record import digest_of, read_record
from longtake.recipes.stages import stages_of
from longtake.recipes.stages.clips import CLIPS
from longtake.recipes.stages.denoiser import DENOISER
from longtake.recipes.stages.measures import measures_table
from longtake.recipes.stages.package import PACKAGE
from longtake.recipes.stages.stage import Stage
from longtake.train.checkpoint import newest
from longtake.train.loop import TrainConfig

ReportContent = Mapping[str, Any]

_DEFAULT_PRESET = "dev"


def write_card(
    recipe: Recipe, footage: Footage, out: Path, report: ReportContent, preset: str = _DEFAULT_PRESET
) -> Path:
    """Write `out/package/README.md`; returns its path.

    Args:
        out: of the run. Read are `package/`, the stages' `log.jsonl` and newest checkpoint, the latent cache,
            `done.json` (machines and dates) and, put in as it stands, `notes.md`. What is not there is said
            to be not recorded; only the package must be.
        report: of one system, as `report.json` holds it; of other films than the cartoon world's their
            measures, as `measures.json` holds them.
        preset: of the evaluation, for the command that makes the model again.

    Raises:
        ModelError: there is no package.
    """
    manifest = read_manifest(out / PACKAGE.leaves)
    of_world = footage.scripted
    parts = [
        *_head(manifest, footage),
        *_provenance(recipe, footage, out, preset),
        *_sampling(recipe),
        *(_evaluation(report) if of_world else ("", "## Measures", "", *measures_table(report))),
        *_notes(out),
    ]
    path = manifest.folder / "README.md"
    with written_whole(path) as aside:
        aside.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return path


def _reads(text: dict[str, Any]) -> str:
    """What a text encoder of this config is."""
    if "vocabulary" not in text:
        return f"{text['architectures'][0]}, pretrained"
    if not text["vocabulary"]:
        return "says nothing: there were no captions"
    registers = f"{text['registers']} registers"
    reads = registers if text.get("registers_only") else f"words and {registers}"
    return f"{reads}, {len(text['vocabulary'])} known words"


def _head(manifest: Manifest, footage: Footage) -> Iterator[str]:
    """Name, size, and the parts with their parameters and files."""
    channels, height, width = manifest.latents
    read = {
        part: json.loads((manifest.folder / part / "config.json").read_text()) for part in ("unet", "text")
    }
    inflated = read["unet"].get("image_config")
    widths = " and ".join(map(str, inflated["block_out_channels"] if inflated else read["unet"]["channels"]))
    what = {
        "unet": f"Mask Temporal Diffusion, levels of {widths} channels, {manifest.prediction} prediction",
        "vae": f"T-KLVAE, {manifest.size}x{manifest.size}x3 -> {height}x{width}x{channels}",
        "text": _reads(read["text"]),
    }
    if manifest.hd:
        what["hd"] = f"HD decoder, {height}x{width}x{channels} -> {manifest.hd}x{manifest.hd}x3"
    weights = {part: _weights(manifest.folder / part) for part in what}
    total = sum(size for _, _, size in weights.values())
    kinds = " and ".join(dict.fromkeys(kind for _, kind, _ in weights.values()))
    of_world = footage.scripted
    world = f"the procedural cartoon world, edition {manifest.edition}"
    shown = f"longtake data world --edition {manifest.edition} --episode 7"
    yield f"# {manifest.name}"
    yield from _paragraph(
        f"Mask Temporal Diffusion at {manifest.size}x{manifest.size} pixels for "
        f"{world if of_world else f'the films of {footage.name}'}, with its "
        f"autoencoder and text encoder. Weights are {kinds} safetensors, {_bytes(total)} in "
        "all. `longtake train all` wrote this card from what training and evaluation left; what was written "
        "by hand stands under *Notes*." + (f" `{shown}` shows the world that it knows." if of_world else "")
    )
    yield from ("", "| part | parameters | weights | what |", "|---|---|---|---|")
    for part, (count, _, size) in weights.items():
        yield f"| `{part}/` | {_count(count)} | {_bytes(size)} | {what[part]} |"
    yield from ("", "```console")
    board = "examples/valley.yaml" if of_world else "STORYBOARD"
    yield f"$ longtake render {board} --model {_folder(manifest.name)}/package --out film.mp4"
    yield "```"


def _provenance(recipe: Recipe, footage: Footage, out: Path, preset: str) -> Iterator[str]:
    """Machines and dates, stages, data, and the command for it all."""
    record = read_record(out)
    finished = record.stages if record else {}
    yield from ("", "## How it was made", "")
    if finished:
        days = sorted(one.at[:10] for one in finished.values())
        yield f"Stages finished {days[0]}" + (f" to {days[-1]}, on" if days[-1] > days[0] else ", on")
        yield ""
        for machine in dict.fromkeys(one.machine for one in finished.values()):
            stages = [stage for stage, one in finished.items() if one.machine == machine]
            yield f"- {machine}: {', '.join(stages)}"
    else:
        yield "Machine and dates were not recorded: the stages were run one by one."
    heads = ("stage", "steps", "seen", "processes", "computed in", "wall time")
    yield from ("", table_line(heads), "|---" * len(heads) + "|")
    encoded = finished.get(CLIPS.name)
    for stage in stages_of(recipe, footage):
        if training := stage.training(recipe):
            yield _stage_row(stage, recipe, training, out / stage.name, stage.name in finished)
        elif stage is CLIPS:
            time = _duration(encoded.seconds) + " (1)" if encoded else "not recorded"
            yield f"| {stage.name} | – | {recipe.clips.count:,} clips encoded | – | – | {time} |"
    if encoded:
        yield from _paragraph("(1) of the call that finished it, without calls that were interrupted before.")
    if recipe.distillation.training:
        yield from _paragraph(
            f"`unet/` is the distilled denoiser: one of its steps stands for {recipe.distillation.substeps} "
            "guided ones of the denoiser before it."
        )
    yield from _paragraph(_data(recipe, footage, out / CLIPS.leaves))
    yield from ("", "The command that makes it:", "", "```console")
    yield _command(recipe, footage, _processes(out / DENOISER.name), preset)
    yield "```"
    yield from _paragraph(
        "`recipe.json` beside this card holds every decision; the recipe's SHA-256 begins with "
        f"{digest_of(recipe)[:16]}."
    )


def _stage_row(stage: Stage, recipe: Recipe, training: TrainConfig, folder: Path, done: bool) -> str:
    log = folder / "log.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    whole = [json.loads(line) for line in lines if line.endswith("}")]  # the last may be cut off
    if not whole:
        return f"| {stage.name} | {'not trained in this run' if done else 'not recorded'} | | | | |"
    steps, planned, world = whole[-1]["step"], training.steps, _processes(folder)
    count = f"{steps:,}" if steps == planned else f"{steps:,} (recipe: {planned:,})"
    seen = f"{steps * training.batch * (world or 1):,} {stage.examples(recipe)}"
    seen += "" if world else " per process"
    # On machines of several kinds one behind the other, if it went on elsewhere.
    numbers = ", ".join(dict.fromkeys(line.get("precision", "not recorded") for line in whole))
    time = _duration(whole[-1]["seconds"])
    return f"| {stage.name} | {count} | {seen} | {world or 'not recorded'} | {numbers} | {time} |"


def _processes(folder: Path) -> int | None:
    """How many trained last, after the newest checkpoint."""
    checkpoint = newest(folder)
    if checkpoint is None:
        return None
    world: int = json.loads((checkpoint / "state.json").read_text())["world"]
    return world


def _data(recipe: Recipe, footage: Footage, cache: Path) -> str:
    """Films, and the clips that the cache holds."""
    clips, frames, references = 0, 0, 0
    for path in cache.glob("clips-*.npz"):
        with np.load(path) as part:  # reads only what is asked for
            clips, references = clips + len(part["numbers"]), int(part["references"])
            frames = part["numbers"].shape[1] - references
    kind = "episodes of the" if footage.scripted else "films of"
    films = f"Data: {len(footage.films('train')):,} training {kind} {footage.name}"
    if not clips:
        planned = f"{recipe.clips.count:,} clips in the recipe"
        return f"{films}; the latent cache ({planned}) is no longer with the run."
    beside = f", each beside {references} more from elsewhere in its film" if references else ""
    return f"{films}; the latent cache holds {clips:,} clips of {frames} of their frames{beside}."


def _command(recipe: Recipe, footage: Footage, world: int | None, preset: str) -> str:
    several = f"OMP_NUM_THREADS=1 torchrun --nproc-per-node {world} -m " if (world or 1) > 1 else ""
    measured = "" if preset == _DEFAULT_PRESET else f" --preset {preset}"
    data = "" if isinstance(footage, CartoonWorld) else " --data DATA"
    return (
        f"$ {several}longtake train all --recipe {recipe.name}{data} --out {_folder(recipe.name)}{measured}"
    )


def _sampling(recipe: Recipe) -> Iterator[str]:
    yield from (
        "",
        "## Sampling",
        "",
        "| level | sampler | steps | shift | guidance by text | by known frames |",
    )
    yield "|---|---|---|---|---|---|"
    levels = recipe.sampling._asdict()
    yield from (_level(name, sampling) for name, sampling in levels.items())
    if recipe.distillation.training:
        before = zip(levels, recipe.denoiser.sampling, strict=True)
        yield from (_level(f"{name}, before distillation", sampling) for name, sampling in before)
    precisions = ", ".join(f"{name} {sampling.precision}" for name, sampling in levels.items())
    yield from ("", f"Precision: {precisions}, decoder {recipe.decoder.precision}. Guidance 1 is none.")


def _level(name: str, sampling: Sampling) -> str:
    cells = (name, sampling.sampler, sampling.steps, f"{sampling.shift:g}", f"{sampling.text_guidance:g}",
             f"{sampling.known_guidance:g}")  # fmt: skip
    return table_line(map(str, cells))


def _evaluation(report: ReportContent) -> Iterator[str]:
    yield from _measures(report)
    yield from _failures(report)


def _measures(report: ReportContent) -> Iterator[str]:
    """Every measure that the system has, beside the references and its control."""
    facts, system = report["facts"], _system(report)
    references = [row for row in report["rows"] if row["kind"] == "reference"]
    controls = {row["name"]: row for row in report["rows"] if row["kind"] == "control"}
    verdicts = [one["verdict"] for one in system["measures"].values()]
    failed = verdicts.count("fails")
    yield from ("", "## Measures")
    yield from _paragraph(
        f"{len(facts['episodes'])} films of the {facts['split']} split, {facts['frames']:,} frames each, "
        f"planned by `{system['name']}`, beside ground truth of the same scripts. Numbers are means over "
        "films with their 95 % intervals; bold is beyond the limit; a question mark: the value is, its "
        f"interval is not. Limits were {facts['limits']}. The last column has a control: films with a known "
        "fault, which the measure must catch."
    )
    yield from _paragraph(f"Controls that were run: {', '.join(controls) or 'none'}.")
    judged = sum(one in JUDGED for one in verdicts)
    yield from ("", f"**{failed} of {judged} measures that have a limit are beyond it.**")
    if report["unreliable"]:
        yield from ("", "The numbers should not be relied on:")
        yield from (f"- {reason}" for reason in report["unreliable"])
    heads = ["measure", "unit", "this model", "limit", *(row["name"] for row in references), "control"]
    for group in dict.fromkeys(measure["group"] for measure in report["measures"].values()):
        own = {
            name: measure
            for name, measure in report["measures"].items()
            if measure["group"] == group and name in system["measures"]
        }
        if own:
            head = (table_line(heads), "|---" * len(heads) + "|")
            yield from ("", f"### {group.capitalize()}", "", *head)
        for name, measure in own.items():
            beside = (row["measures"].get(name) for row in (system, *references))
            ours, *true = (bold(_value(one), one["verdict"] if one else "") for one in beside)
            control = _control(measure["catches"], name, controls)
            yield table_line([measure["label"], measure["unit"], ours, _limit(report, name), *true, control])
    if report["not_computed"]:
        reasons = (f"{name}: {why}" for name, why in report["not_computed"].items())
        yield from _paragraph(f"Not computed: {'; '.join(reasons)}.")


def _failures(report: ReportContent) -> Iterator[str]:
    """The measures beyond their limit, the worst first."""
    system = _system(report)
    failed = {name: one for name, one in system["measures"].items() if one["verdict"] == "fails"}
    true: ReportContent = next(
        (row["measures"] for row in report["rows"] if row["name"] == "ground truth"), {}
    )
    yield from ("", "## Known failures", "")
    if not failed:
        yield "No measure of this evaluation is beyond its limit."
        return
    yield "Measures beyond their limit, the worst first (nearest to the control, or past it):"
    yield ""
    for name in sorted(failed, key=lambda name: failed[name]["score"]):
        measure, truth = report["measures"][name], true.get(name)
        beside = f", ground truth {_value(truth)}" if truth else ""
        yield (
            f"- **{measure['label']}** ({measure['unit']}): {_value(failed[name])}; "
            f"limit {_limit(report, name)}{beside}."
        )


def _notes(out: Path) -> Iterator[str]:
    path = out / "notes.md"
    if path.exists():
        yield from ("", "## Notes", "", "Written by hand:", "", path.read_text(encoding="utf-8").strip())


def _system(report: ReportContent) -> ReportContent:
    systems: list[ReportContent] = [row for row in report["rows"] if row["kind"] == "system"]
    assert len(systems) == 1, "a card is of one system"
    return systems[0]


def _limit(report: ReportContent, name: str) -> str:
    scale = report["scales"].get(name)
    return "none" if scale is None or scale["blind"] else limit_of(read_scale(scale))


def _control(catches: Sequence[str], name: str, controls: Mapping[str, ReportContent]) -> str:
    """The control that scores 0 by this measure, if it was run."""
    one = controls[catches[0]]["measures"].get(name) if catches and catches[0] in controls else None
    return f"{catches[0]}: {number(one['value'])}" if one and one["value"] is not None else "–"


def _value(one: ReportContent | None) -> str:
    """A measure with its interval, of fewer films where some have none."""
    if one is None or one["value"] is None:
        return f"– ({one['note']})" if one and one["note"] else "–"
    mean = read_interval(one)
    return with_interval(mean) + (f" ({mean.n} films)" if mean.left_out and mean.over == "films" else "")


def _weights(folder: Path) -> tuple[int, str, int]:
    """Numbers in a part's weights, what they are, and the bytes of its files."""
    count, kinds, size = 0, dict[str, None](), 0
    for path in sorted(folder.glob("*.safetensors")):
        size += path.stat().st_size
        with safe_open(path, "pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118  (it is no dict)
                tensor = tensors.get_slice(key)
                count += math.prod(tensor.get_shape())
                kinds[tensor.get_dtype()] = None
    names = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
    return count, " and ".join(names.get(kind, kind) for kind in kinds), size


def _paragraph(text: str) -> list[str]:
    return ["", *textwrap.wrap(text, 118, break_long_words=False, break_on_hyphens=False)]


def _folder(name: str) -> str:
    return f"runs/{name}"


def _count(parameters: int) -> str:
    return f"{parameters / 1e6:.2f} M" if parameters >= 1e5 else f"{parameters:,}"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
