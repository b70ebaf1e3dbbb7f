"""What botocore reads of an answer: of a machine only what is used here, and its times without guessing their form."""

from __future__ import annotations

from datetime import datetime
from typing import Any

MACHINE_MEMBERS = frozenset(
    {
        "ClientToken", "InstanceId", "InstanceLifecycle", "InstanceType", "LaunchTime", "NetworkInterfaces",
        "Placement", "PrivateIpAddress", "PublicIpAddress", "SecurityGroups", "SpotInstanceRequestId", "State",
        "StateReason", "SubnetId", "Tags", "VpcId",
    }
)  # fmt: skip
"""Of EC2's Instance. A listing of thousands is mostly spent on members that nobody asks for."""


def lean_loader() -> Any:
    """A loader of botocore's models. In a thread: it imports botocore."""
    from botocore.loaders import Loader

    class LeanLoader(Loader):  # type: ignore[misc] # botocore has no types
        def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
            model = super().load_service_model(service_name, type_name, api_version)
            if (service_name, type_name) == ("ec2", "service-2"):
                machine = model["shapes"]["Instance"]
                kept = {name: shape for name, shape in machine["members"].items() if name in MACHINE_MEMBERS}
                machine["members"] = kept  # the loader keeps the model and answers this one again
            return model

    return LeanLoader()


def parse_moment(value: Any) -> datetime:
    """A time as AWS writes it; every other form is botocore's to read."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return moment
    from botocore.utils import parse_timestamp

    parsed: datetime = parse_timestamp(value)
    return parsed
