"""AWS as a family of clouds: finds its credentials and opens an account by one of them."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.clouds.aws.cloud import AwsCloud
from aicompute_tui.clouds.aws.credentials import Discovery, discover
from aicompute_tui.clouds.aws.runtime import AwsRuntime
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.credential import AwsKeys, Credential
from aicompute_tui.domain.errors import NotConfigured


class AwsDoor:
    """Shares one pool of threads among the accounts it opens. `environment` stands for the process's own."""

    def __init__(
        self, *, clock: Clock, environment: Mapping[str, str], store_id: str, loopback_only: bool = False
    ) -> None:
        self._environment = dict(environment)
        self._store_id = store_id
        self._loopback_only = loopback_only
        self._runtime = AwsRuntime(clock)

    def discover(self) -> Discovery:
        """Reads files and variables, calls no cloud. Blocks for the length of two small files."""
        return discover(self._environment)

    def open(self, credential: Credential, keys: AwsKeys | None = None) -> AwsCloud:
        """Calls nothing yet. `keys` go with credentials of the vault and those handed over by a person's session."""
        if credential.method == "vault" and keys is None:
            raise NotConfigured(
                f"The keys of {credential.name} are not here.", "Store them with `aic-tui credential set`."
            )
        session = AwsSession(self._runtime, credential, self._environment, keys=keys, loopback_only=self._loopback_only)
        return AwsCloud(session, credential, self._store_id)

    async def aclose(self) -> None:
        self._runtime.close()
