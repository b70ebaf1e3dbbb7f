"""The configuration file: what it may hold, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput, NotConfigured
from aicompute_tui.settings.config import read_config


def _file(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_absent_file_is_an_empty_one(tmp_path: Path) -> None:
    assert read_config(tmp_path / "config.toml") == {}


def test_values_come_in_their_one_spelling(tmp_path: Path) -> None:
    path = _file(
        tmp_path, 'region = "eu-west-1"\nvolume_gib = 200\nprotect = true\nttl = "2H 30m"\nmonthly_cap_usd = 99.5\n'
    )
    assert read_config(path) == {
        "region": "eu-west-1",
        "volume_gib": "200",
        "protect": "true",
        "ttl": "2h30m",
        "monthly_cap_usd": "99.5",
    }


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ('# mine\n\nregoin = "eu-west-1"\n', 3, "region"),
        ('region = "eu-west-1"\n[marke]\na = 1\n', 2, "market"),
        ('"thene" = "dark"\n', 1, "theme"),
        ("zzzzzz = 1\n", 1, "setting list"),
    ],
)
def test_an_unknown_key_is_refused_with_file_line_and_nearest_name(
    tmp_path: Path, text: str, line: int, hint: str
) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(InvalidInput) as caught:
        read_config(path)
    assert str(path) in caught.value.message
    assert f"line {line}:" in caught.value.message
    assert hint in caught.value.next_step


@pytest.mark.parametrize(
    "text",
    [
        'market = "cheap"',
        "volume_gib = 3",
        "volume_gib = -1",
        'ttl = "soon"',
        'ttl = "none"',
        'ssh_cidr = "10.0.0.1/8"',
        'monthly_cap_usd = "NaN"',
        "monthly_cap_usd = -5",
        'checkip_url = "ftp://x"',
        'protect = "maybe"',
        "region = ['a']",
        "region = 2026-01-01",
        'region = "a\\u001b[2J"',
    ],
)
def test_a_bad_value_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match="line 2"):
        read_config(_file(tmp_path, f"# x\n{text}\n"))


@pytest.mark.parametrize("key", ["price_feeds_url", "hub_url"])
def test_an_address_with_a_password_is_refused_without_quoting_it(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInput, match=key) as refused:
        read_config(_file(tmp_path, f'{key} = "https://ada:sesame@mirror.example/x"\n'))
    assert "sesame" not in f"{refused.value.message}{refused.value.next_step}{refused.value.details}"


def test_bad_toml_names_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"config\.toml.*line 2"):
        read_config(_file(tmp_path, 'region = "x"\nttl = = 3\n'))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00region")
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_config(tmp_path / "config.toml")


def test_a_folder_in_its_place_is_not_configured(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(NotConfigured, match="cannot be read"):
        read_config(tmp_path / "config.toml")
