"""The arguments that a plan fixes mean the same when they are read again."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.container import GpuRequest
from aicompute_tui.domain.deployment import Deployment, parse_gpus, parse_size, size_word
from aicompute_tui.services.deploy_arguments import exact_arguments


@pytest.mark.parametrize("asked", ["all", "2", "none", "device=0", "device=3", "0,3", "GPU-1a2b"])
def test_gpus_are_asked_for_again_as_they_were(asked: str) -> None:
    deployment = Deployment(name="a1", image="x", gpus=parse_gpus(asked))
    fixed = exact_arguments(deployment, {"host": "box", "image": "x"})["gpus"]
    assert parse_gpus(str(fixed)) == parse_gpus(asked)


def test_one_gpu_by_its_number_is_not_a_count() -> None:
    deployment = Deployment(name="a1", image="x", gpus=GpuRequest(device_ids=("3",)))
    assert exact_arguments(deployment, {"host": "box"})["gpus"] == "device=3"


@pytest.mark.parametrize(("size", "word"), [(1 << 30, "1g"), (512 << 20, "512m"), (1000, "1000"), (3 << 40, "3t")])
def test_sizes_are_written_as_they_are_typed(size: int, word: str) -> None:
    assert size_word(size) == word
    assert parse_size(word, "shm") == size


def test_nothing_is_left_to_be_found_anew() -> None:
    deployment = Deployment(
        name="qwen", image="vllm:1", container_port=8000, host_port=8001, shares_ipc=True, volumes=("a:/b",)
    )
    fixed = exact_arguments(deployment, {"host": "box", "framework": "vllm", "model": ["m"], "shm": ""})
    assert fixed == {
        "host": "box", "framework": "vllm", "image": "vllm:1", "model": ["m"], "name": "qwen", "gpus": "none",
        "port": "8001", "container_port": "8000", "bind": "127.0.0.1", "volume": ["a:/b"], "no_hub_token": True,
        "ipc_host": True, "restart": "unless-stopped",
    }  # fmt: skip


def test_a_token_that_goes_along_is_named_and_never_written() -> None:
    deployment = Deployment(name="qwen", image="vllm:1", secret_names=("HF_TOKEN",))
    fixed = exact_arguments(deployment, {"host": "box", "framework": "vllm"})
    assert fixed["hub_token"] is True
    assert "no_hub_token" not in fixed
