"""Keys as people paste them: which forms are understood, and that a refusal quotes nothing of them."""

from __future__ import annotations

import json

import pytest

from aicompute_tui.cli.keys import keys_from_text
from aicompute_tui.domain.credential import AwsKeys
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.services.credentials import decode_keys, encode_keys

KEY_ID = "AKIAIOSFODNN7PLANTED"
SECRET = "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"
TOKEN = "FwoGZXIvYXdzEPLANTEDTOKEN=="


@pytest.mark.parametrize(
    "text",
    [
        f"{KEY_ID}\n{SECRET}\n{TOKEN}\n",
        f"  {KEY_ID}\r\n\n{SECRET}\r\n{TOKEN}",
        f"export AWS_ACCESS_KEY_ID='{KEY_ID}'\nexport AWS_SECRET_ACCESS_KEY=\"{SECRET}\"\nAWS_SESSION_TOKEN={TOKEN}\n",
        f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\naws_session_token = {TOKEN}\n",
        json.dumps({"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "SessionToken": TOKEN}),
        json.dumps({"Credentials": {"AccessKeyId": KEY_ID, "SecretAccessKey": SECRET, "SessionToken": TOKEN}}),
    ],
)
def test_the_usual_forms_are_understood(text: str) -> None:
    keys = keys_from_text(text)
    assert (keys.access_key_id, keys.secret_access_key, keys.session_token) == (KEY_ID, SECRET, TOKEN)


def test_a_token_is_not_needed() -> None:
    assert keys_from_text(f"{KEY_ID}\n{SECRET}\n").session_token is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY_ID,
        f"{SECRET}\n{KEY_ID}",
        f"{KEY_ID}\n{SECRET}\n{TOKEN}\nmore",
        '{"AccessKeyId": "' + KEY_ID + '"}',
        '{"AccessKeyId": "' + KEY_ID + '", broken',
        f"[{SECRET}]",
        f"{KEY_ID}\nwith a space {SECRET}",
    ],
)
def test_a_refusal_says_how_and_quotes_nothing(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        keys_from_text(text)
    said = f"{caught.value.message} {caught.value.next_step} {caught.value.details}"
    assert "--stdin" in said
    assert SECRET not in said
    assert KEY_ID not in said


def test_sealed_text_reads_back() -> None:
    keys = AwsKeys(KEY_ID, SECRET, None, "eu-west-1")
    assert decode_keys(encode_keys(keys)) == keys
