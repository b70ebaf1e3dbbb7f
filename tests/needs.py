"""What a test needs from the machine: absent, it skips aloud with the way to get it, or fails where it is required."""

from __future__ import annotations

import os

import pytest


def need(name: str, present: bool, start_line: str) -> None:
    """`AIC_TEST_REQUIRE` is a comma list of names whose absence is a failure."""
    if present:
        return
    text = f"{name} is absent; get it by: {start_line}"
    if name in os.environ.get("AIC_TEST_REQUIRE", "").split(","):
        pytest.fail(text)
    pytest.skip(text)
