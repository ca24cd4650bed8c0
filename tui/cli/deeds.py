"""`acknowledge`, `retry`, `cancel`, `undo`, `resend`: what an operator does with deliveries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from store.vocabulary import DeliveryState
from tui.cli.input import progress
from tui.cli.options import StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, say
from tui.cli.queue import Ids, numbers
from tui.operator import operator

if TYPE_CHECKING:
    from store.engine import Store
    from store.moves import Deed

LEFT = {
    "gone": "there is no such delivery",
    "interface": "is no letter: it is shown in the interface",
    "in_digest": "went in a digest; for a copy of it: vestnik resend",
}
"""Why a delivery is left, where it is not its state."""


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    for command in (acknowledge, retry, cancel, undo, resend):
        application.command()(command)


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


def retry(
    context: typer.Context,
    ids: Ids = None,
    dead: Annotated[bool, typer.Option("--dead", help="All that are dead.")] = False,
    held: Annotated[bool, typer.Option("--held", help="All that are held.")] = False,
    group: Annotated[
        str | None, typer.Option("--class", metavar="CLASS", help="All dead for this cause; see: deliveries --group.")
    ] = None,
    connection: Annotated[str | None, typer.Option(help="With --class: only those of this connection.")] = None,
    per_minute: Annotated[
        int | None, typer.Option(min=1, max=60_000, help="Not all at once, but so many letters a minute.")
    ] = None,
    store: StoreUrl = None,
) -> None:
    """Send again what is dead, held or cancelled."""
    from store import outbox
    from store.dead_groups import ids_of
    from store.moves import Deed

    wanted = set(numbers(ids or []))
    if not wanted and not dead and not held and group is None:
        fail("say which: ids like D12, --dead, --held or --class", BAD_INPUT)
    if connection is not None and group is None:
        fail("--connection goes with --class", BAD_INPUT)
    with opened(store_of(context, store)) as desk:
        for asked, state in ((dead, DeliveryState.DEAD), (held, DeliveryState.HELD)):
            wanted.update(outbox.ids_in_state(desk, state) if asked else [])
        if group is not None:
            found = ids_of(desk, group, connection)
            if not found:
                fail(f"no letters are dead for {group!r}; see: vestnik deliveries --group", FAILURES)
            wanted.update(found)
        _move(desk, Deed.RETRY, sorted(wanted), "go out again", per_minute)


def cancel(context: typer.Context, ids: Ids = None, store: StoreUrl = None) -> None:
    """Withdraw what is not sent yet."""
    from store.moves import Deed

    wanted = sorted(set(numbers(ids or [])))
    if not wanted:
        fail("say which: ids like D12", BAD_INPUT)
    with opened(store_of(context, store)) as desk:
        _move(desk, Deed.CANCEL, wanted, "cancelled")


def _move(desk: "Store", deed: "Deed", ids: Sequence[int], words: str, per_minute: int | None = None) -> None:
    """Move letters; name those that stay as they are."""
    from store.moves import carry_out, spread

    done = carry_out(desk, deed, ids, operator(), per_minute=per_minute, progress=told)
    progress("")
    for number, why in done.left.items():
        note(f"D{number}: {LEFT.get(why, f'is {why}')}")
    if done.letters and per_minute is not None:
        words += f" within {spread(done.letters, per_minute)}"
    back = f" (take it back: vestnik undo {done.number})" if done.letters else ""
    say(f"{done.letters} of {len(ids)} {words}{back}")
    if done.letters < len(ids):
        raise typer.Exit(FAILURES)


def undo(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="N", help="What retry or cancel gave as the number.")],
    store: StoreUrl = None,
) -> None:
    """Put letters back that retry or cancel moved, where nothing has changed them since; a retry is stopped so."""
    from store.moves import take_back

    with opened(store_of(context, store)) as desk:
        done = take_back(desk, number, operator(), told)
    progress("")
    say(f"{done.letters} letters are as they were")
    if not done.letters:
        raise typer.Exit(FAILURES)


def resend(
    context: typer.Context,
    delivery: Annotated[str, typer.Argument(metavar="ID", help="A delivery, e.g. D12.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to.")],
    second: Annotated[
        bool, typer.Option("--second-copy", help="Though the letter has been sent to this address.")
    ] = False,
    store: StoreUrl = None,
) -> None:
    """Send a letter to another address as a delivery of its own; the first one stays as it is."""
    from store import resend as copies
    from store.errors import SettingsError

    (wanted,) = numbers([delivery])
    with opened(store_of(context, store)) as desk:
        try:
            copy = copies.resend(desk, wanted, address, operator(), second=second)
        except SettingsError as error:
            if error.key != "second_copy":
                raise
            fail(f"{address} has this letter, or it is on its way there; for another: --second-copy", FAILURES)
    say(f"D{copy.id} goes to {copy.address}")


def told(done: int, of: int) -> bool:
    """Say how far a long deed has got."""
    if done < of:
        progress(f"{done} of {of}")
    return True
