"""Hugging Face behind the hub's protocol: huggingface_hub in a few threads of its own, one answer at a time each."""

from __future__ import annotations

import asyncio
import contextvars
import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aicompute_tui import __version__
from aicompute_tui.domain import gguf
from aicompute_tui.domain.errors import AicError, AuthFailed, BadAnswer, NotAllowed, NotConfigured, TimedOut
from aicompute_tui.domain.gguf import Metadata
from aicompute_tui.domain.plain_connection import is_plain_address
from aicompute_tui.hub.base import Hub, HubAccount, HubFile, HubModel, ModelPage, ModelQuery, Reading, withheld
from aicompute_tui.hub.kept import KeptAnswer, KeptAnswers

if TYPE_CHECKING:
    from aicompute_tui.hub.transport import Look

T = TypeVar("T")

_USUAL_ADDRESS = "https://huggingface.co"
_THREADS = 4
_CALL_SECONDS = 60.0
_MOST_TEXT = 8 << 20
_FIRST_PART = 2 << 20
_LONGEST_HEADER = 32 << 20
_USER = re.compile(r"//[^/?#]*@")
_TRUE = frozenset({"1", "true", "yes", "on"})


class HubDoor:
    """This process's way to the hub: threads, kept answers and one transport; what they need is imported at first."""

    def __init__(
        self,
        environment: Mapping[str, str],
        cache: Path,
        *,
        now: Callable[[], datetime],
        may_reach: Callable[[str], bool],
    ) -> None:
        self._environment = environment
        self.kept = KeptAnswers(cache / "hub")
        self._now = now
        self._may_reach = may_reach
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="hub")
        self._preparing = threading.Lock()
        self._is_prepared = False

    @property
    def is_offline(self) -> bool:
        return self._environment.get("HF_HUB_OFFLINE", "").strip().lower() in _TRUE

    def open(self, address: str | None, token: str | None) -> Hub:
        """The usual address is that of `HF_ENDPOINT`, else Hugging Face itself."""
        usual = self._environment.get("HF_ENDPOINT", "").strip() or _USUAL_ADDRESS
        asked = (address or usual).rstrip("/")
        return HuggingFace(self, asked, token)

    async def run(self, call: Callable[[], T]) -> tuple[T, Look]:
        """In one of the threads; a call that was given up ends there by its own time-outs."""

        def prepared() -> tuple[T, Look]:
            self._prepare()
            from aicompute_tui.hub.transport import LOOK, Look

            look = Look()
            LOOK.set(look)
            return call(), look

        context = contextvars.copy_context()
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._pool, context.run, prepared)
        except TimeoutError:
            raise TimedOut("The hub did not answer in time.", "Look at the network, then try again.") from None

    async def aclose(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._is_prepared:
            from huggingface_hub import close_session

            await asyncio.to_thread(close_session)

    def reading(self, look: Look) -> Reading:
        """Of what a call came by."""
        read_at, failure = look.read_at or self._now(), look.failure
        if failure is None:
            return Reading(read_at=read_at)
        return Reading(read_at=read_at, problem=failure.message, next_step=failure.next_step)

    def answer(self, content: bytes) -> KeptAnswer:
        """Of our own making, to be kept beside the hub's."""
        return KeptAnswer(status=200, headers={}, body=content, read_at=self._now())

    def _prepare(self) -> None:
        with self._preparing:
            if self._is_prepared:
                return
            import httpx2
            from huggingface_hub import constants, set_client_factory

            from aicompute_tui.hub.transport import CONNECT_SECONDS, READ_SECONDS, Conditions, KeepingTransport

            constants.HF_HUB_DISABLE_TELEMETRY = True
            conditions = Conditions(
                is_offline=self.is_offline,
                may_reach=self._may_reach,
                now=self._now,
                proxies=_proxies(self._environment),
            )
            transport = KeepingTransport(self.kept, conditions)
            timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
            set_client_factory(lambda: httpx2.Client(transport=transport, follow_redirects=True, timeout=timeout))
            self._is_prepared = True


class HuggingFace:
    """Implements Hub."""

    def __init__(self, door: HubDoor, address: str, token: str | None) -> None:
        self.address = _USER.sub("//", address)
        """As it is shown: without a user and a password, which a mirror may want."""
        self._endpoint = address
        self._door = door
        self._token = None if is_plain_address(address) else token
        self.withholds_token = token is not None and self._token is None

    @property
    def is_offline(self) -> bool:
        return self._door.is_offline

    async def models(self, query: ModelQuery) -> ModelPage:
        (models, cursor), look = await self._asked(self.address, lambda token: self._models(query, token))
        return ModelPage(models=models, next_cursor=cursor, reading=self._door.reading(look))

    async def model(self, model_id: str) -> tuple[HubModel, Reading]:
        found, look = await self._asked(model_id, lambda token: self._model(model_id, token))
        return found, self._door.reading(look)

    async def text(self, model_id: str, path: str) -> tuple[str, Reading]:
        content, look = await self._asked(model_id, lambda token: self._content(model_id, path, token, {}))
        if len(content) > _MOST_TEXT:
            raise BadAnswer(f"{path} of {model_id} is larger than {_MOST_TEXT >> 20} MiB.", "Choose another model.")
        return content.decode("utf-8", "replace"), self._door.reading(look)

    async def gguf_header(self, model_id: str, file: HubFile) -> Metadata:
        found, _ = await self._asked(model_id, lambda token: self._gguf_header(model_id, file, token))
        return found

    async def may_download(self, model_id: str) -> bool | None:
        def asked(token: str | None) -> None:
            from huggingface_hub import HfApi

            HfApi(endpoint=self._endpoint, token=token or False).auth_check(model_id)

        try:
            await self._asked(model_id, asked)
        except (NotAllowed, AuthFailed):
            return False
        except AicError:
            return None
        return True

    async def account(self) -> HubAccount:
        token = self._token
        if self.withholds_token:
            raise withheld(self.address)
        if token is None:
            step = "Store one: aic-tui credential set huggingface --cloud huggingface"
            raise NotConfigured("There is no Hugging Face token.", step)

        def asked(_: str | None) -> HubAccount:
            from huggingface_hub import HfApi

            told = HfApi(endpoint=self._endpoint, token=token).whoami()
            kind = told.get("auth", {}).get("accessToken", {}).get("role")
            return HubAccount(name=str(told["name"]), may=kind if isinstance(kind, str) else None)

        found, _ = await self._door.run(lambda: self._once(self.address, asked, token))
        return found

    async def _asked(self, what: str, call: Callable[[str | None], T]) -> tuple[T, Look]:
        """With the token; without it once more where the hub does not know it, since public models need none."""
        try:
            return await self._door.run(lambda: self._once(what, call, self._token))
        except AuthFailed:
            return await self._door.run(lambda: self._once(what, call, None))

    def _once(self, what: str, call: Callable[[str | None], T], token: str | None) -> T:
        from aicompute_tui.hub.failures import RAISED, failure, without_token

        try:
            return call(token)
        except AicError:
            raise
        except RAISED as error:
            said = failure(error, what, self.address, has_token=token is not None)
            raise without_token(said, self.address) if self.withholds_token else said from None

    def _models(self, query: ModelQuery, token: str | None) -> tuple[list[HubModel], str | None]:
        from huggingface_hub import ModelInfo, get_session
        from huggingface_hub.utils import hf_raise_for_status

        from aicompute_tui.hub.reading import cursor_of, hub_model, query_words

        answer = get_session().get(
            f"{self._endpoint}/api/models", params=query_words(query), headers=_headers(token)
        )  # fmt: skip
        hf_raise_for_status(answer)
        models = [hub_model(ModelInfo(**each)) for each in answer.json()]
        return models, cursor_of(answer.links.get("next", {}).get("url", ""))

    def _model(self, model_id: str, token: str | None) -> HubModel:
        from huggingface_hub import HfApi

        from aicompute_tui.hub.reading import hub_model

        api = HfApi(endpoint=self._endpoint, token=token or False, library_name="aic-tui", library_version=__version__)
        return hub_model(api.model_info(model_id, files_metadata=True))

    def _content(self, model_id: str, path: str, token: str | None, headers: Mapping[str, str]) -> bytes:
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import hf_raise_for_status

        url = hf_hub_url(model_id, path, endpoint=self._endpoint)
        answer = get_session().get(url, headers={**_headers(token), **headers})
        hf_raise_for_status(answer)
        content: bytes = answer.content
        return content

    def _gguf_header(self, model_id: str, file: HubFile, token: str | None) -> Metadata:
        """Read in growing parts until it is whole; what the same file said before is not fetched again."""
        kept, question = self._door.kept, f"gguf header of {file.content_id}"
        known = kept.get(question, token or "") if file.content_id else None
        if known is not None:
            return dict(json.loads(known.body))
        begun, size = b"", _FIRST_PART
        while True:
            span = {"Range": f"bytes={len(begun)}-{size - 1}"}
            begun += self._content(model_id, file.path, token, span)
            try:
                found = gguf.read_metadata(io.BytesIO(begun))
            except gguf.EndsEarly:
                if len(begun) < size or size >= _LONGEST_HEADER:
                    raise
                size *= 2
            else:
                break
        if file.content_id:
            kept.put(question, token or "", self._door.answer(json.dumps(found).encode()))
        return found


def _headers(token: str | None) -> dict[str, str]:
    from huggingface_hub.utils import build_hf_headers

    return build_hf_headers(token=token or False, library_name="aic-tui", library_version=__version__)


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """As curl takes them: the small letters win."""
    found = {}
    for name, variable in (("http", "http_proxy"), ("https", "https_proxy"), ("no", "no_proxy")):
        value = environment.get(variable) or environment.get(variable.upper(), "")
        if value:
            found[name] = value
    return found
