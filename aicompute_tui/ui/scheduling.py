"""What the console asks of the kernel: to run soon after a key, however busy programs beside it keep the processor."""

from __future__ import annotations

import os
import platform
import struct
import sys
import threading

SLICE_NANOSECONDS = 500_000
"""Whoever asks for short slices is let in sooner and gets no more of the processor (Linux 6.12 and later)."""
SWITCH_SECONDS = 0.001
"""How long another thread may go on computing while the one with a key waits; Python's own answer is 5 ms."""
_SET_ATTRIBUTES = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Numbers of sched_setattr."""
_RESET_ON_FORK = 1
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


def answer_soon() -> None:
    """For every thread there is now; what they start, and programs started by them, are as ever."""
    sys.setswitchinterval(SWITCH_SECONDS)
    number = _SET_ATTRIBUTES.get(platform.machine())
    if sys.platform != "linux" or number is None:
        return
    import ctypes

    call = ctypes.CDLL(None).syscall
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, _RESET_ON_FORK, nice, 0, SLICE_NANOSECONDS, 0, 0)
    for thread in threading.enumerate():
        if thread.native_id is not None:
            call(number, thread.native_id, wanted, 0)  # a kernel that knows nothing of it says no, and that is that
