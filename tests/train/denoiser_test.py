"""Training of the denoiser: what a batch holds, which masks it gets, and that it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from longtake.conditions.text import SmallTextEncoder
from longtake.diffusion import DiffusionLoss, flow
from longtake.given import Given
from longtake.models.unet import MaskTemporalUNet
from longtake.train.clip_cache import ClipCache
from longtake.train.denoiser import (
    ClipBatch,
    MaskedClipLoss,
    cached_batches,
    encode_captions,
    kinds,
    known_cells,
    wide_from,
)
from longtake.train.loop import TrainConfig, train

CAPTIONS = ["one", "two", "three", "four", "five"]
FRAMES = 6
TEXT = torch.randn(1 + len(CAPTIONS), 5, 8, generator=torch.Generator().manual_seed(0)).half()


def cache(clips: int = 11) -> ClipCache:
    """Clip k holds k everywhere, its frames are 100 k, 100 k + 3, ...; prompts change in the middle."""
    latents = np.broadcast_to(np.arange(clips).reshape(-1, 1, 1, 1, 1), (clips, FRAMES, 2, 4, 4))
    numbers = 100 * np.arange(clips)[:, None] + 3 * np.arange(FRAMES)
    prompts = (np.arange(clips)[:, None] + (np.arange(FRAMES) >= 3)) % len(CAPTIONS)
    return ClipCache(latents.astype(np.float16), numbers, prompts.astype(np.int32), CAPTIONS, 0)


def far_cache(clips: int = 12) -> ClipCache:
    """The same with two references a clip: 40 frames before it and 30 behind it, or 70 and 50 behind it.

    What a frame holds in its second channel is its number.
    """
    plain, k = cache(clips), np.arange(clips)[:, None]
    far = np.where(k % 2, [70, 50], [-40, 30]) + 100 * k + np.where(k % 2, 0, [[0, 3 * (FRAMES - 1)]])
    latents = np.concatenate([plain.latents, plain.latents[:, :2]], axis=1)
    numbers = np.concatenate([plain.numbers, far], axis=1)
    latents[:, :, 1] = numbers[:, :, None, None]
    prompts = np.concatenate([plain.prompts, plain.prompts[:, [5, 0]]], axis=1)
    return replace(plain, latents=latents, numbers=numbers, prompts=prompts, references=2)


def encoder(seed: int = 0, registers_only: bool = False) -> SmallTextEncoder:
    torch.manual_seed(seed)
    made: SmallTextEncoder = SmallTextEncoder(
        CAPTIONS, width=8, layers=1, heads=1, registers=2, max_words=3, registers_only=registers_only
    )
    made.eval()
    return made


def diffusion() -> DiffusionLoss:
    return DiffusionLoss(
        schedule=flow,
        prediction="flow",
        time_mean=0.0,
        time_std=1.0,
        terminal_share=0.1,
        known_noise_max=0.1,
    )


def clips_of(batch: ClipBatch) -> list[int]:
    return [int(k) for k in batch.latents[:, 0, 0, 0, 0]]


def equal(one: ClipBatch, other: ClipBatch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_captions_are_encoded_once(tmp_path: Path) -> None:
    many = [f"{one} {two} {three}" for one in CAPTIONS for two in (*CAPTIONS, "") for three in CAPTIONS] * 2
    reader = encoder()
    told = encode_captions(many, reader, tmp_path / "text")
    assert told.dtype == torch.float16
    assert not told.requires_grad  # the reader is not trained here
    # bfloat16 keeps 8 bits.
    torch.testing.assert_close(told.float(), reader.encode(["", *many]).detach(), atol=0.05, rtol=0.05)
    (kept,) = (tmp_path / "text").iterdir()
    np.save(kept, np.zeros((2, 2), np.float16))  # to see that it is read
    assert encode_captions(many, encoder(), tmp_path / "text").tolist() == [[0, 0], [0, 0]]
    assert len(list((tmp_path / "text").iterdir())) == 1


def test_other_weights_or_other_captions_are_encoded_anew(tmp_path: Path) -> None:
    found = [
        encode_captions(captions, reader, tmp_path)
        for reader in (encoder(0), encoder(1))
        for captions in (CAPTIONS, CAPTIONS[::-1], CAPTIONS[:2])
    ]
    assert len(list(tmp_path.iterdir())) == 6
    assert torch.equal(found[1][1:], found[0][1:].flip(0))
    assert not torch.equal(found[3], found[0])


@pytest.mark.parametrize("world", [1, 2])
def test_every_clip_comes_once_per_epoch_in_another_order(world: int) -> None:
    batches = cached_batches(cache(12), TEXT, 3)
    epochs = []
    for epoch in range(2):
        steps = range(epoch * 4 // world, (epoch + 1) * 4 // world)
        epochs.append([clips_of(batches(step, rank, world)) for step in steps for rank in range(world)])
    for found in epochs:
        assert sorted(clip for batch in found for clip in batch) == list(range(12))
    assert epochs[0] != epochs[1]


def test_what_is_too_little_for_a_batch_waits_for_another_epoch() -> None:
    batches = cached_batches(cache(11), TEXT, 3)
    seen = set()
    for epoch in range(8):
        found = [clip for step in range(3 * epoch, 3 * epoch + 3) for clip in clips_of(batches(step, 0, 1))]
        assert len(set(found)) == 9
        seen |= set(found)
    assert len(seen) == 11
    with pytest.raises(ValueError, match="too small for batches of 12"):
        cached_batches(cache(11), TEXT, 12)(0, 0, 1)


def test_batches_are_functions_of_the_step() -> None:
    lengths = {6: 0.5, 3: 0.5}
    one, other = (cached_batches(cache(), TEXT, 3, lengths=lengths) for _ in range(2))
    for step in (7, 0, 3):
        assert equal(one(step, 0, 1), other(step, 0, 1))
    assert clips_of(cached_batches(cache(), TEXT, 3, seed=1)(0, 0, 1)) != clips_of(one(0, 0, 1))


def test_a_batch_holds_what_the_cache_says() -> None:
    source = cache()
    batch = cached_batches(source, TEXT, 4)(2, 0, 1)
    assert batch.latents.shape == (4, FRAMES, 2, 4, 4)
    assert batch.latents.dtype == torch.float16
    assert batch.time.tolist() == [[0, 3, 6, 9, 12, 15]] * 4
    assert torch.equal(batch.text[0], TEXT[0].float())
    assert not batch.reference.any()
    for clip, rows in zip(clips_of(batch), batch.prompt, strict=True):
        assert rows.min() >= 1  # never by accident the unconditional one
        assert torch.equal(batch.text[rows], TEXT[1 + source.prompts[clip]].float())
    padded = cached_batches(source, TEXT, 4, prompts=4 * FRAMES + 1)(2, 0, 1)
    assert len(padded.text) == 25
    assert torch.equal(padded.prompt, batch.prompt)
    assert torch.equal(padded.text[: len(batch.text)], batch.text)
    assert (padded.text[len(batch.text) :] == TEXT[0]).all()


def test_as_many_prompts_as_there_is_room_for() -> None:
    source = cache()
    rows = np.arange(11 * FRAMES).reshape(11, FRAMES).astype(np.int32)
    every = replace(source, prompts=rows, captions=[f"one {k}" for k in range(rows.size)])
    batch = cached_batches(every, TEXT[:1].expand(1 + rows.size, -1, -1), 2, prompts=2 * FRAMES + 1)(0, 0, 1)
    assert len(batch.text) == 2 * FRAMES + 1
    assert sorted(batch.prompt.flatten().tolist()) == list(range(1, 2 * FRAMES + 1))


def test_short_clips_are_stretches_of_the_cached_ones() -> None:
    batches = cached_batches(cache(12), TEXT, 3, lengths={2: 1.0, 4: 2.0, FRAMES: 1.0})
    lengths, starts = [], set()
    for step in range(80):
        batch = batches(step, 0, 2)
        length = batch.latents.shape[1]
        assert batch.time.tolist() == [[3.0 * k for k in range(length)]] * 3
        assert batch.prompt.shape == (3, length)
        assert batches(step, 1, 2).latents.shape[1] == length  # all processes do the same work
        lengths.append(length)
        change = (batch.prompt.diff(dim=1) != 0)[0].nonzero().flatten().tolist()
        starts.add(2 - change[0] if change else None)
    shares = [lengths.count(length) / 80 for length in (2, 4, FRAMES)]
    assert shares == pytest.approx([0.25, 0.5, 0.25], abs=0.15)
    assert {0, 1, 2} <= starts


def test_the_longest_clips_have_their_references_among_their_frames() -> None:
    source = far_cache()
    batch = cached_batches(source, TEXT, 12, lengths={FRAMES + 2: 1.0})(0, 0, 1)
    own = [3.0 * k for k in range(FRAMES)]
    for clip, time, reference, latents, rows in zip(
        clips_of(batch), batch.time, batch.reference, batch.latents, batch.prompt, strict=True
    ):
        if clip % 2:  # time counts from the clip's own first frame, wherever its references lie
            assert time.tolist() == [*own, 50, 70]
            assert reference.tolist() == [False] * FRAMES + [True] * 2
        else:
            assert time.tolist() == [-40, *own, 30 + own[-1]]
            assert reference.tolist() == [True] + [False] * FRAMES + [True]
        # Latents and prompts went with their frames.
        assert torch.equal(latents[:, 1, 0, 0], (time + 100 * clip).half())
        by_number = dict(zip(source.numbers[clip].tolist(), source.prompts[clip].tolist(), strict=True))
        told = [1 + by_number[int(at) + 100 * clip] for at in time]
        assert torch.equal(batch.text[rows], TEXT[told].float())


@pytest.mark.parametrize("lengths", [None, {4: 0.5, FRAMES: 0.5}])
def test_other_clips_have_no_references(lengths: dict[int, float] | None) -> None:
    plain, far = (cached_batches(source, TEXT, 3, lengths=lengths) for source in (cache(12), far_cache()))
    for step in range(12):
        one, other = plain(step, 0, 1), far(step, 0, 1)
        assert not other.reference.any()
        assert torch.equal(one.latents[:, :, 0], other.latents[:, :, 0])
        assert equal(one._replace(latents=other.latents), other)


def test_lengths_are_drawn_in_their_shares_with_references_too() -> None:
    batches = cached_batches(far_cache(), TEXT, 3, lengths={FRAMES: 0.65, FRAMES + 2: 0.35})
    far = [bool(batches(step, 0, 1).reference.any()) for step in range(200)]
    assert 0.25 < np.mean(far) < 0.45


def uneven_cache(whole: int = 8, five: int = 5, single: int = 4, references: int = 2) -> ClipCache:
    """Clips of six frames, every second with references; of five; and pictures. Clip k holds k everywhere."""
    source = far_cache(whole + five + single)
    numbers = source.numbers.astype(np.float64)
    numbers[1:whole:2, FRAMES:] = np.nan
    numbers[whole:, FRAMES:] = np.nan
    numbers[whole : whole + five, 5:] = np.nan
    numbers[whole + five :, 1:] = np.nan
    return replace(source, numbers=numbers)


def test_clips_of_one_length_come_together_in_their_share() -> None:
    lengths = {FRAMES: 0.5, 4: 0.2, FRAMES + 2: 0.3}
    batches = cached_batches(uneven_cache(), TEXT, 4, lengths=lengths)
    seen: dict[int, set[int]] = {}
    counts: dict[int, int] = {}
    for step in range(300):
        batch = batches(step, 0, 1)
        length = batch.latents.shape[1]
        assert batch.time.isfinite().all()
        assert batch.latents.shape[0] == 4
        counts[length] = counts.get(length, 0) + 1
        seen.setdefault(length, set()).update(clips_of(batch) if length != FRAMES + 2 else ())
    assert seen[1] == {13, 14, 15, 16}
    assert seen[5] == {8, 9, 10, 11, 12}
    assert seen[6] == seen[4] == set(range(8))
    shares = {length: count / 300 for length, count in counts.items()}
    expected = {1: 4 / 17, 5: 5 / 17, 6: 0.5 * 8 / 17, 4: 0.2 * 8 / 17, 8: 0.3 * 8 / 17}
    assert shares == pytest.approx(expected, abs=0.07)


def test_only_clips_with_references_are_shown_with_them() -> None:
    source = uneven_cache()
    batches = cached_batches(source, TEXT, 4, lengths={FRAMES + 2: 1.0})
    for step in range(20):
        batch = batches(step, 0, 1)
        if batch.latents.shape[1] == FRAMES + 2:
            clips = {int(k) for k in batch.latents[:, :, 0, 0, 0].flatten()}
            assert clips <= {0, 2, 4, 6}
            assert (batch.reference.sum(dim=1) == 2).all()


def test_lengths_of_which_there_are_too_few_clips_are_left_out() -> None:
    source = uneven_cache(whole=8, five=2, single=1)
    batches = cached_batches(source, TEXT, 5, lengths={FRAMES: 0.5, FRAMES + 2: 0.5})
    found: dict[int, set[int]] = {}
    for step in range(200):
        batch = batches(step, 0, 1)
        found.setdefault(batch.latents.shape[1], set()).update(clips_of(batch))
    # Four clips have references: no batch of five. Three short ones are cut to single frames, and repeated.
    assert found == {FRAMES: set(range(8)), 1: {8, 9, 10}}
    few = cached_batches(uneven_cache(whole=2, five=6, single=0), TEXT, 5, lengths={FRAMES: 1.0})
    assert {few(step, 0, 1).latents.shape[1] for step in range(50)} == {5}  # whole ones are cut
    with pytest.raises(ValueError, match="too small for batches of 18"):
        cached_batches(uneven_cache(), TEXT, 18)


def test_keyframes_of_short_films_are_nearer_to_each_other() -> None:
    def spaced(*spacings: int) -> ClipCache:
        numbers = np.array(spacings)[:, None] * np.arange(FRAMES, dtype=np.float64)
        return replace(cache(len(spacings)), numbers=numbers)

    assert wide_from(spaced(1, 15, 225)) == 60
    assert wide_from(spaced(1, 4, 3)) == 2
    assert wide_from(spaced(1, 40)) == 20
    assert wide_from(spaced(1, 1)) == 2
    assert wide_from(uneven_cache()) == 2
    batch = batch_of([1.0, 3.0, 15.0, 70.0])
    assert kinds(batch, 20).tolist() == [2, 1, 1, 0]
    assert kinds(batch, 2).tolist() == [2, 0, 0, 0]


def batch_of(spacings: list[float], frames: int = FRAMES, references: int = 0) -> ClipBatch:
    """Even clips; of the references, one more lies before the clip in each clip than in the one before it."""
    generator = torch.Generator().manual_seed(0)
    clips, length = len(spacings), frames + references
    before = torch.arange(clips)[:, None] % (references + 1)
    place = torch.arange(length) - before  # B T, 0 at the clip's own first frame
    time = torch.tensor(spacings)[:, None] * place
    latents = torch.randn(clips, length, 2, 4, 4, generator=generator).half()
    prompt = torch.ones(clips, length, dtype=torch.long)
    return ClipBatch(latents, time, torch.zeros(2, 5, 8), prompt, (place < 0) | (place >= frames))


def test_keyframes_and_gaps_have_masks_of_their_own() -> None:
    seen: list[Tensor] = []

    def net(x: Tensor, t: Tensor, given: Given) -> Tensor:
        seen.append(given.mask)
        return torch.zeros_like(x)

    loss = MaskedClipLoss(diffusion=diffusion(), text_dropout=0.1, wide={"none": 1.0}, narrow={"ends": 1.0})
    loss(net, batch_of([1, 15, 59, 61, 225, 4000]), torch.Generator().manual_seed(0))
    known = seen[0].mean(dim=(2, 3, 4))
    assert known.tolist() == [[1, 0, 0, 0, 0, 1]] * 3 + [[0] * 6] * 3
    for frames in (1, 2):  # clips with nothing between their ends still have something to learn
        loss(net, batch_of([1, 225], frames), torch.Generator().manual_seed(0))
        assert ((1 - seen[-1]).sum(dim=(1, 2, 3, 4)) > 0).all()
    default = MaskedClipLoss(diffusion=diffusion(), text_dropout=0.1)
    default(net, batch_of([15.0] * 400), torch.Generator().manual_seed(0))
    known = seen[-1].mean(dim=(2, 3, 4))
    assert 0.5 < (known == torch.tensor([1.0, 0, 0, 0, 0, 1])).all(1).float().mean() < 0.7
    assert all(sum(mix.values()) == pytest.approx(1) for mix in (default.wide, default.narrow))


def test_clips_weigh_what_their_spacing_says() -> None:
    batch = batch_of([225.0, 15.0, 1.0, 60.0, 2.0])
    assert kinds(batch).tolist() == [0, 1, 2, 0, 1]

    def net(x: Tensor, t: Tensor, given: Given) -> Tensor:
        return torch.zeros_like(x)

    def value(batch: ClipBatch, weights: tuple[float, float, float]) -> float:
        loss = MaskedClipLoss(diffusion=diffusion(), text_dropout=0.1, weights=weights)
        return loss(net, batch, torch.Generator().manual_seed(0))[0].item()

    each = [value(batch, weights) for weights in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))]
    assert all(part > 0 for part in each)
    assert value(batch, (0.5, 2.0, 3.0)) == pytest.approx(0.5 * each[0] + 2 * each[1] + 3 * each[2])


def test_references_are_known_in_their_share_of_clips_and_the_rest_by_the_regimes() -> None:
    batch = batch_of([15.0, 225.0] * 300, references=2)
    masks = known_cells(
        batch, {"none": 1.0}, {"ends": 1.0}, 0.85, torch.Generator().manual_seed(0)
    )  # B T 1 H W
    assert masks.shape == (600, FRAMES + 2, 1, 4, 4)
    known = masks.mean(dim=(2, 3, 4))
    far = known[batch.reference].view(600, 2)
    assert torch.equal(far[:, 0], far[:, 1])  # those of a clip are known together
    assert set(far.flatten().tolist()) == {0.0, 1.0}
    assert 0.8 < far.mean() < 0.9
    own = known[~batch.reference].view(600, FRAMES)
    assert own[::2].tolist() == [[1, 0, 0, 0, 0, 1]] * 300
    assert own[1::2].tolist() == [[0] * FRAMES] * 300
    for share in (0.0, 1.0):
        masks = known_cells(batch, {"none": 1.0}, {"none": 1.0}, share, torch.Generator().manual_seed(0))
        assert torch.equal(masks[:, :, 0, 0, 0], share * batch.reference.float())


def test_far_references_make_no_keyframes_of_a_gap() -> None:
    batch = batch_of([15.0] * 3, references=2)
    far = batch._replace(time=torch.where(batch.reference, batch.time * 1000, batch.time))
    masks = known_cells(far, {"none": 1.0}, {"ends": 1.0}, 0.0, torch.Generator().manual_seed(0))
    assert masks[~batch.reference].view(3, FRAMES, -1).mean(2).tolist() == [[1, 0, 0, 0, 0, 1]] * 3


def test_the_loss_uses_the_share_of_known_references() -> None:
    seen: list[Tensor] = []

    def net(x: Tensor, t: Tensor, given: Given) -> Tensor:
        seen.append(given.mask)
        return torch.zeros_like(x)

    batch = batch_of([15.0] * 3, references=2)
    for share in (0.0, 1.0):
        loss = MaskedClipLoss(diffusion=diffusion(), text_dropout=0.1, known_references=share)
        loss(net, batch, torch.Generator().manual_seed(0))
        assert (seen[-1][batch.reference] == share).all()


def test_the_loss_is_a_function_of_its_generator() -> None:
    torch.manual_seed(0)
    net = network()
    loss, batch = MaskedClipLoss(diffusion=diffusion(), text_dropout=0.5), batch_of([1, 225])
    values = [loss(net, batch, torch.Generator().manual_seed(seed))[0].item() for seed in (0, 0, 1)]
    assert values[0] == values[1] != values[2]


def test_a_compiled_network_runs_clips_of_its_lengths_only() -> None:
    calls: list[str] = []

    class Twin(SimpleNamespace):
        def __call__(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
            calls.append(self.name)
            return torch.zeros_like(x)

    twin = Twin(name="compiled", _orig_mod=Twin(name="plain"))
    loss = MaskedClipLoss(diffusion=diffusion(), text_dropout=0.0, compiled_lengths={FRAMES})
    for frames in (FRAMES, FRAMES - 1, FRAMES):
        loss(twin, batch_of([1.0], frames), torch.Generator())
    assert calls == ["compiled", "plain", "compiled"]


def network() -> Any:
    torch.manual_seed(0)
    return MaskTemporalUNet(
        latent_channels=2,
        text_channels=8,
        channels=(16, 16),
        middle=1,
        head=16,
        embedding=32,
        known_channels=8,
    )


def test_a_few_steps_lower_the_loss(tmp_path: Path) -> None:
    net, loss = network(), MaskedClipLoss(diffusion=diffusion(), text_dropout=0.1)
    source = replace(cache(12), latents=(cache(12).latents / 6 - 1).astype(np.float16))
    batches = cached_batches(source, TEXT, 4, lengths={FRAMES: 0.8, 4: 0.2})
    fixed = cached_batches(source, TEXT, 12)(0, 0, 1)

    def measure(model: Any) -> float:
        with torch.no_grad():
            found = [loss(model, fixed, torch.Generator().manual_seed(seed))[0] for seed in range(4)]
        return float(torch.stack(found).mean())

    before = measure(net)
    config = TrainConfig(steps=40, batch=4, muon_lr=1e-2, adam_lr=1e-2, warmup=3, ema=0.8)
    trained = train(net, loss, batches, config, tmp_path)
    assert measure(trained) < 0.6 * before
