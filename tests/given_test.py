"""The bag of conditions: its parts stay together, whatever is done to it."""

from __future__ import annotations

import pytest
import torch

from longtake.given import Draft, Given, Signal

B, T, C, H, W, P = 3, 4, 2, 6, 6, 5


def given() -> Given:
    chance = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=chance)

    sound = Signal(valid=normal(B, T) > 0, tokens=normal(B, T, 3, 7), timing=normal(B, T, 2))
    return Given(
        time=300 + torch.arange(B * T).view(B, T).float(),
        text=normal(P, 2, 8),
        prompt=torch.randint(1, P, (B, T), generator=chance),
        known=normal(B, T, C, H, W),
        mask=(normal(B, T, 1, H, W) > 0).float(),
        draft=Draft(normal(B, T, C, H, W), torch.rand(B, T, generator=chance)),
        tracks={"sound": sound, "clock": Signal(valid=normal(B, T) > 0, timing=normal(B, T, 1))},
    )


def parts(of: Given) -> dict[str, torch.Tensor]:
    """All tensors by name."""
    assert of.draft is not None
    found = {name: getattr(of, name) for name in ("time", "text", "prompt", "known", "mask")}
    found |= {"draft": of.draft.latents, "level": of.draft.level}
    for track, signal in of.tracks.items():
        each = {"valid": signal.valid, "tokens": signal.tokens, "timing": signal.timing}
        found |= {f"{track} {name}": part for name, part in each.items() if part is not None}
    return found


@pytest.mark.parametrize("clips", [torch.tensor([2, 0]), torch.tensor([1, 1, 1]), slice(1, 2)])
def test_rows_are_those_of_every_part_but_the_prompts(clips: torch.Tensor | slice) -> None:
    whole, some = parts(given()), parts(given().rows(clips))
    assert some.keys() == whole.keys()
    for name, part in whole.items():
        assert torch.equal(some[name], part if name == "text" else part[clips]), name


def test_what_is_no_number_to_compute_with_is_not_shortened() -> None:
    whole, short = parts(given()), parts(given().to(torch.bfloat16))
    assert short.keys() == whole.keys()
    shortened = {name for name, part in short.items() if part.dtype == torch.bfloat16}
    assert shortened == {"text", "known", "mask", "draft", "sound tokens"}
    for name, part in whole.items():
        assert torch.equal(short[name], part.bfloat16() if name in shortened else part)
    assert len(short["time"].unique()) == B * T  # bfloat16 would have made a third of these


def test_a_part_that_is_taken_away_leaves_the_others() -> None:
    whole = parts(given())
    for changed, gone in (
        (given().without_prompt(), {"prompt"}),
        (given().without_known(), {"known", "mask"}),
    ):
        for name, part in parts(changed).items():
            assert torch.equal(part, torch.zeros_like(part) if name in gone else whole[name]), name


def test_without_draft_and_tracks_there_are_none() -> None:
    bare = Given(**{name: parts(given())[name] for name in ("time", "text", "prompt", "known", "mask")})
    assert bare.rows(slice(1)).to(torch.bfloat16).draft is None
    assert bare.rows(slice(1)).to(torch.bfloat16).tracks == {}


def test_a_signal_of_shapes_that_do_not_agree_is_refused() -> None:
    valid, tokens, timing = torch.ones(T, dtype=torch.bool), torch.zeros(T, 3, 7), torch.zeros(T, 2)
    Signal(valid=valid, tokens=tokens, timing=timing)
    with pytest.raises(ValueError, match=r"tokens of shape \[4, 7\]: these frames need \[4, K, D\]"):
        Signal(valid=valid, tokens=tokens[:, 0])
    with pytest.raises(ValueError, match=r"timing features of shape \[3, 2\]: these frames need \[4, E\]"):
        Signal(valid=valid, timing=timing[:3])
    with pytest.raises(ValueError, match="give tokens, timing features, or both"):
        Signal(valid=valid)
    with pytest.raises(ValueError, match=r"give a bool for every frame, \[T\] or \[B, T\]"):
        Signal(valid=valid.float(), timing=timing)
