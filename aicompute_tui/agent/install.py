"""A systemd unit that starts the agent with the machine and again where it is killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.runtime.children import child_environment

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime

UNIT_NAME = "aic-tui-agent.service"
_KEPT = ("AIC_TUI_", "AWS_", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")

_UNIT = """\
[Unit]
Description=aic-tui agent: follows and ends rented machines, looks after connections and servers
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
{environment}Restart=on-failure
RestartSec=60
TimeoutStopSec=60
UMask=0077

[Install]
WantedBy=default.target
"""


def install(runtime: Runtime) -> JsonObject:
    """Writes the unit of the user's own service manager and says how to enable it; changes nothing else."""
    folder = Path(runtime.environment.get("XDG_CONFIG_HOME") or _home(runtime) / ".config") / "systemd" / "user"
    path = folder / UNIT_NAME
    text = unit_text(runtime)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{UNIT_NAME}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise NotConfigured(f"{path} cannot be written: {error.strerror}.", "Make the folder yours.") from error
    return {
        "path": str(path),
        "enable": f"systemctl --user daemon-reload && systemctl --user enable --now {UNIT_NAME}",
        "without_login": "loginctl enable-linger",
    }


def unit_text(runtime: Runtime) -> str:
    """The unit; only variables that say where things lie stand in it, never a secret."""
    environment = child_environment(runtime.environment)
    lines = [
        f"Environment={_quoted(f'{name}={value}')}\n"
        for name, value in sorted(environment.items())
        if name.startswith(_KEPT)
    ]
    words = [*runtime.agent_command, "--stay"]
    return _UNIT.format(command=" ".join(map(_quoted, words)), environment="".join(lines))


def _home(runtime: Runtime) -> Path:
    return Path(runtime.environment.get("HOME") or Path.home())


def _quoted(word: str) -> str:
    """As systemd reads a word: quotes, backslashes, dollars and percents are its own."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$").replace("\n", "\\n")
    return f'"{escaped}"'
