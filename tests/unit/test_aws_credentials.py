"""AWS credentials found in files and variables, and which of them botocore would take by itself."""

from __future__ import annotations

from pathlib import Path

from aicompute_tui.clouds.aws.credentials import Discovery, discover, read_files
from aicompute_tui.clouds.aws.endpoints import endpoint_url

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE01", "AWS_SECRET_ACCESS_KEY": "example-secret"}
CONFIG = """
[default]
region = eu-west-1
[profile team]
sso_session = corp
sso_account_id = 1
region = us-west-2
[profile "with space"]
credential_process = /bin/true
[profile deploy]
role_arn = arn:aws:iam::1:role/x
source_profile = base
[profile web]
role_arn = arn:aws:iam::1:role/x
web_identity_token_file = /x
[profile keys]
aws_access_key_id = a
aws_secret_access_key = b
[profile signin]
login_session = x
[profile regiononly]
region = sa-east-1
[sso-session corp]
sso_start_url = https://x
[services local]
ec2 =
  endpoint_url = http://127.0.0.1:1
[profile local]
services = local
endpoint_url = http://127.0.0.1:2
"""
CREDENTIALS = """
[base]
aws_access_key_id = a
aws_secret_access_key = b
[both]
aws_access_key_id = a
aws_secret_access_key = b
sso_start_url = https://x
"""


def home(tmp_path: Path, config: str = CONFIG, credentials: str = CREDENTIALS) -> dict[str, str]:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(config)
    (tmp_path / ".aws" / "credentials").write_text(credentials)
    return {"HOME": str(tmp_path)}


def found(environment: dict[str, str]) -> Discovery:
    return discover(environment, ec2_marks=())


def test_every_profile_with_credentials_is_found_with_its_method(tmp_path: Path) -> None:
    discovery = found(home(tmp_path))
    methods = {credential.profile: credential.method for credential in discovery.credentials}
    assert methods == {
        "team": "sso",
        "with space": "custom-process",
        "deploy": "assume-role",
        "web": "assume-role-with-web-identity",
        "keys": "config-file",
        "signin": "login",
        "base": "shared-credentials-file",
        "both": "sso",
    }
    assert discovery.problems == ()
    assert {credential.id for credential in discovery.credentials} >= {"aws:profile:team", "aws:profile:with space"}


def test_the_region_comes_from_aws_region_first(tmp_path: Path) -> None:
    environment = home(tmp_path)

    def region(**variables: str) -> str | None:
        discovery = found({**environment, **variables})
        return next(each.region for each in discovery.credentials if each.profile == "team")

    assert region() == "us-west-2"
    assert region(AWS_DEFAULT_REGION="ca-central-1") == "ca-central-1"
    assert region(AWS_DEFAULT_REGION="ca-central-1", AWS_REGION="ca-west-1") == "ca-west-1"


def test_keys_in_the_environment_take_the_chosen_profiles_region(tmp_path: Path) -> None:
    environment = {**home(tmp_path), **KEYS}
    first = found(environment).credentials[0]
    assert (first.id, first.method, first.region) == ("aws:env", "env", "eu-west-1")
    assert found({**environment, "AWS_PROFILE": "regiononly"}).credentials[0].region == "sa-east-1"


def test_the_default_is_what_botocore_would_take(tmp_path: Path) -> None:
    environment = home(tmp_path)
    assert found({**environment, **KEYS, "AWS_PROFILE": "team"}).default_id == "aws:env"
    assert found({**environment, "AWS_PROFILE": "team"}).default_id == "aws:profile:team"
    assert found(environment).default_id is None
    container = {**environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"}
    assert found(container).default_id == "aws:default"


def test_half_a_key_and_a_missing_profile_are_said(tmp_path: Path) -> None:
    environment = {**home(tmp_path), "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE01", "AWS_PROFILE": "gone"}
    discovery = found(environment)
    assert "aws:env" not in {credential.id for credential in discovery.credentials}
    assert len(discovery.problems) == 2
    assert "gone" in discovery.problems[1]
    assert "AKIA" not in " ".join(discovery.problems)


def test_files_elsewhere_and_absent_ones(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("[one]\naws_access_key_id=a\naws_secret_access_key=b\n")
    environment = {"HOME": str(tmp_path), "AWS_SHARED_CREDENTIALS_FILE": str(elsewhere), "AWS_CONFIG_FILE": "~/none"}
    assert [each.id for each in found(environment).credentials] == ["aws:profile:one"]
    assert found({"HOME": str(tmp_path)}).credentials == ()


def test_a_broken_file_is_named_with_its_line_and_hides_nothing_else(tmp_path: Path) -> None:
    discovery = found(home(tmp_path, config="region = x\n"))
    assert {each.profile for each in discovery.credentials} == {"base", "both"}
    assert "config" in discovery.problems[0]
    assert "line 1" in discovery.problems[0]


def test_the_machines_own_role_is_found_without_asking_the_network(tmp_path: Path) -> None:
    vendor = tmp_path / "sys_vendor"
    vendor.write_text("Amazon EC2\n")
    environment = {"HOME": str(tmp_path)}
    (role,) = discover(environment, ec2_marks=(vendor,)).credentials
    assert (role.id, role.method) == ("aws:default", "iam-role")
    assert discover({**environment, "AWS_EC2_METADATA_DISABLED": "true"}, ec2_marks=(vendor,)).credentials == ()
    vendor.write_text("QEMU\n")
    assert discover(environment, ec2_marks=(vendor, tmp_path / "absent")).credentials == ()
    token = {**environment, "AWS_WEB_IDENTITY_TOKEN_FILE": "/x", "AWS_ROLE_ARN": "y"}
    assert discover(token, ec2_marks=()).credentials[0].method == "assume-role-with-web-identity"


def test_the_cli_is_looked_for_on_the_given_path(tmp_path: Path) -> None:
    tool = tmp_path / "aws"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert found({"HOME": str(tmp_path), "PATH": str(tmp_path)}).aws_cli == str(tool)
    assert found({"HOME": str(tmp_path), "PATH": "/nowhere"}).aws_cli is None


def test_no_key_in_what_is_found(tmp_path: Path) -> None:
    assert "example-secret" not in repr(found({**home(tmp_path), **KEYS}))


def test_endpoints_in_botocores_order(tmp_path: Path) -> None:
    environment = home(tmp_path)
    files = read_files(environment)

    def endpoint(service: str, **variables: str) -> str | None:
        return endpoint_url(service, {**environment, **variables}, files, "local")

    assert endpoint("ec2") == "http://127.0.0.1:1"
    assert endpoint("sts") == "http://127.0.0.1:2"
    assert endpoint("ec2", AWS_ENDPOINT_URL="http://a") == "http://a"
    assert endpoint("ec2", AWS_ENDPOINT_URL="http://a", AWS_ENDPOINT_URL_EC2="http://b") == "http://b"
    assert endpoint("service-quotas", AWS_ENDPOINT_URL_SERVICE_QUOTAS="http://q") == "http://q"
    assert endpoint("ec2", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true") is None
    assert endpoint_url("ec2", {}, files, "team") is None
