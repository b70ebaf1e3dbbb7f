"""The lists of the settings: which question fills each, its columns, and what its rows say in full."""

from __future__ import annotations

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.navigation import commands
from aicompute_tui.ui.records import RecordList, RowColumn, plain_column, signed, text, time_column
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column

# -- credentials


def _credential_columns(session: Session) -> list[RowColumn]:
    def state(row: JsonObject) -> Cell:
        if row.get("error_message"):
            return Cell(signed(session, "failed"), "bad")
        if row.get("checked_at"):
            return Cell(signed(session, "ok"), "good")
        return Cell("not tested", "dim")

    return [
        Column(key="state", title="state", width=10, cell=state),
        plain_column("name", "name", 14, weight=1, letter="N"),
        plain_column("method", "method", 12, weight=2, most=24, letter="M", needs=50),
        plain_column("account_id", "account", 12, letter="A", needs=64),
        plain_column("region", "region", 14, letter="R", needs=76),
        time_column(session, "checked_at", "tested", "T", needs=90),
        plain_column("arn", "opens", 20, weight=3, needs=110),
    ]


def _credential_told(_: Session, row: JsonObject) -> str:
    if row.get("error_message"):
        return text(row, "error_message")
    return text(row, "arn") or "Press enter to ask whose account it opens."


# -- settings


def _setting_columns(session: Session) -> list[RowColumn]:
    def value(row: JsonObject) -> Cell:
        own = text(row, "source") not in ("built-in", "default", "")
        return Cell(text(row, "value") or session.glyphs.unknown, "strong" if own else "")

    return [
        plain_column("key", "setting", 18, letter="K"),
        Column(key="value", title="value", width=14, cell=value, weight=1, most=34, letter="V",
               sort=lambda row: text(row, "value")),
        plain_column("source", "from", 12, letter="F", needs=54),
        plain_column("help", "what it does", 24, weight=3, needs=90),
    ]  # fmt: skip


def _setting_told(_: Session, row: JsonObject) -> str:
    """What it does, what it may be, and which layers say something else."""
    told = [text(row, "help"), text(row, "rule"), f"Built-in: {text(row, 'default') or 'nothing'}."]
    layers = [each for each in _objects(row.get("layers")) if text(each, "source") != "built-in"]
    if layers:
        source, variable = text(layers[0], "source"), text(row, "variable")
        named = {"environment": f"{variable} in the environment", "file": "config.toml", "flag": "A flag"}
        hidden = [f"{text(each, 'source')} {text(each, 'value')}" for each in layers[1:]]
        if source in named and (hidden or row.get("shared")):
            told.append(f"{named[source]} goes before {' and '.join(hidden) or 'what is stored'}.")
    return " ".join(filter(None, told))


# -- regions


def flag(country: str) -> str:
    """The country's flag in Unicode, empty for what is no country code."""
    if len(country) != 2 or not (country.isascii() and country.isalpha()):
        return ""
    return "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in country.upper())


def _region_columns(session: Session) -> list[RowColumn]:
    def state(row: JsonObject) -> Cell:
        enabled = row.get("enabled")
        if enabled is None:
            return Cell(signed(session, "unknown"), "dim")
        glyph = session.glyphs.dot if enabled else session.glyphs.hollow
        return Cell(f"{glyph} {'enabled' if enabled else 'not enabled'}", "good" if enabled else "dim")

    def country(row: JsonObject) -> str:
        code = text(row, "country")
        return f"{code} {flag(code)}" if session.glyphs.unicode and code else code or session.glyphs.unknown

    def default(row: JsonObject) -> Cell:
        return Cell("default" if row.get("is_default") else "", "accent")

    return [
        plain_column("code", "region", 15, letter="R"),
        plain_column("name", "name", 20, weight=1, most=32, letter="N", needs=54),
        Column(key="state", title="account", width=13, cell=state, letter="A", sort=lambda row: str(row["enabled"])),
        Column(key="default", title="", width=7, cell=default, needs=44),
        # The flag stands at the end: terminals do not agree on how wide it is.
        Column(key="country", title="country", width=7, cell=country, letter="C", needs=66,
               sort=lambda row: text(row, "country")),
    ]  # fmt: skip


def _region_told(_: Session, row: JsonObject) -> str:
    note = text(row, "note")
    if row.get("enabled") is False:
        return "Not enabled for this account: enable it in the AWS account settings, then it can be chosen."
    if row.get("enabled") is None:
        return f"Whether the account has it enabled is not known. {note}".strip()
    return "A launch that names no region goes here." if row.get("is_default") else "Press enter to launch here."


