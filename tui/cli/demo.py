"""`demo`."""

from typing import Annotated

import typer

from store.vocabulary import Language
from tui.cli.options import Json


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command()(demo)


def demo(
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds.")] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Without a screen: report at the end.")] = False,
    json: Json = False,
    language: Annotated[Language | None, typer.Option(help="ru or en.")] = None,
) -> None:
    """A throw-away service desk with the console on top; leaves nothing behind."""
    from tui.demo.run import run_demo

    raise typer.Exit(run_demo(seconds, headless, json, language))
