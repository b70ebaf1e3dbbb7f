"""What the demo's processes are given instead of a person's own: a folder, AWS files and an environment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REGION = "ca-central-1"
CREDENTIAL_ID = "aws:profile:default"
_KEPT = frozenset(
    {
        *("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONUTF8"),
        *("TERM", "COLORTERM", "TERM_PROGRAM", "NO_COLOR", "COLUMNS", "LINES"),
    }
)
_KEPT_PREFIXES = ("LC_", "TEXTUAL")
_KEY_ID = "AKIADEMO1AAAAAAAAAAA"
_KEY = "nothing-but-the-embedded-world-takes-this"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything lies under `home`, which belongs to its owner alone."""

    home: Path
    ssh_port: int
    """Of every machine, each at an address of its own."""
    lab_port: int
    """Of the container host's engine, at loopback's first address."""
    provider_port: int
    """Of what answers prompts."""
    server_ports: tuple[int, ...]
    """Of the model servers."""
    hub_port: int
    """Of the hub of models."""
    began: float = field(default_factory=lambda: float(int(time.time())))
    """Seconds since 1970, whole ones, as an engine lists what it made."""

    @property
    def tether(self) -> Path:
        return self.home / "demo.lock"

    @property
    def port_file(self) -> Path:
        return self.home / "world.port"

    def write_aws_files(self) -> None:
        """One profile, whose keys mean nothing outside the embedded world."""
        folder = self.home / "aws"
        folder.mkdir(mode=0o700)
        (folder / "config").write_text(f"[default]\nregion = {REGION}\n", encoding="ascii")
        (folder / "credentials").write_text(
            f"[default]\naws_access_key_id = {_KEY_ID}\naws_secret_access_key = {_KEY}\n", encoding="ascii"
        )

    def environment(self, own: Mapping[str, str], world_url: str | None) -> dict[str, str]:
        """`own` without anything that names an account, a proxy or a folder of the person's."""
        kept = {name: value for name, value in own.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
        given = {
            "HOME": str(self.home),
            "AIC_TUI_HOME": str(self.home),
            "AIC_TUI_DEMO": "1",
            "AIC_TUI_SSH_PORT": str(self.ssh_port),
            "AWS_CONFIG_FILE": str(self.home / "aws" / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.home / "aws" / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
            "HF_ENDPOINT": f"http://127.0.0.1:{self.hub_port}",
        }
        if world_url is not None:
            given |= {
                "AWS_ENDPOINT_URL": world_url,
                "AIC_TUI_CHECKIP_URL": f"{world_url}/checkip",
                "AIC_TUI_PRICE_FEEDS_URL": f"{world_url}/feeds",
            }
        return kept | given
