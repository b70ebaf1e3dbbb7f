"""What a person may choose about a connection, apart from the models that bear it."""

from __future__ import annotations

TEST_PROMPT = "Hello, how are you?"
"""What a test asks unless told."""
FLAGS = ("livekit", "mcp", "automation")
"""What a connection may be offered to."""
