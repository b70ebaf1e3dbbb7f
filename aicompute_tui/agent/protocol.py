"""The lines of the agent's socket: newline-delimited JSON, one request or answer a line. Standard library only."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from aicompute_tui import __version__
from aicompute_tui.domain.credential import AwsKeys
from aicompute_tui.domain.errors import AicError, BadAnswer, InvalidInput, RateLimited, error_class
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment, parse_moment

MAX_LINE = 1 << 20
_PART = 128 * 1024
"""Characters of one part of a long answer: escaped twice it still fits a line."""


def encode_line(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), default=_plain).encode() + b"\n"


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} cannot go over the socket")


def decode_line(line: bytes) -> JsonObject:
    """Raises InvalidInput for anything but one JSON object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("A line is not JSON.", "Send one JSON object a line.") from error
    if not isinstance(message, dict):
        raise InvalidInput("A line is not a JSON object.", "Send one JSON object a line.")
    return message


def answer_lines(request_id: Json, result: Json) -> Iterator[bytes]:
    """One line, or parts of its text and a last line where it would be too long."""
    whole = encode_line({"id": request_id, "ok": True, "result": result})
    if len(whole) <= MAX_LINE:
        yield whole
        return
    text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    for start in range(0, len(text), _PART):
        yield encode_line({"id": request_id, "part": text[start : start + _PART]})
    yield encode_line({"id": request_id, "ok": True, "in_parts": True})


def error_line(request_id: Json, error: AicError) -> bytes:
    body: dict[str, object] = {"kind": error.kind, "message": error.message, "next_step": error.next_step}
    if isinstance(error, RateLimited):
        body["retry_after"] = error.retry_after
    return encode_line({"id": request_id, "ok": False, "error": body})


def error_from(body: Json) -> AicError:
    """The error an answer carries, of its own class."""
    if not isinstance(body, dict):
        return BadAnswer("The agent's answer cannot be read.", "Restart the agent.")
    message, next_step = str(body.get("message", "")), str(body.get("next_step", ""))
    return error_class(str(body.get("kind", "")))(message, next_step)


@dataclass(frozen=True, slots=True, repr=False)
class SessionSecrets:
    """What a person's session has and no file holds; kept in the agent's memory only. The repr shows none of it."""

    keys: Mapping[str, AwsKeys] = field(default_factory=dict)
    """By credential id."""
    vault: Mapping[str, str] = field(default_factory=dict)
    """Variables: those that open the vault, and HF_TOKEN."""
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return "SessionSecrets(…)"

    def __bool__(self) -> bool:
        return bool(self.keys or self.vault)

    def to_json(self) -> JsonObject:
        return {
            "keys": {
                credential_id: {
                    "access_key_id": keys.access_key_id,
                    "secret_access_key": keys.secret_access_key,
                    "session_token": keys.session_token,
                    "region": keys.region,
                }
                for credential_id, keys in self.keys.items()
            },
            "vault": dict(self.vault),
            "expires_at": None if self.expires_at is None else format_moment(self.expires_at),
        }


def secrets_from(body: Json) -> SessionSecrets:
    """Raises InvalidInput, never naming a value."""
    if body is None:
        return SessionSecrets()
    try:
        return _secrets_from(body)
    except (TypeError, AttributeError, KeyError, ValueError):
        raise InvalidInput("The session's credentials cannot be read.", "Use a console of the same version.") from None


def _secrets_from(body: Json) -> SessionSecrets:
    if not isinstance(body, dict):
        raise TypeError
    keys: dict[str, AwsKeys] = {}
    for credential_id, entry in _object(body.get("keys")).items():
        values = _object(entry)
        keys[credential_id] = AwsKeys(
            _text(values["access_key_id"]),
            _text(values["secret_access_key"]),
            _text(values["session_token"]) if values.get("session_token") else None,
            _text(values["region"]) if values.get("region") else None,
        )
    vault = {name: _text(value) for name, value in _object(body.get("vault")).items()}
    expires_at = body.get("expires_at")
    return SessionSecrets(keys, vault, parse_moment(expires_at if isinstance(expires_at, str) else None))


def _object(value: Json) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """What an agent says about itself."""

    version: str
    schema: int
    pid: int
    since: datetime | None
    clients: int
    host_id: str
    is_leaving: bool
    stays: bool = False
    """Also when there is nothing to do."""

    def to_json(self) -> JsonObject:
        return {
            "version": self.version,
            "schema": self.schema,
            "pid": self.pid,
            "since": None if self.since is None else format_moment(self.since),
            "clients": self.clients,
            "host_id": self.host_id,
            "leaving": self.is_leaving,
            "stays": self.stays,
        }


def info_from(body: Json) -> AgentInfo:
    if not isinstance(body, dict) or not isinstance(body.get("version"), str):
        raise BadAnswer("What answers on the agent's socket is not an agent.", "Run “aic-tui doctor”.")
    since = body.get("since")
    return AgentInfo(
        version=str(body["version"]),
        schema=_integer(body.get("schema")),
        pid=_integer(body.get("pid")),
        since=parse_moment(since if isinstance(since, str) else None),
        clients=_integer(body.get("clients")),
        host_id=str(body.get("host_id") or ""),
        is_leaving=body.get("leaving") is True,
        stays=body.get("stays") is True,
    )


def _integer(value: Json) -> int:
    return value if isinstance(value, int) else 0


def is_older(version: str, schema: int, than_version: str, than_schema: int) -> bool:
    """Whether a program of `version` and `schema` must make room for the other one. The schema decides first."""
    return (schema, _numbers(version)) < (than_schema, _numbers(than_version))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", version))


def program_version() -> str:
    return __version__
