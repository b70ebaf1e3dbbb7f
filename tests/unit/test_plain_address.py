"""A token goes to no hub to which everybody on the way could read it."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.plain_connection import is_plain_address


@pytest.mark.parametrize(
    ("address", "is_plain"),
    [
        ("https://huggingface.co", False),
        ("https://hub.example:8443/mirror", False),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://localhost", False),
        ("http://hub.lan", True),
        ("http://127.0.0.1.example", True),
        ("http://localhost@hub.example", True),
    ],
)
def test_who_could_read_what_is_sent(address: str, is_plain: bool) -> None:
    assert is_plain_address(address) is is_plain
