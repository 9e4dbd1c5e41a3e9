"""Known frames: one mask, applied in one place, for training and for sampling.

`given.mask` is 1 where a cell is known. Known cells enter the network twice: in `x` at their own noise level
(0 by default), and clean as `given.known`. Whatever that holds outside the mask is never looked at.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from longtake.diffusion.prediction import Denoise, Network
from longtake.diffusion.schedule import Schedule, diffuse
from longtake.given import Given


def only_known(known: Tensor, mask: Tensor) -> Tensor:
    """`known * mask`, also where the part outside the mask is not finite."""
    return torch.where(mask.bool(), known, 0.0)


def enter(
    x: Tensor, t: Tensor, given: Given, noise: Tensor, level: Tensor, schedule: Schedule
) -> tuple[Tensor, Tensor]:
    """`x` and `t` as the network sees them, with the known cells put in at their own noise level.

    x at known cells becomes `alpha(s) known + sigma(s) noise`, s being `level[B, T]`; the levels
    `t[B, T]` of wholly known frames become s (LVDM's conditional latent perturbation, with 0 for none).
    A frame known in part keeps the clip's t: the mask alone tells its known cells apart.
    """
    mask = given.mask.bool()
    x = torch.where(mask, diffuse(given.known, noise, level, schedule), x)
    wholly_known = mask.all(dim=(2, 3, 4))  # B T
    return x, torch.where(wholly_known, level, t)


def pin(
    denoise: Network,
    given: Given,
    noise: Tensor,
    schedule: Schedule,
    *,
    level: float = 0.0,
    paper_exact: bool = False,
) -> Denoise:
    """`denoise` of these conditions, that sees the known cells in x and returns them untouched.

    As its x0 at known cells is `given.known`, the sampler's state there follows `alpha known + sigma noise`
    of its own accord, and its last step returns `known` bit for bit. `noise` is the sampler's; `level`
    in [0, 1] is the noise put on known cells in x. `paper_exact` (NUWA-XL) leaves x and t at the clip's
    level instead.
    """
    given = replace(given, known=only_known(given.known, given.mask))

    def pinned(x: Tensor, t: Tensor) -> Tensor:
        if not paper_exact:
            x, t = enter(x, t, given, noise, torch.full_like(t, level), schedule)
        return torch.where(given.mask.bool(), given.known, denoise(x, t, given))

    return pinned


def blind(denoise: Network, given: Given) -> Denoise:
    """The pass without known frames, for their guidance: mask 0, and x and t as the sampler has them.

    At known cells x then holds the clip's own noise, like any other cell (putting the clean ones in would
    spoil the guidance). The returned x0 is `given.known` there all the same, so that it agrees with the
    pinned pass and guidance moves nothing.
    """
    nothing_known = given.without_known()

    def unpinned(x: Tensor, t: Tensor) -> Tensor:
        return torch.where(given.mask.bool(), given.known, denoise(x, t, nothing_known))

    return unpinned
