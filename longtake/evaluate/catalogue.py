"""Every measure: what it is, which way is better, and the controls that it must catch.

There are two tables: of films whose script is known, and of films beside real videos of anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from longtake.world.edition import World


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a column of the table means."""

    name: str
    label: str  # heading in tables and plots
    group: str
    better: Literal["high", "low", "same"]  # same: as in ground truth, neither more nor less
    unit: str  # for the reader
    catches: tuple[str, ...] = ()  # controls that must fail it, the first scores 0; none: there is no verdict
    clocked: bool = False  # it can only be measured in an edition that is, see `World`


def _measures() -> tuple[Measure, ...]:
    def _(
        name: str, label: str, group: str, better: Literal["high", "low", "same"], unit: str, *catches: str
    ) -> Measure:
        clocked = group == "going"
        return Measure(
            name=name, label=label, group=group, better=better, unit=unit, catches=catches, clocked=clocked
        )

    return (
        _("scene_accuracy", "scenes right", "prompt", "high", "share of frames, mean over scenes",
                "other script", "shuffled", "reversed", "scenes permuted", "frozen"),
        _("scenes_familiar", "familiar scenes", "prompt", "high", "the same over scenes without new pairs"),
        _("scenes_composed", "composed scenes", "prompt", "high",
                "the same over scenes with a pair that training never shows"),
        _("worst_tenth", "worst scenes", "prompt", "high", "the same over the worst tenth of scenes",
                "other script"),
        _("character_f1", "characters F1", "prompt", "high", "0..1", "other script", "shuffled"),
        _("action_accuracy", "actions", "prompt", "high", "share", "other script", "frozen per scene"),
        _("direction_accuracy", "directions", "prompt", "high", "share of walkers", "shuffled"),
        _("count_accuracy", "counts right", "prompt", "high", "share of frames", "doubled figure"),
        _("doubled", "doubled", "prompt", "low", "share of frames", "doubled figure"),
        _("off_script", "off script", "prompt", "low", "characters per frame", "other script"),
        _("identity_far", "identity", "identity", "low", "hue circle, 500 frames apart or more",
                "forgets per scene", "clips glued", "hue drift"),
        _("identity_reached", "identity, in reach", "identity", "low", "hue circle", "forgets per scene"),
        _("identity_unreached", "identity, no reach", "identity", "low", "hue circle", "forgets per scene"),
        _("revisit_near", "revisit < 15", "identity", "low", "layout, 0..1", "forgets per scene"),
        _("revisit_middle", "revisit 15-225", "identity", "low", "layout, 0..1", "forgets per scene"),
        _("revisit_far", "revisit > 225", "identity", "low", "layout, 0..1", "forgets per scene"),
        _("revisit_reached", "revisit, in reach", "identity", "low", "layout, 0..1", "forgets per scene"),
        _("revisit_unreached", "revisit, no reach", "identity", "low", "layout, 0..1", "forgets per scene"),
        _("seam_coarse", "seams, coarse", "seams", "low", "AUC, 0.5 = none", "clips glued", "seams only"),
        _("seam_fine", "seams, fine", "seams", "low", "AUC, 0.5 = none", "clips glued", "seams only"),
        _("jolt_coarse", "jolts, coarse", "seams", "low", "AUC of the second difference", "seams only"),
        _("jolt_fine", "jolts, fine", "seams", "low", "AUC of the second difference", "seams only"),
        _("cut_recall", "cuts found", "seams", "high", "share", "shuffled in 16", "frozen"),
        _("spurious_cuts", "spurious cuts", "seams", "low", "per 1,000", "clips glued", "shuffled in 16"),
        _("tau", "story order", "order", "high", "Kendall tau", "reversed", "scenes permuted"),
        _("clock_order", "clock", "order", "high", "Spearman rank correlation", "reversed"),
        _("clock_back", "clock stands or runs back", "order", "low", "share of time", "reversed", "frozen"),
        _("lag_ratio", "lag ratio", "motion", "same", "D(8) / D(1)", "shuffled in 16", "shuffled"),
        _("flicker", "flicker", "motion", "low", "luma second difference, 1/255", "flicker"),
        _("motion", "motion", "motion", "same", "log2 of the ratio to ground truth",
                "frozen per scene", "frozen"),
        _("sharpness", "sharpness", "motion", "same", "log2 of the ratio to ground truth", "blur", "noise"),
        _("going", "going", "going", "same", "way in 16 frames, of what is scripted",
                "standing walkers", "tempo changed"),
        _("going_scene", "going, scene", "going", "same", "way over the scene, of what is scripted",
                "standing walkers", "tempo changed"),
        _("foot_slip", "foot slip", "going", "low", "of the way that is scripted",
                "sliding", "standing walkers", "standing, scenery moves"),
        _("steps", "steps on time", "going", "high", "share of frames", "sliding", "tempo changed"),
        _("pose_error", "pose error", "going", "low", "picture widths", "mirrored half", "rising"),
        _("jump_arc", "jump arcs", "going", "high", "explained variance", "cross-faded"),
        _("ball_kept", "ball kept", "going", "high", "share of frames", "ball blinks"),
        _("two_suns", "two suns", "going", "low", "share of frames", "two suns"),
        _("two_landmarks", "two landmarks", "going", "low", "share of frames", "two landmarks"),
        _("haze", "haze", "motion", "low", "log2 of the ratio to ground truth", "blur", "cross-faded"),
        _("haze_worst", "haze, worst scenes", "motion", "low", "the same over the haziest tenth of scenes",
                "compressed part", "blur"),
        _("drift_correctness", "drift, right", "drift", "same", "slope per 1,000 frames", "drifts"),
        _("drift_saturation", "drift, colour", "drift", "same", "slope per 1,000 frames", "drifts"),
        _("drift_contrast", "drift, contrast", "drift", "same", "slope per 1,000 frames", "drifts"),
        _("memorised", "memorised", "diversity", "low", "share of clips too near to training",
                "training clips"),
        _("diversity", "diversity", "diversity", "same", "hue circle, between films", "one cast"),
        _("fd_frames", "FD frames", "distance", "low", "Frechet, probe features"),
        _("fd_clips", "FD clips", "distance", "low", "Frechet, clip probe features"),
        _("fd_motion", "FD motion", "distance", "low", "Frechet, random 3-D features"),
        _("kid_clips", "KID clips", "distance", "low", "kernel, clip probe features"),
        _("kid_motion", "KID motion", "distance", "low", "kernel, random 3-D features"),
        _("frames_over_floor", "FD frames / floor", "distance", "low", "times that of ground truth",
                "other script"),
        _("clips_over_floor", "FD clips / floor", "distance", "low", "times that of ground truth",
                "frozen per scene", "blur"),
        _("motion_over_floor", "FD motion / floor", "distance", "low", "times that of ground truth",
                "noise", "blur"),
        _("fd_drift", "FD drift", "distance", "low", "slope per tenth of the film", "drifts"),
    )  # fmt: skip


CATALOGUE: dict[str, Measure] = {measure.name: measure for measure in _measures()}


def measures_of(cartoon: World) -> dict[str, Measure]:
    """Those of films of an edition of the cartoon world."""
    return {name: measure for name, measure in CATALOGUE.items() if cartoon.clocked or not measure.clocked}


def _beside_real_videos() -> tuple[Measure, ...]:
    """Those that need no script and no probes; nothing is known of what must fail them."""
    cuts = Measure(
        name="cuts", label="cuts per 1,000 frames", group="cuts", better="same", unit="jumps found"
    )
    unit = "log2 of the ratio to the real videos' mean"
    return (
        cuts,
        *(replace(CATALOGUE[name], catches=()) for name in ("lag_ratio", "flicker")),
        *(replace(CATALOGUE[name], unit=unit, catches=()) for name in ("motion", "sharpness")),
        *(replace(CATALOGUE[name], catches=()) for name in ("drift_saturation", "drift_contrast")),
        replace(CATALOGUE["fd_motion"], catches=()),
    )


BESIDE_REAL_VIDEOS: dict[str, Measure] = {measure.name: measure for measure in _beside_real_videos()}
