"""A network in parts, one on each process (FSDP2), for what does not fit on a device with its gradients.

Each process keeps its share of every weight, of the averaged weights and of the optimiser's memory; a block's
weights are whole only while it is at work. Checkpoints are whole: a run may go on with any number of
processes, sharded or not.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor

_FORWARD = ("encode", "decode")  # by what else than `forward` a loss may run a network: autoencoders


def shard(net: nn.Module, device: torch.device) -> None:
    """Leave this process its part of the first process's `net`, on `device`; block after block.

    Called by all processes. From then on all of them must run `net` together.
    """
    warnings.filterwarnings("ignore", "FSDP2-wrapped module", UserWarning)  # no loss changes outputs in place
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    for unit in (*_blocks(net), net):
        for tensor in (*unit.parameters(), *unit.buffers()):
            if not isinstance(tensor, DTensor):
                tensor.data = tensor.data.to(device).contiguous()
                dist.broadcast(tensor.data, 0)
        fully_shard(unit, mesh=mesh, reshard_after_forward=True)
    for method in _FORWARD:
        if hasattr(net, method):
            register_fsdp_forward_method(net, method)


def _blocks(net: nn.Module) -> Iterator[nn.Module]:
    """What is at work at a time: modules of the classes that `net` names, as for diffusers.

    Of a network that names none, what stands in lists and is made of layers, wherever it is.
    """
    if named := getattr(net, "_no_split_modules", None):
        yield from (module for module in net.modules() if type(module).__name__ in named)
        return
    for listed in (module for module in net.modules() if isinstance(module, nn.ModuleList)):
        for block in listed:
            if not isinstance(block, nn.ModuleList) and any(block.children()):
                yield block


def part(tensor: Tensor) -> Tensor:
    """This process's part of a sharded tensor, to be changed in place; any other as it is."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """All of a sharded tensor, from all processes; any other as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Whole tensors, those that were sharded in the first process's host memory; there are none in others."""
    gathered_tensors: dict[str, Tensor] = {}
    for name, tensor in tensors.items():  # one after the other: only one is whole on the device
        gathered = whole(tensor)
        if not isinstance(tensor, DTensor):
            gathered_tensors[name] = tensor
        elif dist.get_rank() == 0:
            gathered_tensors[name] = gathered.cpu()
    return gathered_tensors


def as_part(tensor: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, which every process has, sharded as `like` is, if it is."""
    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device), like.device_mesh, like.placements, src_data_rank=None)
