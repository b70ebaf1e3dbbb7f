"""A model as it lies in files of this machine: its config or GGUF header, and the exact bytes of its weights."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aicompute_tui.domain import gguf, safetensors
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.gguf_model import shape_of_gguf
from aicompute_tui.domain.model_config import shape_of_config
from aicompute_tui.domain.model_shape import LARGEST, ModelShape

INDEX = "model.safetensors.index.json"
_SINGLE = "model.safetensors"
_PART = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<end>\.gguf|\.safetensors)$")
_CONFIG_LIMIT = 4 << 20
_INDEX_LIMIT = 64 << 20
_POINTER_LIMIT = 1024
_LFS = b"version https://git-lfs.github.com/spec/"


def read_model(path: Path) -> ModelShape:
    """A folder, a config.json with its weights beside it, or a GGUF file. Raises NotFound, InvalidInput."""
    file = _chosen(path) if path.is_dir() else path
    if file.suffix.lower() == ".gguf":
        return read_gguf(file)
    if file.suffix.lower() == ".safetensors":
        raise InvalidInput(f"{file} holds weights alone.", "Give the config.json beside it.")
    return read_config(file)


def read_config(path: Path) -> ModelShape:
    config = _json_object(path, _CONFIG_LIMIT)
    shape = shape_of_config(config, _model_name(config.get("_name_or_path"), path.absolute().parent.name))
    size, source, problem = _weights_beside(path.absolute().parent)
    missing = (*shape.missing, problem) if problem else shape.missing
    return replace(shape, weights_bytes=size, weights_source=source, missing=missing)


def read_gguf(path: Path) -> ModelShape:
    """The header is that of the first part where the model comes in parts."""
    parts = _parts(path)
    first = parts[0]
    _check_file(first, InvalidInput if first != path else NotFound)
    try:
        with first.open("rb") as file:
            metadata = gguf.read_metadata(file)
    except OSError as error:
        raise InvalidInput(f"{first} cannot be read: {error.strerror}.", "Choose another file.") from None
    shape = shape_of_gguf(metadata, _model_name(metadata.get("general.name"), path.name))
    absent = [part.name for part in parts if not part.is_file()]
    if metadata.get("split.count", 1) != len(parts) and "split.count" in metadata:
        absent = absent or ["a name that says which part of the model it is"]
    if absent:
        return replace(shape, missing=(*shape.missing, f"the size of its weights: {absent[0]} is not there"))
    size = sum(_weight_file_size(part) for part in parts)
    return replace(shape, weights_bytes=size, weights_source=_files_words(parts))


def _chosen(folder: Path) -> Path:
    """The model of a folder. Raises NotFound where there is none, InvalidInput where there are several."""
    if (folder / "config.json").is_file():
        return folder / "config.json"
    found = sorted({_parts(each)[0] for each in folder.glob("*.gguf")})
    if not found:
        raise NotFound(f"{folder} holds no config.json and no GGUF file.", "Choose the folder of a model.")
    if len(found) > 1:
        names = ", ".join(each.name for each in found[:4])
        raise InvalidInput(f"{folder} holds {len(found)} GGUF models: {names}.", "Name the file that is meant.")
    return found[0]


def _parts(path: Path) -> list[Path]:
    """All files of a model that comes in parts, the file alone otherwise."""
    match = _PART.match(path.name)
    if match is None or not 1 <= int(match["count"]) <= 9_999:
        return [path]
    count = match["count"]
    return [path.with_name(f"{match['stem']}-{part:05d}-of-{count}{match['end']}") for part in range(1, int(count) + 1)]


def _weights_beside(folder: Path) -> tuple[int | None, str | None, str | None]:
    """The bytes, where they were read, and what is missing where they cannot be told."""
    index = folder / INDEX
    if index.is_file():
        return _weights_of_index(index)
    if (folder / _SINGLE).is_file():
        return _weight_file_size(folder / _SINGLE), _SINGLE, None
    parts = _parts(next(iter(sorted(folder.glob("model-?????-of-?????.safetensors"))), folder / _SINGLE))
    if len(parts) > 1:
        absent = [part.name for part in parts if not part.is_file()]
        if absent:
            return None, None, f"the size of its weights: {absent[0]} is not there (or give --weights-bytes)"
        return sum(map(_weight_file_size, parts)), _files_words(parts), None
    return None, None, None


def _weights_of_index(index: Path) -> tuple[int | None, str | None, str | None]:
    """The files it names where all are there, else the total it tells."""
    written = _json_object(index, _INDEX_LIMIT)
    names = written.get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise InvalidInput(f"{index} names no files.", "Download it again.")
    files = [index.parent / name for name in sorted({str(name) for name in names.values()})]
    if any(file.name in {"", ".", ".."} or file.parent != index.parent for file in files):
        raise InvalidInput(f"{index} names a file of another folder.", "Download it again.")
    if files and all(file.is_file() for file in files):
        return sum(map(_weight_file_size, files)), _files_words(files), None
    metadata = written.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if isinstance(total, int | float) and not isinstance(total, bool) and 0 < total < LARGEST:
        return int(total), INDEX, None
    return None, None, f"the size of its weights: {INDEX} tells no total and not all of its files are there"


def _weight_file_size(path: Path) -> int:
    """Of the whole file, also where only its pointer or its beginning is here."""
    size = _check_file(path)
    try:
        with path.open("rb") as file:
            if size <= _POINTER_LIMIT and file.read(len(_LFS)) == _LFS:
                return _pointed_size(path, file.read(_POINTER_LIMIT))
            file.seek(0)
            if path.suffix == ".safetensors":
                return safetensors.whole_size(file, path.name)
            return max(size, gguf.whole_size(file))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", "Choose another file.") from None


def _pointed_size(path: Path, pointer: bytes) -> int:
    match = re.search(rb"^size (\d{1,18})$", pointer, re.MULTILINE)
    if match is None:
        raise InvalidInput(f"{path} is a pointer of Git LFS without a size.", "Fetch the file itself.")
    return int(match[1])


def _json_object(path: Path, limit: int) -> dict[str, object]:
    if _check_file(path) > limit:
        raise InvalidInput(f"{path} is larger than {limit >> 20} MiB.", "Choose the file that was meant.")
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", "Choose another file.") from None
    except (ValueError, RecursionError):
        raise InvalidInput(f"{path} is not JSON.", "Give a config.json or a GGUF file.") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} holds no JSON object.", "Give a model's config.json.")
    return found


def _check_file(path: Path, absent: type[InvalidInput | NotFound] = NotFound) -> int:
    """The size of a regular file; anything else could block for ever."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        raise absent(f"There is no file {path}.", "Give a config.json, a GGUF file, or the folder of one.") from None
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput(f"{path} is not a regular file.", "Give a config.json or a GGUF file.")
    return found.st_size


def _files_words(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"{len(files)} files, {files[0].name} …"


def _model_name(named: object, otherwise: str) -> str:
    text = " ".join(str(named).split()) if isinstance(named, str) else ""
    return text[:80] or otherwise
