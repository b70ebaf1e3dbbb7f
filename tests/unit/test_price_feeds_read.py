"""Reading price feeds: real lines of the catalogue, AWS's own shapes, and what is not to be believed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.clouds.feeds.fetch import moment_of
from aicompute_tui.clouds.feeds.public import PublicFeed
from aicompute_tui.clouds.feeds.registry import public_feeds
from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import OfferTable

DATA = Path(__file__).resolve().parents[1] / "data" / "price_feeds"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AWS_HEADER = (
    "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,"
    "GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch\n"
)
L4 = "{'Gpus': [{'Name': 'L4', 'Count': 1, 'MemoryInfo': {'SizeInMiB': 22888}}], 'TotalGpuMemoryInMiB': 22888}"


def feed(name: str) -> PublicFeed:
    found = next(each for each in public_feeds() if each.id == name)
    assert isinstance(found, PublicFeed)
    return found


def read(name: str, body: bytes, known_offers: int = 0) -> tuple[OfferTable, str]:
    return feed(name).table(body, None, NOW, known_offers)


def offers(name: str, body: bytes | None = None) -> dict[str, ListedOffer]:
    table, _ = read(name, body or (DATA / f"{name}.csv").read_bytes())
    return {f"{each.machine_type}@{each.region}": each for each in map(table.offer, range(len(table)))}


def line(name: str = "g6.xlarge", **told: str) -> str:
    known = {"price": "0.8", "spot": "0.3", "region": "us-east-1", "zone": "use1-az1", "info": L4, "gpu": "L4"}
    known |= {"count": "1.0", "arch": "x86_64", **told}
    return _LINE.format(name=name, **known)


_LINE = '{name},{gpu},{count},4.0,16.0,"{info}",{price},{spot},{region},{zone},{arch}\n'


def catalogue(*lines: str) -> bytes:
    return (AWS_HEADER + "".join(lines)).encode()


_MEMORY = "{'SizeInMiB': %s}"


def other_cloud(name: str = "gpu_1x_h100", **told: str) -> bytes:
    return catalogue(line(name, **{"zone": "", "info": (_MEMORY % 81920), **told}))


def spot_feed(*sizes: tuple[str, str], region: str = "us-east-1") -> bytes:
    listed = [{"size": name, "valueColumns": [{"name": "linux", "prices": {"USD": price}}]} for name, price in sizes]
    regions = [{"region": region, "instanceTypes": [{"type": "gpuInstancesCurrentGen", "sizes": listed}]}]
    return json.dumps({"vers": 0.01, "config": {"rate": "perhr", "regions": regions}}).encode()


def advisor(told: Any, region: str = "ca-central-1") -> bytes:
    labels = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
    ranges = [{"index": index, "label": label} for index, label in enumerate(labels)]
    return json.dumps({"ranges": ranges[::-1], "spot_advisor": {region: {"Linux": told, "Windows": {}}}}).encode()


def test_an_offer_of_aws_has_the_price_of_its_cheapest_zone_and_aws_own_figures() -> None:
    found = offers("skypilot-aws")
    assert set(found) == {"g6.16xlarge@ap-northeast-2", "g6.16xlarge@ca-central-1", "g6.24xlarge@ca-central-1"}
    g6 = found["g6.16xlarge@ca-central-1"]
    assert (g6.spot_usd_per_hour, g6.zone, g6.on_demand_usd_per_hour) == (
        Decimal("1.0601"), "cac1-az2", Decimal("3.7716")
    )  # fmt: skip
    four = found["g6.24xlarge@ca-central-1"]
    assert (four.gpu_count, four.gpu_memory_mib, four.memory_mib, four.architecture) == (4, 22_888, 393_216, "x86_64")
    assert four.zone == "cac1-az1"
    assert (four.source, four.read_at, four.is_dated) == ("SkyPilot's catalogue of AWS", NOW, False)


def test_memory_of_all_gpus_is_told_for_each_and_a_placeholder_is_no_price() -> None:
    found = offers("skypilot-vast")
    two = found["2x-H200-32-65536@France, FR, EU"]
    assert (two.gpu_count, two.gpu_memory_mib, two.spot_usd_per_hour, two.vcpu_count) == (2, 143_771, None, None)
    assert found["4x-H200-32-65536@US, NA"].gpu_memory_mib == 143_771
    assert "2x-RTX_5090-32-65536@Hafnarfjarðarkaupstaður, IS, EU" in found
    eight = offers("skypilot-lambda")["gpu_8x_v100_n@us-east-1"]
    assert (eight.gpu_count, eight.gpu_memory_mib, eight.vcpu_count, eight.memory_mib) == (8, 16_384, 88, 458_752)


def test_a_share_of_a_gpu_counts_as_one_with_the_memory_of_the_share_and_arm_is_told() -> None:
    share = "{'Gpus': [{'Name': 'L4', 'Count': 0, 'MemoryInfo': {'SizeInMiB': 22888}}], 'TotalGpuMemoryInMiB': 5722}"
    found = offers("skypilot-aws", catalogue(
        line("g6f.xlarge", count="0.25", info=share), line("g5g.xlarge", gpu="T4g", arch="arm64"),
        line("g9z.xlarge", gpu="NEW", count="0.25", info=share), line("g9z.8xlarge", gpu="NEW", count="2.0"),
    ))  # fmt: skip
    known, new = found["g6f.xlarge@us-east-1"], found["g9z.xlarge@us-east-1"]
    assert known.gpu_count == new.gpu_count == 1
    assert known.gpu_memory_mib < 22_888
    assert new.gpu_memory_mib == 5_722
    assert found["g5g.xlarge@us-east-1"].architecture == "arm64"
    assert (found["g9z.8xlarge@us-east-1"].gpu_name, found["g9z.8xlarge@us-east-1"].gpu_count) == ("NEW", 2)


def test_which_share_of_a_gpu_it_is_is_told_where_it_is_an_even_part() -> None:
    share = "{'Gpus': [{'MemoryInfo': {'SizeInMiB': 24576}}], 'TotalGpuMemoryInMiB': 4096}"
    found = offers("skypilot-aws", catalogue(
        line("g6f.large", gpu="L4", count="0.0", info=share), line("g9f.large", count="0.167", info=share),
        line("g9f.xlarge", count="0.75", info=share), line("g9f.2xlarge", count="1e-30", info=share), line(),
        line("g9f.untold", count="0.25", info=_MEMORY % 24_576),
    ))  # fmt: skip
    assert {name.partition("@")[0]: offer.gpu_parts for name, offer in found.items()} == {
        "g6f.large": 8, "g9f.large": 6, "g9f.xlarge": None, "g9f.2xlarge": None, "g6.xlarge": 1,
    }, "nor is the memory of the whole GPU taken for that of a share"  # fmt: skip


def test_zones_outside_the_region_and_machines_without_a_gpu_are_no_offers() -> None:
    found = offers("skypilot-aws", catalogue(
        line(zone="use1-az4", spot="0.31"), line(zone="use1-atl2-az1", spot="0.01"),
        line("inf2.xlarge", gpu="Inferentia2"), line("c5.large", gpu="", count="", info=""),
    ))  # fmt: skip
    assert set(found) == {"g6.xlarge@us-east-1"}
    assert found["g6.xlarge@us-east-1"].spot_usd_per_hour == Decimal("0.31")


def test_the_spot_feed_names_old_regions_anew_and_leaves_out_what_has_no_price() -> None:
    body = spot_feed(("g5.xlarge", "0.42"), ("g6.xlarge", "N/A*"), ("m5.large", "0.03"), ("g5.99xlarge", "9.9"),
                     region="us-east")  # fmt: skip
    table, left_out = read("aws-spot", b"callback(" + body + b");")
    assert [table.row_id(row) for row in range(len(table))] == ["aws/us-east-1/g5.xlarge"]
    assert table.offer(0).spot_usd_per_hour == Decimal("0.42")
    assert left_out == "GPU machines not known here: 1"


def test_the_advisor_tells_bands_by_their_index() -> None:
    table, _ = read("aws-advisor", advisor({"g5.xlarge": {"s": 65, "r": 1}, "t3.nano": {"s": 1, "r": 4}}))
    offer = table.offer(0)
    assert len(table) == 1
    assert (offer.interruption_index, offer.interruption_band, offer.advised_saving_percent) == (1, "5-10%", 65)
    assert table.word("interruption_source", 0) == "AWS's spot advisor"
    assert (offer.spot_usd_per_hour, offer.on_demand_usd_per_hour) == (None, None)


def test_a_spot_price_far_above_on_demand_is_left_out_and_told() -> None:
    good = [line(region=f"us-east-{number}", zone=f"use{number}-az1") for number in range(1, 10)]
    table, left_out = read("skypilot-aws", catalogue(*good, line("g5.xlarge", price="1", spot="1.6")))
    dear = next(table.offer(row) for row in range(len(table)) if table.word("machine_type", row) == "g5.xlarge")
    assert (dear.spot_usd_per_hour, dear.on_demand_usd_per_hour, dear.zone) == (None, Decimal(1), "")
    assert left_out == "spot prices above 1.5 × on-demand: 1"


REFUSED = {
    "nothing but zeros": ("aws-spot", spot_feed(("g5.xlarge", "0"), ("g6.xlarge", "0.00")), "prices of nothing"),
    "many zeros": (
        "aws-spot",
        spot_feed(("g5.xlarge", "0"), ("g5.2xlarge", "0"), ("g6.xlarge", "0.3"), ("g6.2xlarge", "0.4")),
        "2 prices of nothing beside 2 good ones",
    ),
    "negative and endless": ("skypilot-aws", catalogue(line(price="-1", spot="NaN")), "prices of nothing"),
    "no GPU machine": ("skypilot-aws", catalogue(line("c5.large", gpu="", count="")), "no price of a GPU machine"),
    "dear spot everywhere": (
        "skypilot-aws",
        catalogue(line(spot="9"), line("g5.xlarge", spot="9")),
        "spot prices above 1.5",
    ),
    "places of no form": (
        "skypilot-aws",
        catalogue(line(region="x y"), line(region="??"), line()),
        "2 places of no known form",
    ),
    "cut within a line": ("skypilot-aws", catalogue(line(), line())[:-30], "cut off"),
    "cut after a field": ("skypilot-aws", catalogue(line(), "g5.xlarge,A10G,1.0\n"), "cut off in line 3"),
    "other columns": ("skypilot-aws", b"a,b\n1,2\n", "it lacks AcceleratorCount"),
    "no text": ("skypilot-aws", b"\xff\xfe\x00", "no text"),
    "half of a JSON": ("aws-spot", spot_feed(("g5.xlarge", "0.4"))[:-20], "cut off"),
    "another JSON": ("aws-spot", b'{"prices": []}', "not in the known form"),
    "an endless saving": ("aws-advisor", advisor({"g5.xlarge": {"s": float("inf"), "r": 1}}), "not in the known form"),
    "prices that round to nothing": ("skypilot-aws", catalogue(line(price="1e-30", spot="1e-12")), "prices of nothing"),
    "lines of an old machine": ("skypilot-aws", AWS_HEADER.replace("\n", "\r").encode() + b"x\r", "cannot be read"),
    "a header without end": ("skypilot-aws", b"a" * 200_000 + b"\n", "cannot be read in line"),
    "memory without end": ("skypilot-lambda", other_cloud(info=_MEMORY % ("9" * 5000)), "no price of a GPU machine"),
    "memory beyond any": ("skypilot-lambda", other_cloud(info=_MEMORY % ("9" * 20)), "no price of a GPU machine"),
    "GPUs beyond any": ("skypilot-lambda", other_cloud(count="1e999999999"), "no price of a GPU machine"),
    "a name that drives a terminal": ("skypilot-lambda", other_cloud("gpu\x1b[31m"), "no price of a GPU machine"),
    "a list": ("aws-advisor", b"[]", "not in the known form"),
    "bands without names": (
        "aws-advisor",
        b'{"ranges": [], "spot_advisor": {"a": {"Linux": {"g5.xlarge": 1}}}}',
        "form",
    ),
}  # fmt: skip


@pytest.mark.parametrize("day", REFUSED)
def test_what_is_not_to_be_believed_is_refused_in_one_sentence(day: str) -> None:
    name, body, words = REFUSED[day]
    with pytest.raises(BadAnswer) as refused:
        read(name, body)
    assert words in refused.value.message
    assert refused.value.message.endswith(".")
    assert "last good prices stay" in refused.value.next_step


def test_sizes_beyond_any_machine_are_unknown() -> None:
    body = other_cloud().replace(b",4.0,16.0,", b",1e12,1e20,")
    [offer] = offers("skypilot-lambda", body).values()
    assert (offer.vcpu_count, offer.memory_mib, offer.gpu_memory_mib) == (None, None, 81920)


def test_a_date_without_a_zone_is_utc() -> None:
    assert moment_of("Sat, 21 Nov 2026 12:00:00 -0000") == NOW
    assert moment_of("Sat, 21 Nov 99999999999 12:00:00 GMT") is None, "nor is what no calendar holds"


def test_a_feed_that_lost_most_of_its_offers_is_refused() -> None:
    body = catalogue(*(line(region=f"us-east-{number}", zone=f"use{number}-az1") for number in range(1, 10)))
    assert len(read("skypilot-aws", body, known_offers=15)[0]) == 9
    with pytest.raises(BadAnswer, match="has only 9 offers, where it had 40"):
        read("skypilot-aws", body, known_offers=40)
