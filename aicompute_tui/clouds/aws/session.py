"""One botocore session per credential: its clients, their time-outs, and what may leave them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aicompute_tui.clouds.aws.credentials import (
    DEFAULT_ID,
    ENV_ID,
    ConfigFiles,
    chosen_profile,
    env_keys,
    read_files,
    region_for,
)
from aicompute_tui.clouds.aws.endpoints import endpoint_url
from aicompute_tui.clouds.aws.errors import Origin, failures, translate
from aicompute_tui.clouds.aws.lean import lean_loader, parse_moment
from aicompute_tui.clouds.aws.runtime import AwsRuntime
from aicompute_tui.domain.credential import AwsKeys, Credential
from aicompute_tui.domain.errors import NotConfigured, Refused
from aicompute_tui.domain.nearby import is_loopback

Answer = Mapping[str, Any]
CONNECT_SECONDS = 5
READ_SECONDS = 20
ATTEMPTS = 3
PAGE_SIZE = 100
FALLBACK_REGION = "us-east-1"
_LOOPBACK_METHODS = {"env", "vault", "shared-credentials-file", "config-file"}
_XML_SERVICES = {"ec2", "sts"}
_TALKATIVE = ("boto3", "botocore", "urllib3")


class AwsSession:
    """Everything here blocks and belongs in a thread of the runtime; the constructor alone does not."""

    def __init__(
        self,
        runtime: AwsRuntime,
        credential: Credential,
        environment: Mapping[str, str],
        *,
        keys: AwsKeys | None = None,
        loopback_only: bool = False,
    ) -> None:
        self.runtime = runtime
        self._credential = credential
        self._environment = dict(environment)
        self._keys = keys or (env_keys(environment) if credential.id == ENV_ID else None)
        self._loopback_only = loopback_only
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._files: ConfigFiles | None = None

    @property
    def now(self) -> datetime:
        return self.runtime.clock.now()

    def home_region(self) -> str:
        """The credential's own region, for calls that belong to no region."""
        return self._credential.region or region_for(self._environment, {}) or FALLBACK_REGION

    def method(self) -> str:
        """How the credential was really found, as botocore names it. Raises NotConfigured where there is none."""
        if self._keys is not None:
            return self._credential.method
        try:
            with self._lock:
                found = self._open().get_credentials()
        except failures() as error:
            failure: Exception = translate(error, self._origin(self.home_region(), "GetCredentials"))
        else:
            if found is not None:
                return str(found.method)
            failure = NotConfigured(
                f"No AWS credentials were found for {self._credential.name}.",
                "Run `aws configure`, or use `aic-tui credential set`.",
            )
        raise failure

    def ask(self, service: str, operation: str, region: str, *, once: bool = False, **parameters: Any) -> Answer:
        """One call. `once` means that not even a failed attempt is repeated. Raises our errors only."""
        try:
            answer: Answer = getattr(self._client(service, region, once=once), operation)(**parameters)
            require_aws(answer, service)
        except failures() as error:
            failure = translate(error, self._origin(region, operation))
        else:
            return answer
        raise failure

    def pages(
        self, service: str, operation: str, region: str, *, page_size: int | None = None, **parameters: Any
    ) -> Iterator[Answer]:
        """Every page of a listing. Raises our errors only."""
        try:
            paginator = self._client(service, region).get_paginator(operation)
            limits = {"PageSize": page_size} if page_size else {}
            iterator = iter(paginator.paginate(**parameters, PaginationConfig=limits))
        except failures() as error:
            failure = translate(error, self._origin(region, operation))
        else:
            yield from self._each_page(iterator, service, region, operation)
            return
        raise failure

    def _each_page(self, iterator: Iterator[Answer], service: str, region: str, operation: str) -> Iterator[Answer]:
        while True:
            try:
                page = next(iterator)
                require_aws(page, service)
            except StopIteration:
                return
            except failures() as error:
                failure = translate(error, self._origin(region, operation))
            else:
                yield page
                continue
            raise failure

    def _origin(self, region: str, operation: str) -> Origin:
        keys = self._keys
        secrets = (
            [each for each in (keys.secret_access_key, keys.session_token, keys.access_key_id) if each] if keys else []
        )
        return Origin(
            region=region,
            operation=operation,
            profile=self._credential.profile,
            method=self._credential.method,
            secrets=secrets,
        )

    def _client(self, service: str, region: str, *, once: bool = False) -> Any:
        with self._lock:
            key = (service, region, once)
            if key not in self._clients:
                self._clients[key] = self._make_client(service, region, once=once)
            return self._clients[key]

    def _make_client(self, service: str, region: str, *, once: bool) -> Any:
        from botocore.config import Config

        session = self._open()
        settings: dict[str, Any] = {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retries": {"total_max_attempts": 1 if once else ATTEMPTS, "mode": "standard"},
            "ignore_configured_endpoint_urls": True,
            "user_agent_extra": "aic-tui",
        }
        url = self._endpoint(service)
        if url is not None and is_loopback(url):
            settings["proxies"] = {}
        bundle = self._environment.get("AWS_CA_BUNDLE") or None
        return session.client(service, region_name=region, endpoint_url=url, verify=bundle, config=Config(**settings))

    def _endpoint(self, service: str) -> str | None:
        profile = self._credential.profile or chosen_profile(self._environment)
        return endpoint_url(service, self._environment, self._config_files(), profile)

    def _config_files(self) -> ConfigFiles:
        if self._files is None:
            self._files = read_files(self._environment)
        return self._files

    def _open(self) -> Any:
        """The session, made at first use; the lock is held."""
        if self._session is None:
            if self._loopback_only and self._credential.method not in _LOOPBACK_METHODS:
                raise Refused("Only this machine may be reached here.", "Use keys, not a role or a log-in.")
            self._session = self._make_session()
        return self._session

    def _make_session(self) -> Any:
        import boto3
        import botocore.session

        for name in _TALKATIVE:
            # At debug level these log signed headers and session tokens.
            logging.getLogger(name).setLevel(logging.WARNING)
        files = self._config_files()
        profile = self._credential.profile
        variables: dict[str, Any] = {
            "profile": (None, [], self._profile_for_keys(files), None),
            "region": ("region", [], None, None),
            "config_file": (None, [], str(files.config_path), None),
            "credentials_file": (None, [], str(files.credentials_path), None),
        }
        session = botocore.session.Session(session_vars=variables, profile=profile)
        session.register_component("data_loader", lean_loader())
        session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_moment)
        session.register("before-send", self._before_send)
        if self._keys is not None:
            session.set_credentials(self._keys.access_key_id, self._keys.secret_access_key, self._keys.session_token)
        elif self._credential.id == DEFAULT_ID:
            _use_role(session, self._environment)
        else:
            self._refuse_mfa(files.profiles.get(profile or "", {}))
        self._send_inner_clients_by(session)
        return boto3.session.Session(botocore_session=session)

    def _profile_for_keys(self, files: ConfigFiles) -> str | None:
        """The chosen profile's settings apply beside keys too; one that does not exist must not break them."""
        chosen = chosen_profile(self._environment)
        return chosen if chosen in files.profiles else None

    def _refuse_mfa(self, profile: Mapping[str, str]) -> None:
        """botocore would ask for the code on the terminal, from a thread."""
        if "mfa_serial" in profile and "role_arn" in profile:
            raise NotConfigured(
                f"Profile {self._credential.name} wants an MFA code, which cannot be asked for here.",
                f"Set what `aws configure export-credentials --profile {self._credential.name} --format env` prints.",
            )

    def _send_inner_clients_by(self, session: Any) -> None:
        """The clients botocore makes by itself, for roles and SSO, follow the same endpoints."""
        plain = session.create_client

        def create_client(service_name: str, *arguments: Any, **options: Any) -> Any:
            options["endpoint_url"] = options.get("endpoint_url") or self._endpoint(service_name)
            return plain(service_name, *arguments, **options)

        session.create_client = create_client

    def _before_send(self, request: Any, event_name: str = "", **_: Any) -> None:
        if self._loopback_only and not is_loopback(str(request.url)):
            raise Refused(
                "Only this machine may be reached here, so the request was not sent.", "Leave the demo first."
            )
        self.runtime.check_send(event_name.rpartition(".")[2])


def require_aws(answer: Answer, service: str) -> None:
    """Raises ValueError for an answer that is not AWS's own.

    A log-in page that happens to be well-formed is parsed as an answer without content: as no machines at all, say.
    """
    metadata = answer.get("ResponseMetadata", {})
    if service in _XML_SERVICES:
        if not metadata.get("RequestId"):
            raise ValueError("the answer has no request id")
    elif "html" in str(metadata.get("HTTPHeaders", {}).get("content-type", "")):
        raise ValueError("the answer is a web page")


def _use_role(session: Any, environment: Mapping[str, str]) -> None:
    """The machine's own role and nothing else of the default chain, found by our environment where that can be told."""
    from botocore.credentials import ContainerProvider

    methods = {"assume-role-with-web-identity", "container-role"}
    if environment.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        methods.add("iam-role")
    resolver = session.get_component("credential_provider")
    resolver.insert_before("container-role", ContainerProvider(environ=dict(environment)))
    resolver.providers = [provider for provider in resolver.providers if provider.METHOD in methods]
