"""What a launch is, what it would cost, what ends it and what stands in its way: one answer of the preflight."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import RenderableType
from rich.text import Text

from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.sizes import format_tokens
from aicompute_tui.ui.launch_form import FIELDS
from aicompute_tui.ui.records import number
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.wizard_summary import FIT_TONES, WizardSummary, context_told, objects, word_of

_HIGH = 30
"""Lines of a screen that has room for all of them."""


class LaunchSummary(WizardSummary):
    """Shows one answer of `instance.preflight`."""

    FIELDS = FIELDS
    VERB = "launch"

    def parts(self, answer: JsonObject) -> list[RenderableType]:
        checks = objects(answer.get("checks"))
        first, rest = self._ends(answer)
        gap = Text("")
        cheaper = self._cheaper(answer)
        made: list[RenderableType] = [*self._what(answer), *self._costs(answer)]
        made += [*(cheaper if self._is_high else []), *self.attention(checks)]
        made += [gap, self.title_line("WHAT ENDS IT"), *first, *([] if self._is_high else cheaper)]
        made += self.all_right(checks)
        if rest:
            made += [gap, *rest]
        if self.command:
            title = self.title_line("THE SAME BY COMMAND", "c copies it")
            made += [gap, title, Text(self.command, self.style_of(""))]
        return made

    def _what(self, answer: JsonObject) -> list[RenderableType]:
        """The machine and what it serves, a line each."""
        spec = answer.get("spec")
        if not isinstance(spec, dict):
            return []
        count = answer.get("count")
        times = f"{count} × " if isinstance(count, int) and count > 1 else ""
        where = " · ".join(filter(None, (word_of(spec, "region"), word_of(spec, "zone"), word_of(spec, "market"))))
        disk = f" · {word_of(spec, 'volume_gib')} GiB disk" if word_of(spec, "volume_gib") else ""
        machine = plain(f"{times}{word_of(answer, 'gpus') or word_of(spec, 'type')} · {where}{disk}")
        made: list[RenderableType] = [Text(machine, self.style_of(""), no_wrap=True, overflow="ellipsis")]
        if word_of(spec, "framework") not in ("", "none"):
            made.append(self._served(spec, answer))
        return made

    def _served(self, spec: JsonObject, answer: JsonObject) -> Text:
        """The model server with its models, and whether they fit; names without their owners where that has no room."""
        framework, models = word_of(spec, "framework"), _list(spec.get("model"))
        fit, told = answer.get("fit"), context_told(word_of(spec, "context"))
        room = f" · {word_of(fit, 'room')}" if isinstance(fit, dict) else ""
        named = f"{framework} {' '.join(map(str, models))}".strip()
        if len(named) + len(told) + len(room) > self.content_size.width > 0:
            named = f"{framework} {' '.join(str(each).rpartition('/')[2] for each in models)}".strip()
        line = Text(plain(f"{named}{told}"), self.style_of(""), no_wrap=True, overflow="ellipsis")
        tone = FIT_TONES.get(word_of(fit, "verdict"), "") if isinstance(fit, dict) else ""
        return line.append(room, self.style_of(tone)).append(_usually(answer), self.style_of(""))

    def _costs(self, answer: JsonObject) -> list[RenderableType]:
        count = answer.get("count")
        times = count if isinstance(count, int) else 1
        hourly = number(answer, "price_usd_per_hour")
        line = Text(no_wrap=True, overflow="ellipsis")
        if hourly is None:
            line.append("price unknown", self.style_of("warn"))
        else:
            line.append(f"${hourly * times:,.2f}/h", self.style_of("strong"))
            line.append(_clause(number(answer, "cost_ttl_usd"), f" for {_ttl(answer)}"), self.style_of(""))
            line.append(_clause(number(answer, "cost_month_usd"), "/month"), self.style_of("dim"))
            line.append(_interruptions(answer), self.style_of("dim"))
        told = plain(word_of(answer, "price_source"))
        if hourly is not None:
            told = f"{f'{times} × ' if times > 1 else ''}${hourly:,.4f}, {told}"
        return [line, Text(self.waiting_for or told, self.style_of("dim"), no_wrap=True, overflow="ellipsis")]

    @property
    def _is_high(self) -> bool:
        """There is room for more than what it costs and what ends it."""
        return self.app.size.height >= _HIGH

    def _cheaper(self, answer: JsonObject) -> list[RenderableType]:
        """What else it could run on for less, and the key that takes it."""
        offers = objects(answer.get("alternatives"))
        if not offers:
            return []
        shown = offers if self._is_high else offers[:1]
        more = len(offers) - len(shown)
        lines = [self._offer(offer) for offer in shown]
        title = self.title_line("CHEAPER", f"a takes the next{f', {more} more' if more else ''}")
        return [Text(""), title, *lines]

    def _offer(self, offer: JsonObject) -> Text:
        usd, most, days = (number(offer, name) for name in ("usd_per_hour", "max_context", "read_days_ago"))
        room = f", up to {format_tokens(int(most))}" if most is not None else ""
        fits = f"  {word_of(offer, 'verdict')}{room}" if word_of(offer, "verdict") else ""
        old = "" if days is None else f"  price {days:.0f}d old"
        told = f"{word_of(offer, 'type')} in {word_of(offer, 'region')}  {word_of(offer, 'market')} ${usd or 0:,.2f}/h"
        line = Text(plain(f"{told}{fits}"), self.style_of(""), no_wrap=True, overflow="ellipsis")
        return line.append(old, self.style_of("dim"))

    def _ends(self, answer: JsonObject) -> tuple[list[RenderableType], list[RenderableType]]:
        """The two sentences that matter most, and the others."""
        sentences = [self.in_own_words(str(each)) for each in _list(answer.get("ends"))]
        if answer.get("ends_at") is None:
            return [Text(sentence, self.style_of("bad")) for sentence in sentences], []
        made = [Text(sentence, self.style_of("" if place < 2 else "dim")) for place, sentence in enumerate(sentences)]
        return list(made[:2]), list(made[2:])


def _usually(answer: JsonObject) -> str:
    """How long set-ups measured here took; nothing where none was."""
    seconds = number(answer, "setup_seconds")
    return "" if seconds is None else f" · usually ready in {format_duration(seconds)}"


def _interruptions(answer: JsonObject) -> str:
    """What share of such machines is taken back in a month; nothing where none is."""
    taken = answer.get("interruption")
    if not isinstance(taken, dict):
        return ""
    band = word_of(taken, "band")
    return f"  interruptions {f'{band} a month' if band else 'not known'}"


def _clause(amount: float | None, words: str) -> str:
    return "" if amount is None else f"  ${amount:,.2f}{words}"


def _ttl(answer: Mapping[str, Json]) -> str:
    """`8h`, from the seconds of the resolved values."""
    spec = answer.get("spec")
    seconds = word_of(spec, "ttl").removesuffix("s") if isinstance(spec, dict) else ""
    return format_duration(int(seconds)) if seconds.isdecimal() else "its time"


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
