"""Tracks: what one answers, how several clips' answers become a batch, and that a network reads a new one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from longtake.conditions.track import ClockTrack, Track, in_one_batch
from longtake.diffusion import DiffusionLoss, flow
from longtake.given import Given, Signal
from longtake.models.load import load_network
from longtake.models.unet import MaskTemporalUNet

CLIPS, FRAMES = 2, 5
TIMES = torch.arange(FRAMES, dtype=torch.float64) / 12


class Weather:
    """A track as somebody else would write it: two tokens and a timing feature, from a second on."""

    def at(self, times: Tensor) -> Signal:
        wet = times.sin().float()
        tokens = torch.stack([wet, 1 - wet, wet.square()], dim=-1)[:, None].repeat(1, 2, 1)
        return Signal(valid=times >= 1, tokens=tokens, timing=wet[:, None])


WEATHER = {"weather": {"tokens": 3, "timing": 1}}


def network(**further: Any) -> MaskTemporalUNet:
    torch.manual_seed(0)
    net: MaskTemporalUNet = MaskTemporalUNet(
        latent_channels=2,
        text_channels=8,
        channels=(16, 32),
        head=16,
        embedding=32,
        known_channels=8,
        **further,
    )
    return net.eval()


def trained(net: MaskTemporalUNet) -> MaskTemporalUNet:
    """With all but the tracks' layers as after training: at first, nothing but x has a say."""
    chance = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if not name.startswith("readers."):
                weight += 0.1 * torch.randn(weight.shape, generator=chance)
    return net


def given(**tracks: Signal) -> Given:
    chance = torch.Generator().manual_seed(2)
    return Given(
        time=torch.arange(float(FRAMES)).expand(CLIPS, FRAMES),
        text=torch.randn(3, 4, 8, generator=chance),
        prompt=torch.randint(0, 3, (CLIPS, FRAMES), generator=chance),
        known=torch.randn(CLIPS, FRAMES, 2, 4, 4, generator=chance),
        mask=torch.zeros(CLIPS, FRAMES, 1, 4, 4),
        tracks=tracks,
    )


@torch.no_grad()
def output(net: MaskTemporalUNet, conditions: Given) -> Tensor:
    x = torch.randn(CLIPS, FRAMES, 2, 4, 4, generator=torch.Generator().manual_seed(3))
    out: Tensor = net(x, torch.full((CLIPS, FRAMES), 0.5), conditions)
    return out


def learn_a_step(net: MaskTemporalUNet, conditions: Given) -> None:
    """One step of plain gradient descent on the diffusion loss."""
    loss = DiffusionLoss(
        schedule=flow, prediction="flow", time_mean=0.0, time_std=1.0, terminal_share=0.0, known_noise_max=0.0
    )
    value, _ = loss(net, conditions.known, conditions, generator=torch.Generator().manual_seed(4))
    value.backward()
    with torch.no_grad():
        for weight in net.parameters():
            if weight.grad is not None:
                weight -= 0.1 * weight.grad
    net.zero_grad()


def batch(track: Track, *starts: float) -> Signal:
    """Of clips that start at these seconds."""
    return in_one_batch([{"it": track.at(start + TIMES)} for start in starts])["it"]


def test_a_new_signal_is_one_class_and_one_name_in_a_networks_config(tmp_path: Path) -> None:
    """The promise: nothing else of longtake knows of `Weather`, and a trained network learns to read it."""
    old = trained(network())
    old.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["tracks"]  # as a network from before it was asked
    (tmp_path / "config.json").write_text(json.dumps(config))
    before = output(load_network(MaskTemporalUNet, tmp_path), given())
    assert torch.equal(before, output(old, given()))

    (tmp_path / "config.json").write_text(json.dumps(config | {"tracks": WEATHER}))
    net = load_network(MaskTemporalUNet, tmp_path)
    wet, dry = given(weather=batch(Weather(), 2.0, 3.0)), given(weather=batch(Weather(), 4.0, 5.5))
    assert torch.equal(output(net, wet), before)
    assert torch.equal(output(net, given()), before)

    learn_a_step(net, wet)
    changes = (output(net, wet) - output(net, dry)).abs().amax(dim=(2, 3, 4))
    assert (changes > 1e-6).all(), "what the weather is has a say in every frame"
    for part in ("tokens", "timing"):
        one = replace(wet.tracks["weather"], **{part: getattr(dry.tracks["weather"], part)})
        assert not torch.equal(output(net, given(weather=one)), output(net, wet)), part

    net.save_pretrained(tmp_path / "again")
    assert torch.equal(output(load_network(MaskTemporalUNet, tmp_path / "again"), wet), output(net, wet))


def test_a_network_begins_as_the_one_that_reads_no_track() -> None:
    plain, net = network(), network(tracks=WEATHER)
    weights = net.state_dict()
    assert all(torch.equal(weights[name], weight) for name, weight in plain.state_dict().items())
    assert {name.split(".")[1] for name in weights.keys() - plain.state_dict().keys()} == {"weather"}
    assert torch.equal(output(net, given(weather=batch(Weather(), 1.0, 2.0))), output(plain, given()))


