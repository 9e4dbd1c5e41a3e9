"""A clip follows from its job and its known frames alone, and each of them has a say in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from longtake.diffusion import SCHEDULES, Denoiser, past_of, pin, reused_noise
from longtake.draw.decode import ClipDecoder
from longtake.draw.load import number_type
from longtake.draw.network import ClipSampler
from longtake.given import Given
from longtake.manifest import ModelError, read_manifest, write_manifest
from longtake.plan import ClipSpec, Frame, Job, Sampling
from longtake.plan.spec import DraftSpec, Reference, Reuse

Latents = NDArray[np.float16]


Draw = Callable[[Job, list[Latents]], NDArray[np.float32]]


@pytest.fixture(scope="module", autouse=True)
def _bf16() -> Iterator[None]:
    """What bf16 does is tested on processors without it, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("longtake.machine._cpu_has_bf16", lambda: True)
        yield


@pytest.fixture(scope="module")
def drawer(tiny_model: Path) -> ClipSampler:
    return ClipSampler(tiny_model, device="cpu")


@pytest.fixture(scope="module")
def draw(drawer: ClipSampler) -> Draw:
    """Drawing of one clip alone."""
    return lambda job, inputs: drawer([job], [inputs])[0]


SAMPLING = Sampling(sampler="ddim", steps=3, shift=1, text_guidance=2, known_guidance=1.5, precision="fp32")
SAMPLED = {field.name for field in fields(Sampling)}


def job(known: tuple[int, ...] = (), frames: int = 8, **changes: Any) -> Job:
    """A clip of two prompts; `changes` are fields of its spec, or of its sampling."""
    sampling = replace(SAMPLING, **{name: changes.pop(name) for name in SAMPLED & set(changes)})
    spec: dict[str, Any] = {
        "times": tuple(range(frames)),
        "prompts": ("fox in the meadow", "frog in the rain"),
        "rows": (0,) * (frames - 3) + (1,) * 3,
        "known": known,
        "seed": 7,
        "model": "m",
        **changes,
    }
    return Job(ClipSpec(sampling=sampling, **spec), tuple(Frame("ab", i) for i in known))


def latent(seed: int) -> Latents:
    return np.random.default_rng(seed).normal(size=(2, 4, 4)).astype(np.float16)


def moved(a: NDArray[Any], b: NDArray[Any]) -> list[bool]:
    """Per frame: is there any difference?"""
    return [not np.array_equal(x, y) for x, y in zip(a, b, strict=True)]


def test_the_same_job_is_the_same_clip_alone_or_among_others(draw: Draw, tiny_model: Path) -> None:
    both = [latent(1), latent(2)]
    first = draw(job((0, 7)), both)
    assert first.shape == (8, 2, 4, 4)
    assert first.dtype == np.float32
    draw(job(frames=5, prompts=("rabbit sleeps", "fox jumps")), [])
    assert np.array_equal(draw(job((0, 7)), both), first)
    anew = ClipSampler(tiny_model, device="cpu")
    assert np.array_equal(anew([job((0, 7))], [both])[0], first)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_clips_that_are_drawn_together_are_those_that_are_drawn_alone(
    drawer: ClipSampler, draw: Draw, precision: str
) -> None:
    jobs = [
        job((0, 7), precision=precision),
        job((0, 7), precision=precision, seed=8, prompts=("rabbit sleeps",), rows=(0,) * 8),
        job((0, 2, 3, 7), precision=precision, times=(0, 1, 2, 9, 10, 11, 40, 41)),
        job(tuple(range(8)), precision=precision),  # nothing is left to draw
        job((0, 7), precision=precision, times=tuple(range(0, 120, 15)), seed=9),
    ]
    inputs = [[latent(10 * k + i) for i in range(len(one.inputs))] for k, one in enumerate(jobs)]
    together = drawer(jobs, inputs)
    for one, given, clip in zip(jobs, inputs, together, strict=True):
        assert np.array_equal(draw(one, given), clip)
    assert np.array_equal(together[3], np.stack(inputs[3]))


def test_drafts_of_all_kinds_are_shown_together(drawer: ClipSampler, draw: Draw) -> None:
    """As coarse ones that are further inputs, and flows by other motion and at other levels."""
    jobs = [
        drafted((0, 7), flow("none", 0.2)),
        drafted((0, 3, 7), flow("dis", 0.4)),
        drafted((0, 7), coarse(0.3)),
    ]
    assert len({one.spec.batch_key() for one in jobs}) == 1
    inputs = [[latent(10 * k + i) for i in range(len(one.inputs))] for k, one in enumerate(jobs)]
    inputs[2] += [latent(90 + i)[:, ::2, ::2] for i in range(8)]
    for one, given, clip in zip(jobs, inputs, drawer(jobs, inputs), strict=True):
        assert np.array_equal(draw(one, given), clip)


