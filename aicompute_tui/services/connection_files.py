"""Connections as a file that travels: TOML or JSON, checked whole before anything of it is used."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import InvalidInput, NotFound, Refused
from aicompute_tui.domain.money import usd_from_nano

_FORMAT: Literal["aic-tui connections 1"] = "aic-tui connections 1"
_LARGEST = 8 << 20


class Entry(BaseModel):
    """One connection. `sealed_key` is its key with the server it is for, sealed by the file's passphrase."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    type: str
    base_url: str
    model: str | None = None
    description: str | None = None
    tags: list[str] = Field(default_factory=list)
    flags: list[Literal["livekit", "mcp", "automation"]] = Field(default_factory=list)
    timeout: int | None = None
    retries: int | None = None
    priority: int | None = None
    requests_per_minute: int | None = None
    temperature: str | None = None
    max_tokens: int | None = None
    organization: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    price_in: str | None = None
    price_out: str | None = None
    price_cached: str | None = None
    tls_ca: str | None = None
    is_active: bool = True
    sealed_key: str | None = None

    def arguments(self) -> dict[str, object]:
        """By the names of the parameters of `connection.add`."""
        plain = self.model_dump(exclude={"name", "type", "base_url", "tags", "flags", "headers", "sealed_key"})
        return {
            **{name: value for name, value in plain.items() if value is not None},
            "url": self.base_url,
            "tag": [*self.tags],
            "header": [f"{name}={value}" for name, value in self.headers.items()],
            **dict.fromkeys(self.flags, True),
        }


class ConnectionFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    format: Literal["aic-tui connections 1"]
    sealing: dict[str, str | int] = Field(default_factory=dict)
    connections: list[Entry] = Field(default_factory=list)

    @property
    def has_keys(self) -> bool:
        return any(each.sealed_key is not None for each in self.connections)


def entry_of(connection: Connection, sealed_key: str | None) -> Entry:
    options = connection.options
    return Entry(
        name=connection.name,
        type=connection.kind,
        base_url=connection.base_url + (f"?api-version={options.api_version}" if options.api_version else ""),
        model=connection.model,
        description=connection.description or None,
        tags=[*connection.tags],
        flags=[*connection.flags],  # type: ignore[list-item]
        timeout=options.timeout_seconds,
        retries=options.retries,
        priority=options.priority,
        requests_per_minute=options.requests_per_minute,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
        organization=options.organization,
        headers=dict(options.headers),
        price_in=_usd(options.input_nano_usd),
        price_out=_usd(options.output_nano_usd),
        price_cached=_usd(options.cached_nano_usd),
        tls_ca=options.tls_ca,
        is_active=connection.is_active or connection.inactive_reason is not None,
        sealed_key=sealed_key,
    )


def _usd(nano_usd: int | None) -> str | None:
    return None if nano_usd is None else f"{Decimal(usd_from_nano(nano_usd)).normalize():f}"


def refuse_taken(path: Path) -> None:
    """Raises Refused where there is something of that name."""
    if os.path.lexists(path):
        raise Refused(f"There is a file {path} already.", "Give another name.")


def write_file(
    path: Path, entries: Sequence[Entry], sealing: Mapping[str, str | int], *, replace: bool = False
) -> None:
    """Readable by its owner alone, JSON where it is called so, else TOML.

    Raises Refused where there is one, unless it is to be replaced: then it stays until the new one is whole.
    """
    body = ConnectionFile(format=_FORMAT, sealing=dict(sealing), connections=[*entries])
    plain = body.model_dump(exclude_none=True, exclude_defaults=True)
    text = json.dumps(plain, indent=2, ensure_ascii=False) + "\n" if _is_json(path) else tomlkit.dumps(plain)
    try:
        draft = path.with_name(f".{path.name}.{os.getpid()}") if replace else path
        if replace:
            draft.unlink(missing_ok=True)
        _write_new(draft, text)
        if replace:
            draft.replace(path)
    except FileExistsError:
        raise Refused(f"There is a file {path} already.", "Give another name.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.", "Give another place.") from error


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def read_file(path: Path) -> ConnectionFile:
    """Raises NotFound, and InvalidInput that names the place and quotes nothing of it."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    if len(data) > _LARGEST:
        raise InvalidInput(f"{path} is far too long.", "Give a file that `connection export` wrote.")
    try:
        found = json.loads(data) if _is_json(path) else tomllib.loads(data.decode())
        file_read = ConnectionFile.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{path} is no list of connections: {place}: {first['msg']}."
        raise InvalidInput(message, "Give a file that `connection export` wrote.") from None
    except (ValueError, RecursionError):
        kind = "JSON" if _is_json(path) else "TOML"
        raise InvalidInput(f"{path} is not {kind}.", "Give a file that `connection export` wrote.") from None
    names = [each.name for each in file_read.connections]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"{path} names “{twice}” twice.", "Rename one of them in the file.")
    return file_read


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json"
