"""What an engine is asked for when a container is made anew."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.recreation import Changes, recreate_request


@pytest.mark.parametrize("target", ["/data", "/data/"])
def test_a_volume_nobody_named_goes_along_with_its_name(target: str) -> None:
    asked: list[JsonObject] = [
        {"Type": "volume", "Target": target, "ReadOnly": True},
        {"Type": "volume", "Source": "models", "Target": "/models"},
        {"Type": "tmpfs", "Target": "/fast"},
    ]
    answer: JsonObject = {
        "Id": "0" * 64,
        "HostConfig": {"Mounts": [*asked]},
        "Mounts": [
            {"Type": "volume", "Name": "4f1c", "Destination": "/data", "RW": False},
            {"Type": "volume", "Name": "models", "Destination": "/models", "RW": True},
            {"Type": "volume", "Name": "9a0b", "Destination": "/scratch", "RW": True},
        ],
    }
    host = recreate_request(answer, {}, Changes(), ran=True, job_id="1")["HostConfig"]
    assert isinstance(host, dict)
    assert host["Mounts"] == [{**asked[0], "Source": "4f1c"}, *asked[1:]]
    assert host["Binds"] == ["9a0b:/scratch"]
