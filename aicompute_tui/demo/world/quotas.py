"""Service Quotas of EC2: vCPU limits by family, what they refuse, and requests for more."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
    "L-74FC7D96": _Limit("Running On-Demand F instances", 0, 0),
    "L-7295265B": _Limit("Running On-Demand X instances", 0, 0),
}


_OPEN = ("PENDING", "CASE_OPENED")
_MOST_GRANTED = 512
"""What is more than this is denied."""


@dataclass(slots=True)
class _Request:
    """One for more, as it was asked for."""

    account: str
    region: str
    code: str
    entry: dict[str, Any]
    is_held: bool = False
    """Time alone does not answer it."""
    asked_at: float = field(default_factory=time.time)

    @property
    def is_open(self) -> bool:
        return self.entry["Status"] in _OPEN

    def become(self, status: str) -> None:
        if self.entry["Status"] != status:
            self.entry |= {"Status": status, "LastUpdated": time.time()}
        if status == "CASE_OPENED":
            self.entry["CaseId"] = "17630041250188"


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
    """Values by account and region, the demo's own until one is set.

    A request waits until somebody answers it, or by itself for `answer_seconds` where that is set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, str | None, str], float] = {}
        self._requests: list[_Request] = []
        self.answer_seconds: float | None = None
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

    def answer(self, account: str, region: str, code: str, status: str) -> None:
        """What AWS says to an open request; what it grants holds from then on."""
        with self._lock:
            for request in self._requests:
                if (request.account, request.region, request.code) == (account, region, code) and request.is_open:
                    request.become(status)
                    if status == "APPROVED":
                        self._values[account, region, code] = request.entry["DesiredValue"]

    def ask(self, account: str, region: str, code: str, desired: float, *, is_held: bool = False) -> dict[str, Any]:
        """Raises CallError where one is open already, or where that much is there."""
        if desired <= self.value(account, region, code):
            raise CallError(
                "IllegalArgumentException", "You must provide a quota value greater than the current quota value."
            )
        with self._lock:
            mine = [
                each for each in self._requests if (each.account, each.region, each.code) == (account, region, code)
            ]
            if any(each.is_open for each in mine):
                raise CallError(
                    "ResourceAlreadyExistsException",
                    "Only one open service quota increase request is allowed per quota.",
                )
            now = time.time()
            entry = {
                "Id": f"{len(self._requests) + 1:032x}",
                "ServiceCode": "ec2",
                "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)",
                "QuotaCode": code,
                "QuotaName": _LIMITS[code].name,
                "DesiredValue": desired,
                "Status": "PENDING",
                "Created": now,
                "LastUpdated": now,
                "Requester": json.dumps({"accountId": account, "callerArn": f"arn:aws:iam::{account}:user/demo"}),
                "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:ec2/{code}",
                "GlobalQuota": False,
                "Unit": "None",
                "QuotaRequestedAtLevel": "ACCOUNT",
            }
            self._requests.append(_Request(account, region, code, entry, is_held))
            return dict(entry)

    def advance(self) -> None:
        """Answers what has waited long enough."""
        seconds = self.answer_seconds
        if seconds is None:
            return
        with self._lock:
            waiting = [each for each in self._requests if each.is_open and not each.is_held]
        for request in waiting:
            waited = time.time() - request.asked_at
            if waited >= seconds:
                granted = request.entry["DesiredValue"] <= _MOST_GRANTED
                status = "APPROVED" if granted else "DENIED"
                self.answer(request.account, request.region, request.code, status)
            elif waited >= seconds / 3:
                self.answer(request.account, request.region, request.code, "CASE_OPENED")

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
        return json_answer({"RequestedQuota": self.ask(call.account, call.region, code, desired)})

    def _history(self, call: Call) -> Answer:
        wanted = call.fields.get("QuotaCode")
        with self._lock:
            rows = [
                dict(each.entry)
                for each in self._requests
                if (each.account, each.region) == (call.account, call.region) and wanted in {None, each.code}
            ]
        return json_answer({"RequestedQuotas": rows})
