"""What tokens cost as a list: providers' models side by side, and the one under the cursor in words."""

from __future__ import annotations

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.format import days_old, money
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column

FIGURES = {
    "in": "input_usd_per_million",
    "cached": "cached_usd_per_million",
    "out": "output_usd_per_million",
    "context": "context_tokens",
    "yours": "own_30_days_usd",
    "age": "age_days",
}
"""Columns that a filter compares, by what they are called."""


def connections(row: JsonObject) -> str:
    """The names of those that use it."""
    found = row.get("connections")
    return ", ".join(map(str, found)) if isinstance(found, list) else ""


def token_price(usd: float | None, session: Session) -> str:
    """To the cent, and below ten cents to what is there."""
    if usd is None or usd >= 0.1 or usd == round(usd, 2):
        return money(usd, session.glyphs)
    return f"${usd:.4f}".rstrip("0")


def tokens(count: float | None, session: Session) -> str:
    """`272k`, `1.05M`"""
    if count is None:
        return session.glyphs.unknown
    return f"{count / 1e6:.3g}M" if count >= 1e6 else f"{count / 1e3:.0f}k"


def kinds(row: JsonObject, key: str) -> list[str]:
    """Empty where nobody told."""
    found = row.get(key)
    return [*map(str, found)] if isinstance(found, list) else []


def modalities(row: JsonObject) -> str:
    """What it takes, and what it makes where that is more than text."""
    makes = kinds(row, "output_modalities")
    return " ".join(kinds(row, "input_modalities")) if makes == ["text"] else text(row, "modalities")


def _columns(session: Session) -> list[RowColumn]:
    def usd(key: str, letter: str, width: int = 7, *, needs: int = 0) -> RowColumn:
        name = FIGURES[key]
        return Column(
            key=key, title=key, width=width, align="right", letter=letter, needs=needs, fields=(name,),
            cell=lambda row: token_price(number(row, name), session), sort=lambda row: number(row, name),
        )  # fmt: skip

    def age(row: JsonObject) -> Cell:
        days = number(row, "age_days")
        return Cell(session.glyphs.unknown if days is None else days_old(days), "dim")

    def model(row: JsonObject) -> Cell:
        return Cell(text(row, "model"), sign=session.glyphs.dot if connections(row) else " ", sign_tone="accent")

    def used_by(row: JsonObject) -> Cell:
        return Cell(connections(row), "strong")

    def takes(row: JsonObject) -> Cell:
        return Cell(modalities(row) or session.glyphs.unknown)

    return [
        Column(key="model", title="  model", width=19, weight=2, most=46, letter="M", cell=model,
               sort=lambda row: text(row, "model").lower()),
        plain_column("provider", "provider", 10, letter="V"),
        usd("in", "I"),
        usd("cached", "C", needs=60),
        usd("out", "O"),
        Column(key="context", title="context", width=7, align="right", letter="X", needs=74, descending=True,
               cell=lambda row: tokens(number(row, "context_tokens"), session), fields=("context_tokens",),
               sort=lambda row: number(row, "context_tokens")),
        Column(key="modalities", title="takes > makes", width=22, most=34, weight=1, letter="T", needs=108, cell=takes,
               fields=("modalities",), sort=lambda row: modalities(row) or None),
        usd("yours", "Y", 9, needs=130),
        Column(key="used by", title="used by", width=10, weight=1, most=32, letter="U", needs=86, cell=used_by,
               fields=("connections",), sort=lambda row: connections(row) or None),
        Column(key="age", title="age", width=3, align="right", letter="A", cell=age, fields=("age_days",),
               sort=lambda row: number(row, "age_days")),
    ]  # fmt: skip


def _told(session: Session, row: JsonObject) -> str:
    used, source, above = connections(row), text(row, "source"), number(row, "dearer_above_tokens")
    dated = f", of {text(row, 'as_of')}" if text(row, "as_of") else ""
    about = [f"Used by {used}."] if used else []
    is_priced = number(row, "input_usd_per_million") is not None
    if not source:
        about.append("Nobody told what its tokens cost.")
    else:
        about.append(f"{'Per million tokens' if is_priced else 'No one price for its tokens'}, {source}{dated}.")
    about += _matter(row)
    if is_priced and row.get("output_usd_per_million") is None:
        about.append("It makes no text: only what it reads has a price.")
    if above is not None:
        about.append(f"A prompt above {tokens(above, session)} tokens is dearer.")
    own = number(row, "own_30_days_usd")
    if own is not None:
        about.append(f"Your tokens of 30 days would cost {money(own, session.glyphs)} here, none of them cached.")
    if text(row, "note"):
        about.append(f"Not newer: {text(row, 'note')}")
    return "  ".join(about)


def _matter(row: JsonObject) -> list[str]:
    """`Takes text and image.  Makes text.`, as far as it is known."""
    sides = (("Takes", kinds(row, "input_modalities")), ("Makes", kinds(row, "output_modalities")))
    return [
        f"{verb} {' and '.join([', '.join(told[:-1]), told[-1]][not told[:-1] :])}." for verb, told in sides if told
    ]


LLM_PRICES = RecordList(
    question="price.llm", title="Prices", key="id", columns=_columns, told=_told,
    empty="No model in the price lists is like that. :llm-prices shows all",
)  # fmt: skip
