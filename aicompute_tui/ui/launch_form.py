"""A launch as it is filled in: its fields, their defaults, what is wrong with them, and the arguments they make."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.launch import DEFAULT_INSTANCE_TYPE, DEFAULT_VOLUME_GIB
from aicompute_tui.ui.wizard_form import (
    CONTEXT_EMPTY,
    CONTEXT_TOLD,
    YES,
    FormField,
    Rule,
    WizardForm,
    context_rule,
    labels_for_flags,
    pattern,
    whole,
)

NEVER = "none"
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_MOST_MACHINES = 20
_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ZONE = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d[a-z-].*")
_TAG = re.compile(r"[A-Za-z0-9+\-._,:@]{1,127}=\S*")
_DURATIONS = ("ttl", "idle", "max_ttl")
_PARAMETERS = {parameter.name: parameter for parameter in ACTIONS["instance.launch"].parameters}


_TOLD: Mapping[str, str] = {
    "market": "Spot is cheaper and can be taken back by the cloud; on-demand stays. In step 2 m turns it.",
    "ttl": "The machine ends itself after this long: 8h, 90m, 2d. none lets it run until you end it.",
    "ttl_none_confirm": "Type none to launch a machine that never ends by itself.",
    "idle": "It ends itself after this long without GPU work, requests or keys typed in a shell: 30m; none for never.",
    "max_ttl": "The furthest that an extension may ever move the end: 24h, 3d.",
    "max_price": "The highest spot price in dollars per hour; above it nothing is launched.",
    "zone": "Only this zone, like ca-central-1b; without one the cheapest that has room.",
    "ssh_cidr": "Addresses that may reach ssh, like 203.0.113.7/32, instead of your own.",
    "ssh_key": "A public key file to log in with besides this program's own.",
    "image": "A machine image to use instead of the one that is found.",
    "tag": "Tags of your own on the machine, KEY=VALUE with a space between them.",
    "context": CONTEXT_TOLD,
    "count": "How many machines like this one.",
    "protect": "Ending it will want its name typed out.",
}


def _field(name: str, label: str, empty: str = "") -> FormField:
    return FormField(_PARAMETERS[name], label, empty, _TOLD.get(name, ""))


FIELDS: tuple[FormField, ...] = (
    _field("profile", "profile", "the first that works"),
    _field("region", "region", "the profile's own"),
    _field("type", "machine", DEFAULT_INSTANCE_TYPE),
    _field("market", "market"),
    _field("framework", "framework"),
    _field("model", "models", "none yet"),
    _field("context", "context", CONTEXT_EMPTY),
    _field("name", "name", "made up"),
    _field("count", "count", "1"),
    _field("ttl", "ends after", "8h"),
    _field("ttl_none_confirm", "type none", "to let it run for ever"),
    _field("idle", "idle limit", "30m"),
    _field("max_ttl", "furthest end", "three times as long, a day at least"),
    _field("max_price", "max $/h", "no cap"),
    _field("zone", "zone", "the cheapest that has room"),
    _field("volume_gib", "volume GiB", str(DEFAULT_VOLUME_GIB)),
    _field("ssh_cidr", "ssh from", "your own address"),
    _field("ssh_key", "ssh key", "this program's own"),
    _field("image", "image", "the newest with a driver"),
    _field("subnet", "subnet", "the region's default"),
    _field("tag", "tags", "none of your own"),
    _field("protect", "protect"),
)
BEFORE_OPTIONS = ("profile", "region", "type", "framework", "model")
"""What is chosen in the steps before the options."""
OPTIONS = tuple(each for each in FIELDS if each.name not in BEFORE_OPTIONS)

BUILT_IN: Mapping[str, str] = dict.fromkeys((each.name for each in FIELDS), "") | {
    "type": DEFAULT_INSTANCE_TYPE,
    "market": "spot",
    "framework": "none",
    "ttl": "8h",
    "idle": "30m",
    "volume_gib": str(DEFAULT_VOLUME_GIB),
    "count": "1",
}


_FROM_SETTING: Mapping[str, str] = {
    "profile": "profile",
    "region": "region",
    "instance_type": "type",
    "market": "market",
    "framework": "framework",
    "ttl": "ttl",
    "idle": "idle",
    "volume_gib": "volume_gib",
    "ssh_cidr": "ssh_cidr",
    "protect": "protect",
}
"""Setting → the field it fills."""


@dataclass(frozen=True, slots=True)
class LaunchForm(WizardForm):
    """A launch as it is filled in."""

    values: Mapping[str, str] = field(default_factory=lambda: dict(BUILT_IN))
    may_be_protected: bool = False
    """By a setting: then a `no` in its field has to be said."""

    def with_arguments(self, arguments: Mapping[str, Json]) -> LaunchForm:
        """Launch arguments in their fields; one that has no field is left out."""
        given = {
            name: field_text(name, value)
            for name, value in arguments.items()
            if name in BUILT_IN and value not in (None, "", [])
        }
        return replace(self, values={**self.values, **given})

    def again(self, arguments: Mapping[str, Json]) -> LaunchForm:
        """A launch like one before, all else as built in; its name and its word for no end are not kept."""
        fresh = replace(self, values=dict(BUILT_IN), may_be_protected=True).with_arguments(arguments)
        return fresh.changed("name", "").changed("ttl_none_confirm", "")

    @property
    def count(self) -> int:
        text = self["count"] or "1"
        return int(text) if text.isdecimal() and len(text) <= 4 else 1

    @property
    def never_ends(self) -> bool:
        return self["ttl"].lower() == NEVER

    def _is_meant(self, name: str) -> bool:
        if name == "context":
            return self.takes_context
        return name != "ttl_none_confirm" or self.never_ends

    def problems(self) -> dict[str, str]:
        """Field → one sentence. Empty where the checks may be asked."""
        found = {name: told for name, told in self.broken(_RULES).items() if self._is_meant(name)}
        if self.never_ends and self["ttl_none_confirm"].lower() != NEVER:
            found["ttl_none_confirm"] = "A machine without an end costs until you end it. Type none to mean it."
        if self["max_price"] and self["market"] == "on-demand":
            found["max_price"] = "A price cap is for spot machines. Empty it, or choose spot."
        return found

    def arguments(self) -> JsonObject:
        """The launch's arguments: what is filled in; an empty field is left to the launch itself."""
        made: JsonObject = {}
        for name in BUILT_IN:
            text = self[name]
            if text and self._is_meant(name):
                made[name] = _argument(name, text)
        if self.may_be_protected and not self["protect"]:
            made["no_protect"] = True
        return made


