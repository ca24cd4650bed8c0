"""Any desk Hypothesis can think of: people, teams, rules and events that meet one another often.

The pools are small on purpose: what goes wrong does so where two mentions are the same person, two rules are for the
same event, two roles have the same holder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from dispatch.cloudevents import parse_event
from dispatch.directory import Directory
from dispatch.loops import Ours
from dispatch.plan import NO_MUTES, Plan, Rulebook, plan
from dispatch.thresholds import threshold_key
from store import tables
from store.cards import Company, Person, Team
from store.catalogue.standard import STANDARD
from store.directory import save_people_in, save_teams_in
from store.engine import Store
from store.events import StoredEvent, as_stored
from store.message_ids import PURPOSE, message_id, thread_id
from store.mutes import Mutes
from store.rulebook import save_in
from store.rules import Rule, Threshold
from store.secrets import Keyring
from store.vocabulary import Channel, DeadlineKind, EventType, Language, Role, RuleKind
from tests.conftest import KEY
from tests.desk import NOON, SENDING, event

_EMPTIED = (
    tables.delivery, tables.notification, tables.decision, tables.event, tables.deadline, tables.object_,
    tables.membership, tables.person, tables.team, tables.rule,
)  # fmt: skip
STAFF = tuple(f"{name}@example.org" for name in ("ivanov", "petrov", "olga"))
STRANGERS = ("кто@пример.рф", "КТО@xn--e1afmkfd.xn--p1ai", "Кто@пример.рф", "not@an@address")
"""Nobody's in the directory; all but the last are one mailbox."""
TEAMS = ("net", "hardware")
OBJECT_TYPES = ("request", "task")
EVENT_TYPES = (
    EventType.ADDED, EventType.STATUS_CHANGED, EventType.RESPONSIBLE_CHANGED, EventType.COMMENT_ADDED,
    EventType.DEADLINE, EventType.WAITING,
)  # fmt: skip
STATUSES = ("registered", "in_progress", "waiting_client", "resolved", "closed")
THRESHOLDS = (Threshold("percent_left", 25), Threshold("at_due"))
CONDITIONS = (
    *[(None, None)] * 6,
    ("responsible is not none", "no_responsible"),
    ("comment is not none and not comment.private", "private_comment"),
    ("client.email == 'olga@example.org'", "other_client"),
    ("object.attributes.nothing > 1", None),
)

OURS = Ours.of(SENDING, Keyring.parse(KEY, "tests").derive(PURPOSE))
"""What letters are known by where `SENDING` is set, and the key is that of the tests."""
OUR_IDS = (message_id(OURS.key, 7, NOON, "example.org"), thread_id(OURS.key, "request", "1", "was.example.org"))
MAILS: tuple[dict[str, Any], ...] = (
    {"message_id": "<a@pc.example.org>", "from": "Ольга <OLGA@example.org>", "in_reply_to": " ".join(OUR_IDS)},
    {"message_id": "<b@nagios.example.net>", "from": "olga@example.org", "auto_submitted": "auto-generated"},
    {"message_id": "<c@pc.example.org>", "from": "olga@example.org", "auto_submitted": "Auto-Replied; x=y"},
    {"message_id": "<d@desk.example.net>", "auto_submitted": "auto-generated", "references": ["<x@y>", OUR_IDS[1]]},
    {"message_id": "<e@mx.example.net>", "from": "MAILER-DAEMON <>"},
    {"message_id": OUR_IDS[0], "from": "olga@example.org"},
    {"message_id": "<f@pc.example.org>", "from": {"email": SENDING.support_address, "name": "Поддержка"}},
    {},
)
"""Letters events come from: of people and of robots, ours among them."""
Kind = tuple[str, EventType]


