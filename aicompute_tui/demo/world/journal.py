"""What was asked of the world, call by call, as a test or a curious user reads it."""

from __future__ import annotations

import re
import threading
from typing import Any

from aicompute_tui.demo.world.call import Answer, Call

_LONGEST = 20_000
_KEPT = re.compile(
    r"(ClientToken|InstanceId\.\d+|InstanceId|ResourceId\.\d+|InstanceType|ImageId|SpotInstanceRequestId\.\d+|SubnetId|GroupId"
    r"|Placement\.AvailabilityZone|NetworkInterface\.\d+\.SubnetId|InstanceMarketOptions\..*|DryRun|MinCount|MaxCount"
    r"|Filter\.\d+\..*|TagSpecification\..*|Tag\..*|KeyName|Name|QuotaCode|ServiceCode|RegionName\.\d+|AllRegions)"
)
_INSTANCE_ID = re.compile(rb"<instanceId>(i-[0-9a-f]+)</instanceId>")
_ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type":\s*"([^"]+)"')


class Journal:
    """Entries are in order of arrival; `status` stays null until a call is carried out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._number = 0

    def arrived(self, call: Call) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "number": 0,
            "action": call.action,
            "service": call.service,
            "region": call.region,
            "account": call.account,
            "parameters": {name: value for name, value in call.fields.items() if _KEPT.fullmatch(name)},
            "status": None,
            "instance_ids": [],
            "error": None,
            "answered": False,
        }
        with self._lock:
            self._number += 1
            entry["number"] = self._number
            self._entries.append(entry)
            del self._entries[:-_LONGEST]
        return entry

    def carried_out(self, entry: dict[str, Any], answer: Answer) -> None:
        """Notes the outcome in the cloud, which the caller may never hear of."""
        code = _ERROR_CODE.search(answer.body) if answer.status >= 400 else None
        with self._lock:
            entry["status"] = answer.status
            entry["instance_ids"] = list(dict.fromkeys(found.decode() for found in _INSTANCE_ID.findall(answer.body)))
            entry["error"] = (code.group(1) or code.group(2)).decode() if code else None

    def answered(self, entry: dict[str, Any], answer: Answer) -> None:
        """Notes that an answer is going out, the cloud's own or a fault's."""
        if entry["status"] is None:
            self.carried_out(entry, answer)
        with self._lock:
            entry["answered"] = True

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