# -- keys


def _key_columns(session: Session) -> list[RowColumn]:
    def keys(row: JsonObject) -> Cell:
        shown = " ".join(str(key) for key in _list(row.get("keys")))
        command = commands().get(text(row, "id"))
        word = f":{command.aliases[0]}" if command is not None and command.aliases else session.glyphs.unknown
        return Cell(shown, "accent") if shown else Cell(word, "dim")

    def own(row: JsonObject) -> Cell:
        return Cell("yours" if text(row, "source") == "file" else "", "strong")

    return [
        Column(key="keys", title="keys", width=14, cell=keys, letter="K", sort=lambda row: str(_list(row["keys"]))),
        plain_column("title", "does", 14, weight=1, most=34, letter="D"),
        plain_column("place", "where", 12, letter="W", needs=60),
        Column(key="source", title="", width=5, cell=own, needs=44, letter="Y", sort=lambda row: text(row, "source")),
        plain_column("id", "id", 22, weight=1, letter="I", needs=84),
    ]


def _key_told(_: Session, row: JsonObject) -> str:
    command = commands().get(text(row, "id"))
    if command is None:
        return ""
    words = " ".join(f":{alias}" for alias in command.aliases)
    usual = " ".join(str(key) for key in _list(row.get("usual_keys")))
    told = [command.help, f"Also {words}." if words else ""]
    if text(row, "source") == "file":
        told.append(f"Usually {usual or 'without a key'}.")
    return " ".join(filter(None, told))


# -- themes


def _theme_columns(session: Session) -> list[RowColumn]:
    def chosen(row: JsonObject) -> Cell:
        if row.get("problem"):
            return Cell(session.glyphs.failed, "bad")
        return Cell(session.glyphs.dot if row.get("is_chosen") else "", "accent")

    return [
        Column(key="chosen", title="", width=1, cell=chosen),
        plain_column("name", "theme", 20, weight=1, most=40, letter="T"),
        Column(key="about", title="", width=14, weight=3, needs=54,
               cell=lambda row: Cell(text(row, "problem") or text(row, "about"), "dim")),
    ]  # fmt: skip


def _theme_told(_: Session, row: JsonObject) -> str:
    if row.get("problem"):
        return f"{text(row, 'problem')} {text(row, 'next_step')}".strip()
    return text(row, "about")


# -- about


def _about_columns(session: Session) -> list[RowColumn]:
    return [
        plain_column("name", "", 14),
        Column(
            key="value", title="", width=20, weight=1, cell=lambda row: text(row, "value") or session.glyphs.unknown
        ),
    ]


def about_rows(answer: Json) -> list[JsonObject]:
    """The answer of `about.show` as a row each, in the words of a bug report."""
    rows: list[JsonObject] = []
    for name, value in answer.items() if isinstance(answer, dict) else ():
        if name == "agent":
            told = "does not answer"
            if isinstance(value, dict):
                told = f"{text(value, 'version')}, pid {text(value, 'pid')}, since {text(value, 'since')}"
            rows.append({"name": "agent", "value": told})
        else:
            rows.append({"name": name.replace("_", " "), "value": value})
    return rows


def _objects(value: Json) -> list[JsonObject]:
    return [each for each in _list(value) if isinstance(each, dict)]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


CREDENTIALS = RecordList(
    question="credential.list", title="Credentials", key="id", columns=_credential_columns, told=_credential_told,
    empty="No credential is found. Press a to store one, or run `aws configure`.",
    scope="credentials", opens="credential.test",
)  # fmt: skip
SETTINGS = RecordList(
    question="setting.list", title="Preferences", key="key", columns=_setting_columns, told=_setting_told,
    empty="The settings cannot be read.", scope="settings", opens="setting.set",
)  # fmt: skip
REGIONS = RecordList(
    question="region.list", title="Regions", key="code", columns=_region_columns, told=_region_told,
    empty="The cloud names no regions.",
)  # fmt: skip
KEYS = RecordList(
    question="key.list", title="Keys", key="id", columns=_key_columns, told=_key_told,
    empty="There are no commands.", scope="keys", opens="key.set",
)  # fmt: skip
THEMES = RecordList(
    question="theme.list", title="Theme", key="name", columns=_theme_columns, told=_theme_told,
    empty="There are no themes.",
)  # fmt: skip
ABOUT = RecordList(
    question="about.show", title="About", key="name", columns=_about_columns, told=None,
    empty="Nothing can be said.",
)  # fmt: skip
SETTINGS_LISTS = (CREDENTIALS, SETTINGS, REGIONS, KEYS, THEMES, ABOUT)
