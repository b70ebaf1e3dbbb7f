"""Reads the GPUs of this very machine through NVIDIA's management library."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

from aicompute_tui.domain.errors import AicError, BadAnswer, NotConfigured, Unreachable
from aicompute_tui.domain.gpu import GpuReading

READ_SECONDS = 5.0
_MIB = 1 << 20

Value = TypeVar("Value")
_reading = threading.Lock()
"""Held while a thread is inside the library: one that never comes back is not joined by others."""


async def read_gpus(timeout_seconds: float = READ_SECONDS) -> tuple[GpuReading, ...]:
    """Every GPU of this machine. Raises NotConfigured where there is no driver, Unreachable where it does not answer.

    The library may block for good on a broken GPU, so it is called in a thread that nothing has to wait for at the end.
    """
    if not _reading.acquire(blocking=False):
        raise _no_answer()
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[GpuReading, ...]] = loop.create_future()

    def deliver(gpus: tuple[GpuReading, ...], error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(gpus)
        else:
            answer.set_exception(error)

    def work() -> None:
        gpus: tuple[GpuReading, ...] = ()
        error: Exception | None = None
        try:
            gpus = read_now()
        except AicError as known:
            error = known
        except Exception as unknown:  # noqa: BLE001 - it is raised again where it was asked for
            error = unknown
        finally:
            _reading.release()
        with contextlib.suppress(RuntimeError):  # the loop that asked may be closed by now
            loop.call_soon_threadsafe(deliver, gpus, error)

    threading.Thread(target=work, name="nvml", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_seconds):
            return await answer
    except TimeoutError:
        raise _no_answer() from None


def read_now() -> tuple[GpuReading, ...]:
    """The same at once, blocking."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise _explained(pynvml, error) from None
    try:
        driver = _told(pynvml, pynvml.nvmlSystemGetDriverVersion)
        return tuple(_read_one(pynvml, index, driver) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError as error:
        raise _explained(pynvml, error) from None
    finally:
        _told(pynvml, pynvml.nvmlShutdown)


def _read_one(pynvml: ModuleType, index: int, driver: str | bytes | None) -> GpuReading:
    """One GPU; of one that fell off the bus there is only its place."""
    handle = _told(pynvml, lambda: pynvml.nvmlDeviceGetHandleByIndex(index))
    if handle is None:
        return GpuReading(index=index, driver_version=_text(driver))
    memory = _told(pynvml, lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
    rates = _told(pynvml, lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    celsius = pynvml.NVML_TEMPERATURE_GPU
    return GpuReading(
        index=index,
        uuid=_text(_told(pynvml, lambda: pynvml.nvmlDeviceGetUUID(handle))),
        name=_text(_told(pynvml, lambda: pynvml.nvmlDeviceGetName(handle))),
        driver_version=_text(driver),
        utilisation_percent=None if rates is None else float(rates.gpu),
        memory_used_mib=None if memory is None else _mib(memory.used),
        memory_total_mib=None if memory is None else _mib(memory.total),
        temperature_celsius=_told(pynvml, lambda: float(pynvml.nvmlDeviceGetTemperature(handle, celsius))),
        power_watts=_told(pynvml, lambda: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000),
        power_limit_watts=_told(pynvml, lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000),
    )


def _told(pynvml: ModuleType, ask: Callable[[], Value]) -> Value | None:
    """None for what this GPU or this driver does not tell."""
    try:
        return ask()
    except pynvml.NVMLError:
        return None


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _mib(size: float) -> float:
    return round(size / _MIB, 1)


def _no_answer() -> Unreachable:
    return Unreachable("The NVIDIA driver of this machine does not answer.", "Look at `dmesg`; it may need a reboot.")


def _explained(pynvml: ModuleType, error: Exception) -> AicError:
    if isinstance(error, pynvml.NVMLError_LibraryNotFound):
        return NotConfigured("This machine has no NVIDIA driver.", "Install one if it has an NVIDIA GPU.", str(error))
    if isinstance(error, pynvml.NVMLError_DriverNotLoaded):
        step = "Load it with `sudo modprobe nvidia`, or reboot."
        return NotConfigured("The NVIDIA driver of this machine is not loaded.", step, str(error))
    if isinstance(error, pynvml.NVMLError_LibRmVersionMismatch):
        step = "Reboot this machine."
        return NotConfigured("The NVIDIA driver was upgraded and is not in use yet.", step, str(error))
    if isinstance(error, pynvml.NVMLError_NoPermission):
        step = "Make the /dev/nvidia* devices readable for this user."
        return NotConfigured("The NVIDIA driver of this machine may not be asked.", step, str(error))
    return BadAnswer("The NVIDIA driver of this machine answered with an error.", "Look at `nvidia-smi`.", str(error))
