"""A student that goes as far in one step as its teacher in several, guided."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from longtake.diffusion import SAMPLERS, SCHEDULES, Denoiser, times
from longtake.given import Given
from longtake.models.unet import MaskTemporalUNet
from longtake.plan import Sampling
from longtake.train.denoiser import ClipBatch
from longtake.train.distil import DistilLoss

ONE = Sampling(sampler="ddim", steps=2, shift=1.5, text_guidance=1, known_guidance=1, precision="fp32")
SPACINGS = (225.0, 15.0, 1.0)  # keyframes, a gap, a leaf


def net(seed: int = 0) -> MaskTemporalUNet:
    torch.manual_seed(seed)
    made = MaskTemporalUNet(
        latent_channels=2,
        text_channels=8,
        channels=[16, 16],
        middle=1,
        head=16,
        embedding=32,
        known_channels=8,
    )
    for p in made.parameters():  # at initialisation nothing but x has a say
        nn.init.normal_(p, std=0.1)
    return made.eval().requires_grad_(False)


def batch(references: int = 0) -> ClipBatch:
    own = 5
    count = own + references
    random = torch.Generator().manual_seed(1)
    steps = torch.tensor(SPACINGS)[:, None] * torch.arange(own)
    time = torch.cat([steps, steps[:, -1:] + 3000 + torch.arange(references)], dim=1)
    return ClipBatch(
        torch.randn(3, count, 2, 4, 4, generator=random).half(),
        time,
        torch.randn(3, 4, 8, generator=random),
        torch.tensor([[1] * (count - 2) + [2] * 2] * 3),
        torch.arange(count).expand(3, -1) >= own,
    )


def loss(teacher: MaskTemporalUNet, substeps: int, scale: float = 1.0, aimed: Sampling = ONE) -> DistilLoss:
    guided = replace(ONE, text_guidance=scale)
    return DistilLoss(
        teacher=teacher,
        schedule=SCHEDULES["flow"],
        prediction="flow",
        substeps=substeps,
        guided=(guided, guided, ONE),
        aimed=(aimed,) * 3,
    )


def value(
    of: DistilLoss, student: nn.Module, told: ClipBatch, seed: int = 0
) -> tuple[float, dict[str, float]]:
    with torch.no_grad():
        total, parts = of(student, told, torch.Generator().manual_seed(seed))
    return float(total), {name: float(part) for name, part in parts.items()}


@pytest.mark.parametrize("references", [0, 2])
def test_a_teacher_that_takes_the_same_step_unguided_agrees_with_itself(references: int) -> None:
    teacher = net()
    total, parts = value(loss(teacher, 1), copy.deepcopy(teacher), batch(references))
    assert total < 1e-9
    assert set(parts) == {"loss_keyframes", "loss_gaps", "loss_leaves"}
    other, _ = value(loss(teacher, 1), net(1), batch(references))
    assert other > 1e-3


def test_guidance_concerns_the_kinds_of_clips_that_are_guided() -> None:
    teacher = net()
    _, parts = value(loss(teacher, 1, scale=3.0), copy.deepcopy(teacher), batch())
    assert parts["loss_keyframes"] > 1e-6
    assert parts["loss_gaps"] > 1e-6
    assert parts["loss_leaves"] < 1e-9


class _Aim(nn.Module):
    """Keeps what it is asked and answers nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        self.asked.append((x, t))
        return torch.zeros_like(x)


def test_the_aim_is_where_the_teacher_arrives() -> None:
    """One step from pure noise to the clip: the aim is what the sampler draws with all the steps."""
    teacher, told, student = net(), batch(), _Aim()
    one = replace(ONE, steps=1, shift=1.0)
    total, _ = value(loss(teacher, 4, aimed=one), student, told)
    x, t = student.asked[0]
    assert t[0].tolist() == [1.0] * 5
    keyframes = x[:1]
    denoise = Denoiser(teacher, SCHEDULES["flow"], "flow").denoise
    given = told.given(torch.zeros_like(x[:, :, :1])).without_known().rows(slice(1))
    with torch.no_grad():
        drawn = SAMPLERS["ddim"](lambda x, t: denoise(x, t, given), keyframes, times(4), SCHEDULES["flow"])
    aimed = (keyframes - drawn).square().mean()  # the velocity from there to here, against an answer of 0
    _, parts = value(loss(teacher, 4, aimed=one), _Aim(), told)
    assert parts["loss_keyframes"] == pytest.approx(float(aimed), rel=1e-3)
    assert total > 0


def test_known_frames_are_clean_for_the_student_and_do_not_count() -> None:
    told, student = batch(references=2), _Aim()
    value(loss(net(), 2), student, told)
    x, t = student.asked[0]
    for clip in (1, 2):
        for frame in (0, 4, 5, 6):
            assert torch.equal(x[clip, frame], told.latents[clip, frame].float())
        assert (t[clip] == 0).tolist() == [True, False, False, False, True, True, True]
    assert (t[0] == 0).tolist() == [False] * 5 + [True, True]
