"""Which AWS credentials this machine has, found by reading files and variables alone."""

from __future__ import annotations

import configparser
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aicompute_tui.domain.credential import AwsKeys, Credential

ENV_ID = "aws:env"
DEFAULT_ID = "aws:default"
PROFILE_PREFIX = "aws:profile:"
VAULT_PREFIX = "aws:vault:"
_EC2_MARKS = (Path("/sys/class/dmi/id/sys_vendor"), Path("/sys/hypervisor/uuid"))

Profiles = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """`default_id` is what botocore would use by itself; `aws_cli` is the AWS CLI's path; `problems` are sentences."""

    credentials: tuple[Credential, ...]
    default_id: str | None
    aws_cli: str | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """Both files as they are, one mapping by profile, and the `services` sections."""

    config_path: Path
    credentials_path: Path
    profiles: Profiles
    in_credentials_file: frozenset[str]
    services: Profiles
    problems: tuple[str, ...]


def discover(environment: Mapping[str, str], ec2_marks: tuple[Path, ...] = _EC2_MARKS) -> Discovery:
    """Environment, profiles and the machine's own role, in that order. Calls no cloud and runs no program."""
    files = read_files(environment)
    problems = list(files.problems)
    found: list[Credential] = []
    if env_keys(environment) is not None:
        region = region_for(environment, files.profiles.get(chosen_profile(environment), {}))
        found.append(Credential(id=ENV_ID, cloud="aws", name="env", method="env", region=region))
    elif environment.get("AWS_ACCESS_KEY_ID") or environment.get("AWS_SECRET_ACCESS_KEY"):
        problems.append("Only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set, so neither is used.")
    found += _profiles(environment, files)
    role = _role_method(environment, ec2_marks)
    if role is not None:
        found.append(
            Credential(id=DEFAULT_ID, cloud="aws", name="default", method=role, region=region_for(environment, {}))
        )
    asked = _asked_profile(environment)
    if asked and asked not in files.profiles:
        problems.append(
            f"AWS_PROFILE names “{asked}”, which is in neither {files.config_path} nor its credentials file."
        )
    return Discovery(
        credentials=tuple(found),
        default_id=_default_id(found, chosen_profile(environment)),
        aws_cli=shutil.which("aws", path=environment.get("PATH", "")),
        problems=tuple(problems),
    )


def env_keys(environment: Mapping[str, str]) -> AwsKeys | None:
    """The keys in the environment, None unless both halves are there."""
    access, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not access or not secret:
        return None
    token = environment.get("AWS_SESSION_TOKEN") or environment.get("AWS_SECURITY_TOKEN") or None
    return AwsKeys(access, secret, token, region_for(environment, {}))


def profile_keys(environment: Mapping[str, str], profile: str) -> AwsKeys | None:
    """The keys written in a profile, None where it has its credentials in another way."""
    values = read_files(environment).profiles.get(profile, {})
    access, secret = values.get("aws_access_key_id"), values.get("aws_secret_access_key")
    return AwsKeys(access, secret, values.get("aws_session_token")) if access and secret else None


def region_for(environment: Mapping[str, str], profile: Mapping[str, str]) -> str | None:
    """As every AWS SDK but botocore has it: AWS_REGION first, then AWS_DEFAULT_REGION, then the profile's."""
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or profile.get("region") or None


def chosen_profile(environment: Mapping[str, str]) -> str:
    return _asked_profile(environment) or "default"


def read_files(environment: Mapping[str, str]) -> ConfigFiles:
    """Both files merged as botocore merges them, the credentials file winning; an unreadable one becomes a problem."""
    config_path = _path(environment, "AWS_CONFIG_FILE", ".aws/config")
    credentials_path = _path(environment, "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")
    problems: list[str] = []
    config = _sections(config_path, problems)
    keys = _sections(credentials_path, problems)
    profiles: dict[str, dict[str, str]] = {}
    services: dict[str, dict[str, str]] = {}
    for section, values in config.items():
        kind, name = _section_name(section)
        if kind == "profile" and name:
            profiles.setdefault(name, {}).update(values)
        elif kind == "services" and name:
            services[name] = values
    for name, values in keys.items():
        profiles.setdefault(name, {}).update(values)
    return ConfigFiles(config_path, credentials_path, profiles, frozenset(keys), services, tuple(problems))


def _asked_profile(environment: Mapping[str, str]) -> str | None:
    return environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or None


def _path(environment: Mapping[str, str], variable: str, fallback: str) -> Path:
    home = Path(environment.get("HOME") or Path.home())
    value = environment.get(variable)
    if not value:
        return home / fallback
    return home / value[2:] if value.startswith("~/") else Path(value).expanduser()


def _sections(path: Path, problems: list[str]) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(strict=False, default_section="\0")
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        problems.append(f"{path} cannot be read.")
        return {}
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        problems.append(f"{path} is not a valid AWS configuration file" + (f" (line {line})." if line else "."))
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _section_name(section: str) -> tuple[str, str]:
    """`profile NAME`, `services NAME`, `sso-session NAME`, or the bare `default`."""
    if section == "default":
        return "profile", "default"
    try:
        words = shlex.split(section)
    except ValueError:
        return "", ""
    return (words[0], words[1]) if len(words) == 2 else ("", "")


def _profiles(environment: Mapping[str, str], files: ConfigFiles) -> list[Credential]:
    found = []
    for name, values in files.profiles.items():
        method = _profile_method(values, is_in_credentials_file=name in files.in_credentials_file)
        if method is not None:
            region = region_for(environment, values)
            identifier = f"{PROFILE_PREFIX}{name}"
            found.append(Credential(id=identifier, cloud="aws", name=name, method=method, profile=name, region=region))
    return found


def _profile_method(values: Mapping[str, str], *, is_in_credentials_file: bool) -> str | None:
    """The first that botocore would take, by its own name; None for a profile without any credentials."""
    has_role = "role_arn" in values
    has_keys = "aws_access_key_id" in values and "aws_secret_access_key" in values
    methods = (
        ("assume-role-with-web-identity", has_role and "web_identity_token_file" in values),
        ("assume-role", has_role and ("source_profile" in values or "credential_source" in values)),
        ("sso", "sso_session" in values or "sso_start_url" in values),
        ("shared-credentials-file", has_keys and is_in_credentials_file),
        ("login", "login_session" in values),
        ("custom-process", "credential_process" in values),
        ("config-file", has_keys),
    )
    return next((method for method, fits in methods if fits), None)


def _role_method(environment: Mapping[str, str], ec2_marks: tuple[Path, ...]) -> str | None:
    """How this machine itself has a role: by token file, by container, or as an EC2 machine."""
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environment.get("AWS_ROLE_ARN"):
        return "assume-role-with-web-identity"
    if environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or environment.get(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    ):
        return "container-role"
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    return "iam-role" if any(_is_ec2_mark(path) for path in ec2_marks) else None


def _is_ec2_mark(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip().lower()
    except OSError:
        return False
    return text == "amazon ec2" or text.startswith("ec2")


def _default_id(found: list[Credential], profile: str) -> str | None:
    ids = [credential.id for credential in found]
    for wanted in (ENV_ID, f"{PROFILE_PREFIX}{profile}", DEFAULT_ID):
        if wanted in ids:
            return wanted
    return ids[0] if len(ids) == 1 else None
