"""The commands, each a thin layer over the store and the dispatcher."""

from typing import Annotated

import typer

from dispatch.logs import LogFormat, LogLevel
from store.vocabulary import Language
from tui.cli import (
    audit,
    backup,
    deadlines,
    deeds,
    dispatcher,
    doctor,
    housekeep,
    mail,
    mutes,
    people,
    queue,
    rules,
    settings,
    storms,
    story,
    units,
    web,
)
from tui.cli.logs import FORMAT_NAME, LEVEL_NAME, begin
from tui.cli.options import Json, StoreUrl

application = typer.Typer(
    name="vestnik",
    help="A terminal console for the notifications of a service desk. Without a command: the console.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"vestnik {version('vestnik')}")
        raise typer.Exit


@application.callback(invoke_without_command=True)
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


@application.command()
def demo(
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Without a screen: report at the end.")] = False,
    json: Json = False,
    language: Annotated[Language | None, typer.Option(help="ru or en.")] = None,
) -> None:
    """A throw-away service desk with the console on top; leaves nothing behind."""
    from tui.demo.run import run_demo

    raise typer.Exit(run_demo(seconds, headless, json, language))


for module in (
    settings, people, queue, dispatcher, deeds, mutes, deadlines, storms, story, rules, mail, doctor, audit, backup,
    housekeep, units, web,
):  # fmt: skip
    module.add_to(application)
