"""What answers on a test machine: the hub, and the model servers in its container, as their references say.

Run as a program inside the machine's namespaces: as the machine itself, or as what the container runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.contract.node_standins import Docker, pace, read, write

FOLDERS = {"var-lib": "/var/lib", "var-log": "/var/log", "run": "/run", "sbin": "/usr/local/sbin", "etc": "/etc"}
HUB_PORT = 8999
_CHUNK = 512 * 1024


class Answers(BaseHTTPRequestHandler):
    def answer(self, status: int, body: object = None, headers: dict[str, str] | None = None) -> None:
        data = (
            b""
            if body is None
            else body
            if isinstance(body, bytes)
            else json.dumps(body, separators=(",", ":")).encode()
        )
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")

    @property
    def token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def serve(port: int, answers: type[Answers]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


# The hub


def hub_answers(folder: Path) -> type[Answers]:
    class Hub(Answers):
        def do_GET(self) -> None:
            plan = read(folder / "hub.json")
            with (folder / "hub-calls").open("a") as calls:
                calls.write(f"{self.path} {'with a token' if self.token else 'without a token'}\n")
            repo, _, what = self.path.removeprefix("/api/models/").rpartition("/auth-check")
            if not repo:
                repo, _, what = self.path.removeprefix("/api/models/").partition("/tree/")
            if plan.get("down"):
                self.answer(503)
            elif self.token and self.token not in plan.get("known_tokens", []):
                self.answer(401, {}, {"X-Error-Message": "Invalid credentials in Authorization header"})
            elif repo not in plan["repos"]:
                self.answer(404 if self.token else 401, {}, {"X-Error-Code": "RepoNotFound"})
            elif what:
                files = plan["repos"][repo]["files"]
                self.answer(200, [{"type": "file", "path": path, "size": size} for path, size in files.items()])
            elif plan["repos"][repo].get("gated") and self.token not in plan["repos"][repo].get("readers", []):
                self.answer(403 if self.token else 401, {}, {"X-Error-Code": "GatedRepo"})
            else:
                self.answer(200, {})

    return Hub


# The containers


class Container:
    """The program a container runs: it fetches, loads and serves, or dies, as the plan says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state_file = folder / "docker/container.json"
        state = read(self.state_file)
        self.environment: dict[str, str] = state["environment"]
        self.port: int = state["port"]
        self.volume = Path(state["volume"])
        self.arguments: list[str] = state["arguments"]
        self.plan = read(folder / "plan.json")
        self.framework: str = self.plan["framework"]
        self.ready = False

    def argument(self, name: str) -> str:
        return self.arguments[self.arguments.index(name) + 1]

    @property
    def model(self) -> str:
        return self.argument({"vllm": "--model", "tgi": "--model-id", "llamacpp": "--alias"}[self.framework])

    def say(self, text: str) -> None:
        with (self.folder / "docker/log").open("a") as log:
            log.write(text + "\n")

    def run(self) -> None:
        answers = {"ollama": ollama_answers}.get(self.framework, hub_server_answers)(self)
        if self.framework != "vllm":
            serve(self.port, answers)
        if self.framework != "ollama":
            self.download()
        for crash in self.plan.get("crashes", []):
            time.sleep(0.03)
            self.say(crash["says"])
            state = read(self.state_file)
            write(self.state_file, state | {"restarts": state["restarts"] + 1} | crash.get("state", {}))
        time.sleep(self.plan.get("loads", 0.05))
        if self.framework == "vllm":
            serve(self.port, answers)
        self.ready = True
        threading.Event().wait()

    def download(self) -> None:
        """Into the cache, laid out as the server does it; what is there already is not fetched again."""
        while (self.folder / "held").exists():
            time.sleep(0.01)
        for path, size in self.plan.get("downloads", {}).items():
            file = self.volume / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.exists() and file.stat().st_size == size:
                continue
            with file.open("wb") as out:
                for _ in range(size // _CHUNK):
                    out.write(os.urandom(_CHUNK))
                    out.flush()
                    time.sleep(pace(self.folder))


def hub_server_answers(container: Container) -> type[Answers]:
    key_name = {"vllm": "VLLM_API_KEY", "tgi": "", "llamacpp": "LLAMA_API_KEY"}[container.framework]
    key = container.environment.get(key_name)

    class Server(Answers):
        def do_GET(self) -> None:
            if self.path == "/health":
                body = {"status": "ok"} if container.framework == "llamacpp" else None
                self.answer(200 if container.ready else 503, body)
            elif key and self.token != key:
                self.answer(401, {"error": "Unauthorized"})
            else:
                self.answer(200, {"object": "list", "data": [{"id": container.model, "object": "model"}]})

    return Server


def pull_lines(container: Container, here: Path, name: str) -> Iterator[dict[str, object]]:
    """The stream of a pull, as the library's plan for the model has it."""
    plan = container.plan["library"].get(name)
    yield {"status": "pulling manifest"}
    if plan is None:
        yield {"error": "pull model manifest: file does not exist"}
        return
    for number, size in enumerate(plan["layers"]):
        digest = f"sha256:{number:064x}"
        line = {"status": f"pulling {digest[7:19]}", "digest": digest, "total": size}
        yield line
        for tenth in range(11):
            yield line | {"completed": size * tenth // 10}
            time.sleep(pace(container.folder))
        broken = container.folder / "broken"
        if plan.get("breaks") and not broken.exists():
            broken.touch()
            yield {"error": "max retries exceeded: EOF"}
            return
    if plan.get("error"):
        yield {"error": plan["error"]}
        return
    yield {"status": "verifying sha256 digest"}
    write(here, [*read(here, []), name])
    yield {"status": "success"}


def ollama_answers(container: Container) -> type[Answers]:
    here = container.volume / "models.json"

    class Ollama(Answers):
        def do_GET(self) -> None:
            self.answer(200 if self.path == "/api/version" else 404, {"version": "0.33.0"})

        def do_POST(self) -> None:
            name = self.body()["model"]
            if self.path == "/api/show":
                self.answer(200 if name in read(here, []) else 404, {"error": f"model '{name}' not found"})
                return
            self.send_response(200)
            self.end_headers()
            for line in pull_lines(container, here, name):
                self.wfile.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
                self.wfile.flush()

    return Ollama


def machine(folder: Path, command: str, opt: str) -> int:
    """One boot: mounts the machine's folders, answers as the hub, and runs the command to its end."""
    folders = FOLDERS | ({"opt": "/opt"} if opt else {})
    for name, target in folders.items():
        subprocess.run(["mount", "--bind", str(folder / name), target], check=True)
    if opt:
        subprocess.run(["mount", "-t", "tmpfs", "instance-store", "/opt/dlami/nvme"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    serve(HUB_PORT, hub_answers(folder))
    Docker(folder).boot()
    environment = {
        "PATH": str(folder / "bin"),
        "HF_ENDPOINT": f"http://127.0.0.1:{HUB_PORT}",
        "AIC_TUI_TICK": "3",
    }
    with (folder / "output").open("w") as output:
        return subprocess.run(
            ["/bin/bash", "-c", command],
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ).returncode


def main(role: str, folder: str, *words: str) -> int:
    if role == "container":
        Container(Path(folder)).run()
        return 0
    return machine(Path(folder), *words)


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)
