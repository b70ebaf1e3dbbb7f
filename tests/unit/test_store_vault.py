"""The vault: what is sealed can be opened by the right key alone, and nothing shows a key."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from aicompute_tui.domain.errors import AuthFailed, NotConfigured
from aicompute_tui.settings.places import Places, places_from
from aicompute_tui.store import vault
from aicompute_tui.store.vault import Vault

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_from({"AIC_TUI_HOME": str(tmp_path / "home")})


def test_a_private_key_file_is_made_at_first_start_and_used_again(places: Places) -> None:
    token = Vault.open(places, {}).seal(SECRET)
    assert SECRET.encode() not in token
    assert Vault.open(places, {}).unseal(token) == SECRET
    assert stat.S_IMODE(places.vault_key_file.stat().st_mode) == 0o600
    assert [file.name for file in places.vault_key_file.parent.iterdir()] == ["vault.key"]


def test_starts_at_once_agree_on_one_key(places: Places) -> None:
    tokens: list[bytes] = []
    threads = [threading.Thread(target=lambda: tokens.append(Vault.open(places, {}).seal(SECRET))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Vault.open(places, {}).unseal(token) for token in tokens] == [SECRET] * 8


def test_a_key_file_others_can_read_is_refused(places: Places) -> None:
    Vault.open(places, {})
    places.vault_key_file.chmod(0o644)
    with pytest.raises(NotConfigured, match="Others can read") as caught:
        Vault.open(places, {})
    assert "chmod 600" in caught.value.next_step


def test_keys_rotate(places: Places) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    token = Vault.open(places, {"AIC_TUI_VAULT_KEY": old}).seal(SECRET)
    both = Vault.open(places, {"AIC_TUI_VAULT_KEY": f"{new}, {old}"})
    assert both.unseal(token) == SECRET
    fresh = both.reseal(token)
    only_new = Vault.open(places, {"AIC_TUI_VAULT_KEY": new})
    assert only_new.unseal(fresh) == SECRET
    with pytest.raises(AuthFailed):
        only_new.unseal(token)
    with pytest.raises(AuthFailed):
        only_new.reseal(token)
    assert not places.vault_key_file.exists(), "a key from the environment is never written down"


@pytest.mark.parametrize("key", ["short", "ä" * 44, "A" * 43, ",", f"{'A' * 43}=,oops"])
def test_a_malformed_key_is_refused_without_showing_it(places: Places, key: str) -> None:
    with pytest.raises(NotConfigured, match="malformed") as caught:
        Vault.open(places, {"AIC_TUI_VAULT_KEY": key})
    said = caught.value.message + caught.value.next_step + caught.value.details
    assert key == "," or key not in said
    assert caught.value.__cause__ is None


def test_a_malformed_key_file_is_refused(places: Places) -> None:
    Vault.open(places, {})
    for text in ("", "half a key", "\x00" * 44):
        places.vault_key_file.write_text(text)
        with pytest.raises(NotConfigured):
            Vault.open(places, {})
    places.vault_key_file.write_bytes(b"\xff\xfe")
    with pytest.raises(NotConfigured):
        Vault.open(places, {})


def test_a_passphrase_opens_what_it_sealed_and_another_does_not(places: Places) -> None:
    right = {"AIC_TUI_VAULT_PASSPHRASE": "correct horse"}
    token = Vault.open(places, right).seal(SECRET)
    assert Vault.open(places, right).unseal(token) == SECRET
    with pytest.raises(AuthFailed, match="passphrase") as caught:
        Vault.open(places, {"AIC_TUI_VAULT_PASSPHRASE": "wrong horse"})
    assert "wrong horse" not in caught.value.message + caught.value.next_step + caught.value.details
    parameters = places.vault_key_file.with_name("vault.scrypt")
    stored = json.loads(parameters.read_text())
    assert (stored["n"], stored["r"], stored["p"]) == (65536, 8, 1)
    assert stat.S_IMODE(parameters.stat().st_mode) == 0o600
    assert "horse" not in parameters.read_text()


@pytest.mark.parametrize("damage", [{"n": 1 << 40}, {"n": 3}, {"salt": None}, {"r": "x"}])
def test_damaged_parameters_are_refused(
    places: Places, damage: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vault.SCRYPT_COST, "n", 1 << 4)
    environment = {"AIC_TUI_VAULT_PASSPHRASE": "correct horse"}
    Vault.open(places, environment)
    parameters = places.vault_key_file.with_name("vault.scrypt")
    parameters.write_text(json.dumps({**json.loads(parameters.read_text()), **damage}))
    with pytest.raises(NotConfigured, match="malformed"):
        Vault.open(places, environment)


def test_a_token_that_is_none_and_a_repr_show_nothing(places: Places) -> None:
    key = Fernet.generate_key().decode()
    opened = Vault.open(places, {"AIC_TUI_VAULT_KEY": key})
    with pytest.raises(AuthFailed) as caught:
        opened.unseal(b"gAAAAA-not-a-token")
    said = caught.value.message + caught.value.next_step + caught.value.details
    assert key not in said + repr(opened) + str(opened)
    assert key not in str(vars(opened))
