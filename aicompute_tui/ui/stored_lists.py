"""The lists of what hosts keep: images, volumes and the logins of registries; their columns, and rows in full."""

from __future__ import annotations

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column


def listed(row: JsonObject, key: str) -> list[str]:
    found = row.get(key)
    return [str(each) for each in found] if isinstance(found, list) else []


def _size_column(session: Session) -> RowColumn:
    def shown(row: JsonObject) -> str:
        if row.get("problem"):
            return ""
        size = number(row, "size_bytes")
        return format_bytes(None if size is None else int(size), session.glyphs.unknown)

    return Column(
        key="size_bytes", title="size", width=9, align="right", cell=shown, letter="S", descending=True,
        sort=lambda row: number(row, "size_bytes"), fields=("size", "size_bytes"),
    )  # fmt: skip


def _age_column(session: Session, needs: int = 0) -> RowColumn:
    def shown(row: JsonObject) -> Cell:
        age = number(row, "age_seconds")
        unknown = "" if row.get("problem") else session.glyphs.unknown
        return Cell(unknown if age is None else span(age), "dim")

    return Column(
        key="age_seconds", title="age", width=6, align="right", cell=shown, letter="A", needs=needs,
        sort=lambda row: number(row, "age_seconds"), fields=("age_seconds", "created_at"),
    )  # fmt: skip


def _name_column(session: Session, key: str, unnamed: str) -> RowColumn:
    """A host that did not answer says so where its rows would stand."""

    def shown(row: JsonObject) -> Cell:
        if row.get("problem"):
            sign = "✕" if session.glyphs.unicode else "x"
            return Cell(text(row, "problem"), "bad", sign, "bad")
        name = text(row, key) or session.glyphs.unknown
        return Cell(f"{name} {unnamed}" if row.get(_UNNAMED[key]) else name, "dim" if row.get(_UNNAMED[key]) else "")

    return Column(
        key=key, title="name", width=20, weight=3, most=64, cell=shown, letter="N",
        sort=lambda row: text(row, key).lower() or None,
    )  # fmt: skip


_UNNAMED = {"name": "dangling", "called": "anonymous"}


def _users_column() -> RowColumn:
    def shown(row: JsonObject) -> Cell:
        if row.get("problem"):
            return Cell("")
        users = listed(row, "used_by")
        return Cell(", ".join(users)) if users else Cell("nobody", "dim")

    return Column(
        key="used_by", title="used by", width=14, weight=2, most=40, cell=shown, letter="U", needs=52,
        sort=lambda row: (not listed(row, "used_by"), tuple(listed(row, "used_by"))),
    )  # fmt: skip


def _image_columns(session: Session) -> list[RowColumn]:
    return [
        plain_column("host", "host", 10, weight=1, most=12, letter="H"),
        _name_column(session, "name", "(no name)"),
        _size_column(session),
        _age_column(session),
        _users_column(),
        Column(key="id", title="id", width=12, cell=lambda row: Cell(short_id(row), "dim"), needs=100,
               sort=lambda row: text(row, "id")),
    ]  # fmt: skip


def short_id(row: JsonObject) -> str:
    return text(row, "id").removeprefix("sha256:")[:12]


def _image_told(_: Session, row: JsonObject) -> str:
    if row.get("problem"):
        return f"{text(row, 'problem')} {text(row, 'next_step')}".strip()
    others = listed(row, "tags")[1:]
    told = [f"{text(row, 'name')}  {short_id(row)}"]
    told += [f"also called {', '.join(others)}"] if others else []
    users = listed(row, "used_by")
    told.append(f"used by {', '.join(users)}" if users else "no container uses it")
    return "   ".join(told)


def _volume_columns(session: Session) -> list[RowColumn]:
    return [
        plain_column("host", "host", 10, weight=1, most=12, letter="H"),
        _name_column(session, "called", "(no name)"),
        _size_column(session),
        _age_column(session),
        _users_column(),
        plain_column("driver", "driver", 8, needs=90, letter="D"),
    ]


def _volume_told(_: Session, row: JsonObject) -> str:
    if row.get("problem"):
        return f"{text(row, 'problem')} {text(row, 'next_step')}".strip()
    users = listed(row, "used_by")
    used = f"used by {', '.join(users)}" if users else "no container uses it"
    return f"{text(row, 'called')}  {text(row, 'mountpoint')}   {used}"


def _registry_columns(session: Session) -> list[RowColumn]:
    def state(row: JsonObject) -> Cell:
        return Cell(text(row, "problem"), "bad") if row.get("problem") else Cell("sealed in the vault", "dim")

    return [
        plain_column("registry", "registry", 20, weight=1, most=40, letter="R"),
        Column(key="user", title="user", width=14, weight=1, most=30, letter="U",
               cell=lambda row: text(row, "user") or session.glyphs.unknown, sort=lambda row: text(row, "user")),
        Column(key="problem", title="password", width=20, weight=2, cell=state, needs=60),
    ]  # fmt: skip


def _registry_told(_: Session, row: JsonObject) -> str:
    return text(row, "problem") or f"Sent for images of {text(row, 'registry')} alone. a stores it anew, t removes it."


IMAGES = RecordList(
    question="image.list", title="Images", key="key", columns=_image_columns, told=_image_told, scope="images",
    empty="There is no image on any host. p pulls one.",
)  # fmt: skip
VOLUMES = RecordList(
    question="volume.list", title="Volumes", key="key", columns=_volume_columns, told=_volume_told, scope="volumes",
    empty="There is no volume on any host.",
)  # fmt: skip
REGISTRIES = RecordList(
    question="registry.list", title="Registries", key="registry", columns=_registry_columns, told=_registry_told,
    scope="registries", empty="No login is stored. a stores one; public images need none.",
)  # fmt: skip
