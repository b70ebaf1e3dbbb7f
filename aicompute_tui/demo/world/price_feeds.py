"""The public price feeds, made of the dated files that ship: the same shapes, dates and conditional answers."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from hashlib import sha256

from aicompute_tui.demo.world import snapshot
from aicompute_tui.demo.world.call import Answer
from aicompute_tui.settings.packaged import DATA

_HEADER = ("InstanceType", "AcceleratorName", "AcceleratorCount", "vCPUs", "MemoryGiB", "GpuInfo", "Price",
           "SpotPrice", "Region", "AvailabilityZone", "Arch")  # fmt: skip
_RANGES = ((5, "<5%"), (11, "5-10%"), (16, "10-15%"), (22, "15-20%"), (100, ">20%"))
_AGES = {"aws-spot": timedelta(minutes=7), "aws-advisor": timedelta(hours=9)}
"""How old what AWS's pages are fed with is; the catalogue does not tell."""


def answer(name: str, asked: Mapping[str, str], zone_ids: Mapping[str, str], now: datetime) -> Answer:
    """`asked` holds a request's headers by small names."""
    makers: dict[str, Callable[[], bytes]] = {
        "aws-spot": _spot,
        "aws-advisor": _advisor,
        "skypilot-aws": lambda: _aws_catalogue(zone_ids),
        **{f"skypilot-{cloud}": partial(_catalogue, cloud) for cloud in ("lambda", "runpod", "vast")},
    }
    maker = makers.get(name)
    if maker is None:
        return Answer(404, "text/plain", b"404: Not Found")
    body = maker()
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = [("ETag", etag)]
    if name in _AGES:
        moment = (now - _AGES[name]).astimezone(UTC).replace(second=0, microsecond=0)
        headers.append(("Last-Modified", format_datetime(moment, usegmt=True)))
    if asked.get("if-none-match") == etag:
        return Answer(304, "text/plain", b"", tuple(headers))
    kind = "text/plain; charset=utf-8" if name.startswith("skypilot") else "application/json"
    return Answer(200, kind, body, tuple(headers))


def _spot() -> bytes:
    regions = []
    for region in sorted({region for _, region in snapshot.quotes()}):
        sizes = []
        for name in snapshot.spot_types(region):
            price = f"{min(snapshot.spot_prices(name, region).values()):.4f}"
            columns = [{"name": "linux", "prices": {"USD": price}}, {"name": "mswin", "prices": {"USD": "N/A*"}}]
            sizes.append({"size": name, "valueColumns": columns})
        regions.append({"region": region, "instanceTypes": [{"type": "gpuInstancesCurrentGen", "sizes": sizes}]})
    config = {"rate": "perhr", "valueColumns": ["linux", "mswin"], "currencies": ["USD"], "regions": regions}
    return json.dumps({"vers": 0.01, "config": config}).encode()


def _advisor() -> bytes:
    advice: dict[str, dict[str, dict[str, dict[str, int]]]] = {}
    for (name, region), quote in sorted(snapshot.quotes().items()):
        if quote.spot_min is None or not quote.on_demand:
            continue
        saving = max(0, round(100 * (1 - quote.spot_min / quote.on_demand)))
        rare = 2 if name.startswith("p") else 0
        rank = min(4, zlib.crc32(f"{name}/{region}".encode()) % 3 + rare)
        advice.setdefault(region, {"Linux": {}, "Windows": {}})["Linux"][name] = {"s": saving, "r": rank}
    ranges = [
        {"index": index, "label": label, "dots": index, "max": most} for index, (most, label) in enumerate(_RANGES)
    ]
    return json.dumps({"global_rate": "<10%", "ranges": ranges, "spot_advisor": advice}).encode()


def _aws_catalogue(zone_ids: Mapping[str, str]) -> bytes:
    return _csv(_aws_lines(zone_ids))


def _aws_lines(zone_ids: Mapping[str, str]) -> Iterator[tuple[object, ...]]:
    for (name, region), quote in sorted(snapshot.quotes().items()):
        try:
            gpu = snapshot.gpu(name)
        except KeyError:
            continue
        spot = snapshot.spot_prices(name, region)
        zones = spot or dict.fromkeys(snapshot.zones().get((name, region), ()))
        info = _info(gpu.name, gpu.count, gpu.memory_mib, gpu.memory_mib * max(1, gpu.count))
        for zone, price in zones.items():
            yield (name, gpu.name, float(gpu.count), float(snapshot.vcpus().get(name, 0)), 0.0, info,
                   quote.on_demand if quote.on_demand is not None else "", "" if price is None else f"{price:.6f}",
                   region, zone_ids.get(zone, ""), "x86_64")  # fmt: skip


def _catalogue(cloud: str) -> bytes:
    with (DATA / "gpu-cloud-prices.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["provider"] == cloud]
    no_spot = "0.00" if cloud == "vast" else ""
    lines = []
    for row in rows:
        count, each = int(row["gpu_count"]), round(float(row["gpu_memory_gib"]) * 1024)
        told = each * count if cloud == "vast" else each
        lines.append((row["offer"], row["gpu_name"], count, row["vcpus"], row["memory_gib"],
                      _info(row["gpu_name"], count, told, told), row["on_demand_usd_per_hour"],
                      row["spot_usd_per_hour"] or no_spot, row["region"], "", ""))  # fmt: skip
    return _csv(iter(lines))


def _info(name: str, count: int, each_mib: int, total_mib: int) -> str:
    """As the catalogue writes it: as Python would."""
    gpu = {"Name": name, "Manufacturer": "NVIDIA", "Count": count, "MemoryInfo": {"SizeInMiB": each_mib}}
    return str({"Gpus": [gpu], "TotalGpuMemoryInMiB": total_mib})


def _csv(lines: Iterator[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER)
    writer.writerows(lines)
    return text.getvalue().encode()
