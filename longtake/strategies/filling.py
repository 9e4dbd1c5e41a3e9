"""A film by a pretrained pipeline: every scene a tree of its own, keyframes first, then gaps, recursively.

Pipelines draw clips of `unit` * k + 1 frames only, and are given keyframes as pictures. A scene that is
longer than a clip has its keyframes from one clip that is drawn at a lower frame rate (Diffusion over
Diffusion, arXiv 2303.12346, with a model that was not trained for it), or each from another model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from longtake.plan import Clip, Drawing, FillSpec, Frame, ImagineSpec, Job, Strategy
from longtake.plan.spec import PictureModel, PipelineCall, PipelineSettings


class CannotDraw(ValueError):
    """A clip that the back end cannot draw as the film needs it; the message tells the remedy."""


@dataclass(frozen=True, kw_only=True)
class ClipRule:
    """Which clips a back end draws."""

    unit: int  # a clip has `unit` * k + 1 frames
    most: int  # frames of a clip at most
    text: bool = True  # a prompt alone is enough; else the first frame must be known
    ahead: bool = True  # the last frame may be unknown
    inner: bool = True  # frames between the first and the last may be known
    paced: bool = False  # it is told how many frames there are in a second

    def least(self, frames: int) -> int:
        """The fewest frames of a clip that has at least `frames`."""
        return -(-(frames - 1) // self.unit) * self.unit + 1


class Filling(Strategy):
    """Every scene a tree of clips that a back end draws, with or without another model for pictures."""

    name = "filling"
    scenes_apart = True

    @dataclass(frozen=True, kw_only=True)
    class Options(Strategy.Options):
        """What a user may choose of the plan. Raises `ValueError` for what cannot be."""

        clip: int  # frames of a clip at most
        keyframes: Literal["clip", "pictures"] = "clip"  # of a scene: one clip, or pictures by another model
        strength: float = (
            0.6  # how far pictures may be from the scene's first one, above 0; 1: as they please
        )

        def __post_init__(self) -> None:
            if not 0 < self.strength <= 1:
                raise ValueError(f"strength is {self.strength}: give a number above 0, up to 1")

    def __init__(
        self,
        settings: PipelineSettings,
        rule: ClipRule,
        options: Options,
        *,
        seed: int,  # the film's
        fps: float,  # of the film
        picture_model: PictureModel | None = None,  # None: there is none that makes pictures
    ) -> None:
        """Raises `ValueError` where the options are outside the rule."""
        fewest, wanted = rule.unit + 1, options.clip
        if not fewest <= wanted <= rule.most or wanted != rule.least(wanted):
            near = max(fewest, rule.least(min(wanted, rule.most) - rule.unit + 1))
            draws = f"{settings.backend} draws {rule.unit} k + 1 frames, from {fewest} to {rule.most}"
            raise ValueError(f"clip is {wanted}: {draws}; give {near}")
        if options.keyframes == "pictures" and picture_model is None:
            raise ValueError("keyframes=pictures: name the model that makes them, picture=FOLDER")
        self._settings, self._rule, self._options = settings, rule, options
        self._seed, self._fps, self._picture_model = seed, fps, picture_model

    def strides(self, length: int) -> list[int]:
        """Film frames between neighbouring frames of a clip, per level.

        Gaps are as long as clips allow. The keyframes of one clip are then moved together as far as their
        number allows, which goes by units: a model knows slow clips less well.
        """
        gaps, unit = self._options.clip - 1, self._rule.unit
        if self._options.keyframes == "pictures":
            return [gaps, 1]
        strides = [1]
        while strides[0] * gaps < length - 1:
            strides.insert(0, strides[0] * gaps)
        if len(strides) > 1:
            count = _up(length - 1, unit * strides[0])  # gaps between keyframes, in units
            strides[0] = strides[1] * unit * _up(length - 1, unit * count * strides[1] * unit)
        return strides

    def reach(self, length: int, stride: int) -> int:
        """Frames up to and with the last keyframe: the fewest that clips of the rule can cover."""
        if self._options.keyframes == "clip":
            return (self._rule.least(_up(length - 1, stride) + 1) - 1) * stride + 1
        before = (length - 1) // stride * stride
        return before + self._rule.least(length - before)

    def draw(self, clip: Clip) -> Drawing:
        """What draws a clip. Raises `CannotDraw`."""
        preparing: list[Job] = []
        if clip.place.level == 0 and self._picture_model is not None:
            lacking = range(len(clip.frames)) if self._options.keyframes == "pictures" else range(1)
            given = dict(zip(clip.known, clip.inputs, strict=True))
            for k in lacking:
                if k not in given:
                    preparing.append(self._picture(clip, k, given.get(0), len(preparing) + 1))
                    given[k] = Frame(preparing[-1].key, 0)
            known = tuple(sorted(given))
            clip = replace(clip, known=known, inputs=tuple(given[k] for k in known))
        return Drawing(self._job(clip), tuple(preparing))

    def _picture(self, clip: Clip, k: int, base: Frame | None, number: int) -> Job:
        """The picture of keyframe `k`, by another model, which may begin from the scene's first one."""
        assert self._picture_model is not None
        place = clip.place._replace(preparing=number)
        alone = replace(clip, place=place, frames=clip.frames[k : k + 1])
        follows = base is not None and self._options.strength < 1
        spec = ImagineSpec(
            prompt=clip.prompts[k],
            seed=alone.noise_seed(self._seed),
            model=self._picture_model,
            width=self._settings.width,
            height=self._settings.height,
            strength=self._options.strength if follows else None,
        )
        inputs = (base,) if base is not None and follows else ()
        return Job(spec, inputs, place=place, start=clip.frames[k])

    def _job(self, clip: Clip) -> Job:
        """The job of a clip whose known frames are all there."""
        start, call = clip.frames[0], None
        free = [k for k in range(len(clip.frames)) if k not in clip.known]
        if free:
            self._check(clip)
            call = PipelineCall(
                prompt=clip.prompts[free[0]],
                seed=clip.noise_seed(self._seed),
                fps=self._fps / clip.stride if self._rule.paced else None,
                settings=self._settings,
            )
        spec = FillSpec(times=tuple(i - start for i in clip.frames), known=clip.known, call=call)
        return Job(spec, clip.inputs, place=clip.place, start=start)

    def _check(self, clip: Clip) -> None:
        """Raises `CannotDraw` for a clip that the back end cannot draw with these frames known."""
        last, name = len(clip.frames) - 1, self._settings.backend
        assert len(clip.frames) == self._rule.least(len(clip.frames))
        if not self._rule.text and 0 not in clip.known:
            raise CannotDraw(
                f"{name} draws from a picture: name a model that makes one of a scene's prompt, "
                "picture=FOLDER, or give a picture for the first frame of every scene"
            )
        if not self._rule.ahead and last not in clip.known:
            raise CannotDraw(
                f"these weights of {name} draw between two pictures only: use keyframes=pictures, or give a "
                f"picture for frame {clip.frames[last]} of the scene too"
            )
        inner = [clip.frames[k] for k in clip.known if 0 < k < last]
        if not self._rule.inner and inner:
            raise CannotDraw(
                f"{name} takes no picture between the ends of a clip, as frame {inner[0]} of its scene is: "
                f"give only frames {clip.frames[0]} and {clip.frames[last]} there, or use another back end"
            )


def _up(number: int, by: int) -> int:
    """The quotient, rounded up."""
    return -(-number // by)
