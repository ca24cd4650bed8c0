"""`acknowledge`: what an operator does with deliveries beside moving them."""

from typing import Annotated

import typer

from tui.cli.input import progress
from tui.cli.options import StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, opened, say
from tui.cli.queue import Ids, numbers
from tui.operator import operator


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.command()(acknowledge)


def acknowledge(
    context: typer.Context,
    ids: Ids = None,
    note: Annotated[str, typer.Option(help="What you know or do about it; every console shows it.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take acknowledgements back.")] = False,
    store: StoreUrl = None,
) -> None:
    """Say that you have seen to deliveries; every console shows by whom."""
    from store import acknowledgements

    wanted = sorted(set(numbers(ids or [])))
    if not wanted:
        fail("say which: ids like D12", BAD_INPUT)
    if withdraw and note:
        fail("an acknowledgement is taken back without a note", BAD_INPUT)
    with opened(store_of(context, store)) as desk:
        if withdraw:
            done = acknowledgements.withdraw(desk, wanted, operator(), told)
        else:
            done = acknowledgements.acknowledge(desk, wanted, operator(), note, told)
    progress("")
    say(f"{len(done)} of {len(wanted)} {'no longer acknowledged' if withdraw else 'acknowledged'}")
    if len(done) < len(wanted):
        raise typer.Exit(FAILURES)


def told(done: int, of: int) -> bool:
    """Say how far a long deed has got."""
    if done < of:
        progress(f"{done} of {of}")
    return True
