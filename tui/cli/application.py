"""The commands, each a thin layer over the store and the dispatcher.

Only the module of the command that is asked for is loaded: scripts call `vestnik emit` for each event, and all of them
together take longer to load than an event to accept.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer

from dispatch.logs import LogFormat, LogLevel
from store.vocabulary import Language
from tui.cli.logs import FORMAT_NAME, LEVEL_NAME, begin
from tui.cli.options import StoreUrl

MODULES: Mapping[str, Sequence[str]] = {
    "demo": ("demo",),
    "settings": ("upgrade", "apply", "export", "rekey"),
    "people": ("people",),
    "queue": ("emit", "status", "deliveries"),
    "dispatcher": ("dispatch",),
    "deeds": ("acknowledge", "retry", "cancel", "undo", "resend"),
    "mutes": ("mute",),
    "deadlines": ("deadlines",),
    "storms": ("storms",),
    "story": ("plan", "why"),
    "rules": ("rules",),
    "mail": ("check-mail",),
    "doctor": ("doctor",),
    "audit": ("audit",),
    "backup": ("backup", "restore", "verify"),
    "housekeep": ("housekeep",),
    "units": ("units",),
    "web": ("web",),
}
"""The commands by the module that has them; the help lists them so, those with commands of their own last."""
_WITH_VALUE = frozenset({"--store", "--language", "--log-format", "--log-level"})
"""Options before a command that a value follows."""


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"vestnik {version('vestnik')}")
        raise typer.Exit


def console(
    context: typer.Context,
    store: StoreUrl = None,
    language: Annotated[Language | None, typer.Option(help="Language of the console: ru or en.")] = None,
    log_format: Annotated[
        LogFormat | None, typer.Option(envvar=FORMAT_NAME, help="The log on standard error: text, or JSON lines.")
    ] = None,
    log_level: Annotated[
        LogLevel | None,
        typer.Option(envvar=LEVEL_NAME, help="From which level on; debug follows each event to its last attempt."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """The console, when no command is given."""
    del version
    context.obj = store
    if context.invoked_subcommand is not None:
        begin(context, log_format, log_level)
    if context.invoked_subcommand is None:
        from tui.cli.console import run_console

        raise typer.Exit(run_console(store, language))


def load(words: Sequence[str]) -> typer.Typer:
    """The command line for these arguments: with the command they ask for, else with all there are."""
    application = typer.Typer(
        name="vestnik",
        help="A terminal console for the notifications of a service desk. Without a command: the console.",
        no_args_is_help=False,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    application.callback(invoke_without_command=True)(console)
    command = _command(words)
    asked = [module for module, commands in MODULES.items() if command in commands]
    for module in asked or MODULES:
        import_module(f"tui.cli.{module}").add_to(application)
    return application


def _command(words: Sequence[str]) -> str | None:
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return word
        if word in _WITH_VALUE:
            next(rest, None)
    return None
