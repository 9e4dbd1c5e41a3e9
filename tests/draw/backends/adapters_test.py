"""Each adapter with a small pipeline of random weights: what reaches the networks, and where.

Random weights hardly react to a late keyframe, so what comes out says nothing of it: what goes into the
autoencoder does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers", reason="pip install 'longtake[pipelines]'")
pytest.importorskip("accelerate", reason="pip install 'longtake[pipelines]'")

import tiny_pipelines
import torch
from torch import Tensor

from longtake.draw.backends import BACKENDS
from longtake.draw.backends.load import LoadedPipeline
from longtake.plan.spec import PipelineCall, PipelineSettings
from longtake.video import Pixels

pytestmark = pytest.mark.filterwarnings("ignore")  # other people's libraries deprecate each other

WIDTH, HEIGHT = 64, 32
MADE = {
    "ltx": tiny_pipelines.ltx,
    "wan-vace": tiny_pipelines.wan_vace,
    "wan-i2v": tiny_pipelines.wan_i2v,
}
FRAMES = {"ltx": 17, "wan-vace": 9, "wan-i2v": 9}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LoadedPipeline]:
    """The back end of a name, loaded once."""
    found: dict[str, LoadedPipeline] = {}

    def get(name: str) -> LoadedPipeline:
        if name not in found:
            folder = MADE[name](tmp_path_factory.mktemp("pipelines") / name)
            found[name] = opened(name, folder)
        return found[name]

    return get


def opened(name: str, folder: Path, **options: Any) -> LoadedPipeline:
    told = {"dtype": "fp32", "device": "cpu", **options}
    return LoadedPipeline(BACKENDS[name], folder, **told)


def picture(seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def call(name: str, negative: str = "", **more: Any) -> PipelineCall:
    settings = PipelineSettings(
        backend=name,
        version=1,
        pipeline="p",
        width=WIDTH,
        height=HEIGHT,
        steps=2,
        guidance=3.0,
        negative=negative,
        dtype="fp32",
        blend=1,
    )
    fps = 12.0 if BACKENDS[name].rule.paced else None
    told = {"prompt": "fox in the meadow", "seed": 2**62 + 1, "fps": fps, **more}
    return PipelineCall(settings=settings, **told)


def draw(loaded: LoadedPipeline, name: str, known: dict[int, Pixels], **more: Any) -> np.ndarray:
    """The back end's clip of as many frames as the name has here."""
    return loaded.draw(call(name, **more), FRAMES[name], known)


