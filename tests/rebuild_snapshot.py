"""Makes the price lists that ship with the package anew, from files of SkyPilot's catalogue that were fetched before.

python -m tests.rebuild_snapshot FOLDER --read-on 2026-11-20

FOLDER holds `CLOUD.csv` for any of aws, lambda, runpod and vast, and `commits.json` with the commit of each. Nothing is
written unless every check holds.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from aicompute_tui.clouds.feeds.checks import Sieve, believed, check
from aicompute_tui.clouds.feeds.public import Dated
from aicompute_tui.clouds.feeds.skypilot import Catalogue, zone_offers
from aicompute_tui.domain.errors import AicError, BadAnswer
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.settings.packaged import DATA

CLOUDS = ("aws", "lambda", "runpod", "vast")
_AWS_COLUMNS = ("instance_type", "region", "on_demand_usd_per_hour", "spot_min_usd_per_hour", "spot_max_usd_per_hour")
_GPU_COLUMNS = ("provider", "offer", "gpu_name", "gpu_count", "vcpus", "memory_gib", "gpu_memory_gib",
                "on_demand_usd_per_hour", "spot_usd_per_hour", "region")  # fmt: skip
_RATIO_SLIP = Decimal("0.01")
Lines = list[tuple[object, ...]]


def rebuild(recorded: Path, target: Path, read_on: date) -> list[str]:
    """What was made, a line each. Raises AicError, and writes nothing, where a check fails."""
    commits: Mapping[str, str] = json.loads((recorded / "commits.json").read_bytes())
    bodies = {
        cloud: (recorded / f"{cloud}.csv").read_bytes() for cloud in CLOUDS if (recorded / f"{cloud}.csv").exists()
    }
    sources = json.loads((target / "price-sources.json").read_text(encoding="utf-8"))
    others = _kept_lines(target / "gpu-cloud-prices.csv", without=set(bodies))
    told: list[str] = []
    files: dict[str, str] = {}
    for cloud, body in bodies.items():
        present = _count(target, cloud)
        lines = _aws_lines(body, present) if cloud == "aws" else _gpu_lines(cloud, body, present)
        told.append(f"{cloud}: {len(lines)} offers, {present} before")
        if cloud == "aws":
            files["aws-gpu-prices.csv"] = _csv(_AWS_COLUMNS, lines)
        else:
            others += [tuple(map(str, line)) for line in lines]
        words = f"snapshot skypilot-catalog {commits[cloud][:8]}, read {read_on}, price date unknown"
        sources[cloud] = {"source": words, "read_on": str(read_on)}
    if set(bodies) - {"aws"}:
        files["gpu-cloud-prices.csv"] = _csv(_GPU_COLUMNS, sorted(others, key=lambda line: CLOUDS.index(str(line[0]))))
    files["price-sources.json"] = json.dumps(sources, indent=1) + "\n"
    for name, text in files.items():
        (target / name).write_text(text, encoding="utf-8", newline="")
    return told


def _aws_lines(body: bytes, present: int) -> Lines:
    """On-demand, and the cheapest and the dearest zone, of each type and region."""
    title = "aws.csv"
    sieve = Sieve(title)
    zones: dict[tuple[str, str], list[ListedOffer]] = {}
    for offer in believed(zone_offers(Catalogue("aws"), body, _undated(title), sieve), sieve):
        zones.setdefault((offer.machine_type, offer.region), []).append(offer)
    sieve.taken = len(zones)
    check(sieve, present)
    lines: Lines = []
    for (name, region), offers in sorted(zones.items()):
        on_demand = {each.on_demand_usd_per_hour for each in offers if each.on_demand_usd_per_hour is not None}
        if len(on_demand) > 1:
            raise BadAnswer(f"{name} has {len(on_demand)} on-demand prices in {region}.")
        spot = [each.spot_usd_per_hour for each in offers if each.spot_usd_per_hour is not None]
        lines.append((name, region, *map(_text, (min(on_demand, default=None), min(spot, default=None),
                                                 max(spot, default=None)))))  # fmt: skip
    _check_ratios(lines)
    return lines


def _check_ratios(lines: Lines) -> None:
    """Within a family every region has its own level, the same for each size: a slip would stand out."""
    prices = {(str(name), str(region)): Decimal(str(usd)) for name, region, usd, *_ in lines if usd}
    levels: dict[tuple[str, str], tuple[str, Decimal]] = {}
    for (name, region), usd in sorted(prices.items()):
        home = prices.get((name, "us-east-1"))
        if home is None:
            continue
        known, level = levels.setdefault((name.partition(".")[0], region), (name, usd / home))
        if abs(usd / home / level - 1) > _RATIO_SLIP:
            raise BadAnswer(f"{name} in {region} is at {usd / home:.3f} of us-east-1, {known} at {level:.3f}.")


def _gpu_lines(cloud: str, body: bytes, present: int) -> Lines:
    title = f"{cloud}.csv"
    sieve = Sieve(title)
    offers = believed(Catalogue(cloud)(body, _undated(title), sieve), sieve)
    check(sieve, present)
    return [
        (
            cloud,
            offer.machine_type,
            offer.gpu_name,
            offer.gpu_count,
            _text(offer.vcpu_count),
            _text(None if offer.memory_mib is None else Decimal(offer.memory_mib) / 1024),
            f"{offer.gpu_memory_mib / 1024:.2f}",
            _text(offer.on_demand_usd_per_hour),
            _text(offer.spot_usd_per_hour),
            offer.region,
        )
        for offer in offers
    ]


def _undated(title: str) -> Dated:
    return Dated(title, datetime.fromtimestamp(0, UTC), is_dated=False)


def _text(figure: Decimal | int | None) -> str:
    return "" if figure is None else f"{figure:f}" if isinstance(figure, Decimal) else str(figure)


def _count(target: Path, cloud: str) -> int:
    if cloud == "aws":
        with (target / "aws-gpu-prices.csv").open(encoding="utf-8", newline="") as file:
            return sum(1 for _ in csv.DictReader(file))
    return len(_kept_lines(target / "gpu-cloud-prices.csv", without=set(CLOUDS) - {cloud}))


def _kept_lines(path: Path, without: set[str]) -> list[tuple[object, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["provider"] not in without]
    return [tuple(row[name] for name in _GPU_COLUMNS) for row in rows]


def _csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue()


def main(words: Sequence[str], write: Callable[[str], object] = print) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rebuild_snapshot", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--read-on", type=date.fromisoformat, required=True)
    parser.add_argument("--target", type=Path, default=DATA)
    arguments = parser.parse_args(words)
    try:
        for line in rebuild(arguments.folder, arguments.target, arguments.read_on):
            write(line)
    except AicError as error:
        write(f"{error.message} Nothing was written.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
