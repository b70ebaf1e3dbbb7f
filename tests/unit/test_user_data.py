"""What is sent to a machine at its launch: small, the same each time, and harmless as text."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput, NotConfigured
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.services import user_data
from aicompute_tui.services.own_key import own_public_key
from aicompute_tui.services.public_key import is_public_key
from aicompute_tui.services.user_data import LIMIT_BYTES, NodeOrder, check_model, pack_user_data, render_user_data
from aicompute_tui.settings.places import Places, places_from
from tests.needs import need

END = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


def noise(seed: str, size: int) -> bytes:
    """Bytes that no compression makes smaller."""
    return b"".join(hashlib.sha512(f"{seed}{number}".encode()).digest() for number in range(size // 64 + 1))[:size]


def key(kind: str, size: int) -> str:
    return f"{kind} {base64.b64encode(noise(kind, size)).decode()} somebody@a-rather-long-host-name.example.com"


KEYS = (key("ssh-ed25519", 51), key("ssh-rsa", 535))
"""Ours and a person's, which is an RSA key of 4,096 bits."""


def rendered(node: NodeOrder | None = None, end: datetime | None = END) -> str:
    return render_user_data(expires_at=end, max_expires_at=end, launch_id="0193-aa", node=node)


def node(framework: str = "vllm", *models: str) -> NodeOrder:
    return NodeOrder(framework=framework, models=models, idle_seconds=1_800, gpu_count=8, public_keys=KEYS)


@pytest.mark.parametrize("name", ["none", "tei", *FRAMEWORKS])
def test_every_framework_fits_into_what_the_cloud_takes(name: str) -> None:
    most = FRAMEWORKS[name].most_models if name in FRAMEWORKS else None
    models = [f"organisation/{noise(str(number), 40).hex()}" for number in range(most or 6)]
    packed = pack_user_data(rendered(node(name, *models)))
    assert len(packed) <= LIMIT_BYTES
    text = gzip.decompress(packed).decode()
    assert text.startswith("#!/bin/bash\n")
    assert not re.search("@[A-Z_]+@", text)
    assert all(model in text for model in models)
    assert ("aic-tui-setup" in text.partition("has_setup='yes'")[2]) == (name in FRAMEWORKS)
    assert b"mime-version:" not in text.encode()[:4096].lower(), "cloud-init would take it for a mail"


def test_what_ends_the_machine_comes_before_everything_else() -> None:
    calls = rendered(node()).rpartition("\nif ! {")[2]
    order = [calls.index(name) for name in ("install_deadman", "authorize_keys", "install_watch", "install_setup")]
    assert order == sorted(order)


def test_same_order_same_bytes_whatever_the_time_zone_and_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    first = pack_user_data(rendered(node()))
    monkeypatch.setattr("time.time", lambda: 0.0)
    elsewhere = END.astimezone(timezone(timedelta(hours=-5)))
    assert pack_user_data(rendered(node(), elsewhere)) == first


def test_has_the_end_that_fits() -> None:
    text = render_user_data(expires_at=END, max_expires_at=END + timedelta(hours=16), launch_id="0193-aa")
    assert f"\nend='{int(END.timestamp())}'\n" in text
    assert f"\nmax_end='{int(END.timestamp()) + 57_600}'\n" in text


def test_no_end_is_said_in_a_word() -> None:
    assert "\nend='none'\nmax_end='none'\n" in rendered(end=None)


@pytest.mark.parametrize("launch_id", ["", "a b", "a'; rm -rf /", "-x", "ü", "a\n"])
def test_launch_id_that_could_be_read_as_shell_is_refused(launch_id: str) -> None:
    with pytest.raises(InvalidInput):
        render_user_data(expires_at=END, max_expires_at=END, launch_id=launch_id)


@pytest.mark.parametrize(
    "model",
    ["", "a'b", "a b", "$(touch x)", "a\nb", "-m", "../../etc/passwd", "a/../b", "a`b`", "a" * 201, "a;b", "ü"],
)
def test_model_that_could_be_read_as_shell_is_refused(model: str) -> None:
    with pytest.raises(InvalidInput):
        check_model(model)
    with pytest.raises(InvalidInput):
        rendered(node("ollama", model))


