"""The replay: what the events of the last days would have led to with other rules, against what they lead to now.

Both sides are planned by the one pure `plan`, with today's directory and company, and begin with nobody told: what
the store recorded at the time is not asked, so that only the rules make the difference. Nothing is composed, and
nothing is written.

Only events of a kind a changed rule is about, before or after, are planned. A plan depends on the rules that match its
event, and on whom those told before; neither can differ for other kinds.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from dispatch.edit import Edit
from dispatch.plan import Plan, Recipient, Rulebook
from dispatch.planner import Settings, planned
from dispatch.told import Told
from store.addresses import mailbox_key
from store.cards import DecisionCard
from store.engine import Store
from store.events import StoredEvent
from store.past_events import ids_since, of_kinds
from store.rulebook import rules_in
from store.rules import Rule
from store.vocabulary import Channel

PORTION = 500
"""Ids gone over in one reading, between which a replay can be stopped."""
MAX_EXAMPLES = 40
"""Examples kept of each way in which somebody is told otherwise."""
ADDED, GONE, ALTERED = "added", "gone", "altered"
NO_RULE = "no_such_rule"
NOT_IN_ROLE = "not_in_role"

Progress = Callable[[int, int], bool]
"""Is told how many of how many ids were gone over; gives whether to go on."""


@dataclass(frozen=True, slots=True)
class Example:
    """Somebody who is told otherwise.

    Attributes:
        kind: `added`, `gone`, or `altered`: told both times, in other words, by another rule or at another time.
        rule: The rule that tells, after the change; before it, where nobody is told any more.
        before: What was decided with the rules as they are.
        after: What is decided with the changed ones.
    """

    kind: str
    event: StoredEvent
    recipient: Recipient
    rule: Rule
    before: DecisionCard
    after: DecisionCard


@dataclass(slots=True)
class Difference:
    """What a change of the rules would have made of the events gone over.

    Attributes:
        events: How many were planned.
        concerned: How many of them tell somebody otherwise.
        counts: How many tellings were `added`, `gone`, `altered`, by channel.
        newly_told: Who is told of these events only after the change, by key and with the name or address.
        no_longer_told: Who is told of them only before it.
        examples: Some of each kind, oldest first.
        whole: Whether all events were gone over; not when it was stopped.
    """

    events: int = 0
    concerned: int = 0
    counts: Counter[tuple[str, Channel]] = field(default_factory=Counter[tuple[str, Channel]])
    newly_told: dict[str, str] = field(default_factory=dict[str, str])
    no_longer_told: dict[str, str] = field(default_factory=dict[str, str])
    examples: list[Example] = field(default_factory=list[Example])
    whole: bool = False

    def count(self, kind: str, channel: Channel | None = None) -> int:
        """How many tellings were `added`, `gone` or `altered`, over one channel or over all."""
        channels = [channel] if channel is not None else list(Channel)
        return sum(self.counts[kind, one] for one in channels)


@dataclass(frozen=True, slots=True)
class _Telling:
    """Somebody told by a rule."""

    rule: Rule
    recipient: Recipient
    not_before: datetime | None

    @property
    def said(self) -> tuple[object, ...]:
        """What makes it the same telling, if it is over the same channel to the same person about the same event."""
        rule, language = self.rule, self.recipient.language
        return rule.template, rule.texts.get(language.value), language, self.not_before


_Tellings = dict[tuple[Channel, str], _Telling]


def replay(store: Store, edit: Edit, since: datetime, progress: Progress | None = None) -> Difference:
    """Go over the events accepted since a moment, with the rules as they are and as they would be.

    The store is read in portions, each in a transaction of its own. What is accepted meanwhile is left out.
    """
    with store.read() as connection:
        rules = rules_in(connection)
        now = Settings.read(connection, store)
        start, end = ids_since(connection, since)
    then = replace(now, rules=Rulebook(edit.applied(rules)))
    comparison = _Comparison(now, then)
    kinds = edit.kinds(rules)
    found = comparison.difference
    for after, to in _portions(start, end) if kinds else ():
        if progress is not None and not progress(after - start, end - start):
            return comparison.done()
        with store.read() as connection:
            events = of_kinds(connection, kinds, after, to)
        for event in events:
            comparison.take(event)
    found.whole = True
    return comparison.done()


def _portions(start: int, end: int) -> Iterator[tuple[int, int]]:
    for after in range(start, end, PORTION):
        yield after, min(after + PORTION, end)


class _Comparison:
    """Two settings, event by event."""

    def __init__(self, now: Settings, then: Settings) -> None:
        self._sides = [(one, Told(one.rules.seldom)) for one in (now, then)]
        self._told: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self.difference = Difference()

    def take(self, event: StoredEvent) -> None:
        """Plan an event on both sides."""
        before, after = (planned(event, settings, told) for settings, told in self._sides)
        self.difference.events += 1
        old, new = _tellings(before), _tellings(after)
        for people, side in zip(self._told, (old, new), strict=True):
            people.update({key: one.recipient.name or one.recipient.address for (_, key), one in side.items()})
        differs = False
        for place in dict.fromkeys([*old, *new]):
            was, will = old.get(place), new.get(place)
            kind = _kind(was, will)
            if kind:
                differs = True
                self._note(kind, event, will or was, before, after)
        self.difference.concerned += differs

    def _note(self, kind: str, event: StoredEvent, telling: _Telling | None, before: Plan, after: Plan) -> None:
        assert telling is not None  # noqa: S101
        found = self.difference
        found.counts[kind, telling.rule.channel] += 1
        if found.count(kind) <= MAX_EXAMPLES:
            reasons = (_why(made, telling) for made in (before, after))
            found.examples.append(Example(kind, event, telling.recipient, telling.rule, *reasons))

    def done(self) -> Difference:
        """The difference, with the people in it."""
        before, after = self._told
        self.difference.newly_told = {key: name for key, name in after.items() if key not in before}
        self.difference.no_longer_told = {key: name for key, name in before.items() if key not in after}
        return self.difference


def _kind(was: _Telling | None, will: _Telling | None) -> str:
    if was is None:
        return ADDED
    if will is None:
        return GONE
    return "" if was.said == will.said else ALTERED


def _tellings(made: Plan) -> _Tellings:
    """Who is told over which channel: a plan tells nobody twice over one."""
    return {
        (taken.rule.channel, _key(who)): _Telling(taken.rule, who, taken.not_before)
        for taken in made.taken
        for who in taken.recipients
    }


def _key(recipient: Recipient) -> str:
    return mailbox_key(recipient.address) or recipient.name


def _why(made: Plan, telling: _Telling) -> DecisionCard:
    """What a plan says of a telling: of the person by the rule, else of the rule, else that it does not know either."""
    code, shown = telling.rule.code, telling.recipient.address or telling.recipient.name
    own = [card for card in made.decisions if card.rule_code == code]
    for card in own:
        if card.recipient == shown:
            return card
    for card in own:
        if not card.recipient:
            return card
    return DecisionCard(code, "", taken=False, reason=NOT_IN_ROLE if own else NO_RULE, params={})
