"""A GPU made of paper: a device of its own name on which every tensor really lies in the CPU's memory.

A tensor on it is computed with as usual, so numbers, masks and shapes are true, but torch sees another
device: what mixes tensors of two devices fails as it would on an accelerator, and what asks
`device.type == "cpu"` goes the other way. Rules after torch's own: a CPU number (no axes) may stand in
arithmetic on an accelerator, and indices may come from the CPU; all else of one operation lies in one place.

Python's door to a device is torch's backend "PrivateUse1"; it is registered for the whole process, so this
is for processes of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "paper"

_aten = torch.ops.aten
_AUTOCAST_KEY = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)
_MOVES = {_aten._to_copy.default, _aten.copy_.default}  # take what lies elsewhere
_INDEXED = {
    _aten.index.Tensor,
    _aten.index_put_.default,
    _aten.index_put.default,
}
# What autocast computes in bfloat16 and what in float32, of the operations that occur here; as on CUDA.
_SHORT = ("matmul", "addmm", "bmm", "conv1d", "conv2d", "conv3d", "linear", "mm")
_EXACT = ("cross_entropy_loss", "exp", "group_norm", "layer_norm", "log_softmax.int", "softmax.int")
_AUTOCAST = {torch.bfloat16: (*_SHORT, "scaled_dot_product_attention"), torch.float32: _EXACT}


class OtherDevice(RuntimeError):
    """Tensors of two devices in one operation."""


class _Paper(Tensor):
    """A tensor on the device; `held` is what it is."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> _Paper:
        paper: _Paper = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        paper.held = held
        return paper

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(op, args, kwargs or {})

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        with torch.no_grad():
            copied = self.detach().clone()
        if isinstance(self, torch.nn.Parameter):
            return torch.nn.Parameter(copied, self.requires_grad)
        return copied.requires_grad_(self.requires_grad)

    def tolist(self) -> Any:
        return self.held.tolist()

    def numpy(self, **_: Any) -> Any:  # type: ignore[override]
        raise OtherDevice("an array of a tensor on another device: copy it with .cpu() first")

    def untyped_storage(self) -> Any:  # by which safetensors knows tensors that share memory
        return self.held.untyped_storage()

    def __array__(self, *_: Any) -> Any:
        return self.numpy()

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"on {NAME}: {self.held!r}"


class _Everywhere(TorchDispatchMode):
    """Operations that name the device, though none of their tensors lies there."""

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(op, args, kwargs or {})


class _Chance(TorchFunctionMode):
    """Generators draw where they lie; below here torch knows them as the CPU's."""

    def __torch_function__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if (generator := kwargs.get("generator")) is not None:
            on = next((arg.device for arg in args if isinstance(arg, Tensor)), kwargs.get("device", "cpu"))
            if _is_paper(on) is not _is_paper(generator.device):
                raise OtherDevice(f"{call} draws on {on}, its generator lies on {generator.device}")
        return call(*args, **kwargs)


class _Generator(torch.Generator):
    """A generator that lies where it was asked for."""

    def __new__(cls, device: Any = "cpu") -> Any:
        generator = super().__new__(cls, "cpu")
        generator.lies = torch.device(device)
        return generator

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.lies


def _is_paper(device: Any) -> bool:
    return device is not None and torch.device(device).type == NAME


