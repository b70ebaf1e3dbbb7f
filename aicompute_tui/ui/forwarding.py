"""Which port to forward, asked in one line: `8000`, `8000:9000`, and `-8000` to close it again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.store.rows import TunnelRow

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_LINE = re.compile(r"(-?)(\d+)(?::(\d+))?")
_MOST = 65_535


def parse_ports(text: str) -> JsonObject:
    """Arguments of `instance.forward`. Raises InvalidInput."""
    match = _LINE.fullmatch(text.strip().replace(" ", ""))
    if match is None or (match[1] and match[3]):
        raise InvalidInput("That is no port.", "Write 8000, or 8000:9000 with the port of this host behind the colon.")
    off, port, local = bool(match[1]), int(match[2]), int(match[3]) if match[3] else None
    for number in (port, local):
        if number is not None and not 1 <= number <= _MOST:
            raise InvalidInput(f"{number} is no port.", f"A port is between 1 and {_MOST}.")
    found: JsonObject = {"port": port}
    if off:
        return {**found, "off": True}
    return found if local is None else {**found, "local_port": local}


async def ask_ports(app: ConsoleApp, name: str, tunnels: Sequence[TunnelRow]) -> JsonObject | None:
    """None where it was answered with esc."""
    from aicompute_tui.ui.screens.prompt import PromptDialog

    known = ", ".join(f"{tunnel.remote_port} at 127.0.0.1:{tunnel.local_port}" for tunnel in tunnels)
    told = "The port on the machine; :PORT behind it names the one of this host, - before it closes it again."
    dialog = PromptDialog(
        f"Forward which port of {name}?",
        help=f"{told}\nOpen now: {known}" if known else told,
        placeholder="8000 or 8000:9000",
        verb="Forward",
        rule=_wrong,
    )
    answer = await app.push_screen_wait(dialog)
    return None if answer is None else parse_ports(answer)


def _wrong(text: str) -> str | None:
    try:
        parse_ports(text)
    except InvalidInput as error:
        return f"{error.message} {error.next_step}"
    return None
