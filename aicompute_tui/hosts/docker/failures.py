"""From what an engine refuses and a connection raises to our errors: one sentence and the next step."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from aiodocker.exceptions import DockerError

from aicompute_tui.domain.errors import AicError, AuthFailed, BadAnswer, NotAllowed, NotConfigured, Unreachable
from aicompute_tui.domain.host import Host, HostKind
from aicompute_tui.hosts.docker.refusals import refusal
from aicompute_tui.hosts.portainer.refusals import portainer_refusal

NO_CONNECTION = 900
_GIBBERISH = (ValueError, KeyError, TypeError, aiohttp.ContentTypeError)
"""What reading an answer raises that is none of an engine's."""
_FAILURES = (DockerError, aiohttp.ClientError, OSError, TimeoutError, ssl.SSLError, *_GIBBERISH)


@contextmanager
def speaking(host: Host, subject: str = "") -> Iterator[None]:
    """Raises our errors for the adapter's. `subject` is the container, image … the call is about."""
    try:
        yield
    except AicError:
        raise
    except _FAILURES as error:
        raise failure(error, host, subject) from error


def failure(error: Exception, host: Host, subject: str = "") -> AicError:
    if isinstance(error, DockerError) and error.status != NO_CONNECTION:
        return _refused(error.status, error.message.strip(), host, subject)
    cause = error.__context__ if isinstance(error, DockerError) else error
    details = f"{type(cause or error).__name__}: {error}"
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"{host.name} did not answer in time.", f"Look at it with `aic-tui host test {host.name}`.", details
        )
    if isinstance(error, _GIBBERISH) and not isinstance(error, aiohttp.ClientConnectionError):
        step = "Check its address and port."
        return BadAnswer(f"What answers for {host.name} is no container engine we can talk to.", step, details)
    if isinstance(error, aiohttp.ClientPayloadError):
        return Unreachable(f"The connection to {host.name} broke.", "Its engine may have ended: try again.", details)
    return _tls(str(error), host, details) or _connection(cause or error, host, details)


def _refused(status: int, said: str, host: Host, subject: str) -> AicError:
    """By the server that stands before the engine, or by the engine itself."""
    known = portainer_refusal(status, said, host.name) if host.kind is HostKind.PORTAINER else None
    return known or refusal(status, said, host.name, subject)


def _connection(error: BaseException, host: Host, details: str) -> AicError:
    number = _number(error)
    if host.scheme == "unix":
        return _socket(number, host, details)
    if host.scheme == "ssh":
        return Unreachable(
            f"No engine answers on {host.name} behind its socket.",
            "Start Docker there, or name its socket: ssh://user@box/run/user/1000/docker.sock.",
            details,
        )
    where = urlsplit(host.url).netloc
    if number == errno.ECONNREFUSED:
        return Unreachable(
            f"{host.name} refuses connections at {where}.", "Start its engine, or check the port.", details
        )
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Unreachable(f"The address {where} of {host.name} is not known.", "Check the network's DNS.", details)
    return Unreachable(f"{host.name} cannot be reached at {where}.", "Check the network, then try again.", details)


def _socket(number: int | None, host: Host, details: str) -> AicError:
    path = urlsplit(host.url).path
    if number in {errno.EACCES, errno.EPERM}:
        return NotAllowed(
            f"You may not use the socket {path} of {host.name}.",
            "Join the group it belongs to (`sudo usermod -aG docker $USER`, then log in anew), or run a rootless one.",
            details,
        )
    if number == errno.ENOENT or not Path(path).exists():
        return Unreachable(f"There is no socket {path}.", "Start the engine: `sudo systemctl start docker`.", details)
    return Unreachable(
        f"Nobody answers at {path}: the engine of {host.name} has ended.",
        "Start it: `sudo systemctl start docker`.",
        details,
    )


def _number(error: BaseException | None) -> int | None:
    """The system's own error number, wherever it is wrapped in."""
    seen = 0
    while error is not None and seen < 5:
        if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
            return error.errno
        inner = getattr(error, "os_error", None)
        error = (
            inner if isinstance(inner, BaseException) and inner is not error else error.__cause__ or error.__context__
        )
        seen += 1
    return None


def _tls(said: str, host: Host, details: str) -> AicError | None:
    told = f"{details} {said}".lower()
    for words, kind, message, step in _TLS:
        if any(word in told for word in words) and (host.tls_cert or words is not _RESET):
            return kind(message.format(host=host.name), step, details)
    return None


_RESET = ("errno 104", "reset by peer")
_TLS: tuple[tuple[tuple[str, ...], type[AicError], str, str], ...] = (
    (
        ("wrong_version_number", "http_request", "record layer failure"),
        NotConfigured,
        "{host} speaks no TLS at this port.",
        "Use http:// or another port.",
    ),
    (
        ("hostname mismatch", "doesn't match", "ip address mismatch"),
        AuthFailed,
        "The certificate of {host} is for another name.",
        "Address it by the name its certificate has, or make it one for this address.",
    ),
    (
        ("serverfingerprintmismatch",),
        AuthFailed,
        "{host} shows another certificate than the pinned one: another machine may answer in its place.",
        "Only if it was renewed: remove the host and add it again with the new --tls-pin.",
    ),
    (
        ("certificate_verify_failed",),
        AuthFailed,
        "The certificate of {host} is signed by nobody that is trusted here.",
        "Name its authority with --tls-ca, or pin it with --tls-pin.",
    ),
    (
        ("bad_certificate", "certificate_required", "unknown_ca", "sslv3_alert", "tlsv13_alert", "tlsv1_alert"),
        AuthFailed,
        "{host} does not accept our TLS certificate.",
        "Name a certificate that its authority signed: --tls-cert and --tls-key.",
    ),
    (
        _RESET,
        AuthFailed,
        "{host} broke the connection off; it may not accept our certificate.",
        "Check that its authority signed --tls-cert, and that its engine runs.",
    ),
)
"""By the words of Python's own TLS."""