def test_what_is_not_valid_adds_exactly_nothing() -> None:
    net = trained(network(tracks=WEATHER))
    chance = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in net.readers.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=chance)
    signal = batch(Weather(), 2.0, 3.0)
    silent = replace(signal, valid=torch.zeros_like(signal.valid))
    assert torch.equal(output(net, given(weather=silent)), output(net, given()))
    assert not torch.equal(output(net, given(weather=signal)), output(net, given()))
    there = signal.valid.clone()
    there[:, 2] = False
    hidden = there[..., None]
    spoilt = Signal(
        valid=there,
        tokens=signal.tokens.masked_fill(~hidden[..., None], torch.nan),
        timing=signal.timing.masked_fill(~hidden, torch.nan),
    )
    assert torch.equal(
        output(net, given(weather=spoilt)), output(net, given(weather=replace(signal, valid=there)))
    )


def test_clips_that_are_drawn_together_are_those_that_are_drawn_alone() -> None:
    net = trained(network(tracks=WEATHER | {"clock": {"timing": ClockTrack.features}}))
    both = given(weather=batch(Weather(), 0.9, 2.0), clock=batch(ClockTrack(), 0.0, 7.0))
    learn_a_step(net, both)
    x = torch.randn(CLIPS, FRAMES, 2, 4, 4, generator=torch.Generator().manual_seed(6))
    t = torch.full((CLIPS, FRAMES), 0.5)
    with torch.no_grad():
        together = net(x, t, both)
        for b in range(CLIPS):
            one = slice(b, b + 1)
            assert torch.equal(net(x[one], t[one], both.rows(one)), together[one])


def test_half_precision_reads_tracks_too() -> None:
    net = trained(network(tracks=WEATHER)).to(dtype=torch.bfloat16)
    conditions = given(weather=batch(Weather(), 1.0, 2.0)).to(torch.bfloat16)
    x = torch.zeros(CLIPS, FRAMES, 2, 4, 4, dtype=torch.bfloat16)
    with torch.no_grad():
        assert net(x, torch.full((CLIPS, FRAMES), 0.5), conditions).dtype == torch.bfloat16


def test_tracks_that_do_not_fit_are_refused() -> None:
    clock, weather = batch(ClockTrack(), 0.0, 1.0), batch(Weather(), 0.0, 1.0)
    net = network(tracks=WEATHER)
    with pytest.raises(
        ValueError, match="does not read the track 'clock': leave it out, or name it in `tracks`"
    ):
        output(net, given(clock=clock, weather=weather))
    with pytest.raises(ValueError, match="'weather' has tokens of 0 channels, and this network reads 3"):
        output(net, given(weather=clock))
    with pytest.raises(ValueError, match=r"'weather' is of \[1, 5\] frames: give \[2, 5\]"):
        output(net, given(weather=weather.rows(slice(1))))
    with pytest.raises(ValueError, match="says nothing: give one of them"):
        network(tracks={"weather": {"tokens": 0}})


def test_clips_of_a_batch_need_not_all_have_a_track() -> None:
    clock, weather = ClockTrack().at(TIMES), Weather().at(TIMES + 2)
    tracks = in_one_batch([{"clock": clock}, {"clock": clock, "weather": weather}])
    assert list(tracks) == ["clock", "weather"]
    assert tracks["clock"].valid.all()
    assert tracks["weather"].valid.tolist() == [[False] * FRAMES, [True] * FRAMES]
    assert torch.equal(tracks["weather"].tokens[1], weather.tokens)
    assert in_one_batch([{}, {}]) == {}
    with pytest.raises(
        ValueError, match=r"'clock' differs from clip to clip, valid \[3\].*clips of one length"
    ):
        in_one_batch([{"clock": ClockTrack().at(TIMES[:3])}, {"clock": clock}])


def test_a_clock_tells_the_time_since_its_start_while_it_runs() -> None:
    signal = ClockTrack(start=2.0, end=4.0).at(torch.tensor([1.9, 2.0, 3.0, 4.0]))
    assert signal.valid.tolist() == [False, True, True, False]
    assert signal.tokens is None
    assert signal.timing is not None
    assert signal.timing.shape == (4, ClockTrack.features)
    log, sines, cosines = torch.split(signal.timing, [1, 8, 8], dim=-1)
    assert log[2].item() == pytest.approx(0.0847, abs=1e-4)  # log 2 / log 3601
    periods = 2.0 ** torch.arange(8)
    torch.testing.assert_close(sines[2], (2 * torch.pi / periods).sin(), atol=1e-6, rtol=0)
    torch.testing.assert_close(cosines[2], (2 * torch.pi / periods).cos(), atol=1e-6, rtol=0)
    assert torch.equal(ClockTrack(start=102.0).at(torch.tensor([103.0])).timing, signal.timing[2:3])
    with pytest.raises(ValueError, match="let it end after its start"):
        ClockTrack(start=2.0, end=2.0)


def test_a_clock_tells_frames_apart_hours_after_its_start() -> None:
    late = ClockTrack().at(3600 * 5 + TIMES).timing
    assert late is not None
    assert (late.diff(dim=0).abs().amax(dim=1) > 0.1).all()
    assert late.abs().max() < 1.3
