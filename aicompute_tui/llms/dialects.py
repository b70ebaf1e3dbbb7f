"""Which dialect an endpoint speaks."""

from __future__ import annotations

from aicompute_tui.llms.anthropic import Anthropic
from aicompute_tui.llms.base import Dialect, Endpoint
from aicompute_tui.llms.gemini import Gemini
from aicompute_tui.llms.ollama import Ollama
from aicompute_tui.llms.openai import AzureDeployments, OpenAi
from aicompute_tui.llms.responses import Responses
from aicompute_tui.llms.tei import Tei

RESPONSES: Dialect = Responses()
_DIALECTS: dict[str, Dialect] = {
    "openai": OpenAi(),
    "azure-deployments": AzureDeployments(),
    "anthropic": Anthropic(),
    "gemini": Gemini(),
    "ollama": Ollama(),
    "tei": Tei(),
}
_by_responses: set[tuple[str, str]] = set()
"""Models, by address, that their server answers by responses alone, as it said to this process."""


def dialect_of(endpoint: Endpoint) -> Dialect:
    return _DIALECTS[endpoint.preset.dialect]


def chat_dialect(endpoint: Endpoint, model: str) -> Dialect:
    """How a prompt is put to this model."""
    return RESPONSES if (endpoint.connection.base_url, model) in _by_responses else dialect_of(endpoint)


def answered_by_responses(endpoint: Endpoint, model: str) -> None:
    """Asked so from now on, without being refused first."""
    _by_responses.add((endpoint.connection.base_url, model))


def answered_as_usual(endpoint: Endpoint, model: str) -> None:
    """The server knows no responses any more."""
    _by_responses.discard((endpoint.connection.base_url, model))
