"""The world's machines: launches by token, ends, stops and starts, laid over moto's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.models.instances import Instance, InstanceState, Reservation
from moto.ec2.responses._base_response import EC2BaseResponse
from moto.ec2.utils import filter_dict_attribute_mapping

from aicompute_tui.demo.world import catalogue, images, launches
from aicompute_tui.demo.world.call import Call, CallError
from aicompute_tui.demo.world.lifecycle import ITS_OWN_SHUTDOWN, SPOT_INTERRUPTION, Lifecycle, install_checks
from aicompute_tui.demo.world.quotas import Quotas
from aicompute_tui.demo.world.spot_requests import SpotRequests

_MORE_FILTERS = {
    "client-token": "client_token",
    "instance-lifecycle": "lifecycle",
    "spot-instance-request-id": "spot_instance_request_id",
    "reservation-id": "reservation_id",
    "instance-state-code": "state_code",
    "root-device-name": "root_device_name",
    "tenancy": "placement.tenancy",
}
_ALWAYS_PENDING = "RunInstances.Reservation.Instances.Instance.State"
_ENDING = {"shutting-down", "terminated"}
_Changes = list[tuple[Instance, InstanceState]]


@dataclass(frozen=True, slots=True)
class _Launched:
    order: frozenset[tuple[str, str]]
    reservation: Reservation
    instances: tuple[Instance, ...]


@dataclass(slots=True)
class Machines:
    """One lock over everything that makes or ends a machine, as a token must hold between threads too."""

    lifecycle: Lifecycle
    quotas: Quotas
    spot_requests: SpotRequests
    lock: threading.RLock = field(default_factory=threading.RLock)
    current: threading.local = field(default_factory=threading.local)
    tokens: dict[tuple[str, str, str], _Launched] = field(default_factory=dict)
    notices: dict[str, float] = field(default_factory=dict)
    """When the cloud takes a machine back, in seconds since 1970."""

    def install(self) -> None:
        """Puts this behaviour into moto's classes, for the whole process."""
        filter_dict_attribute_mapping.update(_MORE_FILTERS)
        EC2BaseResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER.pop(_ALWAYS_PENDING, None)
        catalogue.install()
        install_checks(self.lifecycle)
        _install_snapshot_sizes()
        self._install_launch()
        self._install_ends()

    def clear(self) -> None:
        with self.lock:
            self.tokens.clear()
            self.notices.clear()

    def every(self) -> Iterator[tuple[str, str, Instance]]:
        """Account, region and machine, of all there are."""
        for account, regions in list(ec2_backends.items()):
            for region, backend in list(regions.items()):
                for instance in backend.all_instances():
                    yield account, region, instance

    def find(self, instance_id: str) -> tuple[EC2Backend, Instance]:
        for account, region, instance in self.every():
            if instance.id == instance_id:
                return ec2_backends[account][region], instance
        raise CallError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist", 404)

    def interrupt(self, instance_id: str) -> None:
        """The cloud takes a spot machine back."""
        with self.lock:
            _, instance = self.find(instance_id)
            instance.terminate()
            self.lifecycle.ended(instance, SPOT_INTERRUPTION)
            self.spot_requests.machine_ended(instance_id, "instance-terminated-no-capacity")

    def power_off(self, instance_id: str) -> None:
        """The machine shuts itself down, which ends it."""
        with self.lock:
            _, instance = self.find(instance_id)
            if instance.state in _ENDING:
                return
            instance.terminate()
            self.lifecycle.ended(instance, ITS_OWN_SHUTDOWN)
            self.notices.pop(instance_id, None)
            self.spot_requests.machine_ended(instance_id, "instance-terminated-by-user")

    def announce_interruption(self, instance_id: str, seconds: float) -> None:
        """The cloud gives notice that it takes a spot machine back in `seconds`."""
        with self.lock:
            _, instance = self.find(instance_id)
            if instance.state not in _ENDING:
                self.notices[instance_id] = time.time() + seconds
                self.spot_requests.announced(instance_id)

    def carry_out_notices(self) -> None:
        """Takes back every machine whose notice has run out."""
        with self.lock:
            for instance_id in [key for key, at in self.notices.items() if at <= time.time()]:
                del self.notices[instance_id]
                if self.find(instance_id)[1].state not in _ENDING:
                    self.interrupt(instance_id)

    def vanish(self, instance_id: str) -> None:
        """The cloud forgets that the machine ever was."""
        with self.lock:
            backend, _ = self.find(instance_id)
            self.notices.pop(instance_id, None)
            for reservation in list(backend.reservations.values()):
                reservation.instances = [kept for kept in reservation.instances if kept.id != instance_id]
                if not reservation.instances:
                    del backend.reservations[reservation.id]

    def age(self, instance_id: str, seconds: float) -> None:
        """Makes a machine look as if it had been launched `seconds` ago."""
        with self.lock:
            _, instance = self.find(instance_id)
            instance.launch_time = utcnow() - timedelta(seconds=seconds)
            self.lifecycle.arrive(instance)

    def _install_launch(self) -> None:
        moto_run = EC2Backend.run_instances
        machines = self

        def run_instances(
            backend: EC2Backend,
            image_id: str,
            count: int,
            user_data: Any,
            security_group_names: list[str],
            **kwargs: Any,
        ) -> Reservation:
            call: Call | None = getattr(machines.current, "call", None)
            if call is None or call.action != "RunInstances":
                return moto_run(backend, image_id, count, user_data, security_group_names, **kwargs)
            request = launches.LaunchRequest(call, backend, kwargs, image_id or "")
            with machines.lock:
                known = machines._known(request)
                if known is not None:
                    return known
                launches.check(request)
                if not request.subnet_id():
                    kwargs["placement"] = request.zone()
                number = launches.allowed_count(request, machines.quotas)
                reservation = moto_run(backend, image_id, number, user_data, security_group_names, **kwargs)
                machines._settle(request, reservation, kwargs.get("tags") or {})
                return reservation

        setattr(EC2Backend, "run_instances", run_instances)  # noqa: B010

    def _known(self, request: launches.LaunchRequest) -> Reservation | None:
        """What an earlier call with the same token launched, ended since or not."""
        if request.token is None:
            return None
        launched = self.tokens.get((request.call.account, request.call.region, request.token))
        if launched is None:
            return None
        if launched.order != request.order:
            raise EC2ClientError(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            )
        again = Reservation(launched.reservation.id, launched.reservation.owner_id)
        again.instances = list(launched.instances)
        return again

    def _settle(
        self, request: launches.LaunchRequest, reservation: Reservation, tags: dict[str, dict[str, str]]
    ) -> None:
        call = request.call
        for instance in reservation.instances:
            instance.lifecycle = "spot" if request.is_spot else None
            instance.client_token = request.token
            setattr(instance, "reservation_id", reservation.id)  # noqa: B010
            spot_id = None
            if request.is_spot:
                wanted = tags.get("spot-instances-request") or {}
                spot_id = self.spot_requests.open(
                    instance, call.account, call.region, request.max_price, wanted
                ).request_id
            setattr(instance, "spot_instance_request_id", spot_id)  # noqa: B010
            self.lifecycle.launched(instance)
        if request.token is not None:
            self.tokens[call.account, call.region, request.token] = _Launched(
                request.order, reservation, tuple(reservation.instances)
            )

    def _install_ends(self) -> None:
        moto_terminate, moto_stop, moto_start = (
            EC2Backend.terminate_instances,
            EC2Backend.stop_instances,
            EC2Backend.start_instances,
        )
        machines = self

        def terminate(backend: EC2Backend, instance_ids: list[str]) -> _Changes:
            with machines.lock:
                found = backend.get_multi_instances_by_id(instance_ids)
                gone = [instance for instance in found if instance.state in _ENDING]
                live = [instance.id for instance in found if instance.state not in _ENDING]
                changed = moto_terminate(backend, live) if live or not gone else []
                for instance, _ in changed:
                    machines.lifecycle.ended(instance)
                    machines.spot_requests.machine_ended(instance.id, "instance-terminated-by-user")
                return [*changed, *((instance, instance.instance_state) for instance in gone)]

        def stop(backend: EC2Backend, instance_ids: list[str]) -> _Changes:
            with machines.lock:
                _require_alive(backend, instance_ids, "stopped")
                changed = moto_stop(backend, instance_ids)
                for instance, _ in changed:
                    machines.lifecycle.stopped(instance)
                return changed

        def start(backend: EC2Backend, instance_ids: list[str]) -> _Changes:
            with machines.lock:
                _require_alive(backend, instance_ids, "started")
                changed = moto_start(backend, instance_ids)
                for instance, _ in changed:
                    machines.lifecycle.started(instance)
                return changed

        for name, method in (("terminate", terminate), ("stop", stop), ("start", start)):
            setattr(EC2Backend, f"{name}_instances", method)


def _require_alive(backend: EC2Backend, instance_ids: list[str], verb: str) -> None:
    for instance in backend.get_multi_instances_by_id(instance_ids):
        if instance.state in _ENDING:
            raise EC2ClientError(
                "IncorrectInstanceState", f"The instance '{instance.id}' is not in a state from which it can be {verb}."
            )
        if instance.lifecycle == "spot":
            raise EC2ClientError(
                "UnsupportedOperation",
                f"You can't {'stop' if verb == 'stopped' else 'start'} the Spot Instance '{instance.id}' because it is "
                "associated with a one-time Spot Instance request. You can only stop Spot Instances associated with "
                "persistent Spot Instance requests.",
            )


def _install_snapshot_sizes() -> None:
    def mappings(image: Ami) -> list[dict[str, Any]]:
        ebs = {
            "SnapshotId": image.ebs_snapshot.id,
            "VolumeSize": images.SNAPSHOT_GIB.get(image.id, 8),
            "DeleteOnTermination": True,
            "VolumeType": "gp3",
            "Encrypted": False,
        }
        return [{"DeviceName": image.root_device_name, "Ebs": ebs}]

    setattr(Ami, "block_device_mappings", property(mappings))  # noqa: B010
