"""What a console asks of the kernel reaches every thread of it and none of its children."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from aicompute_tui.ui.scheduling import SLICE_NANOSECONDS

_KERNEL = tuple(int(part) for part in platform.release().split(".")[:2]) if sys.platform == "linux" else (0, 0)
_ASK = """
import ctypes, os, struct, sys, threading
from aicompute_tui.ui.scheduling import answer_soon

def slice_of(thread_id):
    found = ctypes.create_string_buffer(56)
    ctypes.CDLL(None).syscall(315 if os.uname().machine == "x86_64" else 275, thread_id, found, 56, 0)
    return struct.unpack("=IIQiIQQQ", found.raw[:48])[5]

reader = threading.Event()
threading.Thread(target=reader.wait, daemon=True).start()
answer_soon()
threads = [slice_of(thread.native_id) for thread in threading.enumerate()]
child = os.fork()
if child == 0:
    os._exit(slice_of(0) == threads[0])
print(*threads, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), sys.getswitchinterval())
"""


@pytest.mark.skipif(_KERNEL < (6, 12), reason="this kernel gives nobody a slice of its own")
@pytest.mark.skipif(platform.machine() not in {"x86_64", "aarch64"}, reason="another processor")
def test_all_threads_ask_for_short_slices_and_a_child_for_none() -> None:
    words = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True).stdout.split()
    assert words[:2] == [str(SLICE_NANOSECONDS)] * 2
    assert words[2] == "0"
    assert float(words[3]) < 0.005
