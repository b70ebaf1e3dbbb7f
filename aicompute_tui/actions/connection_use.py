"""The verbs that ask a connection something, and those that tell what was asked."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter
from aicompute_tui.domain.caller import Caller
from aicompute_tui.domain.connection_choices import TEST_PROMPT

_NAME = Parameter("name", "text", "Name, id or the beginning of the id.", positional=True, required=True)
_ANY = Parameter("name", "text", "Only this connection, also one that is gone.", positional=True)
_MODEL = Parameter("model", "text", "The model to ask; one alone needs no choice.")
_MAX_TOKENS = Parameter("max_tokens", "integer", "The most tokens of an answer.")
_SINCE = Parameter("since", "text", "From so long ago (24h, 30d) or a moment; 7d unless told.")
_CALLER = Parameter("caller", "choice", "Only what came through this door.", choices=tuple(Caller))

CONNECTION_USE_ACTIONS = (
    Action(
        "connection.test",
        "Test a connection",
        "Asks what costs nothing: whether it answers, takes the key and has the model; on request a prompt as well.",
        "connections",
        "query",
        "aicompute_tui.services.connection_calls:test",
        ("connection", "test"),
        (
            _NAME,
            Parameter(
                "prompt",
                "text",
                "Have it answer a prompt too, in 50 tokens, in these words if any; a provider bills that.",
                bare=TEST_PROMPT,
            ),
            _MODEL,
            _MAX_TOKENS,
        ),
        keys=("r",),
        aliases=("connection-test",),
    ),
    Action(
        "connection.estimate",
        "What a prompt would cost",
        "The most that a test's prompt, or the one given, can cost, and by whose prices; nothing is asked.",
        "connections",
        "query",
        "aicompute_tui.services.connection_calls:estimate",
        ("connection", "estimate"),
        (_NAME, Parameter("prompt", "text", "What would be asked; a test's own unless told."), _MODEL, _MAX_TOKENS),
        aliases=("connection-estimate",),
    ),
    Action(
        "connection.ask",
        "Chat with a connection",
        "Sends a prompt and writes the answer as it comes; a provider bills it.",
        "connections",
        "query",
        "aicompute_tui.services.connection_calls:ask",
        ("connection", "ask"),
        (
            _NAME,
            Parameter("prompt", "text", "What to ask.", positional=True, required=True),
            _MODEL,
            _MAX_TOKENS,
            Parameter(
                "earlier",
                "key=value",
                "What was said before: user=TEXT, assistant=TEXT or system=TEXT; again for each, in order.",
                repeatable=True,
            ),
            Parameter("test", "flag", "Count it as a test: 50 tokens unless told, and asked once."),
        ),
        keys=("a",),
        aliases=("connection-ask",),
        streams=True,
    ),
    Action(
        "connection.embed",
        "Embed a text by a connection",
        "Embeds a text: how many numbers came, how long it took, and how alike a second text is; a provider bills it.",
        "connections",
        "query",
        "aicompute_tui.services.connection_calls:embed",
        ("connection", "embed"),
        (
            _NAME,
            Parameter("text", "text", "The text.", positional=True, required=True),
            Parameter("other", "text", "A second text, whose likeness to the first is told."),
            _MODEL,
        ),
        aliases=("connection-embed",),
    ),
    Action(
        "connection.rerank",
        "Rank documents by a connection",
        "Ranks documents by how well they answer a question, best first; a provider bills it.",
        "connections",
        "query",
        "aicompute_tui.services.connection_calls:rerank",
        ("connection", "rerank"),
        (
            _NAME,
            Parameter("query", "text", "The question.", positional=True, required=True),
            Parameter("documents", "text", "The documents.", positional=True, required=True, repeatable=True),
            _MODEL,
        ),
        aliases=("connection-rerank",),
        result="rows",
    ),
    Action(
        "connection.usage",
        "Usage of connections",
        "Requests, failures, tokens, cost and how long answers took, by connection and by time.",
        "connections",
        "query",
        "aicompute_tui.services.connection_usage:usage",
        ("connection", "usage"),
        (
            _ANY,
            Parameter("by", "choice", "A row for each of these.", choices=("hour", "day", "month", "caller")),
            _SINCE,
            _CALLER,
        ),
        keys=("u",),
        aliases=("connection-usage",),
        result="rows",
    ),
    Action(
        "connection.calls",
        "Requests to connections",
        "Each request of the last 30 days: who asked, how long it took, what it used; no word of what was said.",
        "connections",
        "query",
        "aicompute_tui.services.connection_usage:calls",
        ("connection", "calls"),
        (
            _ANY,
            _SINCE,
            Parameter("until", "text", "Only those up to that moment."),
            _CALLER,
            Parameter("limit", "integer", "At most so many, the newest; 200 unless told."),
        ),
        aliases=("connection-calls",),
        result="rows",
    ),
)
