"""The verbs on models."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

_SORTS = ("trending", "downloads", "likes", "updated", "created")
_NARROWED = (
    Parameter("task", "text", "Only for this task: text-generation, sentence-similarity, text-to-image."),
    Parameter("library", "text", "Only for this library: transformers, gguf, diffusers, sentence-transformers."),
    Parameter("licence", "text", "Only under this licence: apache-2.0, mit, llama3.1."),
    Parameter("author", "text", "Only of this author."),
    Parameter("gated", "choice", "Only those that must, or need not, be asked for.", choices=("yes", "no")),
    Parameter("quantisation", "text", "Only quantised so: awq, gptq, gguf, fp8."),
    Parameter("size", "text", "Only with so many parameters: 7b-13b, <8b, >30b."),
    Parameter("limit", "integer", "At most so many, 100 at most.", default="50"),
    Parameter("cursor", "text", "Go on after the page whose next_cursor this is."),
)

MODEL_ACTIONS = (
    Action(
        "model.fit",
        "See whether a model fits",
        "Whether a model fits on GPUs, or which machine types it fits on, with the memory that it needs on each GPU.",
        "global",
        "query",
        "aicompute_tui.services.model_fit:fit_model",
        ("model", "fit"),
        (
            Parameter(
                "model",
                "path or name",
                "A config.json, a GGUF file, a folder, or a model's id on Hugging Face.",
                positional=True,
            ),
            Parameter("config", "path", "The model's config.json; weights beside it are counted."),
            Parameter("gguf", "path", "The model's GGUF file; of several parts the first."),
            Parameter("variant", "text", "Of a model on Hugging Face: a quantisation or a file of its repository."),
            Parameter("weights_bytes", "integer", "What the weights take, where their files are not here."),
            Parameter("parameters", "text", "How many parameters it has, as 8.03b, where no weights are here."),
            Parameter(
                "gpu", "text", "Machine type, GPU or its memory: g5.xlarge, A10G, 4xL4, 24G; without it all types."
            ),
            Parameter("gpu_count", "integer", "How many GPUs share the model."),
            Parameter("gpu_memory_mib", "integer", "Memory that one GPU reports, in MiB."),
            Parameter("context", "text", "Tokens of context, as 32k; 8k, or what it has, when absent; none for all."),
            Parameter("parallel", "integer", "Sequences at once, each of that context.", default="1"),
            Parameter(
                "engine",
                "choice",
                "Model server; llamacpp for a GGUF file, else vllm.",
                choices=("vllm", "sglang", "tgi", "llamacpp", "ollama", "tei"),
            ),
            Parameter(
                "kv_dtype",
                "choice",
                "How the cache is kept.",
                default="fp16",
                choices=("fp16", "bf16", "fp8", "q8_0", "q4_0"),
            ),
            Parameter("market", "choice", "Whose price ranks machine types.", choices=("spot", "on-demand")),
            Parameter("region", "text", "Prices of this region only."),
            Parameter("limit", "integer", "At most so many machine types.", default="10"),
        ),
        aliases=("fit", "model-fit"),
    ),
    Action(
        "model.popular",
        "Show popular models",
        "Well-known models that come with the program, with what each is for, its size and its sources; asks nobody.",
        "global",
        "query",
        "aicompute_tui.services.hub_models:popular",
        ("model", "popular"),
        (
            Parameter(
                "purpose",
                "choice",
                "Only models for this.",
                choices=("chat", "code", "vision", "images", "embedding", "reranking"),
            ),
            Parameter("limit", "integer", "At most so many."),
        ),
        aliases=("models", "model-popular"),
        result="rows",
    ),
    Action(
        "model.trending",
        "Show trending models",
        "Models that trend on Hugging Face now, or as last seen where it cannot be asked.",
        "global",
        "query",
        "aicompute_tui.services.hub_models:trending",
        ("model", "trending"),
        _NARROWED,
        aliases=("trending", "model-trending"),
        result="rows",
    ),
    Action(
        "model.search",
        "Search models",
        "Models of Hugging Face whose id holds the words, a page at a time; next_cursor brings the page after.",
        "global",
        "query",
        "aicompute_tui.services.hub_models:search",
        ("model", "search"),
        (
            Parameter(
                "words", "text", "Part of the id; none: all that the flags leave.", positional=True, repeatable=True
            ),
            Parameter("sort", "choice", "Downloads with words, else what trends.", choices=_SORTS),
            *_NARROWED,
        ),
        aliases=("model-search",),
        result="rows",
    ),
    Action(
        "model.show",
        "Show a model",
        "All about one model: its files and variants, the memory it needs, who may have it and what serves it.",
        "global",
        "query",
        "aicompute_tui.services.model_page:show_model",
        ("model", "show"),
        (
            Parameter("model", "text", "Its id on Hugging Face, or a name of model popular.", positional=True,
                      required=True),
            Parameter("variant", "text", "A quantisation or file of its repository: Q4_K_M."),
        ),
        aliases=("model", "model-show"),
    ),
    Action(
        "model.places",
        "See where a model fits",
        "Own hosts with GPUs, then machines of every price list: what fits first, cheapest first; others with why not.",
        "global",
        "query",
        "aicompute_tui.services.model_places:model_places",
        ("model", "places"),
        (
            Parameter("model", "text", "Its id on Hugging Face, or a name of model popular.", positional=True,
                      required=True),
            Parameter("variant", "text", "A quantisation or file of its repository: Q4_K_M."),
            Parameter("context", "text", "Tokens of context, as 32k; 8k, or what it has, when absent; none for all."),
            Parameter("parallel", "integer", "Sequences at once, each of that context.", default="1"),
            Parameter("engine", "choice", "Model server; llamacpp for a GGUF file, else vllm.",
                      choices=("vllm", "sglang", "tgi", "llamacpp", "ollama", "tei")),
            Parameter("kv_dtype", "choice", "How the cache is kept.", default="fp16",
                      choices=("fp16", "bf16", "fp8", "q8_0", "q4_0")),
            Parameter("market", "choice", "Whose price counts; without it the lower.", choices=("spot", "on-demand")),
            Parameter("region", "text", "Machines of regions with this in their name."),
            Parameter("limit", "integer", "At most so many machines."),
        ),
        aliases=("model-places",),
        result="rows",
    ),
)  # fmt: skip