@dataclass(frozen=True)
class Desk:
    """A desk at one moment: what `plan` is given."""

    event: StoredEvent
    rules: tuple[Rule, ...]
    people: tuple[Person, ...]
    teams: tuple[Team, ...]
    company: Company

    def __repr__(self) -> str:
        own = tuple(rule for rule in self.rules if not rule.standard)
        known = "with" if len(own) < len(self.rules) else "without"
        return f"Desk({self.event}, {own} {known} the standard set, {self.people}, {self.teams}, {self.company})"

    @property
    def directory(self) -> Directory:
        return Directory(self.people, self.teams)

    def plan(self, rules: "tuple[Rule, ...] | None" = None, mutes: Mutes = NO_MUTES) -> Plan:
        """What the event leads to, with all rules or with others."""
        book = Rulebook(self.rules if rules is None else rules)
        return plan(self.event, book, self.directory, self.company, ours=OURS, mutes=mutes)

    @property
    def matching(self) -> list[Rule]:
        """The rules for events of this kind, found without the rulebook."""
        kind = (self.event.object_type, self.event.event_type)
        return [rule for rule in self.rules if (rule.object_type, rule.event_type) == kind]


def _spelled(address: str) -> st.SearchStrategy[Any]:
    """The ways a desk names somebody whose address it knows."""
    named = {"email": address, "name": "Как в письме"}
    return st.sampled_from([address, address.upper(), address.partition("@")[0], named])


NOBODY = st.sampled_from([None, {"email": "", "name": "Кто-то без адреса"}, "login_of_nobody"])
ANYBODY = st.one_of(
    st.sampled_from(STAFF).flatmap(_spelled), st.sampled_from(STAFF).flatmap(_spelled), NOBODY,
    st.sampled_from(STRANGERS),
)  # fmt: skip
SEVERAL = st.lists(ANYBODY.filter(bool), max_size=3)


@st.composite
def directories(draw: st.DrawFn) -> tuple[tuple[Person, ...], tuple[Team, ...]]:
    """Some of the staff, with and without logins, teams, heads; some have left."""
    leaders = st.none() | st.sampled_from(STAFF)
    teams = tuple(Team(code, code.title(), draw(leaders)) for code in TEAMS)
    people = [
        Person(
            address,
            f"Имя {number}",
            draw(st.sampled_from([None, address.partition("@")[0]])),
            tuple(sorted(draw(st.sets(st.sampled_from(TEAMS))))),
            draw(leaders),
            draw(st.sampled_from([None, *Language])),
            draw(st.sampled_from([True, True, True, False])),
        )
        for number, address in enumerate(STAFF)
        if draw(st.sampled_from([True, True, True, False]))
    ]
    return tuple(people), teams


@st.composite
def kinds(draw: st.DrawFn) -> Kind:
    """An object type and an event type."""
    return draw(st.sampled_from(OBJECT_TYPES)), draw(st.sampled_from(EVENT_TYPES))


@st.composite
def own_rules(draw: st.DrawFn, code: str, kind: Kind) -> Rule:
    """A rule as an administrator might make one."""
    object_type, event_type = kind
    roles = tuple(draw(st.lists(st.sampled_from(Role), min_size=1, max_size=4, unique=True)))
    condition, reason = draw(st.sampled_from(CONDITIONS))
    statuses = st.sampled_from([(), (), (), *((status,) for status in STATUSES)])
    timed = event_type is EventType.DEADLINE
    waits = event_type is EventType.WAITING
    return Rule(
        code, RuleKind.ESCALATION if timed else RuleKind.EVENT_ACTION, {"ru": "Своё", "en": "Own"},
        object_type, event_type, draw(st.sampled_from(Channel)), roles,
        draw(st.sampled_from(["status.staff", "comment.client", "deadline.staff", "added.client"])),
        to_status=("waiting_client",) if waits else draw(statuses),
        not_to_status=draw(statuses),
        waiting_days=draw(st.sampled_from([3, 5])) if waits else None,
        deadline=DeadlineKind.RESOLUTION if timed else None,
        threshold=draw(st.sampled_from(THRESHOLDS)) if timed else None,
        teams=tuple(TEAMS[:1]) if Role.TEAMS in roles else (),
        fixed_addresses=("duty@example.net", "OLGA@example.org") if Role.FIXED in roles else (),
        from_status=draw(statuses) if event_type is EventType.STATUS_CHANGED else (),
        once_minutes=draw(st.sampled_from([None, None, 30])),
        working_hours=draw(st.booleans()),
        condition=condition, reason=reason, tell_actor=draw(st.booleans()),
        enabled=draw(st.sampled_from([True, True, True, False])), standard=False,
    )  # fmt: skip


