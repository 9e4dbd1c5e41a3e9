"""The training loss: how far the network's output is from its target on the cells that are not known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from longtake.diffusion.condition import enter, only_known
from longtake.diffusion.prediction import Network, prediction_for
from longtake.diffusion.schedule import Schedule, diffuse, per_frame
from longtake.given import Given

_BINS = 4  # quarters of [0, 1] for the diagnostics


@dataclass(frozen=True, kw_only=True)
class DiffusionLoss:
    """Draws noise levels and noise, runs the network once, and compares; all chance from one generator.

    Raises PredictionError (a ValueError) when made with a prediction that the schedule rules out.
    """

    schedule: Schedule
    prediction: str  # a name in PREDICTIONS
    time_mean: float  # t = sigmoid(N(time_mean, time_std)) per clip (logit-normal, Esser et al. 2024)
    time_std: float
    terminal_share: float  # share of clips at exactly t = 1, where sampling starts and t above never comes
    known_noise_max: float  # known frames: level 0 in half of the clips, else U(0, this)
    paper_exact: bool = False  # known frames stay at the clip's noise level in x and t (NUWA-XL)

    def __post_init__(self) -> None:
        prediction_for(self.prediction, self.schedule)

    def __call__(
        self,
        net: Network,
        latents: Tensor,
        given: Given,
        *,
        generator: Generator,
        text_dropout: float = 0.0,
        weight: Tensor | float = 1.0,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean over clips of `weight` (a number, or `[B]`) times their loss, and diagnostics.

        `given.known` are the `latents[B, T, C, H, W]` themselves where `given.mask` is 1. A share
        `text_dropout` of the clips lose all their prompts. The loss of a clip is its error averaged over its
        unknown cells; the diagnostics, `loss_t_0..3` and `count_t_0..3` per quarter of t, tell it without
        weight.
        """
        latents = latents.float()
        t, level, dropped = self._draw(len(latents), text_dropout, generator, latents.device)
        noise = torch.randn(latents.shape, generator=generator, device=generator.device).to(latents.device)
        t_frame, level_frame = t[:, None].expand(given.time.shape), level[:, None].expand(given.time.shape)
        given = replace(
            given,
            known=only_known(given.known.float(), given.mask),
            prompt=torch.where(dropped[:, None], 0, given.prompt),
        )
        x, t_seen = diffuse(latents, noise, t_frame, self.schedule), t_frame
        if not self.paper_exact:
            x, t_seen = enter(x, t_frame, given, noise, level_frame, self.schedule)

        output = net(x, t_seen, given)

        aim = prediction_for(self.prediction, self.schedule).target
        target = aim(latents, noise, *per_frame(self.schedule, t_frame))
        per_clip = mean_unknown((output.float() - target).square(), given.mask)
        return (weight * per_clip).mean(), _by_time(per_clip.detach(), t)

    def _draw(
        self, batch: int, text_dropout: float, generator: Generator, device: torch.device
    ) -> tuple[Tensor, Tensor, Tensor]:
        """For each clip its t, the level of its known frames, and whether it loses its prompts."""
        normal = torch.randn(batch, generator=generator, device=generator.device).to(device)
        terminal, noised, level, dropout = torch.rand(
            4, batch, generator=generator, device=generator.device
        ).to(device)
        t = torch.sigmoid(self.time_mean + self.time_std * normal)
        t = torch.where(terminal < self.terminal_share, 1.0, t)
        return t, torch.where(noised < 0.5, 0.0, level * self.known_noise_max), dropout < text_dropout


def mean_unknown(error: Tensor, mask: Tensor) -> Tensor:
    """Mean of `error[B, T, C, H, W]` over the unknown cells of each clip, `[B]`; 0 where all are known."""
    unknown = (1 - mask.float()).expand_as(error)
    return (error * unknown).sum(dim=(1, 2, 3, 4)) / unknown.sum(dim=(1, 2, 3, 4)).clamp(min=1)


def _by_time(per_clip: Tensor, t: Tensor) -> dict[str, Tensor]:
    """Mean loss (0 where no clip fell) and number of clips in each quarter of [0, 1], as 0-d tensors."""
    quarter = F.one_hot((t * _BINS).long().clamp(max=_BINS - 1), _BINS).to(per_clip.dtype)  # B bins
    count = quarter.sum(dim=0)
    mean = (quarter * per_clip[:, None]).sum(dim=0) / count.clamp(min=1)
    return {f"loss_t_{i}": mean[i] for i in range(_BINS)} | {f"count_t_{i}": count[i] for i in range(_BINS)}
