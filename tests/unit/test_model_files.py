"""The exact bytes of a model's weights as its files lie here, and files that are not what they say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound
from aicompute_tui.services.model_files import INDEX, read_model
from tests.unit.gguf_writer import llama_entries, write_gguf

CONFIG = {"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64, "torch_dtype": "bfloat16"}


def model_folder(folder: Path, config: Any = CONFIG) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def safetensors(path: Path, size: int, *, there: int | None = None) -> int:
    """A file with one tensor of `size` bytes, of which `there` are written; the size it has when it is whole."""
    header = json.dumps({"__metadata__": {}, "w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size if there is None else there))
    return 8 + len(header) + size


def index(folder: Path, names: list[str], total: object = None) -> None:
    weight_map = {f"layer.{number}": name for number, name in enumerate(names)}
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}))


def test_one_file_of_weights(tmp_path: Path) -> None:
    size = safetensors(model_folder(tmp_path) / "model.safetensors", 1000)
    found = read_model(tmp_path / "config.json")
    assert (found.weights_bytes, found.weights_source, found.missing) == (size, "model.safetensors", ())


def test_duplicates_beside_the_index_do_not_count(tmp_path: Path) -> None:
    model_folder(tmp_path)
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    size = sum(safetensors(tmp_path / name, 500) for name in names)
    safetensors(tmp_path / "consolidated.safetensors", 9000)
    assert read_model(tmp_path).weights_bytes == size
    index(tmp_path, [*names, names[0]], 1)
    assert read_model(tmp_path).weights_bytes == size


def test_a_file_still_being_downloaded_counts_whole(tmp_path: Path) -> None:
    size = safetensors(model_folder(tmp_path) / "model.safetensors", 10_000, there=5)
    assert read_model(tmp_path).weights_bytes == size


def test_the_total_of_the_index_counts_where_files_are_not_here(tmp_path: Path) -> None:
    index(model_folder(tmp_path), ["model-00001-of-00002.safetensors"], 7_000_000)
    found = read_model(tmp_path)
    assert (found.weights_bytes, found.weights_source) == (7_000_000, INDEX)


def test_a_pointer_of_git_lfs_tells_the_size(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0f\nsize 4976698672\n"
    (model_folder(tmp_path) / "model.safetensors").write_text(pointer)
    assert read_model(tmp_path).weights_bytes == 4_976_698_672


def test_without_weights_their_size_is_not_known(tmp_path: Path) -> None:
    assert read_model(model_folder(tmp_path)).weights_bytes is None
    safetensors(tmp_path / "model-00001-of-00003.safetensors", 10)
    found = read_model(tmp_path)
    assert found.weights_bytes is None
    assert "model-00002-of-00003.safetensors is not there" in found.missing[0]


def test_gguf_parts_are_one_model(tmp_path: Path) -> None:
    names = [f"big-0000{part}-of-00003.gguf" for part in (1, 2, 3)]
    write_gguf(tmp_path / names[0], llama_entries() | {"split.count": 3}, tail=100)
    write_gguf(tmp_path / names[1], {}, tail=1000)
    assert "big-00003-of-00003.gguf is not there" in read_model(tmp_path).missing[0]
    write_gguf(tmp_path / names[2], {}, tail=2000)
    size = sum((tmp_path / name).stat().st_size for name in names)
    for path in (tmp_path, tmp_path / names[2]):
        found = read_model(path)
        assert (found.name, found.weights_bytes, found.missing) == ("A Llama", size, ())


def test_a_gguf_file_still_being_downloaded_counts_whole(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "whole.gguf", llama_entries(), tail=100_000)
    part = write_gguf(tmp_path / "part.gguf", llama_entries(), tail=100_000, there=7)
    assert read_model(part).weights_bytes == read_model(whole).weights_bytes == whole.stat().st_size


def test_a_part_under_another_name_is_not_the_whole_model(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "renamed.gguf", llama_entries() | {"split.count": 3})
    assert read_model(path).weights_bytes is None


def test_several_models_in_a_folder_must_be_told_apart(tmp_path: Path) -> None:
    for name in ("q4.gguf", "q8.gguf"):
        write_gguf(tmp_path / name, llama_entries())
    with pytest.raises(InvalidInput, match=r"2 GGUF models: q4\.gguf, q8\.gguf"):
        read_model(tmp_path)


def bad_files(folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    os.mkfifo(folder / "pipe.json")
    texts = {"words.json": "{", "list.json": "[]", "deep.json": "[" * 100_000, "short.gguf": "GG", "bytes.json": "\x00"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "utf.json").write_bytes(b'{"a": "\xff"}')
    (folder / "huge.json").touch()
    os.truncate(folder / "huge.json", 1 << 30)
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    "name",
    ["pipe.json", "words.json", "list.json", "deep.json", "short.gguf", "bytes.json", "utf.json", "huge.json"],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_model(bad_files(tmp_path / "bad")[name])
    assert refused.value.next_step


@pytest.mark.parametrize("names", [["../../etc/passwd"], ["sub/model.safetensors"], [".."], [3]])
def test_an_index_that_names_other_places_is_refused(tmp_path: Path, names: list[Any]) -> None:
    index(model_folder(tmp_path), names, 10)
    with pytest.raises(InvalidInput):
        read_model(tmp_path)


@pytest.mark.parametrize("raw", [b"", b"\xff" * 64, (20).to_bytes(8, "little") + b"[]", b"\x02" + bytes(7) + b"[]"])
def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path, raw: bytes) -> None:
    (model_folder(tmp_path) / "model.safetensors").write_bytes(raw)
    with pytest.raises(InvalidInput, match=r"model\.safetensors is no safetensors file"):
        read_model(tmp_path)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.gguf", tmp_path / "none" / "config.json", Path("\0")):
        with pytest.raises(NotFound):
            read_model(path)
    with pytest.raises(AicError, match="weights alone"):
        read_model(tmp_path / "model.safetensors")
