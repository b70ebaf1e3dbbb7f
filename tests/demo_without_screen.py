"""The demo's door with a console that paints nothing: it starts the agent, tells what it was given, and waits.

python tests/demo_without_screen.py FACTS_FILE [--keep]
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from aicompute_tui.agent.start import ensure_agent
from aicompute_tui.demo.door import run
from aicompute_tui.runtime import Runtime, build

EXIT_CODE = 7


@dataclass
class Session:
    door_options: dict[str, Any]
    build: Callable[..., Any] = build
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    read_only: bool = False
    debug: bool = False


def console(facts: Path, runtime: Runtime, *, read_only: bool, debug: bool) -> int:
    agent = asyncio.run(ensure_agent(runtime))
    told = {
        "environment": runtime.environment,
        "database": str(runtime.places.database_file),
        "agent_pid": agent.status.pid,
    }
    draft = facts.with_suffix(".draft")
    draft.write_text(json.dumps(told))
    draft.replace(facts)
    sys.stdin.read()
    return EXIT_CODE


def main(words: Sequence[str]) -> int:
    session = Session(door_options={"keep": "--keep" in words})
    return run(session, partial(console, Path(words[0])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
