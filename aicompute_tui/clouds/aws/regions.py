"""Names and countries of AWS regions, and which partition a code belongs to."""

from __future__ import annotations

from collections.abc import Iterable

from aicompute_tui.domain.offer import Region

REGIONS: dict[str, tuple[str, str]] = {
    "ca-central-1": ("Canada (Central)", "CA"),
    "ca-west-1": ("Canada West (Calgary)", "CA"),
    "us-east-1": ("US East (N. Virginia)", "US"),
    "us-east-2": ("US East (Ohio)", "US"),
    "us-west-1": ("US West (N. California)", "US"),
    "us-west-2": ("US West (Oregon)", "US"),
    "mx-central-1": ("Mexico (Central)", "MX"),
    "sa-east-1": ("South America (Sao Paulo)", "BR"),
    "eu-west-1": ("Europe (Ireland)", "IE"),
    "eu-west-2": ("Europe (London)", "GB"),
    "eu-west-3": ("Europe (Paris)", "FR"),
    "eu-central-1": ("Europe (Frankfurt)", "DE"),
    "eu-central-2": ("Europe (Zurich)", "CH"),
    "eu-north-1": ("Europe (Stockholm)", "SE"),
    "eu-south-1": ("Europe (Milan)", "IT"),
    "eu-south-2": ("Europe (Spain)", "ES"),
    "ap-northeast-1": ("Asia Pacific (Tokyo)", "JP"),
    "ap-northeast-2": ("Asia Pacific (Seoul)", "KR"),
    "ap-northeast-3": ("Asia Pacific (Osaka)", "JP"),
    "ap-southeast-1": ("Asia Pacific (Singapore)", "SG"),
    "ap-southeast-2": ("Asia Pacific (Sydney)", "AU"),
    "ap-southeast-3": ("Asia Pacific (Jakarta)", "ID"),
    "ap-southeast-4": ("Asia Pacific (Melbourne)", "AU"),
    "ap-southeast-5": ("Asia Pacific (Malaysia)", "MY"),
    "ap-southeast-6": ("Asia Pacific (New Zealand)", "NZ"),
    "ap-southeast-7": ("Asia Pacific (Thailand)", "TH"),
    "ap-south-1": ("Asia Pacific (Mumbai)", "IN"),
    "ap-south-2": ("Asia Pacific (Hyderabad)", "IN"),
    "ap-east-1": ("Asia Pacific (Hong Kong)", "HK"),
    "ap-east-2": ("Asia Pacific (Taipei)", "TW"),
    "me-south-1": ("Middle East (Bahrain)", "BH"),
    "me-central-1": ("Middle East (UAE)", "AE"),
    "il-central-1": ("Israel (Tel Aviv)", "IL"),
    "af-south-1": ("Africa (Cape Town)", "ZA"),
}
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
    "eusc-": "aws-eusc",
}


def partition(region: str) -> str:
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def named_region(code: str, enabled: bool | None) -> Region:
    """A region by its code, with the name and country we know."""
    name, country = REGIONS.get(code, (code, None))
    return Region(code=code, name=name, country=country, enabled=enabled)


def ordered(found: Iterable[Region]) -> list[Region]:
    """Canada first, then by country and name."""
    return sorted(found, key=lambda each: (each.country != "CA", each.country or "~", each.name))


def known() -> list[Region]:
    """Every region we know the name of; whether an account has enabled it is not known here."""
    return ordered(named_region(code, None) for code in REGIONS)
