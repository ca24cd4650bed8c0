"""`emit`, `status`, `deliveries`."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from store.vocabulary import DeliveryState, Language
from tui.cli.input import blocks, progress
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, say, say_json, table

if TYPE_CHECKING:
    from dispatch.intake import Receipt
    from store.cards import FeedRow, Flow, Queue, ServerLimits
    from store.delivery_traits import DeliveryQuery
    from store.engine import Store

LIMIT, TAIL = 50, 10
STREAM_WIDTHS = (7, 19, 9, 9, 9, 24)
"""Cells of all columns but the last when it is not known yet what will have to fit."""
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Deliveries, e.g. D12.")]


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    for command in (emit, status, deliveries):
        application.command()(command)


def emit(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="Events (CloudEvents 1.0 JSON); - is standard input.")
    ] = "-",
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Accept events: one, an array, or one per line. What is acknowledged survives a power cut."""
    from dispatch import interpreter
    from dispatch.intake import emit as take

    interpreter.prepare()
    counts: Counter[str] = Counter()
    receipts: list[Receipt] = []
    with opened(store_of(context, store)) as desk:
        for line, text in blocks(file):
            taken = [replace(receipt, line=receipt.line + line) for receipt in take(desk, text)]
            counts.update(receipt.outcome for receipt in taken)
            # A million receipts are a document nobody asked for.
            receipts += taken if json else [receipt for receipt in taken if receipt.outcome == "rejected"]
            progress(f"{counts.total()} events")
    progress("")
    summary = {outcome: counts[outcome] for outcome in ("accepted", "duplicate", "rejected")}
    if json:
        say_json({**summary, "events": receipts})
    else:
        for receipt in receipts:
            note(f"line {receipt.line}: {receipt.reason}")
        say(", ".join(f"{count} {outcome}" for outcome, count in summary.items()))
    if counts["rejected"]:
        raise typer.Exit(BAD_INPUT if counts["rejected"] == counts.total() else FAILURES)


def status(context: typer.Context, json: Json = False, store: StoreUrl = None) -> None:
    """Deliveries by state, connections, dispatchers, what is missing."""
    from store.status import read_status
    from tui.cli.deadlines import passed_words

    with opened(store_of(context, store)) as desk:
        found, near = read_status(desk), passed_words(desk)
    if json:
        say_json(found)
        return
    alive = [f"{card.host}:{card.pid}" for card in found.dispatchers if card.alive]
    storm = f" ({found.storm} held by storms)" if found.storm else ""
    rows = [
        ("store", f"{found.store} (schema {found.revision})"),
        ("dispatchers", ", ".join(alive) or "none: nothing is being sent"),
        ("deliveries", " · ".join(f"{name} {count}" for name, count in found.deliveries.items()) + storm),
        ("events", f"{found.events}, {found.unplanned} not planned yet"),
        ("letters", _flow("last minute", found.rates.minute) + " · " + _flow("last hour", found.rates.hour)),
        ("queue", _queue(found.queue)),
        ("deadlines", near),
        ("oldest due", found.oldest_due_at.isoformat(timespec="seconds") if found.oldest_due_at else "-"),
        ("silent mode", found.silent.state.value),
        ("muted", ", ".join(f"{one.kind.value} {one.key} (number {one.id})" for one in found.mutes) or "nothing"),
        ("missing", ", ".join(found.missing) or "nothing"),
    ]
    health = {one.connection: one for one in found.health}
    for card in found.connections:
        how = health.get(card.name)
        words = [card.protocol.value, f"{card.server}:{card.port or ''}".rstrip(":"), "on" if card.enabled else "off"]
        if how is not None:
            words.append(
                f"circuit {how.circuit}" + (f" ({how.error_class}: {how.last_error})" if how.last_error else "")
            )
            words += _limits(how.limits)
        rows.append((f"mail {card.name}", " · ".join(words)))
    table(rows)


def _flow(when: str, flow: "Flow") -> str:
    """What became of letters within some time."""
    return f"{when}: {flow.sent} sent, {flow.held} held, {flow.dead} dead"


def _queue(queue: "Queue") -> str:
    """What is still to go, and why letters are held."""
    words = f"{queue.due} due now, {queue.later} later, {queue.in_hand} in hand"
    return " · ".join([words, *(f"{count} held: {reason}" for reason, count in queue.held.items())])


