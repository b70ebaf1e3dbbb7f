"""What a person may choose about a connection, apart from the models that bear it."""

from __future__ import annotations

TEST_PROMPT = "Hello, how are you?"
"""What a test asks unless told."""
FLAG_TITLES = {"livekit": "LiveKit", "mcp": "MCP", "automation": "automation"}
FLAGS = tuple(FLAG_TITLES)
"""What a connection may be offered to."""
