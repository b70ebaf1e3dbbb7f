"""The world's door: faults first, then its own answers, then moto."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.iam.models import get_account_id_from
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from aicompute_tui.demo.world import images, placement, price_feeds, price_list, regions, spot_prices
from aicompute_tui.demo.world.call import Answer, Call, CallError, error_answer, parse_call
from aicompute_tui.demo.world.faults import ConnectionCut, Faults
from aicompute_tui.demo.world.journal import Journal
from aicompute_tui.demo.world.lifecycle import Lifecycle
from aicompute_tui.demo.world.machines import Machines
from aicompute_tui.demo.world.quotas import Quotas
from aicompute_tui.demo.world.spot_requests import SpotRequests

OPERATOR_ADDRESS = "203.0.113.7"
_SECOND_ACCOUNT_KEYS = "AKIADEMO2"
SECOND_ACCOUNT = "222222222222"
Environ = dict[str, Any]
StartResponse = Callable[..., Any]


def account_of(access_key: str) -> str:
    """The account an access key opens; keys of an assumed role open the role's."""
    return SECOND_ACCOUNT if access_key.startswith(_SECOND_ACCOUNT_KEYS) else get_account_id_from(access_key)


@dataclass(slots=True)
class World:
    """The cloud's state beyond moto's own."""

    boot_seconds: float = 0.0
    faults: Faults = field(default_factory=Faults)
    journal: Journal = field(default_factory=Journal)
    quotas: Quotas = field(default_factory=Quotas)
    spot_requests: SpotRequests = field(default_factory=SpotRequests)
    lifecycle: Lifecycle = field(init=False)
    machines: Machines = field(init=False)

    def __post_init__(self) -> None:
        self.lifecycle = Lifecycle(self.boot_seconds)
        self.machines = Machines(self.lifecycle, self.quotas, self.spot_requests)
        self.machines.install()

    def advance(self) -> None:
        """Lets happen whatever the time has come for."""
        self.machines.carry_out_notices()
        self.lifecycle.advance()
        self.quotas.advance()

    def reset(self) -> None:
        """Everything as at the start; held calls go on."""
        self.faults.replace([])
        self.faults.release()
        with self.machines.lock:
            BackendDict.reset()
            reset_model_data()
            self.machines.clear()
            self.spot_requests.clear()
            self.quotas.clear()
            self.lifecycle.clear()
            self.journal.clear()

    def own_answer(self, call: Call) -> Answer | None:
        """What moto lacks or gets wrong; None leaves the call to moto."""
        regions.require_enabled(call)
        handlers: dict[tuple[str, str], Callable[[], Answer | None]] = {
            ("ec2", "DescribeRegions"): lambda: regions.describe_regions(call),
            ("ec2", "DescribeSpotPriceHistory"): lambda: spot_prices.describe(call, datetime.now(UTC)),
            ("ec2", "DescribeSpotInstanceRequests"): lambda: self.spot_requests.describe(call),
            ("ec2", "CancelSpotInstanceRequests"): lambda: self.spot_requests.cancel(call),
            ("ec2", "GetSpotPlacementScores"): lambda: placement.scores(call, _zone_ids()),
            ("ssm", "GetParameter"): lambda: images.get_parameter(call),
            ("ssm", "GetParameters"): lambda: images.get_parameters(call),
            ("pricing", "GetProducts"): lambda: price_list.get_products(call),
        }
        handler = handlers.get((call.service, call.action))
        if handler is not None:
            return handler()
        if call.service == "servicequotas" and call.action in self.quotas.actions:
            return self.quotas.actions[call.action](call)
        return None


def _zone_ids() -> dict[str, str]:
    return {zone.name: zone.zone_id for zones in RegionsAndZonesBackend.zones.values() for zone in zones}


class Application:
    """The WSGI application. `control` answers the paths that a test or the demo steers the world by."""

    def __init__(self, world: World, control: Callable[[str, str, Any], Answer]) -> None:
        self._world = world
        self._control = control
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            answer = self._answer(environ, body)
        except ConnectionCut:
            connection = environ.get("werkzeug.socket")
            if connection is not None:
                connection.shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError from None
        told = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        start_response(answer.status_line, [*told, *answer.headers])
        return [answer.body]

    def _answer(self, environ: Environ, body: bytes) -> Answer:
        path = environ.get("PATH_INFO", "/")
        if path == "/checkip":
            return Answer(200, "text/plain", f"{OPERATOR_ADDRESS}\n".encode())
        if path.startswith("/feeds/"):
            asked = {"if-none-match": environ.get("HTTP_IF_NONE_MATCH", "")}
            return price_feeds.answer(path.removeprefix("/feeds/"), asked, _zone_ids(), datetime.now(UTC))
        if path.startswith("/__world/"):
            return self._control(environ["REQUEST_METHOD"], path.removeprefix("/__world/"), json.loads(body or b"null"))
        call = parse_call(
            environ.get("HTTP_AUTHORIZATION", ""),
            environ.get("HTTP_X_AMZ_TARGET", ""),
            body,
            environ.get("QUERY_STRING", ""),
            account_of,
        )
        if call is None:
            return self._ask_moto(environ, body, None)
        entry = self._world.journal.arrived(call)

        def carry_out() -> Answer:
            answer = self._carry_out(call, environ, body)
            self._world.journal.carried_out(entry, answer)
            return answer

        answer = self._world.faults.apply(call, carry_out)
        self._world.journal.answered(entry, answer)
        return answer

    def _carry_out(self, call: Call, environ: Environ, body: bytes) -> Answer:
        self._world.advance()
        try:
            own = self._world.own_answer(call)
        except CallError as error:
            return error_answer(call, error)
        return own or self._ask_moto(environ, body, call)

    def _ask_moto(self, environ: Environ, body: bytes, call: Call | None) -> Answer:
        inner = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        if call is not None and call.account == SECOND_ACCOUNT:
            inner["HTTP_X_MOTO_ACCOUNT_ID"] = SECOND_ACCOUNT
        seen: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], None]:
            seen["status"] = int(status.split(maxsplit=1)[0])
            seen["headers"] = {name.lower(): value for name, value in headers}
            return lambda _: None

        self._world.machines.current.call = call
        try:
            content = b"".join(self._moto(inner, start))
        finally:
            self._world.machines.current.call = None
        return Answer(seen["status"], seen["headers"].get("content-type", "text/plain"), content)


class _QuietHandler(MotoRequestHandler):
    disable_nagle_algorithm = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Says nothing: the journal has it."""


def listen(application: Application, port: int) -> BaseWSGIServer:
    """A server bound to loopback; port 0 takes any free one."""
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_QuietHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    return server
