"""Whether what a connection leads to is well: asked what costs nothing, and judged like any other answer."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from aicompute_tui.domain.errors import AicError, BadAnswer
from aicompute_tui.domain.json import Json
from aicompute_tui.http.exchange import get
from aicompute_tui.http.talk import Answer
from aicompute_tui.llms.addresses import lists_models
from aicompute_tui.llms.base import Endpoint, Request, as_object
from aicompute_tui.llms.dialects import dialect_of
from aicompute_tui.llms.problems import health_problem, status_within


async def probe(endpoint: Endpoint, seconds: float) -> AicError | None:
    """What it answers where that is no sign of health; its key goes to its own server alone.

    Raises AicError where no answer came.
    """
    connection, dialect = endpoint.connection, dialect_of(endpoint)
    path = endpoint.preset.probe_path
    request = dialect.models(endpoint, None) if path is None else Request(path)
    query = f"?{urlencode(request.query)}" if request.query else ""
    headers = {**endpoint.headers(), **dict(request.headers)}
    url = f"{connection.base_url}{request.path}{query}"
    answer = await get(url, headers, seconds=seconds, tls_ca=connection.options.tls_ca)
    if answer.status == 404 and not lists_models(connection):
        return None  # it answers, and a list is not there to be had
    if answer.status != 200:
        return health_problem(endpoint, answer.status, answer.headers, answer.body)
    return _problem_within(endpoint, answer, is_list=path is None)


def _problem_within(endpoint: Endpoint, answer: Answer, *, is_list: bool) -> AicError | None:
    """Of an answer that came with 200; of a very long one only the beginning is looked at."""
    if not answer.is_whole:
        return None if answer.body.lstrip()[:1] in {b"{", b"["} else _no_json(endpoint)
    try:
        body: Json = json.loads(answer.body)
    except (ValueError, RecursionError):
        return _no_json(endpoint)
    if error := as_object(body).get("error"):
        return health_problem(endpoint, status_within(error), answer.headers, answer.body)
    if is_list and dialect_of(endpoint).read_models(body) is None:
        return BadAnswer(f"“{endpoint.connection.name}” gave no list of models.", "Check the address and kind.")
    return None


def _no_json(endpoint: Endpoint) -> BadAnswer:
    step = "Check the address: a proxy or another server may stand there."
    return BadAnswer(f"“{endpoint.connection.name}” sent no JSON.", step)