def _limits(limits: "ServerLimits") -> list[str]:
    """What a server was found to take, and no more."""
    known = (
        (limits.letters, "letters over one connection"),
        (limits.connections, "connections at once"),
        (limits.per_minute, "letters a minute"),
    )
    words = ", ".join(f"{value} {unit}" for value, unit in known if value is not None)
    at = limits.learned_at.isoformat(timespec="seconds") if limits.learned_at else ""
    return [f"takes at most {words} (learned {at})"] if words else []


def deliveries(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="Only this state, e.g. dead.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many, newest first (50); with --follow, how many to begin with (10).")
    ] = None,
    filter: Annotated[  # noqa: A002 - the option's name
        str, typer.Option(metavar="WORDS", help="As in the console, e.g. 'state:dead person:olga since:2h'.")
    ] = "",
    follow: Annotated[
        bool,
        typer.Option("--follow", "-f", help="A line each as it happens, until Ctrl+C; --json: a document each."),
    ] = False,
    group: Annotated[bool, typer.Option("--group", help="Dead letters by cause and connection.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """The queue, newest first; with --follow, what happens as it happens."""
    from store.delivery_query import newest

    if group:
        if state not in {None, "dead"} or follow:
            fail("--group tells of dead letters alone", BAD_INPUT)
        _groups(context, store, json=json)
        return
    wanted = _state(state) if state else None
    with opened(store_of(context, store)) as desk:
        query = _query(desk, filter)
        query = query if wanted is None else replace(query, states=(wanted,), storm=False)
        if follow:
            from tui.cli.follow import follow as stream

            stream(desk, query, limit or TAIL, _say_json_line if json else _say_line)
            return
        rows = newest(desk, query, limit or LIMIT)
    if json:
        say_json([_fields(row) for row in rows])
    else:
        table([_cells(row) for row in rows])


def _groups(context: typer.Context, store: str | None, *, json: bool) -> None:
    from store.dead_groups import list_groups
    from tui.cli.output import plain

    with opened(store_of(context, store)) as desk:
        found = list_groups(desk)
    if json:
        say_json([{**plain(one), "id": f"D{one.id}"} for one in found])
    elif not found:
        say("no letters are dead")
    else:
        table(
            [
                (
                    str(one.letters), one.reason or "-", one.connection or "-",
                    f"{one.oldest.isoformat(timespec='seconds')} to {one.newest.isoformat(timespec='seconds')}",
                    one.answer,
                )
                for one in found
            ]
        )  # fmt: skip


def _cells(row: "FeedRow") -> tuple[str, ...]:
    """A delivery as the cells of a line."""
    return (
        f"D{row.id}",
        row.created_at.isoformat(sep=" ", timespec="seconds")[:19],
        row.object_number,
        row.state.word,
        row.channel.value,
        row.recipient_address,
        row.subject + (f"  ({row.reason})" if row.reason else "") + _acknowledged(row),
    )


def _say_line(row: "FeedRow") -> None:
    cells = _cells(row)
    say("  ".join([*(cell.ljust(width) for cell, width in zip(cells, STREAM_WIDTHS, strict=False)), cells[-1]]))


def _say_json_line(row: "FeedRow") -> None:
    say_json(_fields(row), lines=False)


def _acknowledged(row: "FeedRow") -> str:
    seen = row.acknowledged
    return f"  [{seen.who}{f': {seen.note}' if seen.note else ''}]" if seen else ""


def numbers(ids: list[str]) -> list[int]:
    """The ids of deliveries as they were typed; ends the command where one is none."""
    from store.journal import MAX_ID

    found: list[int] = []
    for word in ids:
        digits = word[1:] if word[:1] in {"D", "d"} else word
        if not digits.isdecimal() or int(digits) > MAX_ID:
            fail(f"{word!r} is not a delivery; they look like D12", BAD_INPUT)
        found.append(int(digits))
    return found


def _query(desk: "Store", text: str) -> "DeliveryQuery":
    """A filter as it is typed in the console, in either language."""
    from store.settings import company
    from tui.texts import Texts
    from tui.widgets.delivery_filter import parse

    found = parse(text, Texts(Language.EN), desk.clock(), ZoneInfo(company(desk).timezone))
    if found.problems:
        fail("; ".join(found.problems), BAD_INPUT)
    return found.query


def _state(word: str) -> DeliveryState:
    known = {state.word: state for state in DeliveryState}
    if word.lower() not in known:
        fail(f"{word!r} is not a state; there are {', '.join(known)}", BAD_INPUT)
    return known[word.lower()]


def _fields(row: "FeedRow") -> dict[str, object]:
    from tui.cli.output import plain

    return {**plain(row), "id": f"D{row.id}"}
