"""SkyPilot's public catalogue: on-demand and spot of every zone of many clouds, one CSV file for each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from aicompute_tui.clouds.aws.shipped import shipped_types
from aicompute_tui.clouds.feeds.checks import Sieve, amount, is_aws_place
from aicompute_tui.clouds.feeds.public import Dated
from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.gpu_share import parts_of
from aicompute_tui.domain.listed_offer import ListedOffer

_NEEDED = frozenset({"InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "SpotPrice", "Region"})
_MEMORY = re.compile(r"SizeInMiB['\"]?\s*:\s*(\d{1,9})(?!\d)")
_TOTAL = re.compile(r"TotalGpuMemoryInMiB['\"]?\s*:\s*(\d{1,9})(?!\d)")
_NO_GPU = ("Trainium", "Inferentia", "Gaudi", "Qualcomm", "tpu")
_PLAIN_ZONE = re.compile(r"[a-z]+\d-az\d")
"""A zone of the region itself; prices of Local Zones are not comparable with those."""
_SPOT_UNTOLD = frozenset({"vast"})
_MACHINE_UNTOLD = frozenset({"vast"})
"""Its list has what was searched for in the place of each machine's own vCPUs and memory."""
_MEMORY_OF_ALL = frozenset({"vast"})
"""Its list has the memory of all GPUs together in the place of that of each."""
_LEAST_MIB = 1024
_LARGEST = Decimal(1_000_000)
"""No machine has more of anything that is counted here."""
_NEVER = datetime.fromtimestamp(0, UTC)
_LAST_GOOD = "The last good prices stay; ask again later."
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The file of one cloud."""

    cloud: str

    def __call__(self, body: bytes, dated: Dated, sieve: Sieve) -> Iterator[ListedOffer]:
        """One offer for each type and region, its spot price the cheapest zone's."""
        found: dict[_Key, ListedOffer] = {}
        for offer in zone_offers(self, body, dated, sieve):
            key = (offer.region, offer.machine_type)
            found[key] = _cheaper(found[key], offer) if key in found else offer
        yield from found.values()

    def offer(self, line: Mapping[str, str], dated: Dated, sieve: Sieve) -> ListedOffer | None:
        """What one line tells; None where that is not to be taken."""
        region, name, zone = line["Region"].strip(" ,"), line["InstanceType"], line.get("AvailabilityZone") or ""
        if not (is_aws_place(region, name) if self.cloud == "aws" else _is_named(region, name)):
            sieve.drop("places of no known form")
            return None
        if self.cloud == "aws" and zone and not _PLAIN_ZONE.fullmatch(zone):
            return None
        on_demand, spot = amount(line["Price"]), amount(line["SpotPrice"])
        if on_demand is None and spot is None:
            sieve.drop("prices of nothing")
            return None
        facts = self._facts(line, name)
        if facts is None:
            sieve.drop("machines whose GPU memory is not told")
            return None
        spot = None if self.cloud in _SPOT_UNTOLD else spot
        return replace(
            facts,
            region=region,
            zone=zone if spot is not None else "",
            on_demand_usd_per_hour=on_demand,
            spot_usd_per_hour=spot,
            source=dated.source,
            read_at=dated.at,
            is_dated=dated.is_dated,
        )

    def _facts(self, line: Mapping[str, str], name: str) -> ListedOffer | None:
        """What the machine holds: as AWS itself reports it where that is known, else by the file."""
        shipped = shipped_types().get(name) if self.cloud == "aws" else None
        if shipped is not None:
            gpu = shipped.gpu_name, shipped.gpu_count, shipped.gpu_parts, shipped.gpu_memory_mib
            size: tuple[int | None, int | None] = shipped.vcpu_count, shipped.memory_mib
        else:
            told = _gpu(line, self.cloud)
            if told is None:
                return None
            gpu = told
            is_told = self.cloud not in _MACHINE_UNTOLD
            vcpus, gib = _number(line.get("vCPUs")), _number(line.get("MemoryGiB"))
            size = (
                int(vcpus) if is_told and vcpus else None,
                round(gib * 1024) if is_told and gib else None,
            )
        return ListedOffer(
            cloud=self.cloud, region="", machine_type=name, gpu_name=gpu[0], gpu_count=gpu[1], gpu_parts=gpu[2],
            gpu_memory_mib=gpu[3], vcpu_count=size[0], memory_mib=size[1], architecture=line.get("Arch") or "",
            on_demand_usd_per_hour=None, spot_usd_per_hour=None, source="", read_at=_NEVER,
        )  # fmt: skip


def zone_offers(catalogue: Catalogue, body: bytes, dated: Dated, sieve: Sieve) -> Iterator[ListedOffer]:
    """One offer for each line of a GPU machine. Raises BadAnswer for what is no such catalogue."""
    for line in _lines(body, sieve.title):
        if line["AcceleratorName"] and not line["AcceleratorName"].startswith(_NO_GPU):
            offer = catalogue.offer(line, dated, sieve)
            if offer is not None:
                yield offer


def _lines(body: bytes, title: str) -> Iterator[Mapping[str, str]]:
    """Raises BadAnswer for what is no such catalogue, or only the beginning of one."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadAnswer(f"{title} sends what is no text.", _LAST_GOOD) from None
    reader = csv.DictReader(io.StringIO(text))
    try:
        lacking = ", ".join(sorted(_NEEDED - set(reader.fieldnames or ())))
        if lacking:
            raise BadAnswer(f"{title} is not in the known form: it lacks {lacking}.", _LAST_GOOD)
        for line in reader:
            if None in (*line, *line.values()):
                raise BadAnswer(f"{title} is cut off in line {reader.line_num}.", _LAST_GOOD)
            yield line
    except csv.Error as error:
        raise BadAnswer(f"{title} cannot be read in line {reader.line_num}.", _LAST_GOOD, str(error)) from None
    if not text.endswith("\n"):
        raise BadAnswer(f"{title} is cut off in line {reader.line_num}.", _LAST_GOOD)


def _is_named(*names: str) -> bool:
    return all(name and name.isprintable() for name in names)


def _gpu(line: Mapping[str, str], cloud: str) -> tuple[str, int, int | None, int] | None:
    """Name, count, parts and MiB of each; a share of a GPU counts as one, with the memory of the share."""
    info = line.get("GpuInfo") or ""
    told, total, count = _MEMORY.search(info), _TOTAL.search(info), _number(line["AcceleratorCount"])
    if told is None or not count or not line["AcceleratorName"].isprintable():
        return None
    if 0 < count < 1:
        mib = int(total.group(1)) if total else 0  # what it tells besides may be that of the whole GPU
    else:
        mib = int(told.group(1)) // (int(count) if cloud in _MEMORY_OF_ALL else 1)
    if 0 < mib < _LEAST_MIB:
        mib *= 1024  # written in GiB
    return (line["AcceleratorName"], max(1, int(count)), parts_of(float(count)), mib) if mib else None


def _cheaper(known: ListedOffer, other: ListedOffer) -> ListedOffer:
    """Of two zones of one region."""
    if other.spot_usd_per_hour is None or (
        known.spot_usd_per_hour is not None and known.spot_usd_per_hour <= other.spot_usd_per_hour
    ):
        return known
    return replace(known, spot_usd_per_hour=other.spot_usd_per_hour, zone=other.zone)


def _number(text: str | None) -> Decimal | None:
    try:
        value = Decimal(text or "")
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 <= value <= _LARGEST else None
