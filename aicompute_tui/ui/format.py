"""Figures and states as they stand on screen: money, ages, sizes, and what is not known."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from aicompute_tui.domain import durations
from aicompute_tui.domain.gpu_share import gpus_told
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.domain.money import NANO_PER_USD
from aicompute_tui.domain.states import InstanceState
from aicompute_tui.store.rows import InstanceRow
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.state import CANCELLED_JOB, DONE_JOB, FAILED_JOB, QUEUED_JOB
from aicompute_tui.ui.widgets.columns import Tone

span = durations.span


class StateLook(NamedTuple):
    """One sign, its ASCII twin and the tone that underlines them."""

    glyph: str
    twin: str
    tone: Tone


STATE_LOOKS: dict[str, StateLook] = {
    InstanceState.READY: StateLook("●", "*", "good"),
    InstanceState.BOOTING: StateLook("◐", "%", "warn"),
    InstanceState.REQUESTED: StateLook("◌", ".", "warn"),
    InstanceState.LAUNCHING: StateLook("◔", ":", "warn"),
    InstanceState.PREPARING: StateLook("◑", "=", "warn"),
    InstanceState.DRAINING: StateLook("▼", "v", "warn"),
    InstanceState.STOPPING: StateLook("▽", "u", "warn"),
    InstanceState.STOPPED: StateLook("■", "#", "dim"),
    InstanceState.TERMINATING: StateLook("▿", "y", "warn"),
    InstanceState.FAILED: StateLook("✕", "x", "bad"),
    InstanceState.UNKNOWN: StateLook("?", "?", "bad"),
    InstanceState.LOST: StateLook("!", "!", "bad"),
    InstanceState.DEGRADED: StateLook("⚠", "^", "warn"),
    InstanceState.TERMINATED: StateLook("·", "_", "dim"),
}
JOB_LOOKS: dict[str, StateLook] = {
    QUEUED_JOB: StateLook("◌", ".", "dim"),
    "running": StateLook("◐", "%", "warn"),
    DONE_JOB: StateLook("●", "*", "good"),
    FAILED_JOB: StateLook("✕", "x", "bad"),
    CANCELLED_JOB: StateLook("·", "_", "dim"),
}


def state_look(state: str) -> StateLook:
    """A state of a newer program looks unknown."""
    return STATE_LOOKS.get(state) or STATE_LOOKS[InstanceState.UNKNOWN]


def sign(look: StateLook, glyphs: Glyphs) -> str:
    return look.glyph if glyphs.unicode else look.twin


def state_text(state: str, glyphs: Glyphs) -> str:
    """`● ready`"""
    return f"{sign(state_look(state), glyphs)} {state}"


def money(usd: float | None, glyphs: Glyphs) -> str:
    """`$4.18`, to the cent; the mark for unknown where it is not known."""
    return glyphs.unknown if usd is None else f"${usd:,.2f}"


def money_of_nano(nano_usd: int | None, glyphs: Glyphs) -> str:
    return money(None if nano_usd is None else nano_usd / NANO_PER_USD, glyphs)


def price(usd_per_hour: float | None, glyphs: Glyphs) -> str:
    """`$0.52/h`"""
    return glyphs.unknown if usd_per_hour is None else f"{money(usd_per_hour, glyphs)}/h"


def this_minute(now: datetime) -> float:
    """The start of the minute in seconds: what time alone changes on screen changes once a minute."""
    seconds = now.timestamp()
    return seconds - seconds % 60


def age(since: float | None, now: float, glyphs: Glyphs) -> str:
    """`3m`, `2h10`, `4d`; `<1m` for what has only begun."""
    return glyphs.unknown if since is None else span(now - since)


def size(mebibytes: int | None, glyphs: Glyphs) -> str:
    """`14.9 GiB`"""
    return glyphs.unknown if mebibytes is None else f"{mebibytes / 1024:.1f} GiB"


def moment(when: float | None, *, utc: bool, now: float, glyphs: Glyphs) -> str:
    """`14:02` today, `11-19 14:02` on another day; in UTC with a `Z`."""
    if when is None:
        return glyphs.unknown
    zone = UTC if utc else None
    shown = datetime.fromtimestamp(when, UTC).astimezone(zone)
    same_day = shown.date() == datetime.fromtimestamp(now, UTC).astimezone(zone).date()
    return shown.strftime("%H:%M" if same_day else "%m-%d %H:%M") + ("Z" if utc else "")


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def short_moments(sentence: str, *, utc: bool, now: float, glyphs: Glyphs) -> str:
    """`2026-11-20T16:55:00Z` in a sentence as the rest of the console shows it."""

    def short(match: re.Match[str]) -> str:
        when = parse_moment(match[0])
        return moment(None if when is None else when.timestamp(), utc=utc, now=now, glyphs=glyphs)

    return _MOMENT.sub(short, sentence)


def gpu(instance: InstanceRow, glyphs: Glyphs, *, tight: bool = False) -> str:
    """`4 × A10G 24G`, tight `4×A10G 24G`: the memory is one GPU's."""
    if instance.gpu_name is None:
        return glyphs.unknown
    gap = "" if tight else " "
    count = f"{instance.gpu_count}{gap}{glyphs.times}{gap}" if instance.gpu_count else ""
    memory = f" {round(instance.gpu_memory_mib / 1024)}G" if instance.gpu_memory_mib else ""
    return f"{count}{instance.gpu_name}{memory}"


def gpus(count: float | None, name: str, glyphs: Glyphs) -> str:
    """`4 × A10G`, `1/8 × L4`."""
    return f"{gpus_told(count, glyphs.unknown)} {glyphs.times} {name or glyphs.unknown}"


def days_old(days: float) -> str:
    """`3d`, `<1d`: an age that is known in whole days alone."""
    return f"{days:.0f}d" if days >= 1 else "<1d"
