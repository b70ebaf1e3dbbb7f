"""Connections for other programs: asked by name, with the keys, options and prices kept here, and their use recorded.

    from aicompute_tui.client import ConnectionManager, get_connection

    connection = await get_connection("Claude Sonnet")
    print((await connection.generate("Why is the sky blue?", max_tokens=200)).text)

Every failure is an `AicError`: a sentence in `message`, what to do in `next_step`.
"""

from __future__ import annotations

from aicompute_tui.client.connection import Answer, Embedded, LlmConnection, RankedDocument, Reranked
from aicompute_tui.client.fallback import Fallback
from aicompute_tui.client.installation import ConnectionManager, get_connection
from aicompute_tui.domain.connection import Message
from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    NotFound,
    NotTrusted,
    OutOfQuota,
    RateLimited,
    Refused,
    TimedOut,
    Unreachable,
)

__all__ = [
    "AicError",
    "Answer",
    "AuthFailed",
    "BadAnswer",
    "ConnectionManager",
    "Embedded",
    "Fallback",
    "InvalidInput",
    "LlmConnection",
    "Message",
    "NotAllowed",
    "NotConfigured",
    "NotFound",
    "NotTrusted",
    "OutOfQuota",
    "RankedDocument",
    "RateLimited",
    "Refused",
    "Reranked",
    "TimedOut",
    "Unreachable",
    "get_connection",
]
