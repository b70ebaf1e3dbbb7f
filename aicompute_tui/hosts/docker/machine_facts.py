"""What an engine does not tell of its machine: free disk and GPUs, asked there where we have a way to."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from pathlib import Path

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.host import Host
from aicompute_tui.hosts.docker.ssh_road import SshRoad

_LOOK_SECONDS = 5.0
_DRIVER = Path("/dev/nvidiactl")
_GPU_COMMAND = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")


async def look(host: Host, road: SshRoad | None, data_folder: str) -> tuple[int | None, tuple[str, ...] | None]:
    """Free bytes where images lie, and the names of the GPUs; None for what cannot be known from here."""
    if road is not None:
        return await _there(road, data_folder)
    if host.is_here:
        return await asyncio.to_thread(_free_here, data_folder), await _gpus_here()
    return None, None


async def _there(road: SshRoad, data_folder: str) -> tuple[int | None, tuple[str, ...] | None]:
    folder = shlex.quote(data_folder or "/")
    gpus = " ".join(_GPU_COMMAND)
    command = f"df -Pk {folder} 2>/dev/null | tail -n 1; echo --; command -v nvidia-smi >/dev/null && {gpus} || echo"
    try:
        free, _, names = (await road.run(command)).partition("--\n")
    except AicError:
        return None, None
    words = free.split()
    free_bytes = int(words[3]) * 1024 if len(words) > 3 and words[3].isdecimal() else None
    return free_bytes, tuple(line.strip() for line in names.splitlines() if line.strip())


def _free_here(data_folder: str) -> int | None:
    """None where the folder is another machine's, as behind a socket that leads away."""
    try:
        return shutil.disk_usage(Path(data_folder)).free if data_folder else None
    except OSError:
        return None


async def _gpus_here() -> tuple[str, ...] | None:
    program = shutil.which(_GPU_COMMAND[0])
    if program is None:
        return None if await asyncio.to_thread(_DRIVER.exists) else ()
    try:
        child = await asyncio.create_subprocess_exec(
            program, *_GPU_COMMAND[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            said, _ = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        return None
    if child.returncode:
        return None
    return tuple(line.strip() for line in said.decode(errors="replace").splitlines() if line.strip())
