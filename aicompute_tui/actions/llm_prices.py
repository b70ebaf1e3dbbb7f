"""The verbs on what tokens cost."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

LLM_PRICE_ACTIONS = (
    Action(
        "price.llm",
        "List token prices",
        "What providers of language models ask per million tokens, by dated lists; what your connections use first.",
        "global",
        "query",
        "aicompute_tui.services.llm_prices:list_llm_prices",
        ("price", "llm"),
        (
            Parameter("model", "text", "Models with this in their name: sonnet, gpt-5.", positional=True),
            Parameter("provider", "text", "Only this one; may be given again. openrouter is asked.", repeatable=True),
            Parameter("most_in", "decimal", "At most so many USD per million tokens of input."),
            Parameter("most_out", "decimal", "At most so many USD per million tokens of output."),
            Parameter("used", "flag", "Only what your connections use."),
            Parameter("by", "choice", "What is cheapest: input or output.", default="in", choices=("in", "out")),
            Parameter("limit", "integer", "At most so many."),
        ),
        aliases=("llm-prices", "token-prices"),
        result="rows",
    ),
)  # fmt: skip
