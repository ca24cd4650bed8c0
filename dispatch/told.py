"""Whom rules that tell once in a while have told lately, about which object."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from store import tables
from store.addresses import mailbox_key
from store.cards import DecisionCard
from store.events import StoredEvent
from store.rules import Rule

Lately = dict[tuple[str, str], datetime]
"""When a rule (by code) last told a person (by `Known.key`)."""


class Told:
    """What `plan` is handed as `told_before`, for a run of events.

    A replay begins with nothing and reads nothing: the store knows what came of the very events it replays.

    Several dispatchers that plan events of one object in the same moment do not see each other's: a person may then
    be told once too often, never too seldom.
    """

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._spans = {rule.code: timedelta(minutes=rule.once_minutes) for rule in rules if rule.once_minutes}
        self._lately: dict[tuple[str, str], Lately] = defaultdict(dict)

    def read(self, connection: Connection, events: Sequence[StoredEvent], *, before_id: int | None = None) -> None:
        """Read what the store knows of these events' objects; nothing where no rule asks.

        `before_id` leaves out what came of that event and of those accepted after it.
        """
        if not self._spans or not events:
            return
        event, decision = tables.event, tables.decision
        query = (
            select(event.c.object_type, event.c.object_id, event.c.at, decision.c.rule_code, decision.c.recipient)
            .join(decision, decision.c.event_id == event.c.id)
            .where(
                event.c.object_id.in_({one.object_id for one in events}),
                event.c.at >= min(one.at for one in events) - max(self._spans.values()),
                decision.c.rule_code.in_(self._spans),
                decision.c.taken,
                decision.c.recipient != "",
            )
        )
        if before_id is not None:
            query = query.where(event.c.id < before_id)
        for row in connection.execute(query):
            self._note((row.object_type, row.object_id), row.rule_code, row.recipient, row.at)

    def about(self, event: StoredEvent) -> Mapping[tuple[str, str], datetime]:
        """What was told about the object of an event."""
        return self._lately.get((event.object_type, event.object_id), {})

    def add(self, event: StoredEvent, decisions: Iterable[DecisionCard]) -> None:
        """Take in what an event has led to, for those after it."""
        for card in decisions if self._spans else ():
            if card.taken and card.recipient and card.rule_code in self._spans:
                self._note((event.object_type, event.object_id), card.rule_code, card.recipient, event.at)

    def _note(self, thing: tuple[str, str], code: str, recipient: str, at: datetime) -> None:
        lately, key = self._lately[thing], (code, mailbox_key(recipient) if "@" in recipient else recipient)
        lately[key] = max(at, lately.get(key, at))
