"""The form that asks for more of a quota: which one, where, and how many vCPUs it is to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.quota import FAMILIES, named_family
from aicompute_tui.domain.states import Market
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.screens.secret_form import Given, SecretForm
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField

_MARKETS = (("spot", "spot"), ("on-demand", "on-demand"))


class QuotaForm(SecretForm):
    """`first` stands in the fields; with a quota's figures it also tells what there is now."""

    PREFIX: ClassVar[str] = "quota"
    QUESTION: ClassVar[str] = "Ask AWS for more quota"
    VERB: ClassVar[str] = "Go on"
    AUTO_FOCUS = ""

    def __init__(self, glyphs: Glyphs, first: Mapping[str, Json]) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._first = dict(first)

    def compose_fields(self) -> ComposeResult:
        first = self._first
        now = standing(first)
        if now:
            yield Static(now, id="quota-now", markup=False)
        market = TurnField(_MARKETS, text(first, "market") or "spot", glyphs=self._glyphs, id="quota-market")
        what = LineInput(text(first, "what"), placeholder="g5.12xlarge, or a family: G/VT, P5", id="quota-what")
        yield FormRow("what", what, id="row-what")
        yield FormRow("market", market, id="row-market")
        region = LineInput(text(first, "region"), placeholder="the region you launch in", id="quota-region")
        yield FormRow("region", region, id="row-region")
        vcpus = LineInput(text(first, "vcpus") or suggested(first), placeholder="the new limit", id="quota-vcpus")
        yield FormRow("vCPU in all", vcpus, id="row-vcpus")

    def on_mount(self) -> None:
        super().on_mount()
        field = self.query_one("#quota-vcpus" if self._first.get("what") else "#quota-what", LineInput)
        self.set_focus(field)
        field.cursor_position = len(field.value)

    @property
    def market(self) -> Market:
        return Market(self.query_one("#quota-market", TurnField).value)

    def asked(self) -> Sequence[str]:
        return self._names

    def given(self) -> Given:
        what, vcpus = self.text("what"), self.text("vcpus")
        if named_family(what, self.market.value) is None:
            families = ", ".join(FAMILIES[self.market])
            raise InvalidInput(f"No quota is known that counts “{what}”.", f"Give a machine type, or {families}.")
        if not vcpus.isdecimal() or int(vcpus) < 1:
            raise InvalidInput(f"“{vcpus}” is not a number of vCPUs.", "Give the limit that is wanted, like 128.")
        limit = number(self._first, "limit_vcpus")
        if limit is not None and self._is_as_given() and int(vcpus) <= limit:
            raise InvalidInput(f"It is {limit:.0f} vCPU already.", f"Ask for more than {limit:.0f}.")
        arguments: JsonObject = {"what": what, "vcpus": int(vcpus), "market": self.market.value}
        arguments |= {"region": self.text("region")} if self.text("region") else {}
        arguments |= {"profile": self._first["profile"]} if self._first.get("profile") else {}
        return Given(arguments)

    def _is_as_given(self) -> bool:
        """Whether the figures that came along are still those of what the fields name."""
        fields = (self.text("what"), self.text("region"), self.market.value)
        return fields == tuple(text(self._first, name) for name in ("what", "region", "market"))


def standing(row: Mapping[str, Json]) -> str:
    """`now 64 vCPU, 48 in use; one g5.12xlarge needs 48`; empty where nothing is known."""
    values = dict(row)
    limit, used, needs = (number(values, key) for key in ("limit_vcpus", "used_vcpus", "type_vcpus"))
    told = [] if limit is None else [f"now {limit:.0f} vCPU" + ("" if used is None else f", {used:.0f} in use")]
    if needs is not None and text(values, "type"):
        told.append(f"one {text(values, 'type')} needs {needs:.0f}")
    return "; ".join(told)


def suggested(row: Mapping[str, Json]) -> str:
    """The least that lets one machine more in than now; empty where that cannot be said."""
    values = dict(row)
    limit, used, needs = (number(values, key) for key in ("limit_vcpus", "used_vcpus", "type_vcpus"))
    if limit is None or needs is None:
        return ""
    return f"{max(limit, used or 0) + needs:.0f}" if (used or 0) + needs <= limit else f"{(used or 0) + needs:.0f}"
