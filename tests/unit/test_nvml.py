"""This machine's GPUs: units and gaps as the library gives them, and plain words where there is no driver."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml
import pytest

from aicompute_tui.domain.errors import AicError, BadAnswer, NotConfigured, Unreachable
from aicompute_tui.metrics.nvml import read_gpus, read_now
from tests.waiting import until

MIB = 1 << 20


def _raising(error: type[Exception]) -> Callable[..., Any]:
    def raise_it(*_: object) -> None:
        raise error(999)

    return raise_it


class Library(ModuleType):
    """NVIDIA's library with two GPUs: the second one tells little."""

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.calls: list[str] = []
        for name in dir(pynvml):
            if name.startswith("NVMLError"):
                setattr(self, name, getattr(pynvml, name))
        self.NVML_TEMPERATURE_GPU = 0
        self.nvmlInit: Callable[[], Any] = lambda: self.calls.append("init")
        self.nvmlShutdown: Callable[[], Any] = lambda: self.calls.append("shutdown")
        self.nvmlSystemGetDriverVersion: Callable[[], Any] = lambda: "560.35.03"
        self.nvmlDeviceGetCount: Callable[[], Any] = lambda: 2
        self.nvmlDeviceGetHandleByIndex: Callable[[int], Any] = lambda index: f"gpu {index}"
        self.nvmlDeviceGetName: Callable[[str], Any] = lambda _: b"NVIDIA A10G"
        self.nvmlDeviceGetUUID: Callable[[str], Any] = lambda handle: f"GPU-{handle[-1]}"
        self.nvmlDeviceGetMemoryInfo = self.first(SimpleNamespace(total=23_028 * MIB, used=512 * MIB))
        self.nvmlDeviceGetUtilizationRates = self.first(SimpleNamespace(gpu=37, memory=5))
        self.nvmlDeviceGetPowerUsage = self.first(70_120)
        self.nvmlDeviceGetEnforcedPowerLimit = self.first(300_000)
        self.nvmlDeviceGetTemperature: Callable[[str, int], Any] = lambda handle, _: 41

    def first(self, value: object) -> Callable[[str], Any]:
        def ask(handle: str) -> object:
            if handle != "gpu 0":
                raise pynvml.NVMLError_NotSupported(3)
            return value

        return ask


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    made = Library()
    monkeypatch.setitem(sys.modules, "pynvml", made)
    yield made
    assert made.calls.count("init") == made.calls.count("shutdown"), "the library is left as it was found"


def test_figures_come_in_our_units_and_what_is_not_told_is_none(library: Library) -> None:
    first, second = read_now()
    assert (first.name, first.uuid, first.driver_version) == ("NVIDIA A10G", "GPU-0", "560.35.03")
    assert (first.memory_total_mib, first.memory_used_mib) == (23_028, 512)
    assert (first.utilisation_percent, first.temperature_celsius) == (37, 41)
    assert (first.power_watts, first.power_limit_watts) == (70.12, 300)
    assert (second.name, second.temperature_celsius) == ("NVIDIA A10G", 41)
    assert (second.memory_used_mib, second.utilisation_percent, second.power_watts) == (None, None, None)


def test_a_gpu_that_fell_off_the_bus_still_has_its_place(library: Library) -> None:
    whole = library.nvmlDeviceGetHandleByIndex
    lost = _raising(pynvml.NVMLError_GpuIsLost)
    library.nvmlDeviceGetHandleByIndex = lambda index: lost() if index == 0 else whole(index)
    first, second = read_now()
    assert (first.index, first.name, first.utilisation_percent) == (0, None, None)
    assert second.name == "NVIDIA A10G"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (pynvml.NVMLError_LibraryNotFound, NotConfigured, "no NVIDIA driver"),
        (pynvml.NVMLError_DriverNotLoaded, NotConfigured, "not loaded"),
        (pynvml.NVMLError_LibRmVersionMismatch, NotConfigured, "upgraded"),
        (pynvml.NVMLError_NoPermission, NotConfigured, "may not be asked"),
        (pynvml.NVMLError_Unknown, BadAnswer, "answered with an error"),
    ],
)
def test_a_machine_without_a_working_driver_says_so(
    library: Library, error: type[Exception], kind: type[AicError], words: str
) -> None:
    library.nvmlInit = _raising(error)
    with pytest.raises(kind, match=words) as raised:
        read_now()
    assert raised.value.next_step


@pytest.mark.asyncio
async def test_a_driver_that_hangs_is_given_up_and_not_asked_twice(library: Library) -> None:
    go = threading.Event()
    asked: list[int] = []

    def hang() -> int:
        asked.append(1)
        go.wait(20)
        return 1

    library.nvmlDeviceGetCount = hang
    try:
        with pytest.raises(Unreachable, match="does not answer"):
            await read_gpus(0.05)
        await until(lambda: asked, "the driver is asked")
        with pytest.raises(Unreachable):
            await read_gpus()
        assert asked == [1]
    finally:
        go.set()
    await until(lambda: library.calls.count("shutdown"), "the thread ended")
    library.nvmlDeviceGetCount = lambda: 1

    async def read() -> int:
        try:
            return len(await read_gpus())
        except Unreachable:
            return 0

    assert await until(read, "it answers again") == 1


@pytest.mark.asyncio
async def test_errors_of_the_driver_reach_who_asked(library: Library) -> None:
    library.nvmlInit = _raising(pynvml.NVMLError_LibraryNotFound)
    with pytest.raises(NotConfigured):
        await asyncio.wait_for(read_gpus(), 10)
