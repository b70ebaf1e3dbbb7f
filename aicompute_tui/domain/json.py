"""The type of what JSON can say."""

from __future__ import annotations

from typing import TypeAlias

JsonScalar: TypeAlias = bool | int | float | str | None
Json: TypeAlias = "JsonScalar | list[Json] | dict[str, Json]"
JsonObject: TypeAlias = dict[str, Json]
