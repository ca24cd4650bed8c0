"""`plan` and `why`."""

from collections.abc import Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from store.cards import DecisionCard, DeliveryCard
from tui.cli.input import progress, read_input
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, opened, plain, say, say_json


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.command()(plan)
    application.command()(why)


def plan(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="Events; - is standard input.")] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Foretell what the clock will tell until then, e.g. 24h, 7d, an ISO time."),
    ] = None,
    thing: Annotated[str | None, typer.Option("--object", metavar="NUMBER", help="Foretell this object only.")] = None,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Dry run: what events would lead to, and why; with --until, what is to come of deadlines. Changes nothing."""
    if file is not None and thing is not None:
        fail("give a FILE of events or --object, not both", BAD_INPUT)
    if until is None:
        if file is None:
            fail("give a FILE of events, or --until for what is to come. Example: vestnik plan --until 24h", BAD_INPUT)
        _plan_file(context, file, store, json=json)
    elif file is not None:
        _foretell_file(context, file, until, store, json=json)
    elif thing is not None:
        _foretell_object(context, thing, until, store, json=json)
    else:
        _foretell_desk(context, until, store, json=json)


def _plan_file(context: typer.Context, file: str, store: str | None, *, json: bool) -> None:
    from dispatch.dry_run import plan_text

    text = read_input(file)
    with opened(store_of(context, store)) as desk:
        documents = plan_text(desk, text)
    if json:
        say_json(documents)
    else:
        for document in documents:
            _say_plan(document)
    _end_with(documents)


def _end_with(documents: Sequence[dict[str, object]]) -> None:
    if any("rejected" in document for document in documents):
        raise typer.Exit(FAILURES)


def _foretell_file(context: typer.Context, file: str, until: str, store: str | None, *, json: bool) -> None:
    from dispatch.dry_run import new_events, plan_text
    from dispatch.timeline import timeline_of
    from store.settings import company
    from tui.cli import foretelling

    text = read_input(file)
    with opened(store_of(context, store)) as desk:
        zone = ZoneInfo(company(desk).timezone)
        when = foretelling.moment(until, desk.clock(), zone)
        documents = plan_text(desk, text)
        found = timeline_of(desk, new_events(desk, text), when)
    if json:
        say_json({"events": documents, "timelines": [foretelling.timeline_document(one) for one in found]})
    else:
        for document in documents:
            _say_plan(document)
        for one in found:
            foretelling.say_timeline(one, zone, _say_decision)
    _end_with(documents)


def _foretell_object(context: typer.Context, thing: str, until: str, store: str | None, *, json: bool) -> None:
    from dispatch.timeline import object_called, timeline
    from store.settings import company
    from tui.cli import foretelling

    with opened(store_of(context, store)) as desk:
        zone = ZoneInfo(company(desk).timezone)
        when = foretelling.moment(until, desk.clock(), zone)
        name = object_called(desk, thing)
        found = timeline(desk, *name, when) if name else None
    if found is None:
        fail(f"nothing is known of {thing!r}: give an object's number or id", FAILURES)
    if json:
        say_json(foretelling.timeline_document(found))
    else:
        foretelling.say_timeline(found, zone, _say_decision)


def _foretell_desk(context: typer.Context, until: str, store: str | None, *, json: bool) -> None:
    from dispatch.forecast import forecast
    from store.settings import company
    from tui.cli import foretelling

    def far(looked: int, of: int) -> bool:
        progress(f"{looked} of {of} deadlines looked at")
        return True

    with opened(store_of(context, store)) as desk:
        zone = ZoneInfo(company(desk).timezone)
        found = forecast(desk, foretelling.moment(until, desk.clock(), zone), far)
    progress("")
    if json:
        say_json(foretelling.forecast_document(found, zone))
    else:
        foretelling.say_forecast(found, zone)


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
    transcript: Annotated[
        bool,
        typer.Option(
            "--transcript", help="What was said to the mail server, for every delivery; else for the one you name."
        ),
    ] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """The recorded story: decisions, deliveries, attempts with their answers, and what was said in failed ones."""
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
                _say_delivery(delivery, said=transcript or key.upper() == f"D{delivery.row.id}")
    if not events:
        raise typer.Exit(FAILURES)


def _say_delivery(card: DeliveryCard, *, said: bool) -> None:
    row = card.row
    state = f"{row.state.word}{f' ({row.reason})' if row.reason else ''}"
    if card.digest_id is not None:
        state += f", told of in D{card.digest_id}"
    if (seen := row.acknowledged) is not None:
        state += f", acknowledged by {seen.who}{f': {seen.note}' if seen.note else ''}"
    say(f"  D{row.id} {row.channel.value} to {row.recipient_address or row.recipient_name}: {state}")
    failures = () if card.connection_failure is None else (card.connection_failure,)
    for attempt in sorted((*card.attempts, *failures), key=lambda one: one.at):
        at = attempt.at.isoformat(timespec="seconds")
        say(f"     {at} {attempt.connection}: {attempt.outcome.replace('_', ' ')} · {attempt.answer}")
        for line in attempt.transcript if said else ():
            say(f"       {line}")
