"""`plan` and `why`."""

from typing import Annotated

import typer

from store.cards import DecisionCard, DeliveryCard
from tui.cli.input import progress, read_input
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import FAILURES, fail, opened, plain, say, say_json


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.command()(plan)
    application.command()(why)


def plan(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Events; - is standard input.")],
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Dry run: what events would lead to, and why. Changes nothing."""
    from dispatch.dry_run import plan_text

    text = read_input(file)
    with opened(store_of(context, store)) as desk:
        documents = plan_text(desk, text)
    if json:
        say_json(documents)
    else:
        for document in documents:
            _say_plan(document)
    if any("rejected" in document for document in documents):
        raise typer.Exit(FAILURES)


def _say_plan(document: dict[str, object]) -> None:
    if "rejected" in document:
        say(f"line {document['line']}: rejected: {document['rejected']}")
        return
    event = plain(document["event"])
    known = " · duplicate: emitted, it would be dropped" if document["duplicate"] else ""
    say(f"{document['object']} · {event['type']} · {event['source']}/{event['id']}{known}")
    for one in plain(document["decisions"]):
        _say_decision(DecisionCard(one["rule"], one["recipient"], one["taken"], one["reason"], one["params"]))
    for one in plain(document["notifications"]):
        to = ", ".join(r["address"] or r["name"] for r in one["recipients"])
        say(f"  → {one['channel']} to {to}: {one['subject'] if one['channel'] == 'email' else one['short']}")
        if one["channel"] == "email":
            for line in one["text"].splitlines():
                say(f"      {line}")


def _say_decision(card: DecisionCard) -> None:
    who = f" · {card.recipient}" if card.recipient else ""
    params = ", ".join(f"{name} {value}" for name, value in card.params.items())
    say(f"  {'+' if card.taken else '-'} {card.rule_code}{who}: {card.reason}" + (f" ({params})" if params else ""))


def why(
    context: typer.Context,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="An event id, an object's number, a delivery like D12, or a person's address."
        ),
    ],
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """The recorded story: decisions, deliveries, attempts with the server's answers."""
    from store.journal import story

    with opened(store_of(context, store)) as desk:
        events = story(desk, key, progress=lambda seen: progress(f"{seen} events looked through"))
    progress("")
    if json:
        documents = plain(events)
        for document in documents:
            for delivery in document["deliveries"]:
                delivery["id"] = f"D{delivery['row']['id']}"
        say_json(documents)
    elif not events:
        known = "an event id, an object's number, a delivery like D12, or a person's address or login"
        fail(f"nothing is known of {key!r}: give {known}", FAILURES)
    else:
        for event in events:
            say(f"{event.object_number} · {event.type} · {event.source}/{event.external_id} · {event.at.isoformat()}")
            for card in event.decisions:
                _say_decision(card)
            for delivery in event.deliveries:
                _say_delivery(delivery)
    if not events:
        raise typer.Exit(FAILURES)


def _say_delivery(card: DeliveryCard) -> None:
    row = card.row
    state = f"{row.state.word}{f' ({row.reason})' if row.reason else ''}"
    if card.digest_id is not None:
        state += f", told of in D{card.digest_id}"
    say(f"  D{row.id} {row.channel.value} to {row.recipient_address or row.recipient_name}: {state}")
    for attempt in card.attempts:
        at = attempt.at.isoformat(timespec="seconds")
        say(f"     {at} {attempt.connection}: {attempt.outcome} · {attempt.answer}")
