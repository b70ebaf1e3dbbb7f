"""Docker's command in tests of a machine's set-up. It keeps its state in the test's folder and starts one container.

Run as a program at every call, so it imports little.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_VALUED = {"--name", "--restart", "-p", "--log-opt", "--gpus", "-v", "-e", "--label", "--shm-size", "--ipc"}


def read(path: Path, default: Any = None) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {} if default is None else default


def write(path: Path, value: Any) -> None:
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(value))
    new.replace(path)


def pace(folder: Path) -> float:
    """Seconds between two signs of progress: long enough to be seen moving where the plan says `slow`."""
    return 0.06 if read(folder / "plan.json").get("slow") else 0.002


class Docker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state_file = folder / "docker/container.json"
        self.images_file = folder / "docker/images.json"

    def call(self, *words: str) -> int:
        with (self.folder / "docker/calls").open("a") as calls:
            calls.write(" ".join(words) + "\n")
        if (self.folder / "docker/down").exists():
            sys.stderr.write("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n")
            return 1
        verbs: dict[str, Any] = {
            "info": lambda: 0,
            "image": lambda _verb, image: 0 if image in read(self.images_file, []) else 1,
            "pull": self.pull,
            "inspect": self.inspect,
            "rm": self.remove,
            "run": self.run,
            "stop": self.stop,
            "logs": self.logs,
        }
        return int(verbs[words[0]](*words[1:]))

    def pull(self, image: str) -> int:
        plan_file = self.folder / "pulls.json"
        pulls = read(plan_file, [])
        attempt: dict[str, Any] = pulls.pop(0) if pulls else {"lines": _layers()}
        write(plan_file, pulls)
        for line in attempt["lines"]:
            print(line, flush=True)
            time.sleep(pace(self.folder))
        if attempt.get("code", 0) == 0:
            write(self.images_file, [*read(self.images_file, []), image])
        return int(attempt.get("code", 0))

    def inspect(self, *_words: str) -> int:
        state = read(self.state_file)
        if not state:
            sys.stderr.write("Error: No such object\n")
            return 1
        label = state["labels"].get("aic-tui.config", "")
        print(state["status"], state["restarts"], str(state.get("killed", False)).lower(), label)
        return 0

    def run(self, *words: str) -> int:
        refusal = self.folder / "docker/run-says"
        if refusal.exists():
            sys.stderr.write(refusal.read_text())
            return 125
        options: list[tuple[str, str]] = []
        rest = list(words)
        while rest[0].startswith("-"):
            name = rest.pop(0)
            options.append((name, rest.pop(0) if name in _VALUED else ""))
        environment = {}
        for name, _, value in (value.partition("=") for name, value in options if name == "-e"):
            environment[name] = value or os.environ[name]
        address = next(value for name, value in options if name == "-p").rsplit(":", 2)
        state = {
            "options": options,
            "image": rest[0],
            "arguments": rest[1:],
            "environment": environment,
            "labels": dict(value.split("=", 1) for name, value in options if name == "--label"),
            "volume": next(value for name, value in options if name == "-v").split(":")[0],
            "port": int(address[1]),
            "status": "running",
            "restarts": 0,
        }
        (self.folder / "docker/log").write_text("")
        write(self.state_file, state)
        self.boot()
        return 0

    def boot(self) -> None:
        """Starts what the container runs, as the restart policy does after a boot."""
        state = read(self.state_file)
        if state.get("status") == "running":
            import subprocess

            words = [sys.executable, "-S", "-m", "tests.contract.node_servers", "container", str(self.folder)]
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(
                words, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, env={"PYTHONPATH": str(_ROOT)}
            )
            write(self.state_file, read(self.state_file) | {"pid": process.pid})

    def stop(self, *_words: str) -> int:
        state = read(self.state_file)
        if not state:
            return 1
        with suppress(ProcessLookupError):
            os.kill(state["pid"], signal.SIGKILL)
        write(self.state_file, state | {"status": "exited"})
        return 0

    def remove(self, *_words: str) -> int:
        self.stop()
        self.state_file.unlink(missing_ok=True)
        return 0

    def logs(self, *_words: str) -> int:
        sys.stdout.write((self.folder / "docker/log").read_text())
        return 0


def _layers() -> list[str]:
    ids = [f"{number:012x}" for number in range(3, 9)]
    return [
        "latest: Pulling from library/image",
        f"{ids[0]}: Already exists",
        *(f"{layer}: Pulling fs layer" for layer in ids[1:]),
        *(f"{layer}: Download complete" for layer in ids[1:]),
        *(f"{layer}: Pull complete" for layer in ids[1:]),
        "Digest: sha256:00",
        "Status: Downloaded newer image",
    ]


if __name__ == "__main__":
    status = Docker(Path(sys.argv[1])).call(*sys.argv[2:])
    sys.stdout.flush()
    os._exit(status)
