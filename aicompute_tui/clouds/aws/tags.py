"""Tags as EC2 takes them and as a machine can read its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aicompute_tui.domain.errors import InvalidInput

_KEY = re.compile(r"[A-Za-z0-9+\-=.,_:@]{1,128}")
_RESERVED_KEYS = {".", "..", "_index"}
_LONGEST_VALUE = 256
_MOST_TAGS = 50


def ec2_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """In order of their keys. The machine's metadata, where it reads them, allows fewer characters than EC2 itself."""
    for key, value in tags.items():
        if not _KEY.fullmatch(key) or key in _RESERVED_KEYS or key.lower().startswith("aws:"):
            raise InvalidInput(
                f"“{key}” cannot be a tag's name.", "Use letters, digits and + - = . , _ : @ only, at most 128 of them."
            )
        if len(value) > _LONGEST_VALUE:
            raise InvalidInput(f"The value of tag “{key}” is too long.", f"Use at most {_LONGEST_VALUE} characters.")
    if len(tags) > _MOST_TAGS:
        raise InvalidInput("There are too many tags.", f"AWS takes {_MOST_TAGS} for one machine.")
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
