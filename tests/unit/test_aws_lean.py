"""What is left out of AWS's models and answers is nothing that is used, and times mean what botocore takes them for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.session import Session
from botocore.utils import parse_timestamp

from aicompute_tui.clouds import aws
from aicompute_tui.clouds.aws.lean import MACHINE_MEMBERS, OPERATIONS, lean_loader, parse_moment


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


def test_a_machine_keeps_the_members_that_are_used() -> None:
    machine = lean_loader().load_service_model("ec2", "service-2")["shapes"]["Instance"]
    whole = Loader().load_service_model("ec2", "service-2")["shapes"]["Instance"]
    assert set(machine["members"]) == MACHINE_MEMBERS < set(whole["members"])
    assert all(machine["members"][name] == whole["members"][name] for name in MACHINE_MEMBERS)


@pytest.mark.parametrize("service", OPERATIONS)
def test_what_is_asked_of_aws_is_what_its_models_keep(service: str) -> None:
    model = lean_loader().load_service_model(service, "service-2")
    assert {xform_name(name) for name in model["operations"]} == _asked(service)


@pytest.mark.parametrize("service", OPERATIONS)
def test_an_operation_keeps_every_shape_it_speaks_of(service: str) -> None:
    whole, lean = (each.load_service_model(service, "service-2") for each in (Loader(), lean_loader()))
    for name in OPERATIONS[service]:
        assert lean["operations"][name] == whole["operations"][name]
    model = ServiceModel(lean, service)
    for name in OPERATIONS[service]:
        operation = model.operation_model(name)
        for shape in (operation.input_shape, operation.output_shape):
            _walk(shape, set())
    for name, shape in lean["shapes"].items():
        assert name == "Instance" or shape == whole["shapes"][name]


@pytest.mark.parametrize("service", ["ec2", "ssm", "sts", "pricing", "service-quotas", "sso", "sso-oidc"])
def test_every_service_is_found_where_botocore_finds_it(service: str) -> None:
    addresses = []
    for loader in (Loader(), lean_loader()):
        session = Session()
        session.register_component("data_loader", loader)
        for region in ("us-east-1", "ca-central-1", "cn-north-1", "us-gov-west-1"):
            client = session.create_client(service, region, aws_access_key_id="a", aws_secret_access_key="b")
            addresses.append((region, client.meta.endpoint_url, client.meta.partition))
    assert addresses[: len(addresses) // 2] == addresses[len(addresses) // 2 :]


def test_what_is_left_out_leaves_all_else_as_it_was() -> None:
    whole, lean = Loader(), lean_loader()
    for name in ("pricing", "service-quotas", "sts"):
        assert lean.load_service_model(name, "service-2") == whole.load_service_model(name, "service-2")
    assert lean.load_service_model("ec2", "paginators-1") == whole.load_service_model("ec2", "paginators-1")
    assert lean.load_data("partitions") == whole.load_data("partitions")
    with pytest.raises(DataNotFoundError):
        lean.load_data("nothing-of-the-kind")


def _asked(service: str) -> set[str]:
    """The operations of the service that the sources name."""
    known = {xform_name(name) for name in Loader().load_service_model(service, "service-2")["operations"]}
    return known & {
        node.value
        for path in Path(aws.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _walk(shape: Shape | None, seen: set[str]) -> None:
    """Reads it to its leaves, as a parser and a serializer do. Raises where one is absent."""
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    inner = [*getattr(shape, "members", {}).values()] if shape.type_name == "structure" else []
    inner += [
        getattr(shape, name)
        for name in ("member", "key", "value")
        if shape.type_name in {"list", "map"} and hasattr(shape, name)
    ]
    for each in inner:
        _walk(each, seen)
