"""Models of the hub for tests and pictures: curated, found, gated, and all that is known of one of them."""

from __future__ import annotations

from typing import Any

from aicompute_tui.domain.json import Json, JsonObject

GIB = 1 << 30
_READ_AT = "2026-11-20T13:58:00Z"


def model(model_id: str, **changes: Any) -> JsonObject:
    """A row as the agent answers it: an eight billion instruct model that everyone may fetch."""
    row: JsonObject = {
        "id": model_id, "name": model_id.rpartition("/")[2], "author": model_id.partition("/")[0], "purpose": None,
        "task": "text-generation", "library": "transformers", "format": "safetensors", "quantisation": None,
        "quantisations": [], "dtype": "bfloat16", "parameters": 8_030_261_248, "size_bytes": 15 * GIB,
        "vram_bytes": 19 * GIB, "vram_basis": "vllm, 8k of context, one sequence", "context_length": 131_072,
        "architecture": "LlamaForCausalLM", "downloads": 4_210_000, "likes": 3_900, "trending_score": 12.0,
        "licence": "apache-2.0", "gated": "no", "created_at": "2024-07-18T08:56:00Z",
        "updated_at": "2026-11-01T08:00:00Z", "ollama": None, "quality": None, "quality_source": None,
        "curated_name": None, "source": "hub", "source_note": "huggingface.co", "read_at": _READ_AT,
        "age_seconds": 240, "problem": None, "next_step": None, "next_cursor": None,
    }  # fmt: skip
    return {**row, **changes}


QWEN = model(
    "Qwen/Qwen2.5-7B-Instruct", curated_name="qwen2.5-7b", purpose="chat",
    parameters=7_615_616_512, size_bytes=15_231_233_024, vram_bytes=19_730_000_000, ollama="qwen2.5:7b",
    architecture="Qwen2ForCausalLM", quality="Strong at code and several languages for its size.",
    quality_source="its authors' report", source="shipped",
)  # fmt: skip
LLAMA = model(
    "meta-llama/Llama-3.1-8B-Instruct", curated_name="llama-3.1-8b", purpose="chat",
    ollama="llama3.1:8b", licence="llama3.1", gated="manual", source="shipped",
)  # fmt: skip
BGE = model(
    "BAAI/bge-m3", curated_purpose="embedding", task="feature-extraction",
    parameters=567_754_752, size_bytes=2_271_064_456, vram_bytes=3 * GIB, context_length=8_192, ollama="bge-m3",
    architecture="XLMRobertaModel", licence="mit", source="shipped",
)  # fmt: skip
SD = model(
    "stabilityai/stable-diffusion-xl-base-1.0", curated_name="sdxl", purpose="image",
    task="text-to-image", library="diffusers", parameters=None, size_bytes=6_938_000_000, vram_bytes=None,
    context_length=None, architecture=None, licence="openrail++", source="shipped", downloads=None, likes=None,
)  # fmt: skip
GGUF = model(
    "bartowski/Qwen2.5-7B-Instruct-GGUF", format="gguf", library="gguf", quantisation="Q4_K_M", dtype=None,
    size_bytes=4_683_073_952, vram_bytes=7 * GIB, downloads=98_000, likes=212,
)  # fmt: skip
POPULAR: list[Json] = [QWEN, LLAMA, BGE, SD]


def found(count: int, first: int = 0, *, next_cursor: str | None = None) -> list[Json]:
    """A page of a search."""
    return [
        model(f"lab-{place}/coder-{place}B", parameters=place * 10**9 or None, next_cursor=next_cursor)
        for place in range(first, first + count)
    ]


SHOWN: JsonObject = {
    **QWEN,
    "next_cursor": None,
    "description": "Qwen2.5 is a series of large language models.\n\nIt follows instructions and writes code.",
    "revision": "a09a35458c702b33eeacc393d103063234e8bc28", "architectures": ["Qwen2ForCausalLM"],
    "chat_template": True, "licence_url": "https://www.apache.org/licenses/LICENSE-2.0",
    "base_models": ["Qwen/Qwen2.5-7B"], "tags": ["chat", "en"], "missing": [], "renamed_from": None,
    "file_count": 14, "total_bytes": 15_242_000_000,
    "files": [
        {"path": "config.json", "size_bytes": 663},
        {"path": "model-00001-of-00004.safetensors", "size_bytes": 3_945_441_440},
    ],
    "variants": [
        {"name": "bfloat16", "format": "safetensors", "quantisation": None, "size_bytes": 15_231_233_024, "files": 4,
         "first_file": "model-00001-of-00004.safetensors", "vram_bytes": 19_730_000_000},
        {"name": "Q4_K_M", "format": "gguf", "quantisation": "Q4_K_M", "size_bytes": 4_683_073_952, "files": 1,
         "first_file": "qwen2.5-7b-instruct-q4_k_m.gguf", "vram_bytes": 7 * GIB},
    ],
    "access": {"needed": False, "granted": None, "how": "", "url": "https://huggingface.co/Qwen/Qwen2.5-7B-Instruct"},
    "advice": [
        {"framework": "vllm", "title": "vLLM", "model": "Qwen/Qwen2.5-7B-Instruct",
         "why": "It serves safetensors to many at once.", "launch": True, "deploy": True, "kinds": []},
        {"framework": "ollama", "title": "Ollama", "model": "qwen2.5:7b", "why": "It pulls it by its tag.",
         "launch": True, "deploy": True, "kinds": ["ollama"]},
    ],
}  # fmt: skip


def place(name: str, **changes: Any) -> JsonObject:
    row: JsonObject = {
        "where": "offer", "name": name, "cloud": "aws", "region": "ca-central-1", "gpu_name": "A10G", "gpu_count": 1,
        "gpu_memory_mib": 24_576, "usd_per_hour": 0.42, "market": "spot",
        "source": "snapshot skypilot-catalog 00148f2a", "read_days_ago": 0, "verdict": "FITS", "max_context": 20_480,
        "max_parallel": 2, "gpus_used": 1, "needed_bytes_per_gpu": 18 * GIB, "budget_bytes_per_gpu": 21 * GIB,
        "engine": "vllm", "context": 8_192, "parallel": 1, "why": "takes 86 %",
        "reason": "Needs 18.4 GiB on the GPU, of the 21.6 GiB that vllm may take of 24.0 GiB.",
    }  # fmt: skip
    return {**row, **changes}


PLACES: list[Json] = [
    place("lab-1", where="host", cloud=None, region=None, usd_per_hour=None, market=None, gpu_count=2,
          read_days_ago=None, source=None, why="takes 43 %",
          max_context=131_072),
    place("g5.xlarge"),
    place("1x-RTX_4090", cloud="vast", region="Texas, US, NA", gpu_name="RTX4090", usd_per_hour=0.51,
          verdict="TIGHT", why="takes 97 %", max_context=9_216),
    place("g4dn.xlarge", gpu_name="T4", gpu_memory_mib=16_384, usd_per_hour=0.18, verdict="NO",
          why="4.1 GiB too much", max_context=0),
    place("mystery", cloud="runpod", gpu_name="MI300X", usd_per_hour=None, market=None, verdict="UNKNOWN",
          why="Cannot be told: its number of attention heads is not known.", max_context=None),
]  # fmt: skip


def answers() -> dict[str, Json]:
    return {
        "model.popular": POPULAR,
        "model.trending": [model("org/newest-12B", parameters=12 * 10**9), GGUF],
        "model.search": found(3),
        "model.show": SHOWN,
        "model.places": PLACES,
    }
