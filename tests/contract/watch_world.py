"""A rented machine whose watch runs for real: its files, terminals, metadata and model server are the test's.

One process holds the namespaces and answers for the metadata service and the model server; every look runs inside.
`shutdown`, `systemctl`, `docker`, `iptables` and `nvidia-smi` are stand-ins; uptime and clock are the test's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
METADATA_ADDRESS = "169.254.169.254"
SERVER_PORT = 8000
WATCH = "/usr/local/sbin/aic-tui-watch"
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_UNSHARE = ["unshare", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child"]
_FOLDERS = {"etc": "/etc", "run": "/run", "sbin": "/usr/local/sbin", "sys": "/sys"}
_RECORD = """#!/bin/bash
[ "{name} $1" = "systemctl show" ] && exec cat {folder}/unit-state
printf '%s\\n' "{name} $*" >>{folder}/calls
[ -e {folder}/{name}-fails ] && exit 1
exit 0
"""
_NVIDIA_SMI = """#!/bin/bash
echo >>{folder}/gpu-asked
[ "$(cat {folder}/gpus)" = hangs ] && exec sleep 1000
[ "$(cat {folder}/gpus)" = fails ] && exit 9
cat {folder}/gpus
"""
_STAT = """#!/bin/bash
for file in "${{@:3}}"; do
    [ ! -e "$file" ] || echo "$file@$(cat {folder}/opened/"${{file##*/}}")@$(/usr/bin/stat -c %X "$file")"
done
"""
"""A terminal has when it was opened as the time of its last change, which nobody can set on a file."""
HANGS = "<hangs>"


@dataclass
class Watched:
    """`uptime` and `now` stand still until the test moves them."""

    folder: Path
    uptime: float = 100.0
    now: datetime = START
    metadata: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What stands under latest/meta-data; anything else is 404."""
    server: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What the model server answers by path; anything else is 404."""
    terminals_are_real: bool = False
    time_is_real: bool = False
    _inside: subprocess.Popen[str] | None = None

    @contextmanager
    def up(self) -> Iterator[Watched]:
        for name in (*_FOLDERS, "proc/sys/kernel/random", "pts", "opened", "etc/aic-tui", "run/aic-tui"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "sbin/aic-tui-watch").write_bytes((ROOT / "aicompute_tui/data/node/watch.sh").read_bytes())
        (self.folder / "sbin/aic-tui-watch").chmod(0o755)
        for name in (
            "calls",
            "requests",
            "metadata-asked",
            "unit-state",
            "proc/uptime",
            "proc/sysrq-trigger",
            "proc/sys/kernel/sysrq",
        ):
            (self.folder / name).write_text("")
        self._stand_in("nvidia-smi", _NVIDIA_SMI)
        if not self.terminals_are_real:
            self._stand_in("stat", _STAT)
        for name in ("shutdown", "systemctl", "docker", "iptables"):
            self._stand_in(name, _RECORD)
        # Reached through `/etc/alternatives`, which is not there inside.
        awk = shutil.which("awk")
        assert awk is not None
        (self.folder / "stand-ins/awk").symlink_to(Path(awk).resolve())
        self.gpus("0")
        self._inside = subprocess.Popen(
            [*_UNSHARE, sys.executable, "-I", "-S", __file__, str(self.folder), self._modes()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert self._said() == {"ready": True}
            yield self
        finally:
            self._inside.kill()
            self._inside.communicate()

    def _modes(self) -> str:
        return json.dumps({"terminals": self.terminals_are_real, "time": self.time_is_real})

    def _stand_in(self, name: str, text: str) -> None:
        file = self.folder / "stand-ins" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.format(name=name, folder=self.folder))
        file.chmod(0o755)

    # --- The machine's surroundings

    def configure(
        self, framework: str = "none", *, idle: int | None = 120, gpus: int = 1, port: int = SERVER_PORT
    ) -> None:
        from aicompute_tui.services.user_data import NodeOrder, node_conf

        models = () if framework == "none" else ("org/model",)
        node = NodeOrder(framework=framework, models=models, idle_seconds=idle, gpu_count=gpus)
        text = f"{node_conf(node)}\n"
        if framework != "none":
            text += f"node_port='{port}'\n"
        (self.folder / "etc/aic-tui/node.conf").write_text(text)

    def gpus(self, text: str) -> None:
        (self.folder / "gpus").write_text(text + "\n")

    def install_setup(self, *steps: str) -> None:
        """The set-up is installed and has told `steps`, written `STAGE STATE DETAIL`; none: it has told nothing yet."""
        (self.folder / "sbin/aic-tui-setup").write_text("#!/bin/bash\n")
        (self.folder / "sbin/aic-tui-setup").chmod(0o755)
        lines = ["{}\t{}\t\t\t\t\t{}\n".format(*f"{step}  ".split(" ", 2)) for step in steps]
        if lines:
            (self.folder / "run/aic-tui/progress").write_text("".join(lines))

    def terminal(self, name: str, *, typed: float, printed: float = 0.0, opened: float = 0.0) -> None:
        (self.folder / "opened" / name).write_text(f"{int(opened)}")
        file = self.folder / "pts" / name
        file.touch()
        os.utime(file, (typed, printed))

    def fail(self, *names: str) -> None:
        for name in names:
            (self.folder / f"{name}-fails").touch()

    def stand_in_that_hangs(self, name: str) -> None:
        self._stand_in(name, "#!/bin/bash\nexec sleep 1000\n")

    def note_rounds(self) -> None:
        """Makes its pauses short, and counted by `rounds`."""
        self._stand_in("sleep", "#!/bin/bash\necho >>{folder}/rounds\nexec /bin/sleep 0.05\n")

    @property
    def rounds(self) -> int:
        return _lines_in(self.folder / "rounds")

    @property
    def looks_at_gpus(self) -> int:
        return _lines_in(self.folder / "gpu-asked")

    # --- What it does

    def look(self, after: float = 15) -> dict[str, str]:
        """One look for work `after` seconds later; what it then tells about itself."""
        self.uptime += after
        self.now += timedelta(seconds=after)
        done = self.run(WATCH, "idle")
        assert done["code"] == 0, done
        return self.activity()

    def run(self, *command: str) -> dict[str, Any]:
        self._write_surroundings()
        return self._ask({"run": command, "environment": self._environment()})

    def start(self) -> None:
        """The watch itself, which runs on."""
        self._write_surroundings()
        self._ask({"start": [WATCH], "environment": self._environment()})

    def spawn(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """A program of its own inside, whose streams are the test's."""
        assert self._inside is not None
        enter = ["nsenter", f"--target={self._inside.pid}", "--user", "--mount", "--net", "--preserve-credentials"]
        return subprocess.Popen([*enter, *command], text=True, **options)

    def _write_surroundings(self) -> None:
        answers = {"metadata": self.metadata, "server": self.server}
        fresh = self.folder / "answers.new"
        fresh.write_text(json.dumps(answers))
        fresh.replace(self.folder / "answers")
        if not self.time_is_real:
            (self.folder / "proc/uptime").write_text(f"{self.uptime:.2f} 1.00\n")

    tell_surroundings = _write_surroundings

    def _environment(self) -> dict[str, str]:
        from tests.contract.node_world import faketime_library

        usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": f"{self.folder / 'stand-ins'}:{usual}", "TZ": "UTC"}
        if not self.time_is_real:
            environment |= {
                "LD_PRELOAD": str(faketime_library()),
                "FAKETIME": f"{self.now:%Y-%m-%d %H:%M:%S}",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
            }
        return environment

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._inside is not None
        assert self._inside.stdin is not None
        self._inside.stdin.write(json.dumps(order) + "\n")
        self._inside.stdin.flush()
        return self._said()

    def _said(self) -> dict[str, Any]:
        assert self._inside is not None
        assert self._inside.stdout is not None
        line = self._inside.stdout.readline()
        assert line, "the machine is gone"
        said: dict[str, Any] = json.loads(line)
        return said

    # --- What came of it

    def activity(self) -> dict[str, str]:
        text = (self.folder / "run/aic-tui/activity").read_text()
        return dict(line.split("\t", 1) for line in text.splitlines())

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    @property
    def has_ended(self) -> bool:
        return "shutdown -h now" in self.calls()

    @property
    def metadata_asked(self) -> list[str]:
        return (self.folder / "metadata-asked").read_text().splitlines()

    def requests(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in (self.folder / "requests").read_text().splitlines()]


def _lines_in(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def epoch(moment: datetime) -> str:
    return str(int(moment.timestamp()))


class _Answers(BaseHTTPRequestHandler):
    folder = Path()
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: str) -> None:
        if body == HANGS:
            threading.Event().wait()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def answers(self, kind: str) -> dict[str, Sequence[Any]]:
        found: dict[str, Sequence[Any]] = json.loads((self.folder / "answers").read_text())[kind]
        return found

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Metadata(_Answers):
    """As documented: a token by PUT, without which every GET is 401."""

    def do_PUT(self) -> None:
        well = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
        self.answer(200 if well else 400, "AQAEA-token==" if well else "")

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") != "AQAEA-token==":
            self.answer(401, "")
        else:
            asked = self.path.removeprefix("/latest/meta-data/")
            with (self.folder / "metadata-asked").open("a") as file:
                file.write(f"{asked}\n")
            status, body = self.answers("metadata").get(asked, (404, ""))
            self.answer(status, body)


class _Server(_Answers):
    def do_GET(self) -> None:
        with (self.folder / "requests").open("a") as file:
            file.write(json.dumps({"path": self.path, "key": self.headers.get("Authorization", "")}) + "\n")
        status, body = self.answers("server").get(self.path, (404, ""))
        self.answer(status, body)


def _inside(folder: Path, modes: dict[str, bool]) -> None:
    # Every name that is resolved while `/etc` is another one would be looked for there: all imports come before.
    _Answers.folder = folder
    for name, target in _FOLDERS.items():
        subprocess.run(["mount", "--bind", str(folder / name), target], check=True)
    if modes["terminals"]:
        subprocess.run(
            ["mount", "-t", "devpts", "-o", "newinstance,ptmxmode=0666", "terminals", "/dev/pts"], check=True
        )
        subprocess.run(["mount", "--bind", "/dev/pts/ptmx", "/dev/ptmx"], check=True)
    else:
        subprocess.run(["mount", "--bind", str(folder / "pts"), "/dev/pts"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "shared-memory", "/dev/shm"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{METADATA_ADDRESS}/32", "dev", "lo"], check=True)
    for address, kind in (((METADATA_ADDRESS, 80), _Metadata), (("127.0.0.1", SERVER_PORT), _Server)):
        server = ThreadingHTTPServer(address, kind)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    if modes["time"]:
        subprocess.run(["mount", "--bind", "/proc/uptime", str(folder / "proc/uptime")], check=True)
    if modes["terminals"]:  # programs that open one need the rest of `/proc`; what could switch off is covered
        for name in ("uptime", "sysrq-trigger", "sys/kernel/sysrq"):
            if Path("/proc", name).exists():
                subprocess.run(["mount", "--bind", str(folder / "proc" / name), f"/proc/{name}"], check=True)
    else:
        subprocess.run(["mount", "--bind", str(folder / "proc"), "/proc"], check=True)
    _say({"ready": True})
    for line in sys.stdin:
        _say(_obey(json.loads(line), folder))


def _obey(order: dict[str, Any], folder: Path) -> dict[str, Any]:
    if "start" in order:
        with (folder / "watch-log").open("a") as log:
            subprocess.Popen(order["start"], env=order["environment"], stdin=subprocess.DEVNULL, stderr=log, stdout=log)
        return {}
    began = time.monotonic()
    done = subprocess.run(
        order["run"], check=False, env=order["environment"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    return {
        "code": done.returncode,
        "out": done.stdout.decode(),
        "said": done.stderr.decode(),
        "seconds": time.monotonic() - began,
    }


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _inside(Path(sys.argv[1]), json.loads(sys.argv[2]))
