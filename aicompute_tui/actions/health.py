"""The verbs on the health of connections and model servers."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

_HOW = (
    Parameter("name", "text", "Name, id or the beginning of the id; none means all.", positional=True),
    Parameter(
        "since",
        "duration",
        "How far back latencies and history go; older than 24h they are of means of 5 minutes.",
        default="24h",
    ),
)

HEALTH_ACTIONS = (
    Action(
        "connection.health",
        "Health of connections",
        "How they answered: state, share of good checks, latencies, and of one alone its history; nothing is asked.",
        "connections",
        "query",
        "aicompute_tui.services.health_views:connection_health",
        ("connection", "health"),
        _HOW,
        aliases=("connection-health",),
        result="rows",
    ),
    Action(
        "server.health",
        "Health of servers",
        "How they answered: state, share of good checks, latencies, and of one alone its history; nothing is asked.",
        "servers",
        "query",
        "aicompute_tui.services.health_views:server_health",
        ("server", "health"),
        _HOW,
        aliases=("server-health",),
        result="rows",
    ),
    Action(
        "connection.check",
        "Check connections",
        "Asks what costs nothing, now, and writes down how it went; the agent does the same by itself.",
        "global",
        "query",
        "aicompute_tui.services.health_checks:check_connections",
        ("connection", "check"),
        (Parameter("name", "text", "Name, id or the beginning of the id; none means all in use.", positional=True),),
        aliases=("connection-check",),
        result="rows",
    ),
)
