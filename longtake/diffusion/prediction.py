"""What a network's output means: conversions between it, the training target and x0.

With `x = alpha x0 + sigma eps` the network may be trained to give `x0`, `epsilon` (eps), `v`
(alpha eps - sigma x0, Salimans & Ho 2022), `flow` (eps - x0, rectified flow) or `edm`: what x does not tell
by itself, v / (alpha^2 + sigma^2). Outside this file there is only x0.

`edm` is the preconditioning of Karras et al. 2022 (equation 7) for any schedule: x0 = c_skip x - sigma output
with the c_skip that lets through the least of the network's errors. Where a video is nearly all noise, `flow`
asks the network for the very noise that it was given, and what it cannot copy stays in x0 as flicker. On the
schedule `flow` an error of the network is the same error of x0 for both, so their losses can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from longtake.diffusion.schedule import Schedule, per_frame
from longtake.given import Given

# A network, or one whose output was made x0: f(x[B,T,C,H,W], t[B,T], given) -> [B,T,C,H,W]
Network = Callable[[Tensor, Tensor, Given], Tensor]
# What samplers and guidance see, whatever is given: denoise(x[B,T,C,H,W], t[B,T]) -> x0[B,T,C,H,W]
Denoise = Callable[[Tensor, Tensor], Tensor]


class PredictionError(ValueError):
    """A prediction type that does not exist or cannot work with the schedule."""


class Prediction(NamedTuple):
    """One meaning of the network's output; alpha and sigma must broadcast against the videos."""

    to_x0: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # (output, x, alpha, sigma) -> x0
    target: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # (x0, eps, alpha, sigma) -> what to output


# Solved for x0 from x = alpha x0 + sigma eps and the target's definition, for any alpha and sigma:
# alpha^2 + sigma^2 = 1 (cosine, ddpm) and alpha + sigma = 1 (flow) are not assumed.
PREDICTIONS: dict[str, Prediction] = {
    "flow": Prediction(
        to_x0=lambda output, x, alpha, sigma: (x - sigma * output) / (alpha + sigma),
        target=lambda x0, eps, alpha, sigma: eps - x0,
    ),
    "v": Prediction(
        to_x0=lambda output, x, alpha, sigma: (alpha * x - sigma * output) / (alpha**2 + sigma**2),
        target=lambda x0, eps, alpha, sigma: alpha * eps - sigma * x0,
    ),
    "edm": Prediction(
        to_x0=lambda output, x, alpha, sigma: alpha * x / (alpha**2 + sigma**2) - sigma * output,
        target=lambda x0, eps, alpha, sigma: (alpha * eps - sigma * x0) / (alpha**2 + sigma**2),
    ),
    "epsilon": Prediction(
        to_x0=lambda output, x, alpha, sigma: (x - sigma * output) / alpha,
        target=lambda x0, eps, alpha, sigma: eps,
    ),
    "x0": Prediction(
        to_x0=lambda output, x, alpha, sigma: output,
        target=lambda x0, eps, alpha, sigma: x0,
    ),
}


def prediction_for(name: str, schedule: Schedule) -> Prediction:
    """The prediction called `name`.

    Raises PredictionError for an unknown name, and for epsilon where the schedule reaches alpha = 0.
    """
    if name not in PREDICTIONS:
        raise PredictionError(f"unknown prediction {name!r}: use one of {', '.join(PREDICTIONS)}")
    if name == "epsilon" and float(schedule(torch.ones(()))[0]) == 0:
        raise PredictionError(
            "epsilon says nothing about x0 where alpha = 0, and this schedule has alpha(1) = 0: "
            "use 'flow' or 'v', or the schedule 'ddpm'"
        )
    return PREDICTIONS[name]


@dataclass(frozen=True)
class Denoiser:
    """A network with its schedule and the meaning of its output: `denoise(x, t, given) -> x0`.

    Raises PredictionError when made with a prediction that is unknown or that the schedule rules out.
    """

    net: Network
    schedule: Schedule  # the one it was trained with
    prediction: str  # a name in PREDICTIONS

    def __post_init__(self) -> None:
        prediction_for(self.prediction, self.schedule)

    def denoise(self, x: Tensor, t: Tensor, given: Given) -> Tensor:
        """x0 `[B, T, C, H, W]` in x's dtype, from `x` at the levels `t[B, T]`."""
        output = self.net(x, t, given).to(x.dtype)  # under autocast the net's own dtype is shorter
        alpha, sigma = per_frame(self.schedule, t)
        return PREDICTIONS[self.prediction].to_x0(output, x, alpha, sigma)
