"""A Portainer server itself: who it is, its environments, and a login that becomes an access token."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httpx

from aicompute_tui.domain.errors import AicError, AuthFailed, BadAnswer, Unreachable
from aicompute_tui.domain.json import Json
from aicompute_tui.hosts.answers import integer, text
from aicompute_tui.hosts.portainer.refusals import portainer_refusal

_CALL_SECONDS = 15.0
_DOCKER_TYPES = frozenset({1, 2, 4})
"""A socket or API, an agent, an edge agent; the others are of Kubernetes and Azure."""
_EDGE_TYPE = 4
_DOWN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One engine behind the server."""

    number: int
    name: str
    address: str = ""
    """Where a person said that its published ports are; empty where nobody did."""
    is_up: bool | None = None
    """None where Portainer does not know."""


class PortainerServer:
    """Each call has its own connection and keeps no cookie: with one, Portainer wants more proof for every change."""

    def __init__(self, url: str, name: str, tls: ssl.SSLContext | None = None) -> None:
        self._url = url.rstrip("/")
        self._name = name
        self._tls = tls

    async def version(self) -> str:
        return text(await self._ask("GET", "/api/system/status"), "Version")

    async def environments(self, token: str) -> list[Environment]:
        """Those with a Docker engine, by number."""
        answer = await self._ask("GET", "/api/endpoints", token=token, query={"excludeSnapshots": "true"})
        if not isinstance(answer, list):
            raise self._unreadable("it listed no environments")
        found = [_environment(each) for each in answer if integer(each, "Type") in _DOCKER_TYPES]
        return sorted((each for each in found if each is not None), key=lambda each: each.number)

    async def token_for(self, user: str, password: str, description: str) -> str:
        """A new access token of that user's; the login is used once and forgotten."""
        login = await self._ask("POST", "/api/auth", body={"Username": user, "Password": password})
        proof = {"Authorization": f"Bearer {text(login, 'jwt')}"}
        me = integer(await self._ask("GET", "/api/users/me", headers=proof), "Id")
        path, body = f"/api/users/{me}/tokens", {"password": password, "description": description}
        made = text(await self._ask("POST", path, headers=proof, body=body), "rawAPIKey")
        if not made:
            raise self._unreadable("it made no access token")
        return made

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        query: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        shown = {**(headers or {}), **({"X-API-Key": token} if token else {})}
        verify = True if self._tls is None else self._tls
        try:
            async with (
                asyncio.timeout(_CALL_SECONDS),
                httpx.AsyncClient(verify=verify, timeout=_CALL_SECONDS, trust_env=False) as client,
            ):
                answer = await client.request(method, f"{self._url}{path}", params=query, json=body, headers=shown)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise self._no_answer(error) from error
        if answer.status_code >= 300:
            said = _said(answer)
            known = portainer_refusal(answer.status_code, said, self._name)
            raise known or self._unreadable(f"{answer.status_code} {said}")
        try:
            return cast("Json", answer.json())
        except ValueError:
            raise self._unreadable(answer.text[:200]) from None

    def _no_answer(self, error: Exception) -> AicError:
        details = f"{type(error).__name__}: {error}"
        if "CERTIFICATE_VERIFY_FAILED" in details:
            return AuthFailed(
                f"The certificate of {self._name} is signed by nobody that is trusted here; Portainer makes its own.",
                "Name its authority with --tls-ca; for a self-signed one that is the certificate itself.",
                details,
            )
        return Unreachable(
            f"{self._name} does not answer at {self._url}.", "Check its address and that Portainer runs.", details
        )

    def _unreadable(self, details: str) -> BadAnswer:
        step = "Check the address; Portainer's is like https://host:9443."
        return BadAnswer(f"What answers for {self._name} is no Portainer server we can talk to.", step, details)


def _environment(answer: Json) -> Environment | None:
    number = integer(answer, "Id")
    if number is None:
        return None
    status = None if integer(answer, "Type") == _EDGE_TYPE else integer(answer, "Status")
    return Environment(
        number=number,
        name=text(answer, "Name"),
        address=text(answer, "PublicURL"),
        is_up=None if status is None else status != _DOWN,
    )


def _said(answer: httpx.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return answer.text[:500]
    if not isinstance(found, dict):
        return answer.text[:500]
    return " ".join(str(found[key]) for key in ("message", "details") if found.get(key))
