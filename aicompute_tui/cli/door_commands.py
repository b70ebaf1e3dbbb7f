"""Commands that are no action: completion, restore, and the doors to the other programs."""

from __future__ import annotations

import click

from aicompute_tui.cli.commands import Verb, output_option
from aicompute_tui.cli.session import Session

_COMPLETION = {
    "bash": 'eval "$(_AIC_TUI_COMPLETE=bash_source aic-tui)"',
    "zsh": 'eval "$(_AIC_TUI_COMPLETE=zsh_source aic-tui)"',
    "fish": "_AIC_TUI_COMPLETE=fish_source aic-tui | source",
}


@click.command("completion", cls=Verb)
@click.argument("shell", type=click.Choice(sorted(_COMPLETION)))
def completion(shell: str) -> int:
    """Print the line that turns completion on.

    Put it at the end of ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish.
    """
    click.echo(_COMPLETION[shell])
    return 0


@click.command("restore", cls=Verb, params=[output_option()])
@click.argument("file", type=click.Path())
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_obj
def restore(session: Session, file: str, yes: bool, output: str) -> int:
    """Put a backup in the database's place; the file that was there is kept aside.

    FILE: A file that `aic-tui backup` wrote.
    """
    from aicompute_tui.cli.restoring import restore_database

    return restore_database(session, file, yes=yes, output=output)


@click.command("demo", cls=Verb)
@click.option("--keep", is_flag=True, help="Leave the demo's folder in place at the end.")
@click.pass_obj
def demo(session: Session, keep: bool) -> int:
    """Open the console in a small embedded world: no credentials, no network, no cost."""
    session.door_options["keep"] = keep
    return session.enter("demo")


@click.command("agent", cls=Verb, params=[output_option()])
@click.option("--once", is_flag=True, help="Make one full reconcile pass and end.")
@click.option("--status", is_flag=True, help="Say whether one runs, and what it does.")
@click.option("--install", is_flag=True, help="Write a systemd unit that keeps one running.")
@click.option("--stay", is_flag=True, help="Go on also while there is nothing but health to look after.")
@click.pass_obj
def agent(session: Session, once: bool, status: bool, install: bool, stay: bool, output: str) -> int:
    """Follow machines and carry out jobs with no console open."""
    from aicompute_tui.cli.agent_door import run_agent

    return run_agent(session, once=once, status=status, install=install, stay=stay, output=output)


DOOR_COMMANDS: tuple[click.Command, ...] = (agent, demo, restore, completion)
