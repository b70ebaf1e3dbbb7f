"""What the demo's account may rent: limits that differ by region, one that is too small, and more of it asked for."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

_G_SPOT, _G_ON_DEMAND, _P4_SPOT, _P_ON_DEMAND = "L-3819A6DF", "L-DB2E81BA", "L-7212CCBC", "L-417A185B"
_LIMITS = (
    ("us-east-1", _G_SPOT, 32),
    ("us-east-1", _G_ON_DEMAND, 128),
    ("us-east-1", _P4_SPOT, 0),
    ("ca-central-1", _G_ON_DEMAND, 24),
    ("eu-west-1", _G_SPOT, 8),
)
_ASKED = (("us-east-1", _G_SPOT, 128, False), ("ca-central-1", _P_ON_DEMAND, 192, True))
"""The last of each says whether it waits for as long as the demo runs."""
ANSWER_SECONDS = 150.0
"""AWS takes minutes or days; the demo's time runs faster."""


def set_quotas(port: int) -> None:
    """In the world that listens there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        for name, body in _orders():
            connection.request("POST", f"/__world/{name}", json.dumps(body))
            connection.getresponse().read()
    finally:
        connection.close()


def _orders() -> Iterator[tuple[str, Any]]:
    for region, code, value in _LIMITS:
        yield "quota", {"region": region, "code": code, "value": value}
    for region, code, desired, is_held in _ASKED:
        yield "quota-request", {"region": region, "code": code, "desired": desired, "held": is_held}
    yield "quota-answers-after", ANSWER_SECONDS
