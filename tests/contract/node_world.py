"""A rented machine for tests: the real scripts at their real paths, in namespaces of their own.

`/etc`, `/var/lib`, `/run`, `/usr/local/sbin`, `/sys` and `/proc` are folders of the test, the link-local metadata
address is answered by a stand-in, and `shutdown` and `systemctl` only write down how they were called.
So the scripts need no switch for tests, and nothing they do can reach the machine that runs the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

METADATA_ADDRESS = "169.254.169.254"
DEADMAN = "/usr/local/sbin/aic-tui-deadman"
_FOLDERS = {"var-lib": "/var/lib", "run": "/run", "sbin": "/usr/local/sbin", "sys": "/sys", "etc": "/etc"}
_STAND_IN = """#!/bin/bash
printf '%s %s\\n' "{name}" "$*" >>{calls}
[ -e {folder}/{name}-fails ] && exit 1
[ "$1" = enable ] && LD_PRELOAD= SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl "$@" 2>/dev/null
exit 0
"""


def namespaces_work() -> bool:
    return subprocess.run([*_UNSHARE, "true"], check=False, capture_output=True).returncode == 0


def faketime_library() -> Path | None:
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


_UNSHARE = ["unshare", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child"]


@dataclass
class Node:
    """One machine: its disk and its tag live as long as the test, each boot has its own uptime and boot id."""

    folder: Path
    now: datetime
    tag: str | None = None
    """What the metadata answers for our tag; None is no metadata service at all."""
    instance_id: str = "i-0aaaaaaaaaaaaaaa1"
    boots: int = 0
    before: list[str] = field(default_factory=list)
    """Shell commands run in the machine before each script: full or read-only file systems."""

    def __post_init__(self) -> None:
        for name in (*_FOLDERS, "proc/sys/kernel/random"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        identity = self.folder / "sys/devices/virtual/dmi/id"
        identity.mkdir(parents=True, exist_ok=True)
        (identity / "board_asset_tag").write_text(self.instance_id + "\n")
        self.calls_file.write_text("")
        for name in ("shutdown", "systemctl"):
            stand_in = self.folder / "stand-ins" / name
            stand_in.parent.mkdir(exist_ok=True)
            stand_in.write_text(_STAND_IN.format(name=name, calls=self.calls_file, folder=self.folder))
            stand_in.chmod(0o755)
        self.power_on()

    @property
    def calls_file(self) -> Path:
        return self.folder / "calls"

    def power_on(self, uptime: float = 20) -> None:
        """A boot: volatile files are gone and the uptime begins anew."""
        self.boots += 1
        for path in sorted((self.folder / "run").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        boot_id = f"00000000-0000-4000-8000-{self.boots:012d}\n"
        (self.folder / "proc/sys/kernel/random/boot_id").write_text(boot_id)
        for name in ("proc/sys/kernel/sysrq", "proc/sysrq-trigger"):
            (self.folder / name).write_text("")
        self.set_uptime(uptime)

    def set_uptime(self, seconds: float) -> None:
        (self.folder / "proc/uptime").write_text(f"{seconds:.2f} 1.00\n")

    def fail(self, *names: str) -> None:
        for name in names:
            (self.folder / f"{name}-fails").touch()

    def run(self, *command: str) -> str:
        """Runs `command` inside; returns what it printed to stderr. The stand-ins' calls are in `calls`."""
        order = {
            "folder": str(self.folder),
            "tag": self.tag,
            "before": self.before,
            "command": list(command),
            "environment": {
                "PATH": f"{self.folder / 'stand-ins'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LD_PRELOAD": str(faketime_library()),
                "FAKETIME": f"{self.now:%Y-%m-%d %H:%M:%S}",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "TZ": "UTC",
            },
        }
        inside = [*_UNSHARE, sys.executable, "-I", "-S", __file__, json.dumps(order)]
        done = subprocess.run(inside, check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stderr

    def first_boot(self, user_data: str) -> str:
        script = self.folder / "user-data"
        script.write_text(user_data)
        script.chmod(0o755)
        return self.run("/bin/bash", str(script))

    def minute(self) -> str:
        """What the timer and each boot do: the enabled service's own command."""
        wanted = self.folder / "etc/systemd/system/sysinit.target.wants"
        for unit in ("aic-tui-deadman.service", "aic-tui-deadman.timer"):
            assert (wanted / unit).is_symlink(), f"{unit} is not enabled"
        unit_text = (self.folder / "etc/systemd/system/aic-tui-deadman.service").read_text()
        assert f"ExecStart={DEADMAN}\n" in unit_text
        return self.run(DEADMAN)

    def calls(self) -> list[str]:
        """What the stand-ins were called with since the last time, the set-up of units left out."""
        text = self.calls_file.read_text()
        self.calls_file.write_text("")
        set_up = tuple(f"systemctl {verb}" for verb in ("daemon-reload", "enable", "start", "restart"))
        return [line.strip() for line in text.splitlines() if not line.startswith(set_up)]

    def file(self, name: str) -> str:
        return (self.folder / name).read_text().strip()


def _inside(order: dict[str, object]) -> int:
    folder = Path(str(order["folder"]))
    for name, target in _FOLDERS.items():
        subprocess.run(["mount", "--bind", str(folder / name), target], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "shared-memory", "/dev/shm"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if order["tag"] is not None:
        _answer_metadata(str(order["tag"]))
    for command in order["before"] if isinstance(order["before"], list) else []:
        subprocess.run(["sh", "-c", command], check=True)
    subprocess.run(["mount", "--bind", str(folder / "proc"), "/proc"], check=True)
    command = [str(word) for word in order["command"]] if isinstance(order["command"], list) else []
    environment = order["environment"] if isinstance(order["environment"], dict) else {}
    done = subprocess.run(command, check=False, env=environment, stdin=subprocess.DEVNULL)
    (folder / "status").write_text(str(done.returncode))
    return 0


def _answer_metadata(tag: str) -> None:
    """The metadata service as documented: a token by PUT, without which every GET is 401."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Answers(BaseHTTPRequestHandler):
        def answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_PUT(self) -> None:
            asked_well = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
            self.answer(200 if asked_well else 400, "AQAEA-token==" if asked_well else "")

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != "AQAEA-token==":
                self.answer(401, "")
            elif self.path != "/latest/meta-data/tags/instance/aic-tui:expires-at":
                self.answer(404, "")
            elif tag == "<hangs>":
                threading.Event().wait()
            else:
                self.answer(200, tag)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    subprocess.run(["ip", "address", "add", f"{METADATA_ADDRESS}/32", "dev", "lo"], check=True)
    server = ThreadingHTTPServer((METADATA_ADDRESS, 80), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    status = _inside(json.loads(sys.argv[1]))
    sys.stderr.flush()
    os._exit(status)
