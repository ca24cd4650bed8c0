"""`mute`: a rule, an object or a person of which nobody is told for a time."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from store.vocabulary import MuteKind
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, fail, opened, say, say_json, table
from tui.operator import operator

if TYPE_CHECKING:
    from store.cards import Mute
    from store.engine import Store

Span = Annotated[str | None, typer.Option("--for", metavar="SPAN", help="How long, e.g. 30m, 2h, 1d.")]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", help="Until when, e.g. 18:00, '27.11 09:00'; company's zone.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why: every decision it leads to says so.")]
Number = Annotated[int, typer.Argument(metavar="N", help="The number of the mute; see: vestnik mute list.")]
mute = typer.Typer(
    help="Tell nobody of a rule, an object or a person for a time. What is muted is left out, not held.",
    no_args_is_help=True,
)


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.add_typer(mute, name="mute")


@mute.command("list")
def list_them(
    context: typer.Context,
    over: Annotated[bool, typer.Option("--over", help="Also those that are over.")] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """What is muted, and how many notifications it has kept back."""
    from store.mutes import list_mutes

    with opened(store_of(context, store)) as desk:
        found, now = list_mutes(desk, over=over), desk.clock()
        zone = _zone(desk)
    if json:
        say_json(found)
    elif not found:
        say("nothing is muted")
    else:
        table([_row(one, now, zone) for one in found])


@mute.command()
def rule(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code of an event action or escalation.")],
    reason: Reason,
    span: Span = None,
    until: Until = None,
    store: StoreUrl = None,
) -> None:
    """Tell nobody by this rule for a time."""
    _mute(context, MuteKind.RULE, code, reason, span, until, store)


@mute.command("object")
def object_(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The object, e.g. RP-1042.")],
    reason: Reason,
    span: Span = None,
    until: Until = None,
    store: StoreUrl = None,
) -> None:
    """Tell nobody of this object for a time."""
    _mute(context, MuteKind.OBJECT, number, reason, span, until, store)


@mute.command()
def person(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The address of a person, or the login.")],
    reason: Reason,
    span: Span = None,
    until: Until = None,
    store: StoreUrl = None,
) -> None:
    """Tell this person nothing for a time."""
    _mute(context, MuteKind.PERSON, address, reason, span, until, store)


@mute.command()
def end(context: typer.Context, number: Number, store: StoreUrl = None) -> None:
    """End a mute now."""
    from store.mutes import end as end_now

    with opened(store_of(context, store)) as desk:
        one = end_now(desk, number, operator())
    say(f"mute {one.id} ({one.kind.value} {one.key}) is over; it kept {one.left_out} notifications back")


@mute.command()
def again(context: typer.Context, number: Number, store: StoreUrl = None) -> None:
    """Take the end of a mute back."""
    from store.mutes import begin_again

    with opened(store_of(context, store)) as desk:
        _say(begin_again(desk, number, operator()), desk)


@mute.command()
def prolong(
    context: typer.Context, number: Number, span: Span = None, until: Until = None, store: StoreUrl = None
) -> None:
    """Let a mute last so long from now, or until another moment."""
    from store.mutes import prolong as let_last

    with opened(store_of(context, store)) as desk:
        _say(let_last(desk, number, _until(desk, span, until), operator()), desk)


def _mute(
    context: typer.Context, kind: MuteKind, key: str, reason: str, span: str | None, until: str | None,
    store: str | None,
) -> None:  # fmt: skip
    from store.mutes import mute as make

    with opened(store_of(context, store)) as desk:
        _say(make(desk, kind, key, _until(desk, span, until), reason, operator()), desk)


def _until(desk: "Store", span: str | None, until: str | None) -> datetime:
    from tui.moments import moment
    from tui.moments import span as parsed

    if (span is None) == (until is None):
        fail("say how long: --for 2h, or --until 18:00", BAD_INPUT)
    if span is not None:
        length = parsed(span)
        if length is None:
            fail(f"{span!r} is no span of time; examples: 30m, 2h, 1d", BAD_INPUT)
        return desk.clock() + length
    at = moment(until or "", desk.clock(), _zone(desk))
    if at is None:
        fail(f"{until!r} is no moment; examples: 18:00, '27.11.2026 09:00'", BAD_INPUT)
    return at


def _say(one: "Mute", desk: "Store") -> None:
    until = one.until.astimezone(_zone(desk)).isoformat(sep=" ", timespec="minutes")
    say(f"mute {one.id}: {one.kind.value} {one.key} until {until}; end it with: vestnik mute end {one.id}")


def _row(one: "Mute", now: datetime, zone: ZoneInfo) -> tuple[str, ...]:
    def at(moment: datetime) -> str:
        return moment.astimezone(zone).isoformat(sep=" ", timespec="minutes")

    over = one.over_at <= now
    said = f"over since {at(one.over_at)}" if over else f"until {at(one.until)}"
    by = f" by {one.ended_by}" if one.ended_by else ""
    kept = f"{one.left_out} kept back"
    return str(one.id), one.kind.value, one.key, said + by, kept, f"{one.who}: {one.reason}"


def _zone(desk: "Store") -> ZoneInfo:
    from store.settings import company

    return ZoneInfo(company(desk).timezone)
