"""Through which door a connection is called."""

from __future__ import annotations

from enum import StrEnum


class Caller(StrEnum):
    CONSOLE = "console"
    CLI = "cli"
    GATEWAY = "gateway"
    MCP = "mcp"
    CLIENT = "client"
