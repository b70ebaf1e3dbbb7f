"""From what a person typed and prefers to a complete launch specification."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.expiry import check_ttl, default_max_ttl_seconds
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import DEFAULT_INSTANCE_TYPE, DEFAULT_REGION, DEFAULT_VOLUME_GIB, LaunchSpec
from aicompute_tui.services.arguments import duration_or_none, flag, integer, price, text, texts
from aicompute_tui.services.context import Arguments, Context, Preferences
from aicompute_tui.services.serving_context import asked_context, check_launch_context, settled_context
from aicompute_tui.services.templates import based
from aicompute_tui.services.user_data import check_model

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TAG_KEY = re.compile(r"[A-Za-z0-9+\-=.,_:@]{1,127}")
_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_MOST_MACHINES = 20


async def resolve_spec(context: Context, arguments: Arguments) -> tuple[LaunchSpec, int]:
    """The specification and how many machines of it. Raises InvalidInput, NotConfigured."""
    asked, arguments = arguments, await based(context, arguments)
    check_launch_context(asked, text(arguments, "framework") or context.preferences.text("framework").strip() or "none")
    credential = await context.clouds.resolve(text(arguments, "profile"))
    preferences = context.preferences

    def choose(argument: str, key: str, fallback: str) -> str:
        return text(arguments, argument) or preferences.text(key).strip() or fallback

    region = text(arguments, "region") or region_without_a_word(preferences, credential)
    ttl_seconds = _ttl(arguments, choose("ttl", "ttl", "8h"))
    max_ttl = text(arguments, "max_ttl")
    max_ttl_seconds = parse_duration(max_ttl) if max_ttl else None
    check_ttl(ttl_seconds, max_ttl_seconds)
    if max_ttl_seconds is None and ttl_seconds is not None:
        max_ttl_seconds = default_max_ttl_seconds(ttl_seconds)
    volume = integer(arguments, "volume_gib", least=8, most=16_384)
    spec = LaunchSpec(
        cloud=choose("cloud", "cloud", "aws"),
        credential_id=credential.id,
        region=region,
        instance_type=choose("type", "instance_type", DEFAULT_INSTANCE_TYPE),
        market=market_named(choose("market", "market", "spot")),
        framework=choose("framework", "framework", "none"),
        models=texts(arguments, "model"),
        context=asked_context(arguments),
        ttl_seconds=ttl_seconds,
        max_ttl_seconds=max_ttl_seconds,
        idle_seconds=duration_or_none(choose("idle", "idle", "30m"), "idle"),
        max_price_usd_per_hour=price(arguments, "max_price"),
        zone=text(arguments, "zone"),
        ssh_cidr=_cidr(text(arguments, "ssh_cidr") or preferences.text("ssh_cidr").strip() or None),
        name=text(arguments, "name"),
        volume_gib=volume or int(preferences.text("volume_gib") or DEFAULT_VOLUME_GIB),
        subnet_id=text(arguments, "subnet"),
        ssh_key=text(arguments, "ssh_key"),
        tags=_tags(texts(arguments, "tag")),
        protect=_protect(arguments, preferences),
        image_id=text(arguments, "image"),
        public_keys=texts(arguments, "public_keys"),
    )
    _check_words(spec)
    count = integer(arguments, "count", least=1, most=_MOST_MACHINES) or 1
    return spec, count


async def with_context(context: Context, spec: LaunchSpec) -> LaunchSpec:
    """`spec` with the context that its model server will be told."""
    return replace(spec, context=await settled_context(context, spec.framework, spec.models, spec.context))


def region_without_a_word(preferences: Preferences, credential: Credential | None) -> str:
    """Where a launch that names no region goes: a setting of one's own, then the credential's region."""
    preferred = preferences.text("region").strip()
    region = preferred if preferences.source("region") != "built-in" else ""
    return region or (credential.region if credential is not None else None) or preferred or DEFAULT_REGION


def numbered(spec: LaunchSpec, ordinal: int, count: int, made_up_name: str) -> LaunchSpec:
    """The specification of one of `count` machines, with its own name."""
    base = spec.name or made_up_name
    return replace(spec, name=f"{base}-{ordinal + 1}" if count > 1 else base)


def _ttl(arguments: Arguments, value: str) -> int | None:
    seconds = duration_or_none(value, "ttl")
    if seconds is None and (text(arguments, "ttl_none_confirm") or "").lower() != "none":
        raise InvalidInput(
            "A machine without an end costs money until somebody remembers it.",
            "If that is meant, add --ttl-none-confirm none.",
        )
    return seconds


def market_named(value: str) -> Market:
    """Raises InvalidInput."""
    try:
        return Market(value)
    except ValueError:
        raise InvalidInput(f"“{value}” is not a market.", "Use spot or on-demand.") from None


def _protect(arguments: Arguments, preferences: Preferences) -> bool:
    """What was chosen goes before the setting. Raises InvalidInput where both were."""
    wanted, unwanted = flag(arguments, "protect"), flag(arguments, "no_protect")
    if wanted and unwanted:
        raise InvalidInput("--protect and --no-protect say two things.", "Give one of them.")
    setting = preferences.text("protect").strip().lower() in {"true", "yes", "on", "1"}
    return wanted or (setting and not unwanted)


def _cidr(value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise InvalidInput(f"“{value}” is not an address block.", "Write it like 203.0.113.7/32.") from None


def _tags(pairs: tuple[str, ...]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not _TAG_KEY.fullmatch(key) or key.lower().startswith(("aws:", "aic-tui:")):
            raise InvalidInput(
                f"“{pair}” cannot be a tag.", "Write KEY=VALUE; no spaces or slashes in the key, not aws: or aic-tui:."
            )
        tags[key] = value[:256]
    return tags


def _check_words(spec: LaunchSpec) -> None:
    if spec.name is not None and not _NAME.fullmatch(spec.name):
        raise InvalidInput(
            f"“{spec.name}” cannot be a name.", "Use letters, digits, dot, dash and underscore, up to 63."
        )
    if not _TYPE.fullmatch(spec.instance_type):
        raise InvalidInput(f"“{spec.instance_type}” is not a machine type.", "See `aic-tui instance types`.")
    if not _REGION.fullmatch(spec.region):
        raise InvalidInput(f"“{spec.region}” is not a region.", "Write it like ca-central-1.")
    for model in spec.models:
        check_model(model)
    if spec.max_price_usd_per_hour is not None and spec.market is Market.ON_DEMAND:
        raise InvalidInput("--max-price is for spot machines.", "Leave it out, or use --market spot.")
