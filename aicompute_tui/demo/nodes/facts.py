"""What the demo's machines are: read from the world, and from the store's rows without ever writing there."""

from __future__ import annotations

import http.client
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from aicompute_tui.demo.world import snapshot
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.domain.remote import TAG_AWAKE_UNTIL, TAG_EXPIRES_AT, TAG_LAUNCH

_ROW = (
    "SELECT name, framework, models, idle_seconds FROM instances WHERE remote_id = ? OR id = ? "
    "ORDER BY remote_id = ? DESC LIMIT 1"
)
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """One machine as it was launched. `known` is False until the store has its row: then nothing is set up yet."""

    instance_id: str
    name: str
    address: str
    gpu_name: str
    gpu_count: int
    gpu_memory_mib: int
    seed: str = ""
    """The name under which the demo's fleet has it; empty for a machine launched in the demo."""
    framework: str = "none"
    models: tuple[str, ...] = ()
    idle_seconds: int | None = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """One machine at one look at the world."""

    facts: Facts
    is_running: bool
    is_ended: bool
    launched_at: float
    expires_at: float | None
    awake_until: float | None
    interrupted_at: float | None


class Roster:
    """`looks` and the calls block: they are made in a thread."""

    def __init__(self, world_port: int, database: Path) -> None:
        self._port = world_port
        self._database = database

    def looks(self) -> list[Look]:
        """Raises OSError or HTTPException where the world does not answer."""
        rows: list[dict[str, Any]] = self._ask("GET", "machines", None)
        found = [_look(row) for row in rows if row["public_address"]]
        try:
            with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=1.0)) as connection:
                return [replace(look, facts=_with_row(look.facts, row, connection)) for look, row in found]
        except sqlite3.Error:
            return [look for look, _ in found]

    def power_off(self, instance_id: str) -> None:
        """The machine shuts itself down."""
        self._ask("POST", "power-off", {"instance_id": instance_id})

    def _ask(self, method: str, name: str, body: Any) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_SECONDS)
        try:
            connection.request(method, f"/__world/{name}", json.dumps(body))
            return json.load(connection.getresponse())
        finally:
            connection.close()


def _look(row: dict[str, Any]) -> tuple[Look, dict[str, Any]]:
    gpu = _gpu(row["instance_type"])
    token = row["client_token"] or ""
    tags = row["tags"]
    facts = Facts(
        instance_id=row["instance_id"],
        name=tags.get("Name") or row["instance_id"],
        address=row["public_address"],
        gpu_name=gpu.name,
        gpu_count=gpu.count,
        gpu_memory_mib=gpu.memory_mib,
        seed=token.removeprefix("demo-") if token.startswith("demo-") else "",
    )
    look = Look(
        facts=facts,
        is_running=row["state"] == "running",
        is_ended=row["state"] in {"shutting-down", "terminated"},
        launched_at=_seconds(parse_moment(row["launched_at"])) or 0.0,
        expires_at=_seconds(parse_moment(tags.get(TAG_EXPIRES_AT))),
        awake_until=_seconds(parse_moment(tags.get(TAG_AWAKE_UNTIL))),
        interrupted_at=row["interrupted_at"],
    )
    return look, row


def _with_row(facts: Facts, machine: dict[str, Any], connection: sqlite3.Connection) -> Facts:
    launch = machine["tags"].get(TAG_LAUNCH, "")
    row = connection.execute(_ROW, (facts.instance_id, launch, facts.instance_id)).fetchone()
    if row is None:
        return facts
    name, framework, models, idle_seconds = row
    return replace(
        facts, name=name, framework=framework, models=tuple(json.loads(models)), idle_seconds=idle_seconds, known=True
    )


def _gpu(instance_type: str) -> snapshot.Gpu:
    try:
        return snapshot.gpu(instance_type)
    except KeyError:
        return snapshot.Gpu("", 0, 0)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
