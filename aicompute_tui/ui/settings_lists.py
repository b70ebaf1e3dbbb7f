"""The lists of the settings: which question fills each, its columns, and what its rows say in full."""

from __future__ import annotations

from aicompute_tui.domain.json import JsonObject
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
        plain_column("method", "method", 12, weight=1, letter="M"),
        plain_column("account_id", "account", 12, letter="A"),
        plain_column("region", "region", 14, letter="R"),
        time_column(session, "checked_at", "tested", "T", needs=90),
        plain_column("arn", "opens", 24, weight=3, needs=110),
    ]


def _credential_told(_: Session, row: JsonObject) -> str:
    if row.get("error_message"):
        return text(row, "error_message")
    return text(row, "arn") or "Press enter to ask the cloud whose account it opens."


# -- settings


def _setting_columns(_: Session) -> list[RowColumn]:
    def value(row: JsonObject) -> Cell:
        own = text(row, "source") not in ("built-in", "default", "")
        return Cell(text(row, "value") or "–", "strong" if own else "")

    return [
        plain_column("key", "setting", 18, letter="K"),
        Column(
            key="value",
            title="value",
            width=18,
            cell=value,
            weight=1,
            most=34,
            letter="V",
            sort=lambda r: text(r, "value"),
        ),
        plain_column("source", "from", 12, letter="F"),
        plain_column("help", "what it does", 24, weight=3, needs=90),
    ]


def _setting_told(_: Session, row: JsonObject) -> str:
    default = text(row, "default")
    return f"{text(row, 'help')}  Built-in: {default or 'nothing'}."


CREDENTIALS = RecordList(
    question="credential.list", title="Credentials", key="id", columns=_credential_columns, told=_credential_told,
    empty="No credential is found. Run `aws configure`, or `aic-tui credential set NAME`, then press ctrl+r.",
    scope="credentials", opens="credential.test",
)  # fmt: skip
SETTINGS = RecordList(
    question="setting.list", title="Preferences", key="key", columns=_setting_columns, told=_setting_told,
    empty="The settings cannot be read.", scope="settings", opens="setting.set",
)  # fmt: skip
SETTINGS_LISTS = (CREDENTIALS, SETTINGS)
