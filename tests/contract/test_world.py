"""The embedded world fails on request, tells what it was asked, and ends with whoever started it."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from tests.contract.world_calls import (
    client,
    launch,
    order,
    refusal,
    wait_for,
)
from tests.world import (
    FIRST_ACCOUNT,
    OPERATOR_ADDRESS,
    World,
    start_world,
)


def test_a_fault_is_spent_on_the_calls_it_names(world: World) -> None:
    world.faults(
        {
            "action": "RunInstances",
            "code": "InsufficientInstanceCapacity",
            "message": "We currently do not have sufficient capacity",
            "region": "ca-central-1",
            "match": {"Placement.AvailabilityZone": "ca-central-1a"},
        }
    )
    run = client(world, "ec2").run_instances
    in_a = order(world, "a", Placement={"AvailabilityZone": "ca-central-1a"})
    launch(world, order(world, "b", Placement={"AvailabilityZone": "ca-central-1b"}))
    assert refusal(run, **in_a) == ("InsufficientInstanceCapacity", 500)
    launch(world, in_a)


@pytest.mark.parametrize(("service", "action"), [("ec2", "describe_instances"), ("sts", "get_caller_identity")])
def test_a_fault_speaks_the_protocol_of_its_service(world: World, service: str, action: str) -> None:
    world.faults({"code": "RequestLimitExceeded", "message": "slow & steady <3", "times": -1})
    for _ in range(2):
        assert refusal(getattr(client(world, service), action)) == ("RequestLimitExceeded", 503)
    world.faults({"code": "AccessDeniedException", "message": "no", "status": 400})
    ask = client(world, "service-quotas").list_service_quotas
    assert refusal(ask, ServiceCode="ec2") == ("AccessDeniedException", 400)


def test_html_instead_of_xml(world: World) -> None:
    world.faults({"action": "DescribeInstances", "html": "<html><body>Log in to the hotel network</html>"})
    with pytest.raises(Exception, match="Unable to parse response"):
        client(world, "ec2").describe_instances()


def test_a_connection_dropped_before_and_after_the_launch(world: World) -> None:
    for effect, made in (("drop_before", 0), ("drop_after", 1)):
        world.reset()
        wanted = order(world)
        world.faults({"action": "RunInstances", effect: True})
        with pytest.raises(BotoCoreError):
            launch(world, wanted)
        assert len(world.machines()) == made
        (entry,) = world.log("RunInstances")
        assert (entry["status"], entry["answered"]) == (200 if made else None, False)
        assert len(entry["instance_ids"]) == made
        assert launch(world, wanted)["InstanceId"] == world.machines()[0]["instance_id"]


def test_an_answer_is_held_until_it_is_released(world: World) -> None:
    wanted = order(world)
    world.faults({"action": "RunInstances", "hold_after": True})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(launch, world, wanted)
        wait_for(lambda: len(world.machines()) == 1)
        assert not answer.done()
        assert client(world, "ec2").describe_instances()["Reservations"]
        world.release()
        assert answer.result(20)["InstanceId"] == world.machines()[0]["instance_id"]


def test_a_delay(world: World) -> None:
    world.faults({"action": "GetCallerIdentity", "delay": 0.3})
    began = time.monotonic()
    client(world, "sts").get_caller_identity()
    assert time.monotonic() - began >= 0.3


def test_the_journal_tells_what_was_asked_and_answered(world: World) -> None:
    machine = launch(world, order(world))
    refusal(client(world, "ec2", "us-east-1").describe_instances, InstanceIds=["i-0123456789abcdef0"])
    entries = world.log()
    assert [entry["number"] for entry in entries] == sorted(entry["number"] for entry in entries)
    (run,) = world.log("RunInstances")
    assert (run["region"], run["account"], run["status"], run["error"]) == ("ca-central-1", FIRST_ACCOUNT, 200, None)
    assert run["instance_ids"] == [machine["InstanceId"]]
    assert run["parameters"]["ClientToken"] == "token-1"
    assert "UserData" not in run["parameters"]
    last = entries[-1]
    assert (last["action"], last["region"], last["status"], last["error"]) == (
        "DescribeInstances",
        "us-east-1",
        400,
        "InvalidInstanceID.NotFound",
    )
    assert last["parameters"]["InstanceId.1"] == "i-0123456789abcdef0"


def test_check_ip_and_reset(world: World) -> None:
    with urllib.request.urlopen(f"{world.url}/checkip", timeout=10) as answer:
        assert answer.read().decode().strip() == OPERATOR_ADDRESS
    launch(world, order(world))
    world.reset()
    assert world.machines() == []
    assert world.log() == []
    assert client(world, "ec2").describe_instances()["Reservations"] == []


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[tuple[Any, World]]:
    process, world = start_world(tmp_path, ["--seed-machines", "--boot-seconds", "1"])
    yield process, world
    process.kill()
    process.communicate()


def test_the_world_begins_with_machines_listens_on_loopback_alone_and_ends_with_its_parent(
    own_world: tuple[Any, World],
) -> None:
    process, world = own_world
    machines = world.machines()
    assert len({machine["region"] for machine in machines}) == 2
    assert {machine["state"] for machine in machines} == {"running"}
    assert len(world.machines(everything=True)) == len(machines) + 1
    port = int(world.url.rpartition(":")[2])
    with pytest.raises(OSError), socket.create_connection((_outside_address(), port), timeout=2):
        pass
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def _outside_address() -> str:
    """An address of this computer that is not the one the world listens on."""
    return "127.0.0.2"
