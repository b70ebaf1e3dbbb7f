"""Commands made from the actions: one builder for all of them, nouns filled when one of their verbs is asked for."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from aicompute_tui.actions.model import Action, Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli.parameters import argument_help, click_parameter, given

NOUNS = {
    "instance": "Machines rented from a cloud.",
    "host": "Machines with a container engine.",
    "container": "Containers of every host.",
    "image": "Images on every host.",
    "volume": "Volumes on every host.",
    "registry": "Logins for registries.",
    "connection": "What answers prompts: model servers and providers.",
    "server": "Model servers: how they are, and what they are asked to do.",
    "credential": "Whose account is used.",
    "region": "Where machines can be rented.",
    "price": "What machines cost.",
    "quota": "How much an account may rent.",
    "model": "Models, and the memory they need.",
    "cost": "What a month comes to.",
    "template": "Launches kept by a name.",
    "setting": "Defaults, and where each comes from.",
    "key": "Keys of the console.",
    "theme": "Colours of the console.",
    "event": "The audit: who did what.",
    "job": "What was asked for, and how far it is.",
}
FORMATS = ("table", "json", "csv", "yaml")
WAITING = {
    "instance.launch": "Answer when the machine is ready.",
    "instance.relaunch": "Answer when the machine is ready.",
    "instance.terminate": "Answer when the cloud says it is gone.",
    "instance.stop": "Answer when it has stopped.",
    "instance.start": "Answer when it is ready again.",
}
_ASKED_FIRST = frozenset({"instance.launch", "instance.relaunch"})
"""Not destructive, but they cost money: a person is asked as well."""


class Options(NamedTuple):
    """What every door of this kind adds to an action's own parameters."""

    output: str = "table"
    yes: bool = False
    wait: bool = False
    detach: bool = False
    no_agent: bool = False
    dry_run: bool = False
    stdin: bool = False
    from_env: bool = False
    api_key_env: str | None = None
    passphrase_stdin: bool = False
    passphrase_env: str | None = None


class PlainFormatter(click.HelpFormatter):
    """Help that a terminal without UTF-8 can show."""

    def getvalue(self) -> str:
        import sys

        from aicompute_tui.cli.ascii_twins import fitting

        return fitting(super().getvalue(), sys.stdout)


class PlainContext(click.Context):
    formatter_class = PlainFormatter


class Noun(click.Group):
    """A noun whose verbs are made when one of them is asked for."""

    context_class = PlainContext

    def _actions(self) -> dict[str, Action]:
        return {each.command[1]: each for each in ACTIONS.values() if each.command[:-1] == (self.name,)}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._actions())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Makes the one asked for; all of them where it is none, since click looks for a near one among those made."""
        actions = self._actions()
        meant = next((name for name, each in actions.items() if cmd_name in each.also), cmd_name)
        for name in [meant] if meant in actions else actions:
            if name not in self.commands:
                self.add_command(command_for(actions[name]))
        return super().get_command(ctx, meant)


class Verb(click.Command):
    context_class = PlainContext

    def invoke(self, ctx: click.Context) -> Any:
        """A reader that went away is told apart here: click would make a failure of it."""
        from aicompute_tui.cli.failure import NobodyReads

        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise NobodyReads from None


_ASKED_AS_WELL = frozenset({"container.deploy"})
"""What it will be is shown first."""


def wants_yes(action: Action) -> bool:
    return action.dangerous or action.id in _ASKED_FIRST | _ASKED_AS_WELL


def command_for(action: Action) -> click.Command:
    """The command of one action, with its parameters as arguments and flags."""

    @click.pass_context
    def callback(context: click.Context, /, **values: Any) -> int:
        from aicompute_tui.cli.execute import execute

        options = Options(**{name: values.pop(name) for name in Options._fields if name in values and name in doors})
        return execute(context.obj, action, given(action.parameters, values), options)

    extra = _door_options(action)
    doors = {option.name for option in extra}
    params = [click_parameter(parameter, _completed_scope(action)) for parameter in action.parameters]
    return Verb(
        action.command[-1],
        params=[*params, *extra],
        callback=callback,
        help=action.help + argument_help(action.parameters),
        short_help=action.help,
    )


_NAMES_NEW = frozenset({"credential.set", "registry.login", "image.pull", "connection.add", "server.add"})


def _completed_scope(action: Action) -> Scope:
    """Nothing is offered for the name of something new."""
    return "global" if action.id in _NAMES_NEW else action.scope


def _door_options(action: Action) -> list[click.Parameter]:
    options: list[click.Parameter] = []
    if wants_yes(action):
        options.append(_flag("--yes", "-y", help_text="Do not ask."))
    if action.id in WAITING:
        options.append(
            click.Option(["--wait/--no-wait", "wait"], default=False, help=WAITING[action.id], show_default=False)
        )
    if action.id in _ASKED_FIRST:
        options += [
            _flag("--detach", help_text="Answer when the launch is written down; the agent does the rest."),
            _flag("--no-agent", help_text="Do not start the agent that watches over the machine."),
            _flag("--dry-run", help_text="Check and say what it would cost; launch nothing."),
        ]
    if action.id == "credential.set":
        options += [
            _flag(
                "--stdin",
                help_text="Read the keys from standard input: key id, secret and token on a line each, "
                "or the JSON of an AWS tool; a Hugging Face token alone.",
            ),
            _flag(
                "--from-env",
                help_text="Take the keys from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, "
                "the token from HF_TOKEN.",
            ),
        ]
    if action.id == "registry.login":
        options.append(_flag("--stdin", help_text="Read the password or token from standard input."))
    if action.id == "host.add":
        options += [
            _flag("--stdin", help_text="Read Portainer's access token, or a user and a password on a line each."),
            _flag("--from-env", help_text="Take Portainer's access token from PORTAINER_API_TOKEN."),
        ]
    options += _connection_options(action)
    if action.id in {"server.add", "server.edit"}:
        options += [
            _flag("--stdin", help_text="Read its key from standard input, alone."),
            _flag("--from-env", help_text="Take its key from MODEL_SERVER_KEY, or from its kind's own variable."),
        ]
    options.append(output_option())
    return options


def _connection_options(action: Action) -> list[click.Parameter]:
    """Where a connection's key, or the passphrase of those in a file, comes from."""
    if action.id in {"connection.add", "connection.edit"}:
        return [
            _flag("--api-key-stdin", "--stdin", help_text="Read its key from standard input, alone."),
            click.Option(["--api-key-env"], metavar="VARIABLE", help="Take its key from this variable."),
            _flag("--from-env", help_text="Take its key from the variable `connection presets` names."),
        ]
    if action.id in {"connection.export", "connection.import"}:
        return [
            _flag("--passphrase-stdin", help_text="Read the passphrase of its keys from standard input."),
            click.Option(["--passphrase-env"], metavar="VARIABLE", help="Take the passphrase from this variable."),
        ]
    return []


def output_option() -> click.Option:
    return click.Option(
        ["-o", "--output"], type=click.Choice(FORMATS), default="table", show_default=True, help="How to answer."
    )


def _flag(*names: str, help_text: str) -> click.Option:
    long = [name for name in names if name.startswith("--")][-1]
    return click.Option([*names, long.removeprefix("--").replace("-", "_")], is_flag=True, help=help_text)
