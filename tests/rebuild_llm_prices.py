"""Makes the list of token prices that ships with the package anew, from litellm's map that was fetched before.

python -m tests.rebuild_llm_prices FILE --release 1.106.2 --read-on 2026-11-20

FILE is `litellm/model_prices_and_context_window_backup.json` of that release. Nothing is written unless every check
holds.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from aicompute_tui.domain.errors import AicError, BadAnswer
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.modalities import Modalities, in_order
from aicompute_tui.settings.packaged import DATA

NAME = "llm-prices.csv"
PROVIDERS = {"anthropic": "anthropic", "gemini": "gemini", "groq": "groq", "openai": "openai",
             "together_ai": "together"}  # fmt: skip
"""What litellm calls them, and we."""
_MAKES = {"chat": "text", "responses": "text", "embedding": "embedding", "rerank": "score"}
"""What comes of each mode that is listed, where the map tells no more of a model."""
_SILENT = frozenset({"embedding", "rerank"})
_FLAGS = {"supports_vision": "image", "supports_audio_input": "audio", "supports_video_input": "video"}
_A_SIZE = re.compile(r"(?:up-to|\d+(?:\.\d+)?[bm])-(?:to-)?\d+(?:\.\d+)?[bm]$")
"""A class of sizes that a provider asks one price for: no model that could be asked."""
_BY_THE_SEARCH = re.compile(r"-search-|deep-research")
"""They ask for each search besides: a price of tokens alone would be no cost of theirs."""
_ABOVE = re.compile(r"(?:in|out)put_cost_per_token_above_(\d+)k_tokens$")
_MILLION = 1_000_000
_MOST_USD = Decimal(10_000)
_MOST_LOST = Decimal("0.5")
"""Of the lines that were there: a map that has fewer was cut, or is another file."""


class Line(NamedTuple):
    kind: str
    model: str
    input_usd: str
    cached_usd: str
    output_usd: str
    most_input_tokens: str
    source: str
    as_of: str
    context_tokens: str
    modalities: str


def rebuild(recorded: Path, target: Path, release: str, read_on: date) -> list[str]:
    """What was made, a line each. Raises AicError, and writes nothing, where a check fails."""
    lines: dict[tuple[str, str], Line] = {}
    left_out: Counter[str] = Counter()
    for key, values in sorted(_map(recorded).items()):
        kind = PROVIDERS.get(str(values.get("litellm_provider")))
        if kind is None or values.get("mode") not in _MAKES:
            continue
        model = key.removeprefix(f"{values['litellm_provider']}/")
        if (why := _unlisted(model, values, read_on)) is not None:
            left_out[why] += 1
            continue
        line = _line(kind, model, values, f"litellm {release}", read_on)
        if lines.setdefault((kind, model), line) != line:
            raise BadAnswer(f"{kind} {model} stands in the map twice, with different figures.")
    path = target / NAME
    present = Counter(kind for kind, _ in _present(path))
    _check_whole(Counter(kind for kind, _ in lines), present)
    path.write_text(_csv(lines[key] for key in sorted(lines)), encoding="utf-8", newline="")
    made = Counter(kind for kind, _ in lines)
    told = [f"{kind}: {made[kind]} models, {present[kind]} before" for kind in sorted(PROVIDERS.values())]
    return [*told, *(f"left out: {count} {why}" for why, count in sorted(left_out.items()))]


def _map(recorded: Path) -> dict[str, JsonObject]:
    try:
        read: Json = json.loads(recorded.read_bytes(), parse_float=str, parse_int=str)
    except (OSError, ValueError) as error:
        raise BadAnswer(f"{recorded.name} could not be read: {error}.") from error
    if not isinstance(read, dict):
        raise BadAnswer(f"{recorded.name} is no map of models.")
    return {key: values for key, values in read.items() if isinstance(values, dict)}


def _unlisted(model: str, values: JsonObject, read_on: date) -> str | None:
    """Why a line of the map is none of ours."""
    if _is_retired(model, values.get("deprecation_date"), read_on):
        return "retired"
    if model.startswith("ft:") or _A_SIZE.search(model):
        return "fine-tunes and classes of sizes"
    if _BY_THE_SEARCH.search(model) or values.get("output_cost_per_audio_token") is not None:
        return "priced by more than tokens of text"
    made = values.get("output_cost_per_token")
    if not _usd(model, values, "input_cost_per_token") or (made is None and values["mode"] not in _SILENT):
        return "without a price"  # a zero for what goes in stands where nobody knows, too
    return None


def _is_retired(model: str, ends: Json, read_on: date) -> bool:
    try:
        return ends is not None and date.fromisoformat(str(ends)) <= read_on
    except ValueError as error:
        raise BadAnswer(f"{model} ends on “{ends}”, which is no day.") from error


def _line(kind: str, model: str, values: JsonObject, source: str, read_on: date) -> Line:
    def usd(name: str) -> str:
        price = _usd(model, values, name)
        return "" if price is None else f"{price.normalize():f}"

    above = [int(found[1]) * 1_000 for name in values if (found := _ABOVE.match(name)) and values[name] is not None]
    context = values.get("max_input_tokens")
    return Line(
        kind=kind,
        model=model,
        input_usd=usd("input_cost_per_token"),
        cached_usd=usd("cache_read_input_token_cost"),
        output_usd="" if values["mode"] in _SILENT else usd("output_cost_per_token"),
        most_input_tokens=str(min(above)) if above else "",
        source=source,
        as_of=str(read_on),
        context_tokens="" if context is None else str(int(str(context))),
        modalities=str(_modalities(values)),
    )


def _usd(model: str, values: JsonObject, name: str) -> Decimal | None:
    """Per million tokens. Raises BadAnswer for what no provider asks."""
    told = values.get(name)
    if told is None:
        return None
    price = Decimal(str(told)) * _MILLION
    if not 0 <= price < _MOST_USD:
        raise BadAnswer(f"{model} would cost {price.normalize():f} USD per million tokens ({name}).")
    return price


def _modalities(values: JsonObject) -> Modalities:
    """As the lists tell, else as the marks do; where a chat model has neither, nothing is known of it."""
    takes, makes = _listed(values, "supported_modalities"), _listed(values, "supported_output_modalities")
    if not takes and any(values.get(flag) is not None for flag in _FLAGS):
        takes = {"text", *(kind for flag, kind in _FLAGS.items() if values.get(flag) is True)}
    if not makes and (takes or values["mode"] in _SILENT):
        makes = {_MAKES[str(values["mode"])], *(["audio"] if values.get("supports_audio_output") is True else [])}
    return Modalities(in_order(takes), in_order(makes))


def _listed(values: JsonObject, name: str) -> set[str]:
    told = values.get(name)
    return {str(each) for each in told} if isinstance(told, list) else set()


def _check_whole(made: Counter[str], present: Counter[str]) -> None:
    for kind, count in sorted(present.items()):
        if made[kind] < count * _MOST_LOST:
            raise BadAnswer(f"{kind} has only {made[kind]} models, where it had {count}.")


def _present(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["kind"], row["model"]) for row in csv.DictReader(file)]


def _csv(lines: Iterable[Line]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Line._fields)
    writer.writerows(lines)
    return text.getvalue()


def main(words: Sequence[str], write: Callable[[str], object] = print) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rebuild_llm_prices", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--release", required=True)
    parser.add_argument("--read-on", type=date.fromisoformat, required=True)
    parser.add_argument("--target", type=Path, default=DATA)
    arguments = parser.parse_args(words)
    try:
        for line in rebuild(arguments.file, arguments.target, arguments.release, arguments.read_on):
            write(line)
    except AicError as error:
        write(f"{error.message} Nothing was written.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
