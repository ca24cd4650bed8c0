"""The difference a replay found, in words."""

from collections.abc import Mapping
from datetime import tzinfo

from textual.content import Content

from dispatch.replay import ADDED, ALTERED, GONE, Difference, Example
from store.cards import DecisionCard
from store.rules import Rule
from store.sanitise import clean_line
from store.vocabulary import Channel
from tui.texts import Texts
from tui.widgets.delivery_words import reason_in_words, rule_title

SIGNS = {ADDED: "+", GONE: "−", ALTERED: "~"}
STYLES = {ADDED: "$text-success", GONE: "$text-error", ALTERED: "$text-warning"}
_UNITS = {Channel.EMAIL: "replay.letters", Channel.INTERFACE: "replay.notices"}


def in_one_line(found: Difference, texts: Texts) -> str:
    """`+41 письмо, −3; 7 человек узнают впервые, 2 больше не узнают`."""
    parts: list[str] = []
    for channel, unit in _UNITS.items():
        added, gone = found.count(ADDED, channel), found.count(GONE, channel)
        if added:
            parts.append(f"+{texts.count(unit, added)}" + (f", −{gone}" if gone else ""))
        elif gone:
            parts.append(f"−{texts.count(unit, gone)}")
        if altered := found.count(ALTERED, channel):
            parts.append(f"{texts.count(unit, altered)} {texts('replay.otherwise')}")
    people: list[str] = []
    if found.newly_told:
        people.append(texts.count("replay.newly", len(found.newly_told)))
    if found.no_longer_told:
        people.append(texts.count("replay.no_longer", len(found.no_longer_told)))
    return "; ".join(filter(None, [", ".join(parts), ", ".join(people)])) or texts("replay.same")


def gone_over(found: Difference, texts: Texts) -> str:
    """How many events that is said of."""
    words = f"{texts.count('replay.events', found.events)} · {texts('replay.concerned', count=found.concerned)}"
    return words if found.whole else f"{texts('replay.stopped')} {words}"


def example_in_words(one: Example, rules: Mapping[str, Rule], texts: Texts, zone: tzinfo) -> Content:
    """An example: the event, the person, the rule, and the reason before and after."""
    event, who = one.event, one.recipient
    at = event.at.astimezone(zone).strftime("%d.%m %H:%M")
    name = clean_line(who.name or who.address)
    before, after = (_reason(card, rules, texts) for card in (one.before, one.after))
    return Content.assemble(
        (f"{SIGNS[one.kind]} {name}", STYLES[one.kind]),
        (f" · {at} · {clean_line(event.object_number)} {clean_line(event.title)}\n", ""),
        (f"  {before} → {after} · {rule_title(one.rule.code, rules, texts)}", "dim"),
    )


def _reason(card: DecisionCard, rules: Mapping[str, Rule], texts: Texts) -> str:
    if by := card.params.get("by"):
        return texts("delivery.told_by", title=rule_title(by, rules, texts))
    return reason_in_words(card.reason, texts)
