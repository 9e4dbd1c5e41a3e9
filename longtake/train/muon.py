"""Muon: momentum whose matrices are orthogonalised before they are applied (Jordan et al. 2024).

A convolution's kernel counts as the matrix `[outputs, inputs * kernel]`. Matrices of one shape are worked on
together, and in a group of processes each process works on its share only.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from longtake.train.shard import as_part, part, whole

_ITERATIONS = 5  # of Newton and Schulz
_AT_ONCE = 2**26  # numbers in the matrices of a sharded network that are whole together


def muon_names(model: nn.Module) -> set[str]:
    """Names of the trainable hidden matrices of `model`: what Muon is for.

    Left to Adam are vectors, tables (`nn.Embedding`) and all inside a module with an attribute `adam = True`:
    first and last layers, whose rows or columns are too few to be made orthogonal.
    """
    left: set[str] = set()
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) or getattr(module, "adam", False):
            left.update(f"{name}.{inner}" if name else inner for inner, _ in module.named_parameters())
    return {
        name for name, p in model.named_parameters() if p.requires_grad and p.ndim >= 2 and name not in left
    }


def orthogonalise(matrices: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    """Roughly the nearest orthogonal matrices to `[n, rows, columns]`: singular values about 0.7 to 1.2.

    A quintic Newton-Schulz iteration in `dtype`, its coefficients chosen for speed (Jordan et al. 2024), for
    which bfloat16 is exact enough.
    """
    x = matrices.to(dtype)
    length: Tensor = torch.linalg.matrix_norm(x.float(), keepdim=True)
    x = x / (length + 1e-7).to(x.dtype)
    tall = x.shape[1] > x.shape[2]
    wide = x.transpose(1, 2) if tall else x
    for _ in range(_ITERATIONS):
        gram = wide @ wide.transpose(1, 2)
        polynomial = torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315)
        wide = torch.baddbmm(wide, polynomial, wide, beta=3.4445)
    return wide.transpose(1, 2) if tall else wide


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; an update has the size of one of Adam's at the same rate.

    Args:
        params: matrices or convolution kernels; anything with fewer than two axes is refused.
        lr: learning rate; the update is scaled by 0.2 sqrt(max(rows, columns)) (Liu et al. 2025).
        momentum: of the gradient.
        weight_decay: decoupled, times the learning rate.
        dtype: of the products that make matrices orthogonal; the same in all processes, which exchange them.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.dtype = dtype
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim < 2:
                    raise ValueError(
                        f"Muon orthogonalises matrices, not shape {tuple(p.shape)}; give it to AdamW"
                    )

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Apply the gradients; parameters without one stay untouched."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                self._update(params, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, params: list[Tensor], lr: float, momentum: float, weight_decay: float) -> None:
        grads = [part(p.grad) for p in params if p.grad is not None]
        memory = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in params]
        buffers = [part(kept) for kept in memory]
        torch._foreach_lerp_(buffers, grads, 1 - momentum)
        nesterov = torch._foreach_lerp(grads, buffers, momentum)
        if weight_decay:
            torch._foreach_mul_([part(p) for p in params], 1 - lr * weight_decay)
        for few in _few_at_once(params):
            directions = [_like(nesterov[k], params[k]) for k in few]
            updates = _shared([whole(d).reshape(d.shape[0], -1) for d in directions], self.dtype)
            for k, update in zip(few, updates, strict=True):
                p, scale = params[k], 0.2 * max(update.shape) ** 0.5
                moved = part(as_part(update.reshape(p.shape).to(p.dtype), p))
                part(p).add_(moved, alpha=-lr * scale)


def _few_at_once(params: list[Tensor]) -> list[list[int]]:
    """Places of matrices that are whole at the same time: all, but where they are sharded to save memory."""
    groups: list[list[int]] = [[]]
    room = _AT_ONCE
    for k, p in enumerate(params):
        if isinstance(p, DTensor) and groups[-1] and p.numel() > room:
            groups.append([])
            room = _AT_ONCE
        groups[-1].append(k)
        room -= p.numel()
    return groups


def _like(local: Tensor, p: Tensor) -> Tensor:
    """A part that belongs to `p` as the sharded tensor that it is a part of."""
    if not isinstance(p, DTensor):
        return local
    return DTensor.from_local(
        local, p.device_mesh, p.placements, run_check=False, shape=p.shape, stride=p.stride()
    )


def _shared(matrices: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Orthogonalise all matrices; the processes of a group share the work and exchange the results."""
    world = dist.get_world_size() if dist.is_initialized() else 1
    if world == 1:
        return _by_shape(matrices, dtype)
    shares = _shares([m.shape for m in matrices], world)
    mine = shares[dist.get_rank()]
    sizes = [sum(matrices[i].numel() for i in share) for share in shares]
    sent = torch.zeros(max(sizes), dtype=dtype, device=matrices[0].device)
    updates = _by_shape([matrices[i] for i in mine], dtype)
    if updates:
        sent[: sizes[dist.get_rank()]] = torch.cat([m.flatten() for m in updates])
    received = sent.new_empty(world, len(sent))
    # As bytes, which every backend knows.
    dist.all_gather(list(received.view(torch.uint8)), sent.view(torch.uint8))
    out: dict[int, Tensor] = {}
    for share, size, row in zip(shares, sizes, received, strict=True):
        parts = row[:size].split([matrices[i].numel() for i in share])
        out |= {i: part.view(matrices[i].shape) for i, part in zip(share, parts, strict=True)}
    return [out[i] for i in range(len(matrices))]


def _by_shape(matrices: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    groups: dict[torch.Size, list[int]] = {}
    for i, matrix in enumerate(matrices):
        groups.setdefault(matrix.shape, []).append(i)
    out: dict[int, Tensor] = {}
    for members in groups.values():
        out |= zip(members, orthogonalise(torch.stack([matrices[i] for i in members]), dtype), strict=True)
    return [out[i] for i in range(len(matrices))]


def _shares(shapes: list[torch.Size], world: int) -> list[list[int]]:
    """Deal out the matrices, costliest first, always to the process with the least work so far."""
    work = [0] * world
    shares: list[list[int]] = [[] for _ in range(world)]
    cost = [min(s) ** 2 * max(s) for s in shapes]
    for i in sorted(range(len(shapes)), key=lambda i: -cost[i]):
        rank = work.index(min(work))
        work[rank] += cost[i]
        shares[rank].append(i)
    return shares
