"""`housekeep`: what is kept long enough is removed now, or counted."""

import os
import socket
import time
from typing import TYPE_CHECKING, Annotated

import typer

from tui.cli.input import progress
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import FAILURES, fail, note, opened, say, say_json

if TYPE_CHECKING:
    from store.engine import Store
    from store.housekeeping import Old, Run

PAUSE_S = 0.01
"""Between the steps: a program that waits for the lock of SQLite looks for it only so often."""
PAUSES = 2
"""And at least so many times as long as the step took."""


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command()(housekeep)


def housekeep(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, remove nothing.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Remove what is kept long enough (settings: `retention`). A dispatcher does so by itself, every hour."""
    from store.housekeeping import look_ahead

    with opened(store_of(context, store)) as desk:
        found = look_ahead(desk, progress=lambda done, of: progress(f"looked at {done} of {of} events"))
        done = None if dry_run else _remove(desk, found)
    progress("")
    if done is None:
        _tell_old(found, json=json)
    elif json:
        say_json(done)
    else:
        say(f"removed: {done.events} events, {done.deliveries} deliveries, {done.entries} entries of the audit")


def _remove(store: "Store", found: "Old") -> "Run":
    from store.housekeeping import Housekeeping, NotAloneError

    work = Housekeeping(store, f"{socket.gethostname()}:{os.getpid()}:housekeep")
    of = found.events + found.by_size
    try:
        while work.step():
            progress(f"removed {work.events} of about {of} events")
            time.sleep(max(work.took_s * PAUSES, PAUSE_S))
    except NotAloneError as error:
        progress("")
        fail(f"the dispatcher {error.holder} is at it: what it has removed is on the System screen", FAILURES)
    finally:
        # Interrupted, the rest is left to whoever comes next, without waiting for the lease.
        store.write(work.give_up_in)
    return work.result


def _tell_old(found: "Old", *, json: bool) -> None:
    if json:
        say_json(found)
        return
    say(f"would go by age: {found.events} events, {found.deliveries} deliveries, {found.entries} entries of the audit")
    if found.by_size:
        note(f"above the limit of size: about {found.by_size} more events, the oldest that need not stay")
