"""What happens on the desk: do events come, are they planned, is the clock in time, what waits, what was given up."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from dispatch.ticks import SOURCE
from store import tables
from store.dead_groups import list_groups
from store.types import from_micros
from tui.checkup.case import Case, Finding, Level

LATE, TOO_LATE = timedelta(minutes=1), timedelta(minutes=10)
"""A letter, an event, a deadline that waits so long though nothing keeps it."""
QUIET = timedelta(days=1)
RECENTLY = timedelta(days=1)
LAST_EVENTS = 1_000
MOST_GROUPS = 5


def events(case: Case) -> Iterator[Finding]:
    """Whether the desk sends any; those of the clock are our own."""
    e = tables.event
    with case.store.read() as connection:
        last = select(e.c.accepted_at, e.c.source).order_by(e.c.id.desc()).limit(LAST_EVENTS)
        found = next((row.accepted_at for row in connection.execute(last) if row.source != SOURCE), None)
    if found is None:
        yield Finding("events", Level.WARNING, "events_none", {"run": "vestnik emit"}, "fix_events")
        return
    params = {"ago": case.now - found, "run": "vestnik emit"}
    quiet = case.now - found > QUIET
    level, word = (Level.WARNING, "events_quiet") if quiet else (Level.OK, "events_come")
    yield Finding("events", level, word, params, "fix_events" if quiet else "")


def planner(case: Case) -> Iterator[Finding]:
    """Events that nobody has planned yet."""
    e = tables.event
    with case.store.read() as connection:
        waiting = select(e.c.accepted_at).where(e.c.planned_at.is_(None)).order_by(e.c.id).limit(1)
        since = connection.execute(waiting).scalar()
    yield _waiting(case, "planner", since, case.status.unplanned)


def clock(case: Case) -> Iterator[Finding]:
    """Deadlines the clock should have looked at."""
    d = tables.deadline
    with case.store.read() as connection:
        found = connection.execute(select(func.min(d.c.next_at)).where(text("next_at IS NOT NULL"))).scalar()
    since = None if found is None else from_micros(found)
    yield _waiting(case, "deadlines", since if since is not None and since < case.now else None, 0)


def queue(case: Case) -> Iterator[Finding]:
    """Letters that could leave and do not."""
    yield _waiting(case, "queue", case.status.oldest_due_at, case.status.queue.due)


def held(case: Case) -> Iterator[Finding]:
    """Letters on hold, by cause."""
    for reason, count in list(case.status.queue.held.items())[:MOST_GROUPS]:
        params = {"count": count, "reason": reason}
        params["run"] = f"vestnik deliveries --filter reason:{reason}"
        yield Finding("held", Level.WARNING, "held_for", params, "fix_held")
    if not case.status.queue.held:
        yield Finding("held", Level.OK, "held_none")


def dead(case: Case) -> Iterator[Finding]:
    """Letters that were given up lately, by cause and connection."""
    recent = [one for one in list_groups(case.store) if case.now - one.newest <= RECENTLY]
    for one in recent[:MOST_GROUPS]:
        params = {"count": one.letters, "reason": one.reason, "connection": one.connection or "-"}
        params |= {"answer": one.answer, "run": "vestnik deliveries --group"}
        yield Finding("dead", Level.WARNING, "dead_for", params, "fix_dead")
    if not recent:
        yield Finding("dead", Level.OK, "dead_none", {"count": case.status.deliveries["dead"]})


def circuits(case: Case) -> Iterator[Finding]:
    """Connections the dispatchers leave alone for now."""
    circuits = {one.connection: one for one in case.status.health}
    on = [card.name for card in case.status.connections if card.enabled]
    down = [one for name in on if (one := circuits.get(name)) is not None and one.circuit != "closed"]
    for one in down:
        params = {"connection": one.connection, "error": one.last_error, "reason": one.error_class}
        params["run"] = f"vestnik check-mail {one.connection}"
        level = Level.FAILED if len(down) == len(on) else Level.WARNING
        yield Finding("circuits", level, "circuit_open", params, "fix_circuit")
    if not down:
        yield Finding("circuits", Level.OK, "circuits_closed", {"count": len(on)})


def _waiting(case: Case, check: str, since: datetime | None, count: int) -> Finding:
    """What waits since then, though it need not."""
    waited = case.now - since if since is not None else timedelta()
    level = Level.OK if waited < LATE else Level.WARNING if waited < TOO_LATE else Level.FAILED
    params = {"count": count, "ago": waited}
    late = level is not Level.OK
    return Finding(check, level, f"{check}_{'late' if late else 'well'}", params, f"fix_{check}" if late else "")


queue_checks = (events, planner, clock, queue, held, dead, circuits)