def test_references_are_seen_and_do_not_come_back(draw: Draw) -> None:
    both, seen = [latent(1), latent(2)], latent(3)
    inputs = (Frame("ab", 0), Frame("ab", 7), Frame("cd", 0))

    def shown(frame: Latents, time: int, row: int = 0) -> NDArray[np.float32]:
        told = replace(job((0, 7), references=(Reference(time, row),)), inputs=inputs)
        return draw(told, [*both, frame])

    drawn = shown(seen, 40)
    assert drawn.shape == (8, 2, 4, 4)
    assert np.array_equal(drawn[[0, 7]].astype(np.float16), both)
    others = [
        draw(job((0, 7)), both),
        shown(latent(4), 40),
        shown(seen, -40),
        shown(seen, 41),
        shown(seen, 40, 1),
    ]
    for other in others:
        assert all(moved(drawn, other)[1:-1])


@pytest.mark.parametrize("sampler", ["ddim", "dpm-2m"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_known_frames_come_back_bit_for_bit(draw: Draw, sampler: str, precision: str) -> None:
    known = [latent(1), latent(2), latent(3)]
    drawn = draw(job((0, 4, 7), sampler=sampler, precision=precision), known)
    assert np.isfinite(drawn).all()
    for position, frame in zip((0, 4, 7), known, strict=True):
        assert np.array_equal(drawn[position].astype(np.float16), frame)


def test_one_number_of_an_end_frame_moves_every_inner_frame(draw: Draw) -> None:
    start, end = latent(1), latent(2)
    other = end.copy()
    other[1, 3, 0] += 1
    before, after = draw(job((0, 7)), [start, end]), draw(job((0, 7)), [start, other])
    assert moved(before, after) == [False] + [True] * 7


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 8},
        {"seed": 7 + 2**62},
        {"steps": 4},
        {"shift": 2.0},
        {"text_guidance": 2.02},
        {"known_guidance": 1.515},
        {"times": tuple(range(0, 120, 15))},
        {"times": (0, 1, 2, 3, 4, 5, 6, 30)},
        {"prompts": ("fox in the meadow", "frog in the meadow")},
        {"rows": (0,) * 6 + (1,) * 2},
        {"precision": "bf16"},
    ],
    ids=str,
)
def test_everything_in_the_recipe_has_a_say(draw: Draw, change: dict[str, Any]) -> None:
    both = [latent(1), latent(2)]
    assert all(moved(draw(job((0, 7)), both), draw(job((0, 7), **change), both))[1:-1])


