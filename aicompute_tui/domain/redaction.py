"""What a secret looks like, so that none stays in a log line or a stored parameter."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest

HIDDEN = "…"

_KEY_MATERIAL = re.compile(
    r"\b(?:AKIA|ASIA|AROA|ABIA)[A-Z0-9]{12,}\b"
    r"|\b(?:sk|rk|pk)-[A-Za-z0-9_-]{16,}"
    r"|\bhf_[A-Za-z0-9]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_NAMED = re.compile(
    r"""(?ix)
    ((?:secret|password|passwd|passphrase|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|vault[_-]?key|signature)
       [\w.-]{0,64}["']?\s*[:=]\s*(?:b?["'])?)
    ([^\s"',;&)}\]]{4,})
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{8,}")
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")
_FORTY = re.compile(
    r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*\d)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_SECRET_WORDS = re.compile(
    r"\w*(?:TOKEN|SECRETS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|CREDS)|AUTHORIZATION"
    r"|\w*(?:API|ACCESS|SECRET|PRIVATE|MASTER|SIGNING|ENCRYPTION)KEYS?"
)
_SECRET_PAIRS = re.compile(
    r"_(?:API|ACCESS|SECRET|PRIVATE|MASTER|SIGNING|ENCRYPTION|ACCOUNT)_KEYS?_|_(?:API|AUTH|ACCESS|BEARER)_TOKENS_"
)
_SECRET_ENDS = re.compile(r"AUTH|KEYS?|PASS|\w*PWD|(?!BY|COM|SUR|TRES|OVER|UNDER)\w+PASS")
_TELLS_OF_A_SECRET = re.compile(
    r"ALGORITHM|BACKEND|COUNT|DIR|DIRECTORY|EXPIRY|FILE|HEADER|LENGTH|LIMIT|METHOD|MODE|NAME|PATH|PREFIX|PROVIDER|SIZE"
    r"|SOCK|TTL|TYPE"
)
"""How names end of what is about a secret and holds none, as a file that a password is read from."""
_SWITCHES = frozenset({"", "0", "1", "true", "false", "yes", "no", "on", "off", "none"})
_DEEPEST = 8
_OPTION = re.compile(r"--?[A-Za-z][\w.-]*")
_NAMES = re.compile(r"--?[A-Za-z][\w.-]*|[A-Za-z_]\w*")
_ELSEWHERE = re.compile(r"\$.*|(?:/[\w.-]+){2,}")
"""A variable, or a path."""
_IN_A_COMMAND = re.compile(
    r"""(?x)
    (?<![\w-]) (?P<quote>["'])? (?: (?P<option>--?[A-Za-z][\w.-]*) (?:=|\s+) | (?P<name>[A-Za-z_]\w*) = )
    (?P<value> (?(quote)[^"']+|(?:"[^"]*"|'[^']*'|(?!-)[^\s"']+)) )
    """
)


def names_secret(name: str) -> bool:
    """True for what a variable, an option or a header is called that holds a password, a token or a key."""
    words = [word.upper() for word in _WORD_STARTS.split(name) if word]
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    if not words or _TELLS_OF_A_SECRET.fullmatch(words[-1]) or words in (["PWD"], ["OLDPWD"]) or "PUBLIC" in words[-2:]:
        return False
    joined = f"_{'_'.join(words)}_"
    return (
        any(_SECRET_WORDS.fullmatch(word) for word in words)
        or _SECRET_PAIRS.search(joined) is not None
        or _SECRET_ENDS.fullmatch(words[-1]) is not None
    )


def holds_secret(name: str, value: str) -> bool:
    """True where `value` is a secret, by what it is called or by how it looks; a switch is none."""
    if holds_key(value) or _URL_PASSWORD.search(value):
        return True
    return value.lower() not in _SWITCHES and names_secret(name)


@lru_cache(maxsize=4096)
def redact_command(text: str) -> str:
    """A command line without the values of its options and variables that are secrets.

    Remembered, for the same ones are read at every look at a host.
    """
    return redact(_without_values(text, _DEEPEST))


def _without_values(text: str, depth: int) -> str:
    return _IN_A_COMMAND.sub(lambda found: _without_value(found, depth), text)


def _without_value(found: re.Match[str], depth: int) -> str:
    """Of a value that is no secret itself what stands in it is looked at too, as in `sh -c 'serve --token x'`."""
    name, value = found["option"] or found["name"], found["value"]
    is_secret = value.strip("\"'").lower() not in _SWITCHES and names_secret(name)
    return found[0].removesuffix(value) + (HIDDEN if is_secret or not depth else _without_values(value, depth - 1))


def secret_among(words: Sequence[str]) -> str | None:
    """The option or variable of a command that is given a secret; what is read from a file or a variable is none."""
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        if equals and _NAMES.fullmatch(name):
            is_secret = not _ELSEWHERE.fullmatch(value) and holds_secret(name, value)
        elif _OPTION.fullmatch(word) and following and not following.startswith("-"):
            name, is_secret = word, not _ELSEWHERE.fullmatch(following) and holds_secret(word, following)
        elif " " in word:
            name = secret_among(_parted(word)) or ""
            is_secret = bool(name)
        else:
            name, is_secret = "A word", holds_secret("", word)
        if is_secret:
            return name
    return None


def _parted(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return [word.strip("\"'") for word in text.split()]


def address_holds_secret(url: str) -> bool:
    """True where a password stands before its host, or what is called a secret behind its question mark."""
    pairs = (pair.partition("=") for pair in re.split(r"[?#&]", url)[1:])
    return holds_secret("", url) or any(equals and holds_secret(name, value) for name, equals, value in pairs)


def holds_key(text: str) -> bool:
    """True where `text` holds what can only be a key."""
    return _KEY_MATERIAL.search(text) is not None


def redact(text: str) -> str:
    """`text` without anything that looks like a key, a password, a token or a signature."""
    text = _KEY_MATERIAL.sub(HIDDEN, text)
    text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _FORTY.sub(HIDDEN, text)
