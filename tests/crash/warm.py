"""Runs the product's commands in copies of a process that has read its modules already: each dies for itself alone.

The process reads an order a line, forks, and answers with the exit code of the copy; by `os.fork` nothing is shared
afterwards, and what a copy had to read that the process had not, the process reads for those to come.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

_LONGEST_SECONDS = 120
_READ_ONCE = ("aicompute_tui", "sqlalchemy", "aiosqlite", "boto3", "botocore", "s3transfer", "urllib3", "cryptography")


class WarmProcess:
    """One order at a time; ended by `aclose`."""

    def __init__(self, source_path: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.crash.warm"],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": source_path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, said: Path
    ) -> subprocess.CompletedProcess[str]:
        """As `python -m MODULE` would; what it says goes to files beside `said`."""
        paths = [said.with_suffix(end) for end in (".out", ".err")]
        order = {
            "module": module,
            "arguments": [*arguments],
            "environment": {**environment},
            "folder": str(folder),
            "said": [str(path) for path in paths],
            "read": str(said.with_suffix(".modules")),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = json.loads(self._process.stdout.readline())
        out, err = (path.read_text(errors="replace") for path in paths)
        return subprocess.CompletedProcess([module, *arguments], code, out, err)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> int:
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order)
        _, status = os.waitpid(pid, 0)
        _read_too(Path(order["read"]))
        print(json.dumps(os.waitstatus_to_exitcode(status)), flush=True)
    return 0


def _become(order: Mapping[str, object]) -> NoReturn:
    """Never returns: whatever happens ends this copy, as the end of the command would have."""
    signal.alarm(_LONGEST_SECONDS)
    code: object = 1
    try:
        _take_place(order)
        code = importlib.import_module(str(order["module"])).main()
    except SystemExit as left:
        code = left.code
    except BaseException:  # noqa: BLE001 - the copy's own boundary
        traceback.print_exc()
    read = [name for name in sys.modules if name.partition(".")[0] in _READ_ONCE]
    Path(str(order["read"])).write_text("\n".join(read), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _take_place(order: Mapping[str, object]) -> None:
    environment, said = order["environment"], order["said"]
    assert isinstance(environment, dict)
    assert isinstance(said, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(order["folder"]))
    for number, path in enumerate([os.devnull, *said]):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    arguments = order["arguments"]
    assert isinstance(arguments, list)
    sys.argv = [str(order["module"]), *arguments]


def _read_too(listed: Path) -> None:
    """A copy that was killed tells nothing."""
    if listed.exists():
        for name in listed.read_text(encoding="utf-8").split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(main())