def _run(op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The operation on what tensors hold; what it makes lies where they lie, or where it says."""
    tensors: list[Tensor] = []
    held = [_held(arg, tensors) for arg in args]
    named = {name: _held(arg, tensors) for name, arg in kwargs.items()}
    there = any(isinstance(tensor, _Paper) for tensor in tensors)
    wanted = kwargs.get("device")
    makes_paper = there if wanted is None else _is_paper(wanted)
    if not there and not makes_paper:
        return op(*args, **kwargs)
    if there and op not in _MOVES:
        _check(op, args, tensors)
    if makes_paper and wanted is not None:
        named["device"] = torch.device("cpu")
    result = op(*held, **named)
    if op is _aten.copy_.default:
        return args[0]
    if not makes_paper:
        return result
    papers = {id(tensor.held): tensor for tensor in tensors if isinstance(tensor, _Paper)}
    return _laid(result, papers)


def _held(value: Any, tensors: list[Tensor]) -> Any:
    """What is held by an argument of an operation; its tensors are put down."""
    if isinstance(value, Tensor):
        tensors.append(value)
        return value.held if isinstance(value, _Paper) else value
    if isinstance(value, (list, tuple)):
        return type(value)(_held(part, tensors) for part in value)
    return value


def _laid(result: Any, papers: dict[int, Tensor]) -> Any:
    """What an operation made, on the device."""
    if isinstance(result, Tensor):
        return papers[id(result)] if id(result) in papers else _Paper(result)
    if isinstance(result, (list, tuple)):
        return type(result)(_laid(part, papers) for part in result)
    return result


def _check(op: Any, args: Sequence[Any], tensors: Sequence[Tensor]) -> None:
    """Raises OtherDevice where tensors lie apart and may not."""
    strange = [tensor for tensor in tensors if not isinstance(tensor, _Paper)]
    if torch.Tag.pointwise in op.tags:
        strange = [tensor for tensor in strange if tensor.ndim]
    if op in _INDEXED and isinstance(args[0], _Paper):
        free = {id(index) for index in args[1]}
        free |= {id(value) for value in args[2:3] if value.ndim == 0}
        strange = [tensor for tensor in strange if id(tensor) not in free]
    if strange:
        shapes = ", ".join(f"{list(t.shape)} on {t.device}" for t in tensors)
        raise OtherDevice(f"{op} takes tensors of two devices: {shapes}")


def _op(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(_aten, packet), overload or "default")


def _cast(op: Any, dtype: torch.dtype, *args: Any, **kwargs: Any) -> Any:
    """The operation as autocast runs it."""

    def cast(leaf: Any) -> Any:
        return leaf.to(dtype) if isinstance(leaf, Tensor) and leaf.is_floating_point() else leaf

    with torch._C._ExcludeDispatchKeyGuard(_AUTOCAST_KEY):
        return op(*tree_map(cast, args), **tree_map(cast, kwargs))


@cache
def _library() -> list[torch.library.Library]:
    """What torch is told of the device, once in a process: there is no way back."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    every, own = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    # While C++ code makes a tensor of Python numbers it hears neither modes nor classes of tensors.
    every.fallback(lambda op, *args, **kwargs: _run(op, args, kwargs), "PrivateUse1")
    for op in (_aten._to_copy.default, _aten.copy_.default):
        own.impl(op, lambda *args, op=op, **kwargs: _run(op, args, kwargs), "PrivateUse1")
    every.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    for dtype, names in _AUTOCAST.items():
        for name in names:
            own.impl(name, partial(_cast, _op(name), dtype), "AutocastPrivateUse1")
    return [every, own]


@contextmanager
def paper() -> Iterator[str]:
    """While the block lasts the device is there; its name.

    `torch.inference_mode` is `torch.no_grad` then, also in what is imported meanwhile: in inference mode
    composed operations would come here whole, and autocast would not reach what they consist of.
    """
    _library()
    before = torch.Generator, torch.inference_mode
    torch.Generator, torch.inference_mode = _Generator, torch.no_grad  # type: ignore[misc,assignment]
    try:
        with _Everywhere(), _Chance():
            yield NAME
    finally:
        torch.Generator, torch.inference_mode = before  # type: ignore[misc]


class _Module:
    """What torch asks of `torch.paper`."""

    def is_initialized(self) -> bool:
        return True

    def is_available(self) -> bool:
        return True

    def _is_in_bad_fork(self) -> bool:
        return False

    def current_device(self) -> int:
        return 0

    def device_count(self) -> int:
        return 1

    def manual_seed_all(self, seed: int) -> None:
        """There is nothing to seed: chance comes from generators."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]
