"""Spot requests: one for each spot machine, described and cancelled as AWS does."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from moto.ec2.models.instances import Instance

from aicompute_tui.demo.world.call import Answer, Call, CallError, ec2_answer, passes

_FINAL = {"closed", "cancelled"}


@dataclass(slots=True)
class SpotRequest:
    """One-time, as launched by RunInstances."""

    request_id: str
    account: str
    region: str
    instance_id: str
    instance_type: str
    zone: str
    price: str | None
    state: str = "active"
    status: str = "fulfilled"
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class SpotRequests:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[str, SpotRequest] = {}

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()

    def open(
        self, instance: Instance, account: str, region: str, price: str | None, tags: Mapping[str, str]
    ) -> SpotRequest:
        digest = f"{zlib.crc32(instance.id.encode()):08x}"
        request = SpotRequest(
            request_id=f"sir-{digest}",
            account=account,
            region=region,
            instance_id=instance.id,
            instance_type=instance.instance_type,
            zone=instance.placement.zone or "",
            price=price,
            tags=tags,
        )
        with self._lock:
            self._requests[request.request_id] = request
        return request

    def announced(self, instance_id: str) -> None:
        """The cloud has given notice to its machine."""
        with self._lock:
            for request in self._requests.values():
                if request.instance_id == instance_id and request.state not in _FINAL:
                    request.status = "marked-for-termination"

    def machine_ended(self, instance_id: str, status: str) -> None:
        """A one-time request ends with its machine."""
        with self._lock:
            for request in self._requests.values():
                if request.instance_id == instance_id and request.state not in _FINAL:
                    request.state, request.status = "closed", status

    def _of(self, call: Call, wanted: list[str]) -> list[SpotRequest]:
        with self._lock:
            mine = [r for r in self._requests.values() if (r.account, r.region) == (call.account, call.region)]
        unknown = set(wanted) - {request.request_id for request in mine}
        if unknown:
            raise CallError(
                "InvalidSpotInstanceRequestID.NotFound",
                f"The spot instance request ID '{', '.join(sorted(unknown))}' does not exist",
            )
        return [request for request in mine if not wanted or request.request_id in wanted]

    def describe(self, call: Call) -> Answer:
        filters = call.filters()
        rows = [
            _row(request)
            for request in self._of(call, call.listed("SpotInstanceRequestId"))
            if passes(filters, _words(request, filters))
        ]
        return ec2_answer(call, {"spotInstanceRequestSet": rows})

    def cancel(self, call: Call) -> Answer:
        wanted = call.listed("SpotInstanceRequestId")
        if not wanted:
            raise CallError("MissingParameter", "The request must contain the parameter SpotInstanceRequestId")
        rows = []
        for request in self._of(call, wanted):
            if request.state not in _FINAL:
                request.state, request.status = "cancelled", "request-canceled-and-instance-running"
            rows.append({"spotInstanceRequestId": request.request_id, "state": request.state})
        return ec2_answer(call, {"spotInstanceRequestSet": rows})


def _words(request: SpotRequest, filters: Mapping[str, list[str]]) -> dict[str, str]:
    tags = {name: request.tags.get(name[len("tag:") :], "") for name in filters if name.startswith("tag:")}
    return {
        "spot-instance-request-id": request.request_id,
        "instance-id": request.instance_id,
        "state": request.state,
        "status-code": request.status,
        "type": "one-time",
        "launched-availability-zone": request.zone,
        **tags,
    }


def _row(request: SpotRequest) -> dict[str, object]:
    return {
        "spotInstanceRequestId": request.request_id,
        "spotPrice": request.price,
        "type": "one-time",
        "state": request.state,
        "status": {
            "code": request.status,
            "updateTime": request.created_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "message": request.status.replace("-", " "),
        },
        "instanceId": request.instance_id,
        "launchSpecification": {"instanceType": request.instance_type},
        "launchedAvailabilityZone": request.zone,
        "createTime": request.created_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "productDescription": "Linux/UNIX",
        "tagSet": [{"key": key, "value": value} for key, value in request.tags.items()],
        "instanceInterruptionBehavior": "terminate",
    }
