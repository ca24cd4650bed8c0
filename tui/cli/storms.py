"""`storms`: what is held because it was too much, and what is done about it."""

from typing import Annotated

import typer

from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import FAILURES, fail, opened, say, say_json, table
from tui.operator import operator

Which = Annotated[
    list[str], typer.Argument(metavar="OBJECT|ADDRESS…", help="Objects by their numbers, people by their addresses.")
]
storms = typer.Typer(
    help="Letters held because there were too many: without a command, a list of them.", no_args_is_help=False
)


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.add_typer(storms, name="storms")


@storms.callback(invoke_without_command=True)
def list_them(context: typer.Context, json: Json = False, store: StoreUrl = None) -> None:
    """Letters held because there were too many, by object and by recipient."""
    context.obj = store_of(context, store)
    if context.invoked_subcommand is not None:
        return
    from store.storms import list_storms

    with opened(context.obj) as desk:
        found = list_storms(desk)
    if json:
        say_json(found)
    elif not found:
        say("no letters are held by storms")
    else:
        table(
            [
                (
                    storm.kind,
                    storm.key,
                    f"{storm.letters} letters",
                    f"{storm.recipients} recipients",
                    f"since {storm.since.isoformat(timespec='seconds')}",
                    f"digest at {storm.digest_at.isoformat(timespec='seconds')}" if storm.digest_at else "waits",
                )
                for storm in found
            ]
        )


@storms.command()
def release(context: typer.Context, which: Which, store: StoreUrl = None) -> None:
    """Let the letters go singly, and let more of them through for as long as the limit looks back."""
    _do(context, "release", which, store)


@storms.command()
def drop(context: typer.Context, which: Which, store: StoreUrl = None) -> None:
    """Cancel the letters; `vestnik retry` brings them back."""
    _do(context, "drop", which, store)


@storms.command()
def digest(context: typer.Context, which: Which, store: StoreUrl = None) -> None:
    """Gather the letters into digests now."""
    _do(context, "digest", which, store)


def _do(context: typer.Context, deed: str, which: list[str], store: str | None) -> None:
    from dispatch.digest import send_now
    from store import storms as held

    done = {"release": held.release, "drop": held.drop, "digest": send_now}[deed]
    words = {"release": "go out", "drop": "cancelled", "digest": "told of in digests"}[deed]
    unknown: list[str] = []
    with opened(store_of(context, store)) as desk:
        for word in which:
            found = held.find(desk, word)
            for storm in found:
                say(f"{storm.key}: {done(desk, storm, operator())} {words}")
            unknown += [] if found else [word]
    if unknown:
        fail(f"no letters are held about or for {', '.join(map(repr, unknown))}; see: vestnik storms", FAILURES)
