from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from longtake.diffusion.prediction import PREDICTIONS, Denoiser, PredictionError, prediction_for
from longtake.diffusion.schedule import SCHEDULES, Schedule, diffuse, per_frame
from longtake.given import Given

GIVEN = Given(
    time=torch.tensor([[1.0, 2.0]]),
    text=torch.zeros(1, 1, 1),
    prompt=torch.zeros(1, 2, dtype=torch.long),
    known=torch.zeros(1, 2, 3, 4, 4),
    mask=torch.zeros(1, 2, 1, 4, 4),
)


def possible() -> list[tuple[str, str]]:
    return [(p, s) for p in PREDICTIONS for s in SCHEDULES if p != "epsilon" or s in ("ddpm", "sd")]


@pytest.mark.parametrize(("prediction", "schedule"), possible())
@pytest.mark.parametrize("level", [0.0, 0.02, 0.5, 0.9, 1.0])
def test_target_leads_back_to_x0(prediction: str, schedule: str, level: float) -> None:
    x0, noise = torch.randn(2, 2, 3, 4, 5, 5, dtype=torch.float64).unbind()
    t = torch.full((2, 3), level, dtype=torch.float64)
    noised = diffuse(x0, noise, t, SCHEDULES[schedule])
    alpha, sigma = per_frame(SCHEDULES[schedule], t)
    target = prediction_for(prediction, SCHEDULES[schedule]).target(x0, noise, alpha, sigma)
    denoiser = Denoiser(lambda x, t, given: target, SCHEDULES[schedule], prediction)
    torch.testing.assert_close(denoiser.denoise(noised, t, GIVEN), x0)


def test_targets_are_what_their_names_say() -> None:
    x0, noise = torch.randn(2, 7).unbind()
    alpha, sigma = torch.tensor(0.6), torch.tensor(0.8)
    target = {name: p.target(x0, noise, alpha, sigma) for name, p in PREDICTIONS.items()}
    assert torch.equal(target["flow"], noise - x0)
    assert torch.equal(target["v"], 0.6 * noise - 0.8 * x0)
    assert torch.equal(target["epsilon"], noise)
    assert torch.equal(target["x0"], x0)


@pytest.mark.parametrize("schedule", ["flow", "cosine"])
@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 1.0])
def test_edm_asks_for_what_the_noisy_video_does_not_tell(schedule: str, level: float) -> None:
    x0, noise = torch.randn(
        2, 200_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).unbind()
    alpha, sigma = SCHEDULES[schedule](torch.tensor(level, dtype=torch.float64))
    target = PREDICTIONS["edm"].target(x0, noise, alpha, sigma)
    assert abs(torch.corrcoef(torch.stack([target, alpha * x0 + sigma * noise]))[0, 1]) < 0.01
    if level == 1.0:
        torch.testing.assert_close(target, -x0)  # "flow" has the noise in it
    if schedule == "flow":  # an error of the network is as large an error of x0
        zero, one = torch.zeros(2), torch.ones(2)
        errors = [
            PREDICTIONS[name].to_x0(zero, one, alpha, sigma) - PREDICTIONS[name].to_x0(one, one, alpha, sigma)
            for name in ("edm", "flow")
        ]
        torch.testing.assert_close(errors[0], errors[1])


@pytest.mark.parametrize("schedule", ["flow", "cosine"])
def test_epsilon_is_refused_where_alpha_is_zero(schedule: str) -> None:
    with pytest.raises(PredictionError, match=r"alpha.*'v'"):
        Denoiser(nn.Identity(), SCHEDULES[schedule], "epsilon")


def test_an_unknown_prediction_is_named() -> None:
    with pytest.raises(ValueError, match=r"epsilom.*epsilon"):
        Denoiser(nn.Identity(), SCHEDULES["ddpm"], "epsilom")


@pytest.mark.parametrize("name", ["flow", "v", "edm"])
def test_a_clean_frame_is_its_own_x0_whatever_the_net_says(name: str) -> None:
    schedule: Schedule = SCHEDULES["flow"]
    x = torch.randn(1, 2, 3, 4, 4)
    x0 = Denoiser(lambda x, t, given: torch.randn_like(x), schedule, name).denoise(
        x, torch.zeros(1, 2), GIVEN
    )
    assert torch.equal(x0, x)


def test_what_is_given_reaches_the_net_and_x0_keeps_the_dtype_of_x() -> None:
    def net(x: Tensor, t: Tensor, given: Given) -> Tensor:
        return (x * given.time[:, :, None, None, None]).bfloat16()

    x = torch.randn(1, 2, 3, 4, 4)
    x0 = Denoiser(net, SCHEDULES["flow"], "x0").denoise(x, torch.ones(1, 2), GIVEN)
    assert x0.dtype == torch.float32
    torch.testing.assert_close(x0[:, 1], 2 * x[:, 1], rtol=1e-2, atol=1e-2)
