"""What an engine keeps on its disk: images and volumes, who uses each, and what removing it would free."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from aicompute_tui.domain.errors import InvalidInput

DEFAULT_REGISTRY = "docker.io"
VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_REGISTRY = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?|\[[0-9a-f:]+\](?::\d{1,5})?"
)
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com", "www.docker.com"})
_PATH = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d{{1,5}})?/)?{_PATH}(?:/{_PATH})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,128})?"
)
_LONGEST_IMAGE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """`used_by` are names of containers, running or not."""

    host_id: str
    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    """As a registry knows it; empty for one that was made on the host."""
    size_bytes: int | None = None
    shared_bytes: int | None = None
    """So much of it other images have too; None where the engine does not tell."""
    created_at: datetime | None = None
    used_by: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.host_id}/{self.id}"

    @property
    def short_id(self) -> str:
        return self.id.removeprefix("sha256:")[:12]

    @property
    def name(self) -> str:
        """Its first tag, else where it came from, else its id."""
        if self.tags:
            return self.tags[0]
        return self.digests[0].partition("@")[0] if self.digests else self.short_id

    @property
    def is_dangling(self) -> bool:
        """Without a name: another image has taken it."""
        return not self.tags

    @property
    def own_bytes(self) -> int | None:
        """What its removal alone frees, at least."""
        if self.size_bytes is None:
            return None
        return max(0, self.size_bytes - (self.shared_bytes or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """`used_by` are names of containers, running or not."""

    host_id: str
    name: str
    driver: str = ""
    mountpoint: str = ""
    created_at: datetime | None = None
    size_bytes: int | None = None
    """None where the engine does not tell, or took too long to count."""
    used_by: tuple[str, ...] = ()
    is_anonymous: bool = False
    """Made for one container, with a name that nobody gave."""

    @property
    def key(self) -> str:
        return f"{self.host_id}/{self.name}"

    @property
    def short_name(self) -> str:
        return self.name[:12] if self.is_anonymous else self.name


@dataclass(frozen=True, slots=True, repr=False)
class RegistryLogin:
    """Who pulls from a registry; the repr shows nothing of it."""

    registry: str
    user: str
    password: str

    def __repr__(self) -> str:
        return f"RegistryLogin({self.registry})"


def registry_of(image: str) -> str:
    """Where an image comes from: `docker.io` where its name tells of no other."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return DEFAULT_REGISTRY if first.lower() in _HUB_NAMES else first.lower()
    return DEFAULT_REGISTRY


def check_registry(text: str) -> str:
    """A registry's name as logins are kept under it. Raises InvalidInput."""
    name = re.sub(r"^https?://", "", text.strip().lower()).rstrip("/")
    name = name.removesuffix("/v1").removesuffix("/v2")
    if not _REGISTRY.fullmatch(name):
        raise InvalidInput(f"“{text}” is not a registry's address.", "Write it like ghcr.io or registry.example:5000.")
    return DEFAULT_REGISTRY if name in _HUB_NAMES else name


def check_image(text: str) -> str:
    """Raises InvalidInput for what names no image."""
    if len(text) > _LONGEST_IMAGE or not _IMAGE.fullmatch(text):
        raise InvalidInput(
            f"“{text[:80]}” is not an image's name.", "Write it like registry/name:tag, in small letters."
        )
    return text


def check_volume_name(text: str) -> str:
    """Raises InvalidInput for what names no volume."""
    if not VOLUME_NAME.fullmatch(text):
        raise InvalidInput(f"“{text[:80]}” is not a volume's name.", "`aic-tui volume list` shows them all.")
    return text
