"""What AWS's own web pages are fed with: spot prices by region, and how often spot machines are taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from aicompute_tui.clouds.aws.catalogue import family_of
from aicompute_tui.clouds.aws.shipped import ShippedType, shipped_types
from aicompute_tui.clouds.feeds.checks import Sieve, amount, is_aws_place
from aicompute_tui.clouds.feeds.public import Dated
from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.listed_offer import ListedOffer

_LAST_GOOD = "The last good prices stay; ask again later."
_OLD_NAMES = {
    "us-east": "us-east-1",
    "us-west": "us-west-1",
    "eu-ireland": "eu-west-1",
    "apac-sin": "ap-southeast-1",
    "apac-syd": "ap-southeast-2",
    "apac-tokyo": "ap-northeast-1",
}
_NOT_PRICED = frozenset({"", "N/A", "N/A*"})
_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError)


def spot_prices(body: bytes, dated: Dated, sieve: Sieve) -> Iterator[ListedOffer]:
    """Spot of Linux by region; the feed names no zone. Types whose GPU is not known here are left out."""
    content = _json(body, sieve.title)
    try:
        for place in content["config"]["regions"]:
            region = _OLD_NAMES.get(place["region"], place["region"])
            for group in place["instanceTypes"]:
                for size in group["sizes"]:
                    text = next((each["prices"]["USD"] for each in size["valueColumns"] if each["name"] == "linux"), "")
                    offer = _spot_offer(region, size["size"], str(text), dated, sieve)
                    if offer is not None:
                        yield offer
    except _UNREADABLE as error:
        raise _unknown_form(sieve.title, error) from None


def _spot_offer(region: str, name: str, text: str, dated: Dated, sieve: Sieve) -> ListedOffer | None:
    machine = _gpu_type(name, sieve)
    if machine is None or text.strip() in _NOT_PRICED or region.count("-") > 2:  # a Local Zone
        return None
    if not is_aws_place(region, name):
        sieve.drop("places of no known form")
        return None
    price = amount(text)
    if price is None:
        sieve.drop("prices of nothing")
        return None
    return ListedOffer(**_machine(machine, region, dated), on_demand_usd_per_hour=None, spot_usd_per_hour=price)


def interruptions(body: bytes, dated: Dated, sieve: Sieve) -> Iterator[ListedOffer]:
    """How often spot machines of Linux were taken back within a month, as one of the advisor's own bands."""
    content = _json(body, sieve.title)
    try:
        bands = {int(each["index"]): str(each["label"]) for each in content["ranges"]}
        for region, systems in content["spot_advisor"].items():
            for name, told in systems.get("Linux", {}).items():
                machine = _gpu_type(name, sieve)
                if machine is None:
                    continue
                index = int(told["r"])
                if index not in bands or not is_aws_place(region, name):
                    sieve.drop("places of no known form")
                    continue
                saving = int(told["s"])
                yield ListedOffer(
                    **_machine(machine, region, dated), on_demand_usd_per_hour=None, spot_usd_per_hour=None,
                    interruption_index=index, interruption_band=bands[index],
                    advised_saving_percent=saving if 0 <= saving <= 100 else None,
                )  # fmt: skip
    except _UNREADABLE as error:
        raise _unknown_form(sieve.title, error) from None


def _gpu_type(name: str, sieve: Sieve) -> ShippedType | None:
    machine = shipped_types().get(name)
    if machine is None and family_of(name) in _families():
        sieve.drop("GPU machines not known here")
    return machine


@cache
def _families() -> frozenset[str]:
    return frozenset(family_of(name) for name in shipped_types())


def _machine(machine: ShippedType, region: str, dated: Dated) -> dict[str, Any]:
    return {
        "cloud": "aws",
        "region": region,
        "machine_type": machine.name,
        "gpu_name": machine.gpu_name,
        "gpu_count": machine.gpu_count,
        "gpu_parts": machine.gpu_parts,
        "gpu_memory_mib": machine.gpu_memory_mib,
        "vcpu_count": machine.vcpu_count,
        "memory_mib": machine.memory_mib,
        "architecture": machine.architecture,
        "source": dated.source,
        "read_at": dated.at,
        "is_dated": dated.is_dated,
    }


def _json(body: bytes, title: str) -> Mapping[str, Any]:
    """Also where it is wrapped for a script, as such feeds once were. Raises BadAnswer."""
    text = body.strip().removeprefix(b"callback(").removesuffix(b";").removesuffix(b")")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadAnswer(f"{title} is cut off, or is no JSON.", _LAST_GOOD, str(error)) from None
    if not isinstance(content, dict):
        raise BadAnswer(f"{title} is not in the known form.", _LAST_GOOD)
    return content


def _unknown_form(title: str, error: Exception) -> BadAnswer:
    return BadAnswer(f"{title} is not in the known form.", _LAST_GOOD, f"{type(error).__name__}: {error}")