@pytest.mark.parametrize("model", ["llama3.2:3b", "Qwen/Qwen2.5-7B-Instruct", "bartowski/a-GGUF:Q4_K_M", "hf.co/a/b"])
def test_models_as_their_hubs_write_them_pass(model: str) -> None:
    check_model(model)


@pytest.mark.parametrize(
    "line", ["", "ssh-ed25519", "ssh-rsa AAAA\nssh-rsa BBBB", "ssh-rsa AAAA a\x1b[2Jb", "command=x ssh-rsa A"]
)
def test_only_whole_public_keys_are_given_to_a_machine(line: str) -> None:
    with pytest.raises(InvalidInput):
        rendered(NodeOrder(public_keys=(line,)))


def test_login_that_could_be_read_as_shell_is_refused() -> None:
    with pytest.raises(InvalidInput):
        rendered(NodeOrder(login="a'b"))


def test_node_conf_is_read_back_by_a_shell_as_it_was_meant(tmp_path: Path) -> None:
    conf = tmp_path / "node.conf"
    conf.write_text(user_data.node_conf(node("ollama", "llama3.2:3b", "hf.co/a/b:Q4_K_M")))
    script = f'. {conf}; printf "%s|" "$framework" "$image" "$node_port" "$idle_seconds" "$gpu_count" "${{models[@]}}"'
    said = subprocess.run(["bash", "-uc", script], check=True, capture_output=True, text=True).stdout
    assert said == "ollama|ollama/ollama|11434|1800|8|llama3.2:3b|hf.co/a/b:Q4_K_M|"


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_what_was_rendered_passes_shellcheck(name: str, tmp_path: Path) -> None:
    need("shellcheck", shutil.which("shellcheck") is not None, "apt-get install shellcheck")
    script = tmp_path / "user-data.sh"
    script.write_text(rendered(node(name, "a")))
    subprocess.run(["shellcheck", script], check=True)


def test_end_without_time_zone_is_refused() -> None:
    with pytest.raises(InvalidInput):
        rendered(end=END.replace(tzinfo=None))


def test_script_too_big_for_the_cloud_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_data, "LIMIT_BYTES", 1_000)
    with pytest.raises(InvalidInput, match="1000"):
        pack_user_data(rendered())


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_from({"AIC_TUI_HOME": str(tmp_path)})


def _made_in(environment: Mapping[str, str]) -> str:
    return own_public_key(places_from(environment))


def test_own_key_is_made_once_whoever_comes_first(tmp_path: Path, places: Places) -> None:
    with ProcessPoolExecutor(4) as pool:
        lines = set(pool.map(_made_in, [{"AIC_TUI_HOME": str(tmp_path)}] * 12))
    assert len(lines) == 1
    assert lines == {own_public_key(places)}
    assert sorted(path.name for path in places.ssh.iterdir()) == ["id_ed25519", "id_ed25519.pub"]


def test_own_key_is_private_and_what_ssh_reads(places: Places) -> None:
    line = own_public_key(places)
    assert is_public_key(line)
    assert places.ssh_key.stat().st_mode & 0o777 == 0o600
    assert places.ssh.stat().st_mode & 0o777 == 0o700
    need("ssh", shutil.which("ssh-keygen") is not None, "apt-get install openssh-client")
    said = subprocess.run(["ssh-keygen", "-yf", places.ssh_key], check=True, capture_output=True, text=True).stdout
    assert said.split()[:2] == line.split()[:2]


def test_own_key_that_is_damaged_is_said_and_left_alone(places: Places) -> None:
    places.ssh.mkdir(parents=True)
    places.ssh_key.write_text("rubbish")
    with pytest.raises(NotConfigured, match="id_ed25519"):
        own_public_key(places)
    assert places.ssh_key.read_text() == "rubbish"
