"""Who speaks which dialect where: the servers and providers that a connection is made from, as data."""

from __future__ import annotations

from typing import NamedTuple

from aicompute_tui.domain.errors import InvalidInput


class Place(NamedTuple):
    """Hosts, as a pattern, at which a provider is asked otherwise than elsewhere."""

    hosts: str
    usual_path: str
    lists_models: bool = True


class Preset(NamedTuple):
    """`auth` is the header the key stands in; `Authorization` takes it as a bearer."""

    name: str
    title: str
    dialect: str = "openai"
    base_url: str | None = None
    """None where everybody has an address of their own."""
    usual_path: str = "/v1"
    """What an address without a path is completed with."""
    auth: str = "Authorization"
    key_variables: tuple[str, ...] = ()
    """Where a key is usually found, the first that is set counts."""
    needs_key: bool = False
    probe_path: str | None = None
    """Asked instead of the models where those say nothing of the key."""
    limit_name: str = "max_tokens"
    """What the wire calls the most tokens of an answer."""
    api_version: str | None = None
    url_example: str = ""
    answers: bool = True
    """Prompts; what does not embeds or ranks."""
    ranks: bool = False
    """Whether it can be asked to rank documents; whether it has a model for that is told by trying."""
    tells_cost: bool = False
    """Whether its answers say in USD what they were billed."""
    places: tuple[Place, ...] = ()


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "openai",
            "OpenAI",
            base_url="https://api.openai.com/v1",
            key_variables=("OPENAI_API_KEY",),
            needs_key=True,
            limit_name="max_completion_tokens",
        ),
        Preset(
            "anthropic",
            "Anthropic",
            "anthropic",
            base_url="https://api.anthropic.com",
            usual_path="",
            auth="x-api-key",
            key_variables=("ANTHROPIC_API_KEY",),
            needs_key=True,
        ),
        Preset(
            "gemini",
            "Google Gemini",
            "gemini",
            base_url="https://generativelanguage.googleapis.com/v1beta",
            usual_path="/v1beta",
            auth="x-goog-api-key",
            key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
            needs_key=True,
        ),
        Preset(
            "azure",
            "Azure OpenAI",
            usual_path="/openai/v1",
            auth="api-key",
            key_variables=("AZURE_OPENAI_API_KEY",),
            needs_key=True,
            limit_name="max_completion_tokens",
            url_example="https://NAME.openai.azure.com",
        ),
        Preset(
            "azure-deployments",
            "Azure OpenAI by deployments",
            "azure-deployments",
            usual_path="/openai",
            auth="api-key",
            key_variables=("AZURE_OPENAI_API_KEY",),
            needs_key=True,
            limit_name="max_completion_tokens",
            api_version="2024-10-21",
            url_example="https://NAME.openai.azure.com",
        ),
        Preset(
            "groq",
            "Groq",
            base_url="https://api.groq.com/openai/v1",
            key_variables=("GROQ_API_KEY",),
            needs_key=True,
            limit_name="max_completion_tokens",
        ),
        Preset(
            "together",
            "Together AI",
            base_url="https://api.together.ai/v1",
            key_variables=("TOGETHER_API_KEY",),
            needs_key=True,
            ranks=True,
        ),
        Preset(
            "openrouter",
            "OpenRouter",
            base_url="https://openrouter.ai/api/v1",
            key_variables=("OPENROUTER_API_KEY",),
            needs_key=True,
            probe_path="/key",
            tells_cost=True,
        ),
        Preset(
            "bedrock",
            "AWS Bedrock",
            key_variables=("AWS_BEARER_TOKEN_BEDROCK",),
            needs_key=True,
            url_example="https://bedrock-mantle.us-east-1.api.aws/v1",
            places=(Place(r"bedrock-runtime\.[a-z0-9-]+\.amazonaws\.com", "/openai/v1", lists_models=False),),
        ),
        Preset("ollama", "Ollama", "ollama", base_url="http://127.0.0.1:11434", usual_path=""),
        Preset("vllm", "vLLM", base_url="http://127.0.0.1:8000/v1", ranks=True),
        Preset("sglang", "SGLang", base_url="http://127.0.0.1:30000/v1"),
        Preset("tgi", "Text Generation Inference", base_url="http://127.0.0.1:8080/v1"),
        Preset("llama-cpp", "llama.cpp", base_url="http://127.0.0.1:8080/v1", ranks=True),
        Preset("text-generation-webui", "text-generation-webui", base_url="http://127.0.0.1:5000/v1"),
        Preset("litellm", "LiteLLM proxy", base_url="http://127.0.0.1:4000/v1", ranks=True),
        Preset(
            "tei",
            "Text Embeddings Inference",
            "tei",
            usual_path="",
            url_example="http://gpu1:8080",
            answers=False,
            ranks=True,
        ),
        Preset(
            "infinity",
            "Infinity",
            usual_path="",
            url_example="http://gpu1:7997",
            answers=False,
            ranks=True,
        ),
        Preset(
            "openai-compatible",
            "Any that speaks as OpenAI",
            url_example="https://llm.example/v1",
            ranks=True,
            places=(Place(r"generativelanguage\.googleapis\.com", "/v1beta/openai"),),
        ),
    )
}


def preset_of(kind: str) -> Preset:
    """Raises InvalidInput for a kind that is none, as a newer program may have stored it."""
    if kind not in PRESETS:
        raise InvalidInput(f"“{kind}” is not a kind of connection.", f"Known are: {', '.join(PRESETS)}.")
    return PRESETS[kind]
