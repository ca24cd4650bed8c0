"""Decisions as they are stored: why a rule, or somebody in its roles, was taken or left out of an event."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, func, select

from store import bulk, tables
from store.cards import DecisionCard

_BETWEEN = "\n"
"""Between the codes of rules that share a row; a code is one line."""
_COLUMNS = ("event_id", "rule_code", "recipient", "taken", "reason", "params")


def record_in(connection: Connection, made: Iterable[tuple[int, DecisionCard]]) -> None:
    """Write decisions with the event of each, in their order.

    Rules in a row that were left out for one reason share a row: most of what is decided is that a rule is off, or not
    for this event.
    """
    rows: list[tuple[Any, ...]] = []
    for shared, run in groupby(made, _shared):
        if shared is None:
            rows += [
                (event_id, card.rule_code, card.recipient, card.taken, card.reason, bulk.as_json(card.params))
                for event_id, card in run
            ]
        else:
            event_id, reason = shared
            rows.append((event_id, _BETWEEN.join(card.rule_code for _, card in run), "", False, reason, "{}"))
    bulk.insert_rows(connection, tables.decision, _COLUMNS, rows)


def _shared(one: tuple[int, DecisionCard]) -> tuple[int, str] | None:
    """What a decision has in common with those it shares a row with; `None` when it has a row of its own."""
    event_id, card = one
    return None if card.recipient or card.taken or card.params else (event_id, card.reason)


def of_events(connection: Connection, event_ids: Sequence[int]) -> dict[int, list[DecisionCard]]:
    """Decisions per event, in the order they were made."""
    table = tables.decision
    found: dict[int, list[DecisionCard]] = defaultdict(list)
    for row in connection.execute(select(table).where(table.c.event_id.in_(event_ids)).order_by(table.c.id)):
        for code in row.rule_code.split(_BETWEEN):
            found[row.event_id].append(DecisionCard(code, row.recipient, row.taken, row.reason, row.params))
    return found


def counted(connection: Connection) -> Counter[tuple[bool, str]]:
    """How many there are in all, by whether something was taken, and the reason."""
    code = tables.decision.c.rule_code
    many = func.sum(1 + func.length(code) - func.length(func.replace(code, _BETWEEN, "")))
    columns = (tables.decision.c.taken, tables.decision.c.reason)
    return Counter(
        {(taken, reason): int(n) for taken, reason, n in connection.execute(select(*columns, many).group_by(*columns))}
    )
