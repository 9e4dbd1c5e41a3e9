"""Known frames: one mask, applied in one place, for training and for sampling.

`mask[B, T, 1, H, W]` is 1 where a cell is known. Known cells enter the network twice: in `x` at their
own noise level (0 by default), and clean as `known`. Whatever `known` holds outside the mask is never
looked at.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtake.diffusion.prediction import Denoise
from longtake.diffusion.schedule import Schedule, diffuse


def only_known(known: Tensor, mask: Tensor) -> Tensor:
    """`known * mask`, also where the part outside the mask is not finite."""
    return torch.where(mask.bool(), known, 0.0)


def enter(
    x: Tensor, t: Tensor, known: Tensor, mask: Tensor, noise: Tensor, level: Tensor, schedule: Schedule
) -> tuple[Tensor, Tensor]:
    """`x` and `t` as the network sees them, with the known cells put in at their own noise level.

    x at known cells becomes `alpha(s) known + sigma(s) noise`, s being `level[B, T]`; the levels
    `t[B, T]` of wholly known frames become s (LVDM's conditional latent perturbation, with 0 for none).
    A frame known in part keeps the clip's t: the mask alone tells its known cells apart.
    """
    x = torch.where(mask.bool(), diffuse(known, noise, level, schedule), x)
    wholly_known = mask.bool().all(dim=(2, 3, 4))  # B T
    return x, torch.where(wholly_known, level, t)


def pin(
    denoise: Denoise,
    known: Tensor,
    mask: Tensor,
    noise: Tensor,
    schedule: Schedule,
    *,
    level: float = 0.0,
    paper_exact: bool = False,
) -> Denoise:
    """`denoise` that gets `known` and `mask`, sees the known cells in x, and returns them untouched.

    As its x0 at known cells is `known`, the sampler's state there follows `alpha known + sigma noise`
    of its own accord, and its last step returns `known` bit for bit. `noise` is the sampler's; `level`
    in [0, 1] is the noise put on known cells in x. `paper_exact` (NUWA-XL) leaves x and t at the clip's
    level instead. Further inputs pass through: `pinned(x, t, **inputs)`.
    """
    known = only_known(known, mask)

    def pinned(x: Tensor, t: Tensor, **inputs: Tensor) -> Tensor:
        if not paper_exact:
            x, t = enter(x, t, known, mask, noise, torch.full_like(t, level), schedule)
        x0 = denoise(x, t, known=known, mask=mask, **inputs)
        return torch.where(mask.bool(), known, x0)

    return pinned


def blind(denoise: Denoise, known: Tensor, mask: Tensor) -> Denoise:
    """The pass without known frames, for their guidance: mask 0, and x and t as the sampler has them.

    At known cells x then holds the clip's own noise, like any other cell (putting the clean ones in would
    spoil the guidance). The returned x0 is `known` there all the same, so that it agrees with the pinned
    pass and guidance moves nothing.
    """
    known = only_known(known, mask)
    nothing, nowhere = torch.zeros_like(known), torch.zeros_like(mask)

    def unpinned(x: Tensor, t: Tensor, **inputs: Tensor) -> Tensor:
        x0 = denoise(x, t, known=nothing, mask=nowhere, **inputs)
        return torch.where(mask.bool(), known, x0)

    return unpinned
