"""No secret goes unsaid over a connection that everybody on the way can read."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.nearby import is_near
from aicompute_tui.domain.plain_connection import is_plain
from aicompute_tui.services.deploy_plan import _token_check
from aicompute_tui.services.hosts import _connection_checks
from tests.contract.host_world import host


@pytest.mark.parametrize(
    ("url", "plain", "near"),
    [
        ("tcp://127.0.0.1:2375", False, True),
        ("tcp://10.0.0.5:2375", True, True),
        ("http://portainer:9000", True, True),
        ("http://portainer.lan:9000", True, True),
        ("http://portainer.example.com:9000", True, False),
        ("tcp://8.8.8.8:2375", True, False),
        ("https://portainer.example.com:9443", False, False),
        ("ssh://me@gpu.example.com", False, False),
    ],
)
def test_what_can_be_read_on_the_way_is_said(url: str, plain: bool, near: bool) -> None:
    described = host(url)
    assert (is_plain(described), is_near(url)) == (plain, near)
    verdicts = (_token_check(described)["verdict"], len(_connection_checks(described)))
    assert verdicts == (("warning", 1) if plain else ("ok", 0))


def test_certificates_encrypt_a_tcp_address() -> None:
    assert not is_plain(host("tcp://10.0.0.5:2376", tls_ca="/ca.pem"))
