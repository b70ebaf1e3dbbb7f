"""Every setting once: its name, kind, default and what it is for."""

from __future__ import annotations

from typing import Literal, NamedTuple

from aicompute_tui.domain.errors import InvalidInput, NotFound

SettingKind = Literal["text", "choice", "integer", "duration", "duration or none", "usd", "flag", "cidr", "url"]
ENVIRONMENT_PREFIX = "AIC_TUI_"


class Setting(NamedTuple):
    """`default` empty means that nothing is set. `shared` ones may be stored in the database for everyone."""

    key: str
    kind: SettingKind
    default: str
    help: str
    choices: tuple[str, ...] = ()
    smallest: int = 0
    largest: int = 0
    shared: bool = True
    """Stored in the database for everyone; else in each person's config.toml."""
    by_hand: bool = False
    """Written into config.toml by its owner alone: it names the database that a change would be noted in."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return ENVIRONMENT_PREFIX + self.key.upper()

    @property
    def rule(self) -> str:
        """What a value may be, for people; empty where anything may."""
        if len(self.choices) > 1:
            return f"One of {', '.join(self.choices)}."
        if self.kind == "integer":
            return f"A whole number from {self.smallest} to {self.largest}."
        return _RULES.get(self.kind, "")


_RULES: dict[SettingKind, str] = {
    "duration": "A duration like 8h, 90m or 2d.",
    "duration or none": "A duration like 30m or 2h, or none.",
    "usd": "US dollars like 250 or 99.50.",
    "flag": "true or false.",
    "cidr": "Addresses like 203.0.113.7/32.",
    "url": "An address like https://example.org/path.",
}
_FRAMEWORKS = ("none", "ollama", "vllm", "tgi", "llamacpp", "tei", "comfyui", "openwebui", "mlflow")
_THEMES_HELP = "Colour theme of the console; empty follows the terminal's background."

_ALL = (
    Setting("cloud", "choice", "aws", "Cloud to rent from.", choices=("aws",)),
    Setting("profile", "text", "", "Credential to use when none is named."),
    Setting("region", "text", "", "Region to launch in; empty means the credential's own, else ca-central-1."),
    Setting("instance_type", "text", "g5.xlarge", "Machine type to launch."),
    Setting("market", "choice", "spot", "Spot or on-demand.", choices=("spot", "on-demand")),
    Setting("framework", "choice", "none", "Model server meant for a new machine.", choices=_FRAMEWORKS),
    Setting("volume_gib", "integer", "120", "Root volume of a new machine in GiB.", smallest=8, largest=16_384),
    Setting("ttl", "duration", "8h", "A new machine ends itself after this long."),
    Setting("idle", "duration or none", "30m", "Idle time after which a new machine is to end."),
    Setting("protect", "flag", "false", "Ending a new machine will want its name typed."),
    Setting("ssh_cidr", "cidr", "", "Addresses that may reach ssh; empty means your own, found by checkip_url."),
    Setting("ssh_port", "integer", "22", "Port of ssh on rented machines.", smallest=1, largest=65_535),
    Setting("monthly_cap_usd", "usd", "", "A launch that would pass this much in a month is refused; empty: no cap."),
    Setting("checkip_url", "url", "https://checkip.amazonaws.com", "Where this machine's public address is asked."),
    Setting("hub_url", "url", "https://huggingface.co", "Where models are looked up and tokens tested."),
    Setting("price_refresh", "duration or none", "6h", "How often price feeds are asked by themselves; none: never."),
    Setting(
        "price_feeds_url",
        "url",
        "",
        "A mirror of the public price feeds, each under its name; empty: each one's own address.",
    ),
    Setting(
        "health_interval_seconds",
        "integer",
        "30",
        "Seconds between two checks of a connection or a server.",
        smallest=10,
        largest=3_600,
    ),
    Setting(
        "health_slow_milliseconds",
        "integer",
        "",
        "An answer slower than this is told of; empty: never.",
        smallest=1,
        largest=60_000,
    ),
    Setting(
        "health_deactivate_after",
        "integer",
        "",
        "Failed checks in a row after which it is not used until it answers; empty: never.",
        smallest=3,
        largest=10_000,
    ),
    Setting("theme", "text", "", _THEMES_HELP, shared=False),
    Setting(
        "time_zone", "choice", "local", "Times in the console: local or utc.", choices=("local", "utc"), shared=False
    ),
    Setting("read_only", "flag", "false", "Refuse everything that changes something.", shared=False),
    Setting(
        "database_url", "text", "", "Another database than the one under the data folder.", shared=False, by_hand=True
    ),
)
SETTINGS: dict[str, Setting] = {setting.key: setting for setting in _ALL}


def nearest(word: str, known: list[str]) -> str | None:
    """The known word most like `word`, None where none is alike."""
    import difflib

    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return found[0] if found else None


def setting_named(key: str) -> Setting:
    """Raises NotFound with the nearest name."""
    setting = SETTINGS.get(key.strip().lower().replace("-", "_"))
    if setting is not None:
        return setting
    near = nearest(key, list(SETTINGS))
    hint = f"Did you mean “{near}”?" if near else "`aic-tui setting list` shows them all."
    raise NotFound(f"There is no setting “{key}”.", hint)


def check_value(setting: Setting, text: str) -> str:
    """The value in its one spelling; empty stays empty. Raises InvalidInput with the reason."""
    value = text.strip()
    if not value:
        return ""
    if any(ord(letter) < 32 for letter in value):
        raise InvalidInput(f"The value of {setting.key} holds a control character.", "Give one line of plain text.")
    check = _CHECKS.get(setting.kind)
    return check(setting, value) if check else value


def _choice(setting: Setting, value: str) -> str:
    if value.lower() in setting.choices:
        return value.lower()
    raise InvalidInput(f"{setting.key} cannot be “{value}”.", f"Choose one of {', '.join(setting.choices)}.")


def _integer(setting: Setting, value: str) -> str:
    reason = f"Give a whole number from {setting.smallest} to {setting.largest}."
    if not (value.isascii() and value.isdigit() and len(value) < 12):
        raise InvalidInput(f"{setting.key} cannot be “{value}”.", reason)
    if not setting.smallest <= int(value) <= setting.largest:
        raise InvalidInput(f"{setting.key} cannot be {value}.", reason)
    return str(int(value))


def _duration(setting: Setting, value: str) -> str:
    from aicompute_tui.domain.durations import parse_duration

    if setting.kind == "duration or none" and value.lower() == "none":
        return "none"
    if value.lower() == "none":
        raise InvalidInput(f"{setting.key} cannot be “none”.", "Give a duration like 8h; each launch may ask for more.")
    parse_duration(value)
    return value.lower().replace(" ", "")


def _usd(setting: Setting, value: str) -> str:
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(value.removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0 or amount > 10_000_000:
        raise InvalidInput(f"{setting.key} cannot be “{value}”.", "Give US dollars like 250 or 99.50.")
    return format(amount, "f")


def _flag(setting: Setting, value: str) -> str:
    words = {"true": "true", "yes": "true", "on": "true", "1": "true"}
    words |= {"false": "false", "no": "false", "off": "false", "0": "false"}
    if value.lower() in words:
        return words[value.lower()]
    raise InvalidInput(f"{setting.key} cannot be “{value}”.", "Give true or false.")


def _cidr(setting: Setting, value: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        hint = "Give addresses like 203.0.113.7/32."
        raise InvalidInput(f"{setting.key} cannot be “{value}”: {error}.", hint) from error


def _url(setting: Setting, value: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(f"{setting.key} cannot be “{value}”.", "Give an address like https://example.org/path.")
    if "@" in parts.netloc:
        raise InvalidInput(
            f"{setting.key} names a user or a password, which would be shown.", "Give the address alone."
        )
    return value


_CHECKS = {
    "choice": _choice,
    "integer": _integer,
    "duration": _duration,
    "duration or none": _duration,
    "usd": _usd,
    "flag": _flag,
    "cidr": _cidr,
    "url": _url,
}
