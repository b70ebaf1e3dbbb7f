"""Agent passes after a crash: first at once, then past every lease and window, until two leave everything as it was."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from botocore.loaders import JSONFileLoader

from tests import entry

PAST_EVERYTHING_SECONDS = (1, 45, 460, 530, 600, 670)
"""Leases 30 s, look-up window 300 s, denials 60 s apart."""
REGIONS = {"ca-central-1", "us-east-1", "eu-west-1"}
"""All that the account may use here: most of a pass goes into looking at each."""
DONE, COULD_NOT_SEE_EVERYTHING = 0, 1


def enable_few_regions() -> None:
    call: Callable[..., Any] = BaseClient._make_api_call

    def answered(self: Any, name: str, parameters: Any) -> Any:
        answer = call(self, name, parameters)
        if name == "DescribeRegions":
            answer["Regions"] = [each for each in answer["Regions"] if each["RegionName"] in REGIONS]
        return answer

    BaseClient._make_api_call = answered


def read_models_once() -> None:
    """Every pass makes its clients anew, and reads for them what botocore knows of a service."""
    load: Callable[..., Any] = JSONFileLoader.load_file
    read: dict[str, Any] = {}

    def kept(self: Any, path: str) -> Any:
        if path not in read:
            read[path] = load(self, path)
        return read[path]

    JSONFileLoader.load_file = kept


def main() -> int:
    read_models_once()
    enable_few_regions()
    clock_file = Path(sys.argv[1])
    for seconds in PAST_EVERYTHING_SECONDS:
        clock_file.write_text(str(seconds))
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = entry.main([str(clock_file), "agent", "--once"])
        if code not in {DONE, COULD_NOT_SEE_EVERYTHING}:
            print(said.getvalue())
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
