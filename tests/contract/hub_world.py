"""A Hugging Face hub on loopback as its documentation describes it: paging, etags, limits, gates, and bad days."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

TOKEN = "hf_PLANTEDplantedPLANTEDplanted0123"
"""Ada's, who may read and was let into what is gated by agreement."""
OTHER = "hf_OTHERplantedPLANTEDplanted012345"
"""Bob's, who was let into nothing."""
STRANGER = "hf_STRANGERplantedPLANTEDplanted012"
_PLENTY = '"api";r=489;t=120'
SHA = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Large:
    """A file of which only the beginning is here."""

    size: int
    beginning: bytes = bytes(64)


Content = bytes | Large


@dataclass
class Model:
    """`files` is content by path."""

    id: str
    files: dict[str, Content] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    gated: bool | str = False
    is_private: bool = False
    is_disabled: bool = False

    def told(self, *, with_files: bool) -> dict[str, Any]:
        told = {
            "_id": "1",
            "id": self.id,
            "modelId": self.id,
            "author": self.id.partition("/")[0],
            "sha": SHA,
            "private": self.is_private,
            "disabled": self.is_disabled,
            "gated": self.gated,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "createdAt": "2024-07-18T08:56:00.000Z",
            "lastModified": "2024-09-25T17:00:57.000Z",
            **self.info,
        }
        if with_files:
            told["siblings"] = [self._sibling(path, content) for path, content in self.files.items()]
        return told

    @staticmethod
    def _sibling(path: str, content: Content) -> dict[str, Any]:
        size = content.size if isinstance(content, Large) else len(content)
        digest = hashlib.sha256(path.encode() if isinstance(content, Large) else content).hexdigest()
        large = (
            {"lfs": {"sha256": digest, "size": size, "pointerSize": 135}}
            if path.endswith((".safetensors", ".gguf"))
            else {}
        )
        return {"rfilename": path, "size": size, "blobId": digest[:40], **large}


@dataclass
class Asked:
    path: str
    query: dict[str, list[str]]
    token: str | None
    etag: str | None
    span: str | None


