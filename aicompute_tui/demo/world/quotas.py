"""Service Quotas of EC2: vCPU limits by family, what they refuse, and requests for more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aicompute_tui.demo.world.call import Answer, Call, CallError, json_answer, page


@dataclass(frozen=True, slots=True)
class _Limit:
    name: str
    demo: float
    new_account: float


_LIMITS = {
    "L-3819A6DF": _Limit("All G and VT Spot Instance Requests", 64, 0),
    "L-7212CCBC": _Limit("All P4, P3 and P2 Spot Instance Requests", 96, 0),
    "L-C4BD4855": _Limit("All P5 Spot Instance Requests", 0, 0),
    "L-34B43A08": _Limit("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 32, 5),
    "L-85EED4F7": _Limit("All DL Spot Instance Requests", 0, 0),
    "L-88CF9481": _Limit("All F Spot Instance Requests", 0, 0),
    "L-B5D1601B": _Limit("All Inf Spot Instance Requests", 0, 0),
    "L-6B0D517C": _Limit("All Trn Spot Instance Requests", 0, 0),
    "L-E3A00192": _Limit("All X Spot Instance Requests", 0, 0),
    "L-DB2E81BA": _Limit("Running On-Demand G and VT instances", 64, 0),
    "L-417A185B": _Limit("Running On-Demand P instances", 0, 0),
    "L-1216C47A": _Limit("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 32, 5),
    "L-6E869C2A": _Limit("Running On-Demand DL instances", 0, 0),
    "L-1945791B": _Limit("Running On-Demand Inf instances", 0, 0),
    "L-2C3B7624": _Limit("Running On-Demand Trn instances", 0, 0),
}


def quota_code(instance_type: str, *, spot: bool) -> str:
    """The limit that counts a type's vCPUs."""
    family = instance_type.partition(".")[0]
    if family.startswith(("g", "vt")):
        return "L-3819A6DF" if spot else "L-DB2E81BA"
    if family.startswith(("p5", "p6")):
        return "L-C4BD4855" if spot else "L-417A185B"
    if family.startswith("p"):
        return "L-7212CCBC" if spot else "L-417A185B"
    return "L-34B43A08" if spot else "L-1216C47A"


class Quotas:
    """Values by account and region, the demo's own until one is set."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, str | None, str], float] = {}
        self._requests: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.actions: dict[str, Callable[[Call], Answer]] = {
            "GetServiceQuota": self._get,
            "GetAWSDefaultServiceQuota": self._get_default,
            "ListServiceQuotas": self._list,
            "ListAWSDefaultServiceQuotas": self._list_defaults,
            "RequestServiceQuotaIncrease": self._request,
            "ListRequestedServiceQuotaChangeHistoryByQuota": self._history,
            "ListRequestedServiceQuotaChangeHistory": self._history,
        }

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._requests.clear()

    def set_value(self, account: str, region: str | None, code: str, value: float) -> None:
        """`region` None sets it everywhere."""
        with self._lock:
            self._values[account, region, code] = value

    def value(self, account: str, region: str, code: str) -> float:
        with self._lock:
            for place in (region, None):
                if (account, place, code) in self._values:
                    return self._values[account, place, code]
        return _LIMITS[code].demo

    def _quota(self, call: Call, code: str, *, default: bool = False) -> dict[str, Any]:
        limit = _LIMITS[code]
        value = limit.new_account if default else self.value(call.account, call.region, code)
        return {
            "ServiceCode": "ec2",
            "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
            "QuotaArn": f"arn:aws:servicequotas:{call.region}:{call.account}:ec2/{code}",
            "QuotaCode": code,
            "QuotaName": limit.name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }

    def _code(self, call: Call) -> str:
        code = call.fields.get("QuotaCode", "")
        if call.fields.get("ServiceCode") != "ec2" or code not in _LIMITS:
            raise CallError("NoSuchResourceException", "The request failed because the specified quota does not exist.")
        return code

    def _get(self, call: Call) -> Answer:
        return json_answer({"Quota": self._quota(call, self._code(call))})

    def _get_default(self, call: Call) -> Answer:
        return json_answer({"Quota": self._quota(call, self._code(call), default=True)})

    def _list(self, call: Call, *, default: bool = False) -> Answer:
        if call.fields.get("ServiceCode") != "ec2":
            raise CallError("NoSuchResourceException", "The specified service does not exist.")
        rows = [self._quota(call, code, default=default) for code in _LIMITS]
        chosen, token = page(call.fields, rows, 100)
        content: dict[str, Any] = {"Quotas": list(chosen)}
        return json_answer({**content, "NextToken": token} if token else content)

    def _list_defaults(self, call: Call) -> Answer:
        return self._list(call, default=True)

    def _request(self, call: Call) -> Answer:
        code = self._code(call)
        desired = float(call.body.get("DesiredValue", 0))
        if desired <= self.value(call.account, call.region, code):
            raise CallError(
                "IllegalArgumentException", "You must provide a quota value greater than the current quota value."
            )
        key = (call.account, call.region, code)
        with self._lock:
            if key in self._requests:
                raise CallError(
                    "ResourceAlreadyExistsException",
                    "Only one open service quota increase request is allowed per quota.",
                )
            self._requests[key] = {
                "Id": f"{len(self._requests) + 1:032x}",
                "ServiceCode": "ec2",
                "QuotaCode": code,
                "QuotaName": _LIMITS[code].name,
                "DesiredValue": desired,
                "Status": "PENDING",
            }
            return json_answer({"RequestedQuota": self._requests[key]})

    def _history(self, call: Call) -> Answer:
        wanted = call.fields.get("QuotaCode")
        with self._lock:
            rows = [
                request
                for (account, region, code), request in self._requests.items()
                if (account, region) == (call.account, call.region) and wanted in {None, code}
            ]
        return json_answer({"RequestedQuotas": rows})
