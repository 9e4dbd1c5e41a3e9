"""Every measure: what it is, which way is better, and the controls that it must catch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CATALOGUE", "Measure"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What a column of the table means."""

    name: str
    label: str  # heading in tables and plots
    group: str
    better: Literal["high", "low", "same"]  # same: as in ground truth, neither more nor less
    unit: str  # for the reader
    catches: tuple[str, ...]  # controls that must fail it, the first one is its scale: that control scores 0


def _measures() -> tuple[Measure, ...]:
    def measure(
        name: str, label: str, group: str, better: Literal["high", "low", "same"], unit: str, *catches: str
    ) -> Measure:
        return Measure(name=name, label=label, group=group, better=better, unit=unit, catches=catches)

    return (
        measure("scene_accuracy", "scenes right", "prompt", "high", "share of frames, mean over scenes",
                "other script", "shuffled", "reversed", "scenes permuted", "frozen"),
        measure("worst_tenth", "worst scenes", "prompt", "high", "the same over the worst tenth of scenes",
                "other script", "doubled figure"),
        measure("character_f1", "characters F1", "prompt", "high", "0..1", "other script", "shuffled"),
        measure("action_accuracy", "actions", "prompt", "high", "share", "other script", "frozen per scene"),
        measure("direction_accuracy", "directions", "prompt", "high", "share", "reversed"),
        measure("count_accuracy", "counts right", "prompt", "high", "share of frames", "doubled figure"),
        measure("doubled", "doubled", "prompt", "low", "share of frames", "doubled figure"),
        measure("off_script", "off script", "prompt", "low", "characters per frame", "other script"),
        measure("identity_far", "identity", "identity", "low", "hue circle, pairs over 500 frames apart",
                "forgets per scene", "clips glued", "hue drift"),
        measure("identity_reached", "… within reach", "identity", "low", "hue circle", "forgets per scene"),
        measure("identity_unreached", "… beyond reach", "identity", "low", "hue circle", "forgets per scene"),
        measure("revisit_near", "revisit < 15", "identity", "low", "layout, 0..1", "forgets per scene"),
        measure("revisit_middle", "revisit 15-225", "identity", "low", "layout, 0..1", "forgets per scene"),
        measure("revisit_far", "revisit > 225", "identity", "low", "layout, 0..1", "forgets per scene"),
        measure("revisit_reached", "… within reach", "identity", "low", "layout, 0..1", "forgets per scene"),
        measure("revisit_unreached", "… beyond reach", "identity", "low", "layout, 0..1", "forgets per scene"),
        measure("seam_coarse", "seams, coarse", "seams", "low", "AUC, 0.5 = none", "clips glued", "seams only"),
        measure("seam_fine", "seams, fine", "seams", "low", "AUC, 0.5 = none", "clips glued", "seams only"),
        measure("jolt_coarse", "jolts, coarse", "seams", "low", "AUC of the second difference", "seams only"),
        measure("jolt_fine", "jolts, fine", "seams", "low", "AUC of the second difference", "seams only"),
        measure("cut_recall", "cuts found", "seams", "high", "share", "shuffled in 16", "frozen"),
        measure("spurious_cuts", "spurious cuts", "seams", "low", "per 1,000 frames", "shuffled"),
        measure("tau", "story order", "order", "high", "Kendall tau", "reversed", "scenes permuted"),
        measure("clock_order", "clock", "order", "high", "Spearman rank correlation", "reversed"),
        measure("clock_back", "clock runs back", "order", "low", "share of time", "reversed", "shuffled"),
        measure("lag_ratio", "lag ratio", "motion", "same", "D(8) / D(1)", "shuffled in 16", "shuffled"),
        measure("flicker", "flicker", "motion", "low", "luma second difference, 1/255", "flicker"),
        measure("motion", "motion", "motion", "same", "log2 of the ratio to ground truth",
                "frozen per scene", "frozen"),
        measure("sharpness", "sharpness", "motion", "same", "log2 of the ratio to ground truth", "blur", "noise"),
        measure("drift_correctness", "drift, right", "drift", "same", "slope per 1,000 frames", "drifts"),
        measure("drift_saturation", "drift, colour", "drift", "same", "slope per 1,000 frames", "drifts"),
        measure("drift_contrast", "drift, contrast", "drift", "same", "slope per 1,000 frames", "drifts"),
        measure("memorised", "memorised", "diversity", "low", "share of clips nearer to training than truth is",
                "training clips"),
        measure("diversity", "diversity", "diversity", "same", "hue circle, between films", "one cast"),
        measure("fd_frames", "FD frames", "distance", "low", "Frechet, probe features", "other script"),
        measure("fd_clips", "FD clips", "distance", "low", "Frechet, clip probe features", "shuffled in 16"),
        measure("fd_motion", "FD motion", "distance", "low", "Frechet, random 3-D features", "noise", "blur"),
        measure("fd_drift", "FD drift", "distance", "low", "slope of FD motion per tenth of the film", "drifts"),
    )  # fmt: skip


CATALOGUE: dict[str, Measure] = {measure.name: measure for measure in _measures()}