@st.composite
def rulebooks(draw: st.DrawFn, kind: Kind) -> tuple[Rule, ...]:
    """Rules of an administrator's, most for events of this kind, and on some desks the standard set beside them."""
    other = draw(kinds())
    own = [
        draw(own_rules(f"own.{number}", draw(st.sampled_from([kind, kind, kind, other]))))
        for number in range(draw(st.integers(1, 5)))
    ]
    return (*own, *(STANDARD if draw(st.booleans()) else ()))


@st.composite
def documents(draw: st.DrawFn, kind: Kind, number: int = 1, key: str = "") -> dict[str, Any]:
    """An event as a desk sends it, or as the clock makes it."""
    object_type, event_type = kind
    statuses = st.sampled_from(STATUSES)
    comment = {
        "text": draw(st.sampled_from(["Готово", ""])), "private": draw(st.booleans()),
        "mentions": draw(SEVERAL), "chosen": draw(SEVERAL),
    }  # fmt: skip
    document = event(
        f"{object_type}.{event_type.value}", number, key,
        status=draw(statuses), client=draw(ANYBODY), author=draw(ANYBODY), responsible=draw(ANYBODY),
        team=draw(st.sampled_from([None, *TEAMS, "unknown"])), observers=draw(SEVERAL), subscribers=draw(SEVERAL),
        approvers=draw(SEVERAL), voted=draw(SEVERAL),
        parent={"number": "RP-9", "title": "Родитель", "responsible": draw(ANYBODY)},
        actor=draw(ANYBODY), comment=draw(st.sampled_from([None, comment])),
        changes={"responsible": {"from": draw(ANYBODY)}, "status": {"from": draw(statuses)}},
        mail=draw(st.sampled_from([*[None] * 16, *MAILS])),
    )  # fmt: skip
    if event_type is EventType.DEADLINE:
        key = f"{object_type}:resolution:{draw(st.sampled_from(['percent_left:25', 'at_due:0']))}"
        document["data"]["deadline"] = {"kind": "resolution", "due": NOON.isoformat(), "threshold": key}
    if event_type is EventType.WAITING:
        document["data"]["waiting_days"] = draw(st.sampled_from([3, 5]))
    return document


@st.composite
def desks(draw: st.DrawFn) -> Desk:
    """A desk at the moment of an event; most often there is a rule for it."""
    kind = draw(kinds())
    rules = draw(rulebooks(kind))
    document = draw(documents(draw(st.sampled_from([*[kind] * 9, ("asset", EventType.ADDED)]))))
    people, teams = draw(directories())
    company = Company("ACME", notify_unregistered=draw(st.booleans()), timezone="Europe/Moscow")
    return Desk(as_stored(parse_event(document), None), rules, people, teams, company)


assert all(threshold_key(rule).count(":") == 3 for rule in STANDARD if rule.threshold), "as `documents` writes it"


def refurnish(store: Store, teams: Sequence[Team], people: Sequence[Person], rules: Sequence[Rule]) -> None:
    """Empty a store of what examples before left, and furnish it."""

    def work(connection: Connection) -> None:
        for table in _EMPTIED:
            connection.execute(delete(table))
        save_teams_in(connection, store, teams, "test")
        save_people_in(connection, store, people, "test")
        for rule in rules:
            save_in(connection, store, rule, "test")

    store.write(work)