def seen(
    module: Any, method: str, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The arguments of every call to come."""
    calls: list[Any] = []
    original = getattr(module, method)

    def spy(*args: Any, **named: Any) -> Any:
        calls.append((args, named))
        return original(*args, **named)

    monkeypatch.setattr(module, method, spy)
    return calls


def shown(video: Tensor, k: int) -> np.ndarray:
    """Frame `k` of what an autoencoder was given, as it was before."""
    return ((video[0, :, k] + 1) * 127.5).round().movedim(0, -1).cpu().numpy()


def test_ltx_sees_every_keyframe_at_its_frame(
    loaded: Callable[[str], LoadedPipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    ltx = loaded("ltx")
    encoded = seen(ltx.pipeline.vae, "encode", monkeypatch)
    asked = seen(ltx.pipeline.transformer, "forward", monkeypatch)
    known = {0: picture(0), 5: picture(1), 16: picture(2)}
    frames = draw(ltx, "ltx", known)
    assert frames.shape == (17, HEIGHT, WIDTH, 3)
    assert len(encoded) == 3
    for (args, _), one in zip(encoded, known.values(), strict=True):
        assert args[0].shape == (1, 3, 1, HEIGHT, WIDTH)
        assert np.array_equal(shown(args[0], 0), one)
    _, told = asked[0]
    tokens = HEIGHT // 32 * WIDTH // 32  # of a frame of latents
    when = told["video_coords"][0, 0] * 12  # in frames
    assert when[: 2 * tokens].tolist() == [5.0] * tokens + [16.0] * tokens, "those inside and at the end"
    assert when[2 * tokens : 3 * tokens].tolist() == [0.0] * tokens
    given = told["timestep"][0] == 0  # no noise
    assert given.tolist() == [True] * 3 * tokens + [False] * 2 * tokens, "the three, and nothing else"


def test_ltx_is_told_the_ends_of_what_is_known_in_a_row(
    loaded: Callable[[str], LoadedPipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = seen(loaded("ltx").pipeline.vae, "encode", monkeypatch)
    known = {k: picture(k) for k in (0, 1, 2, 3, 16)}
    draw(loaded("ltx"), "ltx", known)
    assert [shown(args[0], 0).tolist() for args, _ in encoded] == [known[3].tolist(), known[16].tolist()]


def test_vace_sees_every_keyframe_at_its_frame(
    loaded: Callable[[str], LoadedPipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    vace = loaded("wan-vace")
    encoded = seen(vace.pipeline.vae, "encode", monkeypatch)
    known = {0: picture(0), 3: picture(1), 8: picture(2)}
    assert draw(vace, "wan-vace", known).shape == (9, HEIGHT, WIDTH, 3)
    (keep, _), (make, _) = encoded
    for k in range(9):
        if k in known:
            assert np.array_equal(shown(keep[0], k), known[k])
            assert np.abs(make[0][0, :, k]).max() == 0
        else:
            assert np.abs(keep[0][0, :, k]).max() == 0
            assert set(np.unique(shown(make[0], k))) == {128.0}, "grey"


def test_wan_sees_the_first_and_the_last_frame(
    loaded: Callable[[str], LoadedPipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    wan = loaded("wan-i2v")
    encoded = seen(wan.pipeline.vae, "encode", monkeypatch)
    known = {0: picture(0), 8: picture(1)}
    assert draw(wan, "wan-i2v", known).shape == (9, HEIGHT, WIDTH, 3)
    (video,), _ = encoded[0]
    assert np.array_equal(shown(video, 0), known[0])
    assert np.array_equal(shown(video, -1), known[8])
    assert np.abs(video[0, :, 1:-1]).max() == 0
    draw(wan, "wan-i2v", {0: picture(0)})
    (video,), _ = encoded[1]
    assert np.abs(video[0, :, 1:]).max() == 0, "a clip that goes on from a picture"


def test_weights_for_two_pictures_are_shown_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_pipelines.wan_i2v(tmp_path / "flf", **tiny_pipelines.FLF)
    wan = opened("wan-i2v", folder)
    assert not wan_rule(folder).ahead
    looked = seen(wan.pipeline, "encode_image", monkeypatch)
    draw(wan, "wan-i2v", {0: picture(0), 8: picture(1)})
    ((pictures, _), _), *_ = looked
    assert [np.asarray(one).tolist() for one in pictures] == [picture(0).tolist(), picture(1).tolist()]
    with pytest.raises(RuntimeError):
        draw(wan, "wan-i2v", {0: picture(0)})


def wan_rule(folder: Path) -> Any:
    backend = BACKENDS["wan-i2v"]
    return backend.narrowed(folder, backend.rule)


def test_a_pipeline_that_would_ignore_the_last_frame_is_refused(tmp_path: Path) -> None:
    folder = tiny_pipelines.wan_i2v(tmp_path / "5b", expand_timesteps=True)
    with pytest.raises(ValueError, match="ignores the last frame of a gap without a word"):
        wan_rule(folder)
    assert wan_rule(tiny_pipelines.wan_i2v(tmp_path / "14b")) == BACKENDS["wan-i2v"].rule


@pytest.mark.parametrize("name", list(MADE))
def test_all_chance_is_of_the_seed(loaded: Callable[[str], LoadedPipeline], name: str) -> None:
    def drawn(seed: int, of_torch: int, backend: LoadedPipeline) -> np.ndarray:
        torch.manual_seed(of_torch)
        return draw(backend, name, {0: picture(0), FRAMES[name] - 1: picture(1)}, seed=seed)

    back_end = loaded(name)
    first = drawn(1, 0, back_end)
    assert np.array_equal(drawn(1, 5, back_end), first)
    assert not np.array_equal(drawn(2, 0, back_end), first)
    assert np.array_equal(drawn(1, 0, back_end), first), "whatever was drawn before"
    state = torch.random.get_rng_state()
    draw(back_end, name, {0: picture(0)})
    assert torch.equal(torch.random.get_rng_state(), state), "and it leaves torch's own state alone"


@pytest.mark.parametrize("name", list(MADE))
def test_torchs_own_random_state_has_no_say(
    loaded: Callable[[str], LoadedPipeline], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_end, clips = loaded(name), []
    for seed in (0, 1):
        # As a pipeline would be called without care: torch's own state differs.
        monkeypatch.setattr(
            torch, "manual_seed", lambda given, seed=seed: torch.default_generator.manual_seed(seed)
        )
        clips.append(draw(back_end, name, {0: picture(0), FRAMES[name] - 1: picture(1)}))
    assert np.array_equal(*clips)


@pytest.mark.parametrize("name", list(MADE))
def test_known_frames_come_back_only_nearly(loaded: Callable[[str], LoadedPipeline], name: str) -> None:
    drawn = draw(loaded(name), name, {0: picture(0), FRAMES[name] - 1: picture(1)})
    ends = [np.array_equal((255 * drawn[k]).round(), picture(seed)) for k, seed in ((0, 0), (-1, 1))]
    assert not all(ends), "which is why they are put back"


@pytest.mark.parametrize("name", ["wan-vace", "wan-i2v"])
def test_wan_gets_the_words_that_it_would_make_itself(
    loaded: Callable[[str], LoadedPipeline], name: str
) -> None:
    pytest.importorskip("ftfy")
    back_end = loaded(name)
    text = "A fox, in the meadow"
    with torch.no_grad():
        expected, _ = back_end.pipeline.encode_prompt(
            text, do_classifier_free_guidance=False, max_sequence_length=512
        )
    assert torch.equal(back_end.words(text)["embeds"], expected)
    assert back_end.words(text) is back_end.words(text), "encoded once"


@pytest.mark.parametrize("name", list(MADE))
def test_the_words_and_the_pace_have_a_say(loaded: Callable[[str], LoadedPipeline], name: str) -> None:
    back_end = loaded(name)
    clip = draw(back_end, name, {0: picture(0)})
    assert not np.array_equal(draw(back_end, name, {0: picture(0)}, prompt="rain"), clip)
    assert not np.array_equal(draw(back_end, name, {0: picture(0)}, negative="rain"), clip)
    if BACKENDS[name].rule.paced:
        assert not np.array_equal(draw(back_end, name, {0: picture(0)}, fps=1.0), clip)


@pytest.mark.parametrize("name", list(MADE))
def test_numbers_are_as_chosen_and_the_autoencoder_of_wan_is_exact(name: str, tmp_path: Path) -> None:
    short = opened(name, MADE[name](tmp_path / name), dtype="bf16", tiling=True)
    kinds = {part: next(getattr(short.pipeline, part).parameters()).dtype for part in ("vae", "text_encoder")}
    exact = torch.float32 if name.startswith("wan") else torch.bfloat16
    assert kinds == {"vae": exact, "text_encoder": torch.bfloat16}
    assert short.pipeline.vae.use_tiling
    assert np.isfinite(draw(short, name, {0: picture(0), FRAMES[name] - 1: picture(1)})).all()


def test_the_schedule_can_be_moved_towards_noise(tmp_path: Path) -> None:
    folder = tiny_pipelines.wan_vace(tmp_path / "vace")
    steps = []
    for shift in (None, 1.0, 5.0):
        scheduler = opened("wan-vace", folder, shift=shift).pipeline.scheduler
        scheduler.set_timesteps(4)
        steps.append(scheduler.timesteps.tolist())
    assert steps[0] == steps[1]
    assert all(more >= less for more, less in zip(steps[2], steps[1], strict=True))
    assert steps[2] != steps[1]


def test_a_decoder_of_ltx_that_draws_is_told_from_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ltx = opened("ltx", tiny_pipelines.ltx(tmp_path / "ltx", timestep_conditioning=True))
    decoded = seen(ltx.pipeline.vae, "decode", monkeypatch)
    assert np.isfinite(draw(ltx, "ltx", {0: picture(0)})).all()
    ((_, timestep), _), *_ = decoded
    assert timestep.tolist() == pytest.approx([0.05])


def test_weights_of_another_rule_are_refused(tmp_path: Path) -> None:
    folder = tiny_pipelines.wan_vace(tmp_path / "vace")
    other = replace(BACKENDS["wan-vace"], rule=replace(BACKENDS["wan-vace"].rule, unit=8))
    with pytest.raises(ValueError, match=r"draws 4 k \+ 1 frames with sides of multiples of 16"):
        LoadedPipeline(other, folder, dtype="fp32", device="cpu")


@pytest.mark.parametrize("offload", ["model", "sequential"])
def test_offloading_needs_a_gpu(tmp_path: Path, offload: str) -> None:
    with pytest.raises(ValueError, match="there is none"):
        opened("wan-vace", tiny_pipelines.wan_vace(tmp_path / "vace"), offload=offload)
