"""What is this machine and what is a network of one's own, as far as an address tells."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.nearby import is_loopback, is_near


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:5", "https://127.8.8.8/x", "http://[::1]:5", "http://localhost", "localhost:8000", "localhost."],
)
def test_this_machine_is_loopback_and_near(address: str) -> None:
    assert is_loopback(address)
    assert is_near(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "http://192.168.1.7:11434/v1", "[fd00::1]:8000", "http://100.101.102.103:8000", "gpu-box:8000",
        "http://gpu.lan", "box.local", "ollama.internal:11434", "nas.home.arpa",
    ],
)  # fmt: skip
def test_a_network_of_ones_own_is_near_and_not_this_machine(address: str) -> None:
    assert is_near(address)
    assert not is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", "http://127.0.0.1.example.com", "https://ec2.amazonaws.com", "[2001:4860:4860::8888]:443",
        "api.openai.com", "http://local.example.com", "localhost.example.com",
    ],
)  # fmt: skip
def test_anywhere_else_is_neither(address: str) -> None:
    assert not is_near(address)
    assert not is_loopback(address)


@pytest.mark.parametrize("address", ["", "http://", "http://0x7f000001"])
def test_what_names_no_machine_is_not_this_one(address: str) -> None:
    assert not is_loopback(address)
