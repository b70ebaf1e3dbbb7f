"""Which of a repository's files are one copy of a model's weights: whole, in parts, in fewer bits, beside others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

_PART = re.compile(r"^(?P<stem>.+?)-(?P<number>\d{5})-of-(?P<count>\d{5})$")
_QUANTISED = re.compile(
    r"(?:^|[-_.])(?P<name>(?:UD-)?(?:IQ\d_[A-Z]{1,4}|Q\d(?:_[0-9KSMLX]{1,3}){1,3}|MXFP4|BF16|F16|F32|FP16))(?=[-_.]|$)",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"(?:^|[-_.])(?:mmproj|imatrix|projector)(?:[-_.]|$)", re.IGNORECASE)
"""What goes with a model and is none."""
_NO_WEIGHTS = re.compile(r"^(?:consolidated|adapter_|optimizer|training_|rng_state)", re.IGNORECASE)
_OTHER_FOLDERS = frozenset({"original", "onnx", "openvino", "metal", "coreml", "flax", "checkpoints"})
_FORMATS = {"safetensors": "safetensors", "gguf": "gguf", "bin": "pytorch"}
_PIPELINE = "model_index.json"
_LOWER_PRECISION = ("fp16", "bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVariant:
    """`size_bytes` is None where a file's size is not told or a part is not there."""

    name: str
    format: str
    """`safetensors`, `gguf`, `pytorch`."""
    quantisation: str | None
    paths: tuple[str, ...]
    size_bytes: int | None
    note: str = ""

    @property
    def first_file(self) -> str:
        return self.paths[0]


def variants_of(files: Mapping[str, int | None]) -> tuple[ModelVariant, ...]:
    """`files` is size by path. The one that engines load first comes first, then GGUF files from small to large."""
    weights = [path for path in files if _is_weight(path)]
    safetensors = [path for path in weights if path.endswith(".safetensors")]
    found: list[ModelVariant] = []
    if _PIPELINE in files:
        found += _pipelines(safetensors, files)
    else:
        found += _sets(safetensors, files, "safetensors")
    gguf = _sets([path for path in weights if path.endswith(".gguf")], files, "gguf")
    found += sorted(gguf, key=lambda each: (each.size_bytes is None, each.size_bytes or 0, each.name))
    if not found:
        found = _sets([path for path in weights if path.endswith(".bin")], files, "pytorch")
    return _named_apart(found)


def variant_called(variants: Sequence[ModelVariant], named: str) -> ModelVariant | None:
    """By its name, its quantisation where no other has it, or one of its files."""
    wanted = named.strip().lower()
    exact = [each for each in variants if wanted in {each.name.lower(), *(path.lower() for path in each.paths)}]
    alike = exact or [each for each in variants if (each.quantisation or "").lower() == wanted]
    return alike[0] if len(alike) == 1 else None


def _is_weight(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    stem, _, ending = name.rpartition(".")
    if ending not in _FORMATS or not stem or _BESIDE.search(stem) or _NO_WEIGHTS.match(name):
        return False
    if ending == "bin" and not stem.startswith("pytorch_model"):
        return False
    return folder.partition("/")[0].lower() not in _OTHER_FOLDERS


def _sets(paths: Iterable[str], files: Mapping[str, int | None], kind: str) -> list[ModelVariant]:
    """Files in parts count as one; usual ones at the top come first."""
    groups: dict[tuple[str, int], list[str]] = {}
    for path in sorted(paths):
        stem = path.rpartition(".")[0]
        part = _PART.match(stem)
        key = (stem, 1) if part is None else (part["stem"], int(part["count"]))
        groups.setdefault(key, []).append(path)
    found = [_variant(stem, count, members, files, kind) for (stem, count), members in groups.items()]
    return sorted(found, key=lambda each: ("/" in each.first_file, not _is_usual(each.first_file), each.first_file))


def _is_usual(path: str) -> bool:
    return path.startswith(("model.safetensors", "model-0", "pytorch_model"))


def _variant(stem: str, count: int, members: Sequence[str], files: Mapping[str, int | None], kind: str) -> ModelVariant:
    sizes = [files[path] for path in members]
    known = [size for size in sizes if size is not None]
    is_whole = len(members) == count and len(known) == len(sizes)
    note = "" if len(members) == count else f"{len(members)} of its {count} parts are there"
    quantisation = _quantisation(stem) if kind == "gguf" else None
    return ModelVariant(
        name=quantisation or _short(stem, kind),
        format=kind,
        quantisation=quantisation,
        paths=tuple(members),
        size_bytes=sum(known) if is_whole else None,
        note=note,
    )


def _quantisation(stem: str) -> str | None:
    """The last that is named: a folder's name says the same as the files in it."""
    found = [match["name"].upper() for match in _QUANTISED.finditer(stem.replace("/", "-"))]
    return found[-1] if found else None


def _short(stem: str, kind: str) -> str:
    folder, _, name = stem.rpartition("/")
    if name in {"model", "pytorch_model"}:
        return folder or kind
    return f"{folder}/{name}" if folder else name.removeprefix("model.")


def _pipelines(paths: Sequence[str], files: Mapping[str, int | None]) -> list[ModelVariant]:
    """The parts of a pipeline lie in folders and are loaded together; each may be there in another precision too."""
    parts: dict[str, dict[str, list[str]]] = {}
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        if not folder or "non_ema" in name:
            continue
        precision = next((each for each in _LOWER_PRECISION if f".{each}" in name), "")
        parts.setdefault(folder, {}).setdefault(precision, []).append(path)
    precisions = sorted({precision for found in parts.values() for precision in found})
    whole = [each for each in precisions if all(each in found for found in parts.values())]
    return [_pipeline([path for found in parts.values() for path in found[each]], each, files) for each in whole]


def _pipeline(members: Sequence[str], precision: str, files: Mapping[str, int | None]) -> ModelVariant:
    sizes = [files[path] for path in members]
    known = [size for size in sizes if size is not None]
    return ModelVariant(
        name=f"pipeline {precision}".strip(),
        format="safetensors",
        quantisation=None,
        paths=tuple(members),
        size_bytes=sum(known) if len(known) == len(sizes) else None,
    )


def _named_apart(variants: Sequence[ModelVariant]) -> tuple[ModelVariant, ...]:
    """Two of one name are called by their files; no file is in two of them."""
    names = [each.name for each in variants]
    told = tuple(replace(each, name=each.first_file) if names.count(each.name) > 1 else each for each in variants)
    if len({each.name for each in told}) == len(told):
        return told
    return tuple(replace(each, name=each.first_file) for each in variants)
