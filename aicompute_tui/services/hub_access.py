"""The hub as this process may ask it: which address, and with whose token."""

from __future__ import annotations

import logging

from aicompute_tui.domain.errors import AicError
from aicompute_tui.hub.base import Hub
from aicompute_tui.services.context import Context
from aicompute_tui.services.hugging_face import hub_address, machine_token

log = logging.getLogger(__name__)


async def open_hub(context: Context) -> Hub:
    """With the token that machines are handed; one that cannot be opened only leaves out what is gated."""
    try:
        token = await machine_token(context)
    except AicError as error:
        log.warning("the hub is asked without a token: %s", error.message)
        token = None
    return context.hub(hub_address(context), token)
