"""Which vCPU quota counts a machine type, by market."""

from __future__ import annotations

import re
from typing import cast

import pytest

from aicompute_tui.clouds.aws.quota import region_quotas
from aicompute_tui.clouds.aws.quota_buckets import bucket_of
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.domain.instance import Market


@pytest.mark.parametrize(
    ("instance_type", "spot", "on_demand"),
    [
        ("g4dn.xlarge", "L-3819A6DF", "L-DB2E81BA"),
        ("g5g.2xlarge", "L-3819A6DF", "L-DB2E81BA"),
        ("gr6.4xlarge", "L-3819A6DF", "L-DB2E81BA"),
        ("g7e.2xlarge", "L-3819A6DF", "L-DB2E81BA"),
        ("p3.2xlarge", "L-7212CCBC", "L-417A185B"),
        ("p4de.24xlarge", "L-7212CCBC", "L-417A185B"),
        ("p5.4xlarge", "L-C4BD4855", "L-417A185B"),
        ("p5en.48xlarge", "L-C4BD4855", "L-417A185B"),
        ("p6-b200.48xlarge", None, "L-417A185B"),
        ("trn1.2xlarge", "L-6B0D517C", "L-2C3B7624"),
        ("t3.micro", "L-34B43A08", "L-1216C47A"),
    ],
)
def test_families_and_codes(instance_type: str, spot: str | None, on_demand: str) -> None:
    for market, code in ((Market.SPOT, spot), (Market.ON_DEMAND, on_demand)):
        bucket = bucket_of(instance_type, market)
        assert bucket is not None
        assert bucket.code == code


def test_a_family_that_no_quota_is_known_for() -> None:
    assert bucket_of("u-6tb1.metal", Market.SPOT) is None


@pytest.mark.parametrize(
    ("instance_type", "name"),
    [
        ("g5.xlarge", "All G and VT Spot Instance Requests"),
        ("p4d.24xlarge", "All P4, P3 and P2 Spot Instance Requests"),
        ("p5.48xlarge", "All P5 Spot Instance Requests"),
        ("p6-b200.48xlarge", "All P6 Spot Instance Requests"),
        ("m7i.large", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"),
    ],
)
def test_the_names_aws_uses_are_recognised(instance_type: str, name: str) -> None:
    names = {
        "All G and VT Spot Instance Requests",
        "All P4, P3 and P2 Spot Instance Requests",
        "All P5 Spot Instance Requests",
        "All P6 Spot Instance Requests",
        "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
        "All Trn Spot Instance Requests",
    }
    bucket = bucket_of(instance_type, Market.SPOT)
    assert bucket is not None
    assert {each for each in names if re.fullmatch(bucket.pattern, each)} == {name}


class _Listed:
    """A region whose quotas have these names."""

    def __init__(self, *names: str) -> None:
        self._quotas = [{"QuotaName": name, "QuotaCode": f"L-{name}", "Value": 8.0} for name in names]

    def pages(self, service: str, operation: str, region: str, **more: object) -> list[dict[str, object]]:
        if operation == "list_service_quotas":
            return [{"Quotas": self._quotas}]
        return [{}]


def test_where_one_quota_counts_every_generation_of_p_it_is_listed_once() -> None:
    merged = _Listed("All P Spot Instance Requests", "All P5 Spot Instance Requests")
    found = {
        (each.family, each.reading.limit_vcpus)
        for each in region_quotas(cast("AwsSession", merged), "ca-west-1", "store")
        if each.market is Market.SPOT and each.family.startswith("P")
    }
    assert found == {("P", 8), ("P5", 8)}
