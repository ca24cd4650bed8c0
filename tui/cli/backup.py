"""`backup`, `restore`, `verify`."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from store.errors import StoreError
from tui.cli.input import progress
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, report_store_fault, say, say_json, store_url
from tui.operator import operator

if TYPE_CHECKING:
    from store.backup import Restored

MEGABYTE = 1_000_000


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.command()(backup)
    application.command()(restore)
    application.command()(verify)


def backup(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; in a folder the name has the time.")],
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Copy the store to a file, checked; consoles and dispatchers go on meanwhile."""
    from store.backup import back_up

    with opened(store_of(context, store)) as desk:
        made = back_up(desk, target, _told)
    progress("")
    if json:
        say_json(made)
        return
    size = f"{made.size / MEGABYTE:,.1f} MB"
    say(f"{made.path}: {size}, schema {made.schema}, {made.events} events, {made.deliveries} deliveries")
    if made.key is not None:
        note(f"the secrets in it open with {made.key} alone: keep a copy of that, in another place")


def restore(
    context: typer.Context,
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="What `vestnik backup` made.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace the store that is there; it is kept beside.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Let letters go out at once, as if it were no copy.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Put a backup in the place of the store. What was waiting in it is held, and silent mode is on."""
    from store.backup import restore as put_back
    from store.engine import sqlite_path

    url = store_url(store_of(context, store))
    with report_store_fault():
        there = sqlite_path(url)
        if there is not None and there.is_file() and there.stat().st_size and not yes:
            fail(f"{there} is a store already. With --yes it is kept under another name and replaced", BAD_INPUT)
        done = put_back(copy, url, operator(), send=send)
    if json:
        say_json(done)
    else:
        _tell(done)


def _tell(done: "Restored") -> None:
    say(f"{done.path}: put back")
    if done.before is not None:
        say(f"the store as it was: {done.before}")
    if done.held:
        note(f"{done.held} letters were waiting, and may have gone since; held: deliveries --filter reason:restored")
    if done.silent:
        note("silent mode is on: nothing goes out until you switch it off, in the console under Mail")
    if done.unopened:
        note(f"{done.unopened} secrets open with no key here: bring back {done.path}.key, or enter the passwords anew")


def verify(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A backup; else the store.")] = None,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Look whether a store, or a backup, is whole; ends with 1 where it is damaged."""
    from store.backup import problems
    from store.integrity import keep

    url = f"sqlite:///{file.absolute()}" if file is not None else store_url(store_of(context, store))
    begun = time.monotonic()
    with report_store_fault():
        found = problems(url)
    if file is None:
        # Consoles show it; a store that cannot be written for its damage has been told of here.
        with contextlib.suppress(StoreError), opened(url, upgrade=False) as desk:
            keep(desk, found, time.monotonic() - begun)
    if json:
        say_json({"ok": not found, "problems": found})
    else:
        for problem in found:
            say(problem)
        note("damaged: put back a backup (vestnik restore)" if found else "whole")
    if found:
        raise typer.Exit(FAILURES)


def _told(done: int, of: int) -> None:
    progress(f"{done / MEGABYTE:,.0f} of {of / MEGABYTE:,.0f} MB")
