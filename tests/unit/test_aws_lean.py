"""What is left out of AWS's answers is nothing that is used, and times mean what botocore takes them for."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from botocore.utils import parse_timestamp

from aicompute_tui.clouds.aws.lean import MACHINE_MEMBERS, lean_loader, parse_moment


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T08:55:00Z",
        "2026-11-20T08:55:00.000Z",
        "2026-11-20T08:55:00+02:00",
        "Fri, 20 Nov 2026 08:55:00 GMT",
        1_795_164_900,
        1_795_164_900.5,
        "1795164900",
    ],
)
def test_a_time_is_the_moment_botocore_reads(value: object) -> None:
    assert parse_moment(value) == parse_timestamp(value)


def test_a_machine_keeps_the_members_that_are_used_and_all_else_stays() -> None:
    whole = Loader().load_service_model("ec2", "service-2")
    lean = lean_loader()
    for _ in range(2):
        model = lean.load_service_model("ec2", "service-2")
        assert set(model["shapes"]["Instance"]["members"]) == MACHINE_MEMBERS
    assert set(whole["shapes"]["Instance"]["members"]) > MACHINE_MEMBERS
    whole["shapes"]["Instance"] = model["shapes"]["Instance"]
    assert model == whole