def test_a_processor_without_bf16_computes_in_fp32_under_the_same_key(
    drawer: ClipSampler, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long, both = job((0, 7), precision="bf16"), job((0, 7)), [latent(1), latent(2)]
    (rounded,) = drawer([short], [both])
    assert number_type("bf16", "cpu") == number_type("bf16", "cuda") == torch.bfloat16
    monkeypatch.setattr("longtake.machine._cpu_has_bf16", lambda: False)
    assert number_type("bf16", "cpu") == number_type("fp32", "cuda") == torch.float32
    assert number_type("bf16", "cuda") == torch.bfloat16
    (drawn,) = ClipSampler(tiny_model, device="cpu")([short], [both])
    assert np.array_equal(drawn, drawer([long], [both])[0])
    assert not np.array_equal(drawn, rounded)


def test_prompts_that_no_frame_has_and_their_order_do_not_matter(draw: Draw) -> None:
    here = draw(job(), [])
    more = ("rabbit sleeps", "frog in the rain", "fox in the meadow")
    assert np.array_equal(draw(job(prompts=more, rows=(2,) * 5 + (1,) * 3), []), here)


def test_where_nothing_is_known_its_guidance_does_nothing(draw: Draw) -> None:
    assert np.array_equal(draw(job(), []), draw(job(known_guidance=9.0), []))


def test_known_frames_are_perturbed_and_come_back_clean(draw: Draw) -> None:
    both = [latent(1), latent(2)]
    clean, rough = draw(job((0, 7)), both), draw(job((0, 7), known_level=0.3), both)
    assert moved(clean, rough) == [False] + [True] * 6 + [False]
    assert np.array_equal(draw(job((0, 7), known_level=0.0), both), clean)


@pytest.mark.slow  # the compiler's minutes
@pytest.mark.filterwarnings("ignore")  # torch's compiler uses what torch deprecates
def test_compiled_it_draws_nearly_the_same(draw: Draw) -> None:
    both = [latent(1), latent(2)]
    plain, compiled = draw(job((0, 7)), both), draw(job((0, 7), compiled=True), both)
    assert np.abs(plain - compiled).max() < 1e-3 * np.abs(plain).max()
    assert np.array_equal(draw(job((0, 7), compiled=True), both), compiled)


def flow(motion: Any = "none", level: float = 0.2, start: float | None = None) -> DraftSpec:
    return DraftSpec(kind="flow", motion=motion, level=level, start=start)


def drafted(known: tuple[int, ...], draft: DraftSpec, rows: tuple[int, ...] = (0,) * 8) -> Job:
    return job(known, draft=draft, rows=rows)


def coarse(level: float) -> DraftSpec:
    return DraftSpec(kind="coarse", level=level)


@pytest.mark.parametrize("motion", ["none", "dis"])
def test_frames_between_known_ones_are_drafted(draw: Draw, motion: str) -> None:
    known = [latent(1), latent(2), latent(3)]
    plain = draw(job((0, 3, 6), rows=(0,) * 8), known)
    rough = draw(drafted((0, 3, 6), flow(motion)), known)
    assert moved(plain, rough) == [False, True, True, False, True, True, False, True]
    assert all(moved(rough, draw(drafted((0, 3, 6), flow(motion, 0.3)), known))[k] for k in (1, 2, 4, 5))
    assert np.array_equal(rough, draw(drafted((0, 3, 6), flow(motion)), known))


def test_refining_begins_with_the_draft(draw: Draw, drawer: ClipSampler) -> None:
    known = [latent(1), latent(2), latent(3)]
    told = drafted((0, 3, 6), flow()).spec
    there, latents = torch.zeros(8, dtype=torch.bool), torch.zeros(8, 2, 4, 4)
    there[[0, 3, 6]] = True
    for k, at in enumerate((0, 3, 6)):
        latents[at] = torch.from_numpy(known[k].astype(np.float32))
    with torch.inference_mode():
        rough = drawer._pictures.between(told, latents, there)[0].numpy()
    distances = []
    for start in (0.01, 0.3, 0.9):
        clip = draw(drafted((0, 3, 6), flow(start=start)), known)
        distances.append(float(np.abs(clip[[1, 2, 4, 5]] - rough[[1, 2, 4, 5]]).mean()))
    assert distances == sorted(distances)
    assert distances[0] < 0.2 * distances[2]


def test_flow_changes_a_draft_by_half_of_what_it_moves(drawer: ClipSampler) -> None:
    spec = drafted((0, 4), flow("dis")).spec
    known, there = torch.zeros(8, 2, 4, 4), torch.zeros(8, dtype=torch.bool)
    known[0], known[4] = torch.from_numpy(latent(1).astype(np.float32)), 1.0
    there[[0, 4]] = True
    with torch.inference_mode():
        rough, is_drafted = drawer._pictures.between(spec, known, there)
        blend, _ = drawer._pictures.between(drafted((0, 4), flow()).spec, known, there)
    assert is_drafted.tolist() == [False, True, True, True, False, False, False, False]
    assert torch.allclose(blend[1], 0.75 * known[0] + 0.25 * known[4])
    assert not torch.equal(rough[2], blend[2])


def test_at_a_cut_a_frame_is_drafted_like_the_one_of_its_prompt(drawer: ClipSampler) -> None:
    spec = drafted((0, 4), flow("dis"), (0, 0, 0, 1, 1, 1, 1, 1)).spec
    known, there = torch.zeros(8, 2, 4, 4), torch.zeros(8, dtype=torch.bool)
    known[4] = 1.0
    there[[0, 4]] = True
    with torch.inference_mode():
        rough, _ = drawer._pictures.between(spec, known, there)
    assert [rough[k].mean().item() for k in (1, 2, 3)] == [0, 0, 1]


def test_a_small_clip_is_the_draft_of_the_whole_one(draw: Draw) -> None:
    small = draw(job((0,), halved=1), [latent(1)])
    assert small.shape == (8, 2, 2, 2)
    assert np.allclose(
        small[0], latent(1).astype(np.float32).reshape(2, 2, 2, 2, 2).mean(axis=(2, 4)), atol=1e-3
    )
    handed = [latent(1), *small.astype(np.float16)]
    whole = draw(job((0,), draft=coarse(0.2)), handed)
    assert whole.shape == (8, 2, 4, 4)
    other = [latent(1), *small[::-1].astype(np.float16)]
    assert all(moved(whole, draw(job((0,), draft=coarse(0.2)), other))[1:])
    assert all(moved(whole, draw(job((0,), draft=coarse(0.4)), handed))[1:]), "the level is told and used"
    assert all(moved(whole, draw(job((0,), draft=coarse(0.2)), [latent(9), *handed[1:]]))), "the reference"


def reusing(follows: bool, **changes: Any) -> Job:
    reuse = Reuse(steps=(2, 1), recycled=4.0, follows=follows)
    return job(steps=5, reuse=reuse, **changes)


def test_a_clip_goes_on_from_the_one_before(drawer: ClipSampler, draw: Draw) -> None:
    first = draw(reusing(False), [])
    assert first.shape == (8 + 8 + 1, 2, 4, 4), "frames, their noise, one guided latent"
    assert np.array_equal(first[:8], draw(job(steps=5), [])), "a clip by itself is the plain one"
    handed = [*first[8:].astype(np.float16)]
    second = draw(reusing(True, seed=8), handed)
    fresh = drawer._noise(8, (8, 2, 4, 4))
    past = past_of(torch.from_numpy(np.stack(handed).astype(np.float32)), [2, 1])
    noise = reused_noise(past.noise, fresh, 2, 4.0)
    assert np.allclose(second[8:16], noise.numpy(), atol=1e-6)
    for k in range(9):  # everything that is handed on has a say
        other = [*handed]
        other[k] = latent(50)
        assert all(moved(draw(reusing(True, seed=8), other)[:8], second[:8]))


def test_a_clip_that_goes_on_may_know_frames(draw: Draw) -> None:
    handed, known = [*draw(reusing(False), [])[8:].astype(np.float16)], [latent(1), latent(2)]
    clip = draw(reusing(True, known=(0, 5)), [*known, *handed])
    assert np.array_equal(clip[[0, 5]].astype(np.float16), known)
    whole = [latent(k) for k in range(8)]
    clip = draw(reusing(True, known=tuple(range(8))), [*whole, *handed])
    assert np.array_equal(clip[:8].astype(np.float16), whole)
    assert len(clip) == 17, "it still hands on what the next one needs"


def test_what_lies_under_the_mask_is_never_looked_at(drawer: ClipSampler) -> None:
    """Not by the network, and not by what stands around it, even where it is no number at all."""
    random = torch.Generator().manual_seed(0)
    x, known, noise = torch.randn(3, 1, 6, 2, 4, 4, generator=random)
    mask = torch.zeros(1, 6, 1, 4, 4)
    mask[:, 0] = mask[:, 3, :, :2] = 1  # a frame, and half of another
    garbage = torch.where(mask.bool(), known, 1e3)
    given = Given(
        time=torch.arange(6.0)[None],
        text=drawer.tokens(["", "fox jumps"]),
        prompt=torch.ones(1, 6, dtype=torch.long),
        known=known,
        mask=mask,
    )
    t = torch.full((1, 6), 0.7)
    net = drawer.net("fp32")
    with torch.inference_mode():
        seen = net(x, t, given)
        assert torch.equal(net(x, t, replace(given, known=garbage)), seen)
        everywhere = replace(given, known=garbage, mask=torch.ones_like(mask))
        assert not torch.equal(net(x, t, everywhere), seen)
        schedule = SCHEDULES[drawer.manifest.schedule]
        denoise = Denoiser(net, schedule, drawer.manifest.prediction).denoise
        a, b = (
            pin(denoise, replace(given, known=clip), noise, schedule)(x, t)
            for clip in (known, torch.where(mask.bool(), known, torch.nan))
        )
    assert torch.equal(a, b)


def test_leaves_are_decoded_alone_and_whole(tiny_model: Path) -> None:
    decode = ClipDecoder(tiny_model, device="cpu")
    clip = np.stack([latent(i) for i in range(5)])
    pixels = decode(clip)
    assert pixels.shape == (5, 16, 16, 3)
    assert pixels.dtype == np.uint8
    decode(clip[:2])
    assert np.array_equal(decode(clip), pixels)
    assert np.array_equal(ClipDecoder(tiny_model, device="cpu")(clip), pixels)


@pytest.fixture
def spoilt(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "spoilt"))


@pytest.mark.parametrize("part", ["unet", "text", "vae"])
def test_changed_weights_are_noticed(spoilt: Path, part: str) -> None:
    path = spoilt / part / "diffusion_pytorch_model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    for load in (partial(ClipSampler, spoilt), partial(ClipDecoder, spoilt)):
        with pytest.raises(ModelError, match=rf"{part}.*is damaged or was changed"):
            load()
    path.unlink()
    with pytest.raises(ModelError, match=rf"{part}.*is missing"):
        ClipSampler(spoilt)


def test_the_digests_hold_what_draws_and_what_decodes(spoilt: Path) -> None:
    manifest = read_manifest(spoilt)
    drawing, decoding = manifest.digest, manifest.decoder_digest
    config = spoilt / "vae" / "config.json"
    config.write_text(config.read_text() + "\n")
    anew = write_manifest(manifest)
    assert (anew.digest == drawing, anew.decoder_digest == decoding) == (True, False)
    config = spoilt / "text" / "config.json"
    config.write_text(config.read_text() + "\n")
    assert write_manifest(manifest).digest != drawing
    assert replace(manifest, name="other", folder=spoilt / "x").digest == drawing
    assert replace(manifest, schedule="flow").digest != drawing