def defaults(rows: object) -> LaunchForm:
    """The form as the settings want it; `rows` are those of `setting list`, anything else leaves what is built in."""
    values = dict(BUILT_IN)
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict):
            name = _FROM_SETTING.get(str(row.get("key")))
            value = row.get("value")
            if name and value not in (None, ""):
                values[name] = field_text(name, value)
    return LaunchForm(values, may_be_protected=values["protect"] == YES)


def in_form_words(sentence: str) -> str:
    """A sentence that names flags of the command line, with the labels of the fields in their place."""
    return labels_for_flags(sentence, FIELDS)


def button_text(form: LaunchForm, price_usd_per_hour: float | None) -> str:
    """The verb with its price: `Launch 2 machines for $0.84/h`."""
    what = "1 machine" if form.count == 1 else f"{form.count} machines"
    if price_usd_per_hour is None:
        return f"Launch {what}, price unknown"
    return f"Launch {what} for ${price_usd_per_hour * form.count:,.2f}/h"


def promise(form: LaunchForm) -> str:
    """What was asked for and what ends it, once the agent has it."""
    what = form["type"] or DEFAULT_INSTANCE_TYPE
    what = what if form.count == 1 else f"{form.count} {what}"
    ends = "never ends by itself" if form.never_ends else f"ends by itself after {form['ttl'] or '8h'}"
    return f"Launch of {what}, which {ends}: handed to the agent"


def field_text(name: str, value: Json) -> str:
    """A launch argument as it stands in its field."""
    if _PARAMETERS[name].kind == "flag":
        return YES if str(value).lower() in ("true", "yes", "1", "on") else ""
    if name in _DURATIONS and (seconds := re.fullmatch(r"(\d+)s", str(value))):
        return _whole_units(int(seconds[1]))
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _whole_units(seconds: int) -> str:
    """`28800` → `8h`, with nothing lost: `1h30m`, `2d`."""
    if seconds and seconds % 86_400 == 0:
        return f"{seconds // 86_400}d"
    parts = zip((seconds // 3_600, seconds // 60 % 60, seconds % 60), "hms", strict=True)
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def _argument(name: str, text: str) -> Json:
    parameter = _PARAMETERS[name]
    if parameter.kind == "flag":
        return True
    if parameter.repeatable:
        return [part for part in re.split(r"[,\s]+", text) if part]
    if name in (*_DURATIONS, "ttl_none_confirm"):
        return text.lower()
    return text.lstrip("$") if name == "max_price" else text


def _duration(text: str) -> None:
    parse_duration(text)


def _absolute_path(text: str) -> None:
    if not text.startswith("/"):
        raise InvalidInput("Where is that file?", "Give its whole path, beginning with /.")


def _tags(text: str) -> None:
    for pair in text.split():
        if not _TAG.fullmatch(pair) or pair.lower().startswith(("aws:", "aic-tui:")):
            raise InvalidInput("That is not a tag.", "Write KEY=VALUE, with a space between tags.")


def _duration_or_never(text: str) -> None:
    if text.lower() != NEVER:
        parse_duration(text)


def _positive_money(text: str) -> None:
    try:
        amount = Decimal(text.lstrip("$"))
    except InvalidOperation:
        raise InvalidInput("That is not a price.", "Write dollars per hour, like 0.60.") from None
    if not (amount.is_finite() and 0 < amount <= 1000):
        raise InvalidInput("The price cap is out of range.", "Give more than 0 and at most 1000 dollars per hour.")


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidInput("That is not an address block.", "Write it like 203.0.113.7/32.") from None


_RULES: Mapping[str, Rule] = {
    "region": pattern(_REGION, "That is not a region code.", "Write it like ca-central-1."),
    "type": pattern(_TYPE, "That is not a machine type.", "Write it like g5.xlarge, or press enter to choose."),
    "context": context_rule,
    "ttl": _duration_or_never,
    "idle": _duration_or_never,
    "max_price": _positive_money,
    "volume_gib": whole(8, 16_384, "volume"),
    "ssh_cidr": _network,
    "max_ttl": _duration,
    "zone": pattern(_ZONE, "That is not a zone.", "Write it like ca-central-1b."),
    "image": pattern(re.compile(r"ami-[0-9a-f]+"), "That is not an image.", "Write it like ami-0abc1234."),
    "subnet": pattern(re.compile(r"subnet-[0-9a-f]+"), "That is not a subnet.", "Write it like subnet-0abc1234."),
    "ssh_key": _absolute_path,
    "tag": _tags,
    "name": pattern(_NAME, "That name will not do.", "Use letters, digits, dots, dashes; 63 at most."),
    "count": whole(1, _MOST_MACHINES, "count"),
}