class HubWorld:
    """`models` may be changed while it runs. `bad_days` are answers that come first, one each."""

    def __init__(self) -> None:
        self.models: dict[str, Model] = {}
        self.renamed: dict[str, str] = {}
        self.members = {TOKEN: ("ada", "read"), OTHER: ("bob", "fineGrained")}
        self.let_in: set[tuple[str, str]] = set()
        self.asked: list[Asked] = []
        self.bad_days: list[str] = []
        """`cut`, `cut body`, `silent`, `drip`, `429`, `429 retry-after`, `503`, `not json`, `last call`."""
        self.account: dict[str, Any] = {}
        """What it tells of any account, where that is not the usual."""
        self.is_closing = threading.Event()
        self.largest_page = 1000
        world = self

        class Handler(_Handler):
            hub = world

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def add(self, model_id: str, files: dict[str, Content] | None = None, **info: Any) -> Model:
        gated, is_private = info.pop("gated", False), info.pop("is_private", False)
        made = self.models[model_id] = Model(model_id, files or {}, info, gated=gated, is_private=is_private)
        return made

    def paths(self) -> list[str]:
        return [each.path for each in self.asked]

    def close(self) -> None:
        self.is_closing.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def hub_world() -> Iterator[HubWorld]:
    made = HubWorld()
    try:
        yield made
    finally:
        made.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubWorld
    _limit: str
    _query: dict[str, list[str]]
    _token: str | None

    def do_GET(self) -> None:
        self._limit = _PLENTY
        parts = urlsplit(self.path)
        self._query = parse_qs(parts.query, keep_blank_values=True)
        path = unquote(parts.path)
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ") or None
        self._token = bearer
        self.hub.asked.append(
            Asked(path, self._query, bearer, self.headers.get("If-None-Match"), self.headers.get("Range"))
        )
        if self.hub.bad_days and self._bad_day(self.hub.bad_days.pop(0)):
            return
        if bearer is not None and bearer not in self.hub.members:
            self._refuse(401, None, "Invalid credentials in Authorization header")
        elif path == "/api/whoami-v2":
            self._whoami()
        elif path == "/api/models":
            self._list()
        elif path.startswith("/api/models/"):
            self._model(path.removeprefix("/api/models/"))
        elif "/resolve/" in path:
            self._file(path)
        else:
            self._refuse(404, None, "Not Found")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Says nothing."""

    def _bad_day(self, kind: str) -> bool:
        """Whether that was the whole answer."""
        if kind == "cut":
            self.close_connection = True
        elif kind == "cut body":
            self._head(200, {"Content-Type": "application/json", "Content-Length": "4096"})
            self.wfile.write(b'[{"id": "half')
            self.wfile.flush()
            self.close_connection = True
        elif kind == "silent":
            self.hub.is_closing.wait(5)
            self.close_connection = True
        elif kind == "drip":
            self._drip()
        elif kind == "429":
            self._send(429, {"error": "Too many requests"}, {"RateLimit": '"api";r=0;t=120'})
        elif kind == "429 retry-after":
            self._send(429, {"error": "Too many requests"}, {"RateLimit": '"api";r=17;t=250', "Retry-After": "7"})
        elif kind == "503":
            self._send(503, {"error": "Service unavailable"})
        elif kind == "not json":
            self._send_bytes(200, b"<html>come back later</html>", {"Content-Type": "text/html"})
        else:
            self._limit = '"api";r=0;t=90'
            return False
        return True

    def _drip(self) -> None:
        """A byte now and then, for as long as anybody takes it."""
        self._head(200, {"Content-Type": "application/json", "Content-Length": "4096"})
        self.close_connection = True
        for _ in range(100):
            if self.hub.is_closing.wait(0.05):
                return
            try:
                self.wfile.write(b" ")
            except OSError:
                return

    def _whoami(self) -> None:
        if self._token is None:
            self._refuse(401, None, "Invalid username or password.")
            return
        name, role = self.hub.members[self._token]
        usual = {"type": "user", "name": name, "auth": {"type": "access_token", "accessToken": {"role": role}}}
        self._send(200, self.hub.account or usual)

    def _list(self) -> None:
        def one(name: str) -> str:
            return self._query.get(name, [""])[0]

        found = [model for model in self.hub.models.values() if not model.is_private and self._is_wanted(model, one)]
        key = {"trendingScore": "trendingScore", "downloads": "downloads", "likes": "likes"}.get(one("sort"))
        if key is not None:
            found.sort(key=lambda model: -float(model.info.get(key, 0)))
        start, limit = int(one("cursor") or 0), min(int(one("limit") or 1000), self.hub.largest_page)
        headers = {}
        if start + limit < len(found):
            query = {
                **{name: values for name, values in self._query.items() if name != "cursor"},
                "cursor": [start + limit],
            }
            link = f"{self.hub.url}/api/models?{urlencode(query, doseq=True)}"
            headers["Link"] = f'<{link}>; rel="next"'
        expanded = {*self._query.get("expand", []), "_id", "id", "modelId"}
        page = [model.told(with_files=False) for model in found[start : start + limit]]
        told = [{key: value for key, value in row.items() if key in expanded or len(expanded) == 3} for row in page]
        self._send(200, told, headers)

    def _is_wanted(self, model: Model, one: Any) -> bool:
        tags = {*model.info.get("tags", []), model.info.get("library_name")}
        gated = {"": True, "true": bool(model.gated), "false": not model.gated}[one("gated")]
        wanted = set(self._query.get("filter", []))
        return (
            one("search").lower() in model.id.lower()
            and one("author") in {"", model.id.partition("/")[0]}
            and one("pipeline_tag") in {"", model.info.get("pipeline_tag")}
            and wanted <= tags
            and gated
        )

    def _model(self, rest: str) -> None:
        model_id, _, _verb = rest.partition("/auth-check")
        if model_id in self.hub.renamed:
            self._send(307, {}, {"Location": f"/api/models/{quote(self.hub.renamed[model_id])}{self._tail()}"})
            return
        model = self._seen(model_id)
        if model is None:
            return
        if rest.endswith("/auth-check"):
            if self._is_let_in(model):
                self._send(200, {})
            return
        self._send(200, model.told(with_files="blobs" in self._query))

    def _file(self, path: str) -> None:
        model_id, _, rest = path[1:].partition("/resolve/")
        revision, _, name = rest.partition("/")
        if model_id in self.hub.renamed:
            self._send(307, {}, {"Location": f"/{self.hub.renamed[model_id]}/resolve/{revision}/{quote(name)}"})
            return
        model = self._seen(model_id)
        if model is None or not self._is_let_in(model):
            return
        content = model.files.get(name)
        if content is None:
            self._refuse(404, "EntryNotFound", "Entry not found")
            return
        self._send_span(content.beginning if isinstance(content, Large) else content)

    def _send_span(self, body: bytes) -> None:
        span = self.headers.get("Range")
        if span is None:
            self._send_bytes(200, body, {"Content-Type": "text/plain; charset=utf-8"})
            return
        first, _, last = span.removeprefix("bytes=").partition("-")
        part = body[int(first) : int(last) + 1]
        self._send_bytes(206, part, {"Content-Range": f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"})

    def _seen(self, model_id: str) -> Model | None:
        """A private one, one that is not there and one without a token look alike."""
        model = self.hub.models.get(model_id)
        if model is None or (model.is_private and self._token != TOKEN):
            self._refuse(401 if self._token is None else 404, "RepoNotFound", "Repository not found")
            return None
        if model.is_disabled:
            self._refuse(403, None, "Access to this resource is disabled.")
            return None
        return model

    def _is_let_in(self, model: Model) -> bool:
        if not model.gated or (self._token, model.id) in self.hub.let_in:
            return True
        self._refuse(401 if self._token is None else 403, "GatedRepo", f"Access to model {model.id} is restricted.")
        return False

    def _tail(self) -> str:
        query = urlsplit(self.path).query
        return f"?{query}" if query else ""

    def _refuse(self, status: int, code: str | None, message: str) -> None:
        headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        self._send(status, {"error": message}, headers)

    def _send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self._send_bytes(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    def _send_bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
        if status == 200 and self.headers.get("If-None-Match") == etag:
            status, body = 304, b""
        tagged = {"ETag": etag} if status in {200, 304} else {}
        self._head(status, {**tagged, "Content-Length": str(len(body)), **headers})
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        limits = {"RateLimit": self._limit, "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
        for name, value in {**limits, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
