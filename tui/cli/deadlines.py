"""`deadlines`: those that are open, and who looks after them."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, say, say_json, table
from tui.operator import operator

if TYPE_CHECKING:
    from store.deadline_list import DeadlineLine
    from store.engine import Store

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The object, e.g. RP-1042.")]
Kind = Annotated[str | None, typer.Argument(metavar="[KIND]", help="Only this deadline of it, e.g. resolution.")]
deadlines = typer.Typer(
    help="Open deadlines, those that passed first: without a command, a list of them.", no_args_is_help=False
)


def add_to(application: typer.Typer) -> None:
    """Register the commands."""
    application.add_typer(deadlines, name="deadlines")


@deadlines.callback(invoke_without_command=True)
def list_them(
    context: typer.Context,
    passed: Annotated[bool, typer.Option("--passed", help="Only those that have passed.")] = False,
    within: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only those that expire by then or have: 30m, 1h, 2d.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 50,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """Open deadlines: those that passed, then by the time left; paused ones last."""
    context.obj = store_of(context, store)
    if context.invoked_subcommand is not None:
        return
    from store.deadline_list import Span, page
    from store.types import to_micros

    ahead = None if within is None else _ahead(within)
    with opened(context.obj) as desk:
        zone, now = _zone(desk), desk.clock()
        until = to_micros(now + ahead) if ahead is not None else None
        found = page(desk, zone, Span.PASSED if passed else Span.ALL, limit=limit, until=until)
    if json:
        say_json([_fields(line, to_micros(now)) for line in found.lines])
    elif not found.lines:
        say("no open deadlines")
    else:
        table([_row(line, to_micros(now), zone) for line in found.lines])
        if found.following is not None:
            note(f"there are more; see them with: --limit {limit * 2}")


@deadlines.command()
def acknowledge(context: typer.Context, number: Number, kind: Kind = None, store: StoreUrl = None) -> None:
    """Say that you look after the deadlines of an object: nothing is repeated of them."""
    _note(context, number, kind, store, back=False)


@deadlines.command()
def withdraw(context: typer.Context, number: Number, kind: Kind = None, store: StoreUrl = None) -> None:
    """Take acknowledgements back: the repeats go on."""
    _note(context, number, kind, store, back=True)


def _note(context: typer.Context, number: str, kind: str | None, store: str | None, *, back: bool) -> None:
    from store import deadlines as kept
    from store.deadline_list import find

    with opened(store_of(context, store)) as desk:
        found = find(desk, number)
        if not found:
            fail(f"{number!r} has no open deadline; see: vestnik deadlines", FAILURES)
        wanted = [one for one in found if kind in {None, one.deadline.kind}]
        if not wanted:
            kinds = ", ".join(one.deadline.kind for one in found)
            fail(f"{number!r} has no open deadline {kind!r}; it has: {kinds}", BAD_INPUT)
        names = [one.named for one in wanted]
        done = kept.withdraw(desk, names) if back else kept.acknowledge(desk, names, operator())
    kinds = ", ".join(one.deadline.kind for one in wanted)
    if not done:
        fail(f"{number} ({kinds}): {'nobody has acknowledged it' if back else 'is acknowledged already'}", FAILURES)
    say(f"{number} ({kinds}): {done} {'no longer acknowledged' if back else 'acknowledged'}")


def passed_words(desk: "Store") -> str:
    """How many have passed and are near, for `vestnik status`."""
    from store.deadline_list import MOST, counts

    found = counts(desk, _zone(desk))
    numbers = (("passed", found.passed), ("within an hour", found.hour), ("paused", found.paused))
    return " · ".join(f"{f'{MOST}+' if number > MOST else number} {word}" for word, number in numbers)


def _zone(desk: "Store") -> ZoneInfo:
    from store.settings import company

    return ZoneInfo(company(desk).timezone)


def _ahead(text: str) -> timedelta:
    """How far to look ahead."""
    from tui.moments import MOST, span

    ahead = span(text)
    if ahead is None or ahead >= MOST:
        fail(f"--within {text!r} is not a time of at most ten years; it looks like 30m, 1h or 2d", BAD_INPUT)
    return ahead


def _row(line: "DeadlineLine", now: int, zone: ZoneInfo) -> tuple[str, ...]:
    from store.deadline_list import left, urgency
    from store.types import from_micros
    from store.vocabulary import Language
    from tui.texts import Texts
    from tui.widgets.deadline_words import span_in_words

    deadline = line.deadline
    rest = left(deadline, now)
    taken = f"acknowledged by {deadline.acknowledged_by}" if deadline.acknowledged_at is not None else ""
    return (
        urgency(deadline, now).value,
        ("-" if rest <= 0 else "") + span_in_words(abs(rest), Texts(Language.EN)),
        from_micros(deadline.expires).astimezone(zone).isoformat(sep=" ", timespec="minutes"),
        line.number,
        deadline.kind,
        line.responsible or line.team or "nobody",
        taken or "-",
        line.title,
    )


def _fields(line: "DeadlineLine", now: int) -> dict[str, object]:
    from store.deadline_list import left, urgency
    from store.types import from_micros

    deadline = line.deadline
    at = deadline.acknowledged_at
    return {
        "object_type": deadline.object_type,
        "object_id": line.object_id,
        "number": line.number,
        "title": line.title,
        "kind": deadline.kind,
        "urgency": urgency(deadline, now).value,
        "state": deadline.state.word,
        "left_s": left(deadline, now) // 1_000_000,
        "started": from_micros(deadline.started),
        "due": from_micros(deadline.due),
        "expires": from_micros(deadline.expires),
        "responsible": line.responsible,
        "team": line.team_code,
        "acknowledged_at": from_micros(at) if at is not None else None,
        "acknowledged_by": deadline.acknowledged_by,
    }
