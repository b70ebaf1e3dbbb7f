"""Where configuration, data, cache, logs, sockets and keys lie."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True, slots=True)
class Places:
    """Folders and files of one state home; folders of ours are made 0700 by `ensure`."""

    config: Path
    data: Path
    cache: Path
    run: Path
    socket_folder: Path

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def database_file(self) -> Path:
        return self.data / "aic-tui.db"

    @property
    def vault_key_file(self) -> Path:
        return self.config / "vault.key"

    @property
    def backups(self) -> Path:
        return self.data / "backups"

    @property
    def logs(self) -> Path:
        return self.data / "log"

    @property
    def ssh(self) -> Path:
        """Our own key, and the host keys of the machines."""
        return self.data / "ssh"

    @property
    def ssh_key(self) -> Path:
        return self.ssh / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.ssh / "known_hosts"

    @property
    def agent_lock(self) -> Path:
        return self.run / "agent.lock"

    @property
    def agent_socket(self) -> Path:
        return self.socket_folder / "agent.sock"

    def ensure(self) -> None:
        """Makes the folders. Raises OSError where one cannot be made."""
        for folder in (self.config, self.data, self.cache, self.run, self.logs, self.ssh, self.socket_folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def places_from(environment: Mapping[str, str]) -> Places:
    """`AIC_TUI_HOME` puts everything under one folder; otherwise the XDG base directories apply."""
    home = environment.get("AIC_TUI_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        run = root / "run"
        return Places(root / "config", root / "data", root / "cache", run, _socket_folder(run, environment))
    user_home = Path(environment.get("HOME") or Path.home())

    def xdg(variable: str, fallback: str) -> Path:
        value = environment.get(variable, "")
        return (Path(value) if value.startswith("/") else user_home / fallback) / "aic-tui"

    runtime = environment.get("XDG_RUNTIME_DIR", "")
    run = (
        Path(runtime) / "aic-tui"
        if runtime.startswith("/") and Path(runtime).is_dir()
        else xdg("XDG_STATE_HOME", ".local/state")
    )
    return Places(
        xdg("XDG_CONFIG_HOME", ".config"),
        xdg("XDG_DATA_HOME", ".local/share"),
        xdg("XDG_CACHE_HOME", ".cache"),
        run,
        _socket_folder(run, environment),
    )


def _socket_folder(run: Path, environment: Mapping[str, str]) -> Path:
    """`run`, or a short private folder in the temp directory where a socket path there would be too long to bind."""
    if len(os.fsencode(run / "agent.sock")) <= _LONGEST_SOCKET_PATH:
        return run
    import hashlib

    digest = hashlib.sha256(os.fsencode(run)).hexdigest()[:12]
    temporary = Path(environment.get("TMPDIR") or tempfile.gettempdir())
    name = f"aic-tui-{os.getuid()}-{digest}"
    if len(os.fsencode(temporary / name / "agent.sock")) > _LONGEST_SOCKET_PATH:
        temporary = Path("/tmp")  # noqa: S108 - the folder is ours alone, 0700
    return temporary / name
