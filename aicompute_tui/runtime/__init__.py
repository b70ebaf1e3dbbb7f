"""The composition root: settings in, services out. Heavy imports wait until the first thing that needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.settings.places import Places, places_from

if TYPE_CHECKING:
    from aicompute_tui.domain.credential import AwsKeys
    from aicompute_tui.domain.host import Host
    from aicompute_tui.hub.base import Hub
    from aicompute_tui.hub.huggingface import HubDoor
    from aicompute_tui.runtime.clouds import Clouds
    from aicompute_tui.runtime.configuration import Configuration
    from aicompute_tui.runtime.hosts import ContainerHosts
    from aicompute_tui.services.context import Actor, Context, Handler
    from aicompute_tui.settings.keymap import KeyedCommand
    from aicompute_tui.settings.preferences import MergedPreferences
    from aicompute_tui.ssh.pool import NodePool
    from aicompute_tui.store.database import Store

AGENT_COMMAND = (sys.executable, "-P", "-m", "aicompute_tui", "agent")


class Runtime:
    """One process's view of one state home. Made by `build`; ended by `aclose` where a store was opened."""

    def __init__(
        self,
        environment: Mapping[str, str],
        clock: Clock,
        agent_command: Sequence[str],
        flags: Mapping[str, str],
    ) -> None:
        self.environment = dict(environment)
        self.places: Places = places_from(self.environment)
        self.clock = clock
        self.agent_command = list(agent_command)
        self.debug = False
        """Whether the log takes more than it usually does."""
        self._flags = dict(flags)
        self._store: Store | None = None
        self._stored_settings: dict[str, str] = {}
        self._settings_at: tuple[str, int] | None = None
        """The store and its change as of which they are known."""

    @property
    def is_demo(self) -> bool:
        """In the demo nothing but this machine may be reached."""
        return self.environment.get("AIC_TUI_DEMO") == "1"

    @cached_property
    def owner(self) -> str:
        from aicompute_tui.runtime.host import login_name

        return login_name(self.environment)

    @cached_property
    def host_name(self) -> str:
        from aicompute_tui.runtime.host import host_name

        return host_name()

    @cached_property
    def host_id(self) -> str:
        """The same at every start from this state home on this host. Raises NotConfigured where it cannot be kept."""
        from aicompute_tui.domain.ids import new_id
        from aicompute_tui.runtime.host import host_id

        return host_id(self.places, new_id(self.clock.now()))

    @property
    def actor(self) -> Actor:
        """The person."""
        from aicompute_tui.services.context import Actor

        return Actor(self.owner, self.host_id, f"{self.owner}@{self.host_name}")

    @property
    def agent_actor(self) -> Actor:
        """The agent, for what nobody asked for."""
        from aicompute_tui.services.context import Actor

        return Actor(self.owner, self.host_id, f"agent@{self.host_name}")

    @cached_property
    def configuration(self) -> Configuration:
        """This person's own file, read again where it has changed."""
        from aicompute_tui.runtime.configuration import Configuration

        return Configuration(self.places.config_file, self.environment, self._flags)

    @property
    def preferences_source(self) -> MergedPreferences:
        """Flag, environment and file, without the database. Raises InvalidInput naming file and line, or variable."""
        return self.configuration.preferences()

    @cached_property
    def clouds(self) -> Clouds:
        from aicompute_tui.runtime.clouds import Clouds

        return Clouds(
            environment=self.environment,
            places=self.places,
            clock=self.clock,
            owner=self.owner,
            loopback_only=self.is_demo,
        )

    @cached_property
    def nodes(self) -> NodePool:
        """This process's connections to machines; what they need is imported at the first use."""
        from aicompute_tui.ssh.pool import NodePool

        return NodePool(self.places.ssh_key, self.places.known_hosts, self.clock)

    @cached_property
    def hosts(self) -> ContainerHosts:
        """This process's ways to container hosts; what they need is imported at the first use."""
        from aicompute_tui.runtime.hosts import ContainerHosts

        return ContainerHosts(
            self.environment,
            self.places,
            self.nodes,
            self.owner,
            self._host_token,
            installation=self.host_id,
            is_demo=self.is_demo,
        )

    @cached_property
    def hub(self) -> HubDoor:
        """This process's way to the hub of models; what it needs is imported at the first question."""
        from aicompute_tui.hub.huggingface import HubDoor

        return HubDoor(self.environment, self.places.cache, now=self.clock.now, may_reach=self.clouds.may_reach)

    def _open_hub(self, address: str | None, token: str | None) -> Hub:
        return self.hub.open(address, token)

    async def _host_token(self, host: Host) -> str:
        """Raises NotConfigured where it is not in the vault, AuthFailed where it was sealed by another key."""
        from aicompute_tui.services.portainer_hosts import host_token

        return await host_token(await self.open_store(), self.clouds, host)

    @property
    def session_keys(self) -> AwsKeys | None:
        """Keys that live in this process's environment only."""
        from aicompute_tui.clouds.aws.credentials import env_keys

        return env_keys(self.environment)

    def start_log(self, program: str, *, debug: bool = False) -> Path | None:
        """Starts this process's own log file; None where none can be written."""
        from aicompute_tui.runtime.logs import start
        from aicompute_tui.runtime.secrets import secret_values

        return start(self.places.logs, program, debug=debug or self.debug, secrets=secret_values(self.environment))

    async def open_store(self, migrate: bool = True) -> Store:
        """The one store of this process, opened at the first call. The console passes `migrate=False`."""
        if self._store is None:
            from aicompute_tui.store.database import Store, database_url

            self.ensure_places()
            url = self.preferences_source.text("database_url") or database_url(self.places.database_file)
            self._store = await Store.open(url, clock=self.clock, migrate=migrate, backups=self.places.backups)
            self.clouds.attach(self._store)
        return self._store

    async def context(self, store: Store | None = None, *, actor: Actor | None = None) -> Context:
        """What handlers are given, with the shared settings as they stand now."""
        from aicompute_tui.services.context import Context

        opened = store or await self.open_store()
        self.clouds.attach(opened)
        preferences = self.preferences_source.with_database(await self._settings(opened))
        self.clouds.use(preferences)
        return Context(
            store=opened,
            clouds=self.clouds,
            clock=self.clock,
            preferences=preferences,
            places=self.places,
            actor=actor or self.actor,
            open_nodes=lambda: self.nodes,
            open_hosts=lambda: self.hosts,
            open_hub=self._open_hub,
            handlers=_handler,
            commands=_commands,
        )

    async def _settings(self, store: Store) -> dict[str, str]:
        """Those that are stored, read anew once anything was changed since."""
        latest = await store.latest_change()
        if self._settings_at != (store.store_id, latest):
            async with store.read() as transaction:
                self._stored_settings = await transaction.settings.all()
            self._settings_at = store.store_id, latest
        return self._stored_settings

    async def aclose(self) -> None:
        """Closes what was opened; safe to call twice."""
        if "hub" in self.__dict__:
            await self.hub.aclose()
            del self.__dict__["hub"]
        if "hosts" in self.__dict__:
            await self.hosts.aclose()
            del self.__dict__["hosts"]
        if "nodes" in self.__dict__:
            await self.nodes.aclose()
            del self.__dict__["nodes"]
        if "clouds" in self.__dict__:
            await self.clouds.aclose()
        store, self._store = self._store, None
        if store is not None:
            await store.aclose()

    def ensure_places(self) -> None:
        """Makes our folders. Raises NotConfigured, or Refused on a full disk."""
        from aicompute_tui.domain.errors import NotConfigured, Refused

        try:
            self.places.ensure()
        except OSError as error:
            where = error.filename or self.places.data
            import errno

            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise Refused(f"The disk is full: {where} cannot be made.", "Free some space, then repeat.") from error
            raise NotConfigured(
                f"{where} cannot be made: {error.strerror}.",
                "Make the folder yours, or set AIC_TUI_HOME to another one.",
            ) from error


def _commands() -> Mapping[str, KeyedCommand]:
    from aicompute_tui.actions.keyed import keyed_commands

    return keyed_commands()


def _handler(action_id: str) -> Handler:
    """Raises InvalidInput for an action this program does not know, as one of a newer program."""
    from aicompute_tui.actions.registry import ACTIONS, resolve_handler

    action = ACTIONS.get(action_id)
    if action is None:
        raise InvalidInput(f"This aic-tui does not know the action {action_id}.", "Upgrade it, then do it again.")
    return resolve_handler(action)


def build(
    environment: Mapping[str, str] | None = None,
    clock: Clock | None = None,
    agent_command: Sequence[str] | None = None,
    env_file: Path | None = None,
    flags: Mapping[str, str] | None = None,
) -> Runtime:
    """A runtime; nothing is opened, made or asked yet. The variables of `env_file` go above the environment's."""
    variables = dict(os.environ if environment is None else environment)
    if env_file is not None:
        from aicompute_tui.runtime.env_file import read_env_file

        variables |= read_env_file(env_file)
    return Runtime(variables, clock or SystemClock(), agent_command or AGENT_COMMAND, flags or {})
