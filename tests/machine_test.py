"""What the machine has: bfloat16 by the names that Linux gives to its instructions, and by a GPU's age."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from longtake import machine
from longtake.cli.doctor import examine
from longtake.machine import has_bf16

ZEN4 = "flags\t\t: fpu avx512vl xsaves avx512_bf16 clzero avx512_vnni"
SAPPHIRE_RAPIDS = "flags\t\t: fpu avx512_bf16 amx_bf16 avx512_fp16 amx_tile"
SKYLAKE = "flags\t\t: fpu avx512f avx512dq avx512bw avx512vl"
GRAVITON3 = "Features\t: fp asimd svei8mm svebf16 i8mm bf16 dgh rng"
GRAVITON2 = "Features\t: fp asimd evtstrm aes fphp asimdhp dcpop"


@pytest.fixture
def _no_memory() -> Iterator[None]:
    """What was found before, or is found here, does not count for others."""
    machine._gpu_has_bf16.cache_clear()
    yield
    machine._gpu_has_bf16.cache_clear()


@pytest.mark.parametrize(
    ("flags", "short"),
    [(ZEN4, True), (SAPPHIRE_RAPIDS, True), (SKYLAKE, False), (GRAVITON3, True), (GRAVITON2, False)],
)
def test_a_processor_has_the_instructions_that_linux_names(flags: str, short: bool, tmp_path: Path) -> None:
    cpu = tmp_path / "cpuinfo"
    cpu.write_text(f"processor\t: 0\nmodel name\t: Some\n{flags}\nbogomips\t: 1\n\nprocessor\t: 1\n{flags}\n")
    assert machine._cpu_has_bf16(cpu) == short


def test_a_system_that_tells_nothing_has_none(tmp_path: Path) -> None:
    assert not machine._cpu_has_bf16(tmp_path / "absent")


@pytest.mark.usefixtures("_no_memory")
@pytest.mark.parametrize(("generation", "short"), [(7, False), (8, True), (9, True)])
def test_a_gpu_that_would_emulate_it_has_none(
    generation: int, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.version.hip", None)
    asked = lambda device: SimpleNamespace(major=generation)  # noqa: E731
    monkeypatch.setattr("torch.cuda.get_device_properties", asked)
    assert has_bf16("cuda:0") == has_bf16("cuda") == short


@pytest.mark.skipif(torch.cuda.is_available(), reason="looks at the CPU")
@pytest.mark.parametrize(("short", "said"), [(True, "fast"), (False, "float32 is computed instead")])
def test_doctor_says_what_is_computed(
    short: bool, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longtake.machine._cpu_has_bf16", lambda: short)
    (check,) = (check for check in examine(tmp_path) if check.name == "bf16")
    assert check.state == ("ok" if short else "note")
    assert check.detail.endswith(said)
