"""No field of a spec can be forgotten: neither in the key, nor where it is said what is drawn together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, replace
from typing import Any

import planned
import pytest

from longtake.plan import ClipSpec, EncodeSpec, FillSpec, ImagineSpec, Sampling
from longtake.plan.spec import DraftSpec, PictureModel, PipelineCall, PipelineSettings, Reference, Reuse

COARSE, FLOW = DraftSpec(kind="coarse", level=0.2), DraftSpec(kind="flow", motion="dis", level=0.1, start=0.8)
CLIP = ClipSpec(
    times=(0, 1, 2),
    prompts=("a fox", "a hen"),
    rows=(0, 0, 1),
    known=(0,),
    seed=1,
    model="m",
    sampling=planned.SAMPLING,
    draft=FLOW,
)
CALL = PipelineCall(prompt="a fox", seed=1, settings=planned.SETTINGS)
FILL = FillSpec(times=(0, 1, 2), known=(0, 2), call=CALL)
IMAGINE = ImagineSpec(prompt="a fox", seed=1, model=PictureModel(pipeline="p", steps=3, guidance=2.0))

# Another value for every field, by whose it is.
OTHER: dict[type, dict[str, Any]] = {
    ClipSpec: {
        "times": (0, 1, 5),
        "prompts": ("a fox", "an owl"),
        "rows": (0, 1, 1),
        "known": (2,),
        "references": (Reference(9, 0),),
        "seed": 2,
        "model": "n",
        "sampling": replace(planned.SAMPLING, steps=9),
        "known_level": 0.1,
        "halved": 1,
        "draft": None,
        "reuse": Reuse(steps=(2, 1), recycled=4.0, follows=False),
        "signals": (("sound", "abc"),),
    },
    Sampling: {
        "sampler": "dpm-2m",
        "steps": 9,
        "shift": 2.0,
        "text_guidance": 3.0,
        "known_guidance": 3.0,
        "precision": "bf16",
        "compiled": True,
    },
    DraftSpec: {"kind": "coarse", "level": 0.3, "motion": "none", "start": 0.7},
    Reuse: {"steps": (1, 1), "recycled": 3.0, "follows": True},
    FillSpec: {"times": (0, 1, 5), "known": (0,), "call": None},
    PipelineCall: {
        "prompt": "an owl",
        "seed": 2,
        "fps": 12.0,
        "settings": replace(planned.SETTINGS, steps=9),
    },
    PipelineSettings: {
        "backend": "other",
        "version": 2,
        "pipeline": "q",
        "width": 32,
        "height": 64,
        "steps": 9,
        "guidance": 4.0,
        "negative": "",
        "dtype": "fp32",
        "blend": 4,
        "tiling": True,
        "shift": 2.0,
    },
    EncodeSpec: {"pixels": "def", "encoder": "e", "width": 3, "height": 4},
    ImagineSpec: {
        "prompt": "an owl",
        "seed": 2,
        "model": PictureModel(pipeline="q", steps=3, guidance=2.0),
        "encoder": "e",
        "width": 3,
        "height": 4,
        "strength": 0.5,
    },
    PictureModel: {"pipeline": "q", "steps": 4, "guidance": 3.0},
}
HELD: list[Any] = [
    CLIP,
    planned.SAMPLING,
    FLOW,
    Reuse(steps=(2, 1), recycled=4.0, follows=False),
    FILL,
    CALL,
    planned.SETTINGS,
    EncodeSpec(pixels="abc"),
    IMAGINE,
    IMAGINE.model,
]


@pytest.mark.parametrize("held", HELD, ids=lambda held: type(held).__name__)
def test_every_field_is_in_the_key(held: Any) -> None:
    """But for nothing: what differs in any field is another clip."""
    others = OTHER[type(held)]
    assert list(others) == [field.name for field in fields(held)], "say here what else a new field may be"

    def params(value: Any) -> Any:
        return replace(IMAGINE, model=value).to_params() if type(held) is PictureModel else value.to_params()

    for name, value in others.items():
        assert params(replace(held, **{name: value})) != params(held), name


def sampled(sampling: Sampling) -> ClipSpec:
    return replace(CLIP, sampling=sampling)


def check_all_sampling_is_alike(sampling: Sampling, key: Callable[[ClipSpec], Hashable]) -> None:
    """Clips whose sampling differs in any field at all may not be drawn together."""
    others = {**OTHER[Sampling], "eta": 0.5}
    for field in fields(sampling):
        other = replace(sampling, **{field.name: others[field.name]})
        assert key(sampled(other)) != key(sampled(sampling)), field.name


def test_clips_that_are_sampled_differently_are_drawn_apart() -> None:
    check_all_sampling_is_alike(planned.SAMPLING, ClipSpec.batch_key)


@dataclass(frozen=True, kw_only=True)
class Further(Sampling):
    """With a setting that is thought of next year."""

    eta: float = 0.0


FURTHER = Further(**vars(planned.SAMPLING))


def test_a_field_that_sampling_gets_later_cannot_be_forgotten() -> None:
    check_all_sampling_is_alike(FURTHER, ClipSpec.batch_key)
    assert sampled(FURTHER).to_params() != sampled(replace(FURTHER, eta=0.5)).to_params()


def test_a_list_of_names_kept_by_hand_would_be_found_out() -> None:
    names = list(OTHER[Sampling])

    def by_hand(spec: ClipSpec) -> Hashable:
        return tuple(getattr(spec.sampling, name) for name in names)

    check_all_sampling_is_alike(planned.SAMPLING, by_hand)
    with pytest.raises(AssertionError, match="eta"):
        check_all_sampling_is_alike(FURTHER, by_hand)


VARYING = {
    "times": (0, 1, 5),
    "prompts": ("a fox", "an owl"),
    "rows": (0, 1, 1),
    "known": (1, 2),
    "seed": 2,
    "draft": replace(FLOW, kind="coarse", motion=None, level=0.3),
    "signals": (),
}


def test_what_is_not_declared_to_vary_is_alike_in_a_batch() -> None:
    for name, value in VARYING.items():
        assert replace(CLIP, **{name: value}).batch_key() == CLIP.batch_key(), name
    for name, value in OTHER[ClipSpec].items():
        if name not in VARYING:
            assert replace(CLIP, **{name: value}).batch_key() != CLIP.batch_key(), name
    for other in (
        replace(CLIP, known=()),
        replace(CLIP, times=(0, 1), rows=(0, 1)),
        replace(CLIP, draft=None),
        replace(CLIP, draft=COARSE),
        replace(CLIP, signals=(("sound", "abc"),)),
    ):
        assert other.batch_key() != CLIP.batch_key()
    heard = [replace(CLIP, signals=(("sound", digest),)) for digest in ("abc", "def")]
    assert heard[0].batch_key() == heard[1].batch_key()


def test_frames_beside_a_clip_count_as_its_own() -> None:
    beside = replace(CLIP, times=(0, 1), rows=(0, 1), references=(Reference(9, 0),))
    assert beside.batch_key() == CLIP.batch_key()


def test_what_is_made_alone_has_no_key_of_a_batch() -> None:
    for spec in (replace(CLIP, reuse=Reuse(steps=(1,), recycled=1.0, follows=True)), IMAGINE):
        assert spec.batch_key() is None
    assert EncodeSpec(pixels="").batch_key() is None


def test_clips_of_a_back_end_are_together_where_their_settings_are() -> None:
    for name in ("prompt", "seed", "fps"):
        other = replace(CALL, **{name: OTHER[PipelineCall][name]})
        assert replace(FILL, call=other).batch_key() == FILL.batch_key(), name
    for name, value in OTHER[PipelineSettings].items():
        other = replace(CALL, settings=replace(planned.SETTINGS, **{name: value}))
        assert replace(FILL, call=other).batch_key() != FILL.batch_key(), name
    assert replace(FILL, call=None).batch_key() != FILL.batch_key()
    assert replace(FILL, times=(0, 1)).batch_key() != FILL.batch_key()


def test_what_says_nothing_is_not_in_the_key() -> None:
    """It came later, and clips that were drawn before it are to be found."""
    plain = replace(CLIP, draft=None).to_params()
    later = {"references", "known_level", "halved", "draft", "reuse", "signals", "compiled"}
    assert later.isdisjoint(plain)
    assert {"tiling", "shift", "fps"}.isdisjoint(FILL.to_params())
    assert set(EncodeSpec(pixels="").to_params()) == {"pixels"}
    assert set(IMAGINE.to_params()) == {"prompt", "seed", "pipeline", "steps", "guidance"}
