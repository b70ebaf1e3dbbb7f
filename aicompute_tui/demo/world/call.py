"""One AWS call as it came over the wire, and the shapes of answers to it."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

_SCOPE = re.compile(r"Credential=([A-Za-z0-9]+)/[0-9]+/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")
_EC2_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
REQUEST_ID = "00000000-0000-4000-8000-000000000000"
_STATUS_BY_CODE = {
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "ServiceUnavailable": 503,
    "Unavailable": 503,
    "RequestLimitExceeded": 503,
    "UnauthorizedOperation": 403,
    "AuthFailure": 401,
}


@dataclass(frozen=True, slots=True)
class Call:
    """`fields` are the form's, or the top-level texts and numbers of a JSON body."""

    action: str
    service: str
    region: str
    access_key: str
    account: str
    is_json: bool
    fields: Mapping[str, str]
    body: Any = None

    def listed(self, name: str) -> list[str]:
        """Values of `name.1`, `name.2` … in order."""
        found = [
            (int(key[len(name) + 1 :]), value)
            for key, value in self.fields.items()
            if key.startswith(f"{name}.") and key[len(name) + 1 :].isdigit()
        ]
        return [value for _, value in sorted(found)]

    def filters(self) -> dict[str, list[str]]:
        """`Filter.N.Name` with its `Filter.N.Value.M`."""
        return {
            value: self.listed(f"{key[: -len('.Name')]}.Value")
            for key, value in self.fields.items()
            if re.fullmatch(r"Filter\.\d+\.Name", key)
        }


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    """More than content type and length."""

    @property
    def status_line(self) -> str:
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return f"{self.status} Unknown"


class CallError(Exception):
    """An AWS error to be answered in the call's own protocol."""

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _STATUS_BY_CODE.get(code, 400)


def parse_call(
    authorization: str, target: str, body: bytes, query: str, account_of: Callable[[str], str]
) -> Call | None:
    """The call, or None where the request is not a signed AWS one. `account_of` gives an access key's account."""
    scope = _SCOPE.search(authorization)
    if scope is None:
        return None
    access_key, region, service = scope.groups()
    account = account_of(access_key)
    if target:
        try:
            parsed = json.loads(body or b"{}")
        except ValueError:
            parsed = {}
        fields = {str(k): str(v) for k, v in parsed.items() if isinstance(v, (str, int, float, bool))}
        return Call(target.rsplit(".", 1)[-1], service, region, access_key, account, True, fields, parsed)
    form = dict(parse_qsl(query, keep_blank_values=True))
    form.update(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return Call(form.get("Action", ""), service, region, access_key, account, False, form)


def xml_of(value: Any) -> str:
    """Mappings as elements, sequences as `item`s, the rest as text."""
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{xml_of(inner)}</{name}>" for name, inner in value.items() if inner is not None)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "".join(f"<item>{xml_of(inner)}</item>" for inner in value)
    return escape(str(value))


def ec2_answer(call: Call, content: Mapping[str, Any]) -> Answer:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><{call.action}Response xmlns="{_EC2_NAMESPACE}">'
        f"<requestId>{REQUEST_ID}</requestId>{xml_of(content)}</{call.action}Response>"
    )
    return Answer(200, "text/xml;charset=UTF-8", text.encode())


def json_answer(content: Any, status: int = 200, content_type: str = "application/x-amz-json-1.1") -> Answer:
    return Answer(status, content_type, json.dumps(content).encode())


def error_answer(call: Call, error: CallError) -> Answer:
    if call.is_json:
        return json_answer({"__type": error.code, "message": error.message}, error.status)
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if call.service == "ec2":
        text = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    else:
        tail = f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        text = f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error>{tail}"
    return Answer(error.status, "text/xml;charset=UTF-8", f'<?xml version="1.0"?>{text}'.encode())


def passes(filters: Mapping[str, Sequence[str]], values: Mapping[str, str]) -> bool:
    """Whether `values` meet every filter, `*` and `?` as wildcards. Raises for a filter that does not exist."""
    for name, wanted in filters.items():
        if name not in values:
            raise CallError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(fnmatch.fnmatchcase(values[name], pattern) for pattern in wanted):
            return False
    return True


def page(fields: Mapping[str, str], rows: Sequence[Any], largest: int) -> tuple[Sequence[Any], str]:
    """The page that MaxResults and NextToken ask for, and the next token, empty at the end."""
    token = fields.get("NextToken", "")
    if token and not re.fullmatch(r"row-\d+", token):
        raise CallError("InvalidNextToken", "The token is not valid")
    start = int(token[len("row-") :]) if token else 0
    end = start + min(int(fields.get("MaxResults") or largest), largest)
    return rows[start:end], f"row-{end}" if end < len(rows) else ""
