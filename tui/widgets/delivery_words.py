"""A delivery in words: its head, and the story of why it was sent or not."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from textual.content import Content
from textual.style import Style

from dispatch.plan import MUTED
from store import digests
from store.cards import AttemptCard, DecisionCard, DeliveryCard, EventCard, FeedRow, Person
from store.resend import RESENT
from store.rules import Rule
from store.sanitise import clean_line
from store.storms import HOLD_OBJECT, HOLD_RECIPIENT
from store.vocabulary import Channel, DeliveryState, MuteKind
from tui.texts import Texts
from tui.widgets.card_view import Line

STYLES = {
    DeliveryState.PENDING: "$text-accent",
    DeliveryState.SENDING: "$text-accent",
    DeliveryState.HELD: "$text-warning",
    DeliveryState.SENT: "$text-success",
    DeliveryState.DEAD: "$text-error",
    DeliveryState.CANCELLED: "dim",
}
_REPLY_CODE = re.compile(r"smtp_(\d{3})")
Part = tuple[str, str]
"""A piece of text and its style."""


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of a delivery.

    Attributes:
        names: Who has an address, by the address in lower case.
    """

    card: DeliveryCard
    event: EventCard
    rules: Mapping[str, Rule]
    names: Mapping[str, str]


def reason_in_words(reason: str, texts: Texts) -> str:
    """A reason code or error class in words; one that is not ours is shown as it comes."""
    if found := _REPLY_CODE.fullmatch(reason):
        return texts("reason.smtp", code=found[1])
    return texts.get(f"reason.{reason}", clean_line(reason)) if reason else ""


def acknowledged_in_words(row: FeedRow) -> str:
    """Who has acknowledged it, and their note; empty where nobody has."""
    seen = row.acknowledged
    if seen is None:
        return ""
    return clean_line(f"{seen.who}: {seen.note}" if seen.note else seen.who)


def state_in_words(card: DeliveryCard, texts: Texts) -> str:
    """The state, and the reason where there is one."""
    row = card.row
    if row.channel is Channel.INTERFACE and row.state is DeliveryState.SENT:
        return texts("delivery.shown")
    reason = "" if row.state is DeliveryState.CANCELLED else reason_in_words(row.reason, texts)
    if row.state is DeliveryState.CANCELLED and card.digest_id is not None:
        reason = texts("delivery.in_digest", id=card.digest_id)
    state = texts.get(f"state.{row.state.word}", row.state.word)
    return f"{state}: {reason}" if reason else state


def clock_time(at: datetime, zone: tzinfo) -> str:
    """A moment, to the second, in the company's zone."""
    return at.astimezone(zone).strftime("%d.%m.%Y %H:%M:%S")


def head_lines(card: DeliveryCard, texts: Texts, zone: tzinfo) -> list[Line]:
    """The head: of a letter what its recipient sees of it, of a notice whom it is shown to."""
    row = card.row
    state: Line = (texts("delivery.state"), state_in_words(card, texts), STYLES[row.state])
    seen = _acknowledged(card, texts, zone)
    if row.channel is Channel.INTERFACE:
        shown = (texts("delivery.shown_to"), _person(row.recipient_name, row.recipient_address), "")
        return [shown, (texts("delivery.at"), clock_time(row.created_at, zone), ""), state, *seen]
    return [
        (texts("delivery.from"), card.sender, ""),
        (texts("delivery.to"), card.to, ""),
        (texts("delivery.reply_to"), card.reply_to, ""),
        (texts("delivery.subject"), row.subject, "bold"),
        (texts("delivery.message_id"), card.message_id, "dim"),
        state,
        *seen,
    ]


def _acknowledged(card: DeliveryCard, texts: Texts, zone: tzinfo) -> list[Line]:
    seen = card.row.acknowledged
    if seen is None:
        return []
    words = texts("delivery.acknowledged_by", who=seen.who, at=clock_time(seen.at, zone))
    return [(texts("delivery.acknowledged"), f"{words}: {clean_line(seen.note)}" if seen.note else words, "")]


def names_by_address(people: Iterable[Person]) -> dict[str, str]:
    """Who has an address, by the address in lower case."""
    return {person.email.casefold(): person.name for person in people}


def event_in_words(event: EventCard, texts: Texts) -> str:
    """What happened to which object."""
    object_type, _, event_type = event.type.partition(".")
    what = texts.get(f"event.{event_type}", clean_line(event_type))
    kind = texts.get(f"object.{object_type}", clean_line(object_type))
    title = clean_line(event.title)
    return f"{kind} {clean_line(event.object_number)} · {what}" + (f" · {title}" if title else "")


def timeline(story: Story, texts: Texts, zone: tzinfo) -> list[Line]:
    """What happened, from the event to the letter; a click on a try shows what was said in it."""
    lines: list[Line] = []
    for at, text, style, place in _timeline(story, texts):
        said: str | Content = text
        if place is not None:
            said = Content.assemble((text, style), "  ", (f"[{texts('transcript.name')} ⏎]", "dim"))
            said = said.stylize(Style.from_meta({"@click": f"screen.transcript({place})"}))
        lines.append((clock_time(at, zone), said, style))
    return lines


def decisions(story: Story, texts: Texts, *, own: bool) -> list[Line]:
    """Why this recipient was told, or what else was decided about the event: a line for each rule, taken ones first."""
    mine = _own(story)
    made = mine if own else [one for one in story.card.decisions if one not in mine]
    return decision_lines(made, story.rules, story.names, texts)


def story_text(story: Story, texts: Texts, zone: tzinfo) -> str:
    """The story as lines of text, to be copied."""
    row = story.card.row
    head = f"D{row.id} · {clean_line(row.object_number)} · {clean_line(row.subject)}"
    told = [f"{clock_time(at, zone)}  {text}" for at, text, _, _ in _timeline(story, texts)]
    made = [one.recipient and decision_in_words(one, story.rules, story.names, texts) for one in _own(story)]
    return "\n".join([head, *told, *filter(None, made)])


def _own(story: Story) -> list[DecisionCard]:
    row = story.card.row
    return [
        one
        for one in story.card.decisions
        if one.rule_code == row.rule_code and one.recipient.casefold() in {"", row.recipient_address.casefold()}
    ]


def tries(card: DeliveryCard, texts: Texts) -> list[tuple[str, AttemptCard]]:
    """The attempts, and the last failure of a connection, in the order of time, with what each is called."""
    found: list[tuple[str, AttemptCard]] = []
    for number, one in enumerate(card.attempts, 1):
        word = "delivery.attempt_sent" if one.outcome == "sent" else "delivery.attempt_failed"
        found.append((texts(word, number=number), one))
    if card.connection_failure is not None:
        found.append((texts("delivery.connection_failed"), card.connection_failure))
        found.sort(key=lambda pair: pair[1].at)
    return found


def answer_in_words(one: AttemptCard, texts: Texts) -> str:
    """What the server said at the end of a try, and what that means."""
    reason = "" if one.outcome == "sent" else reason_in_words(one.error_class, texts)
    return " — ".join(word for word in (clean_line(one.answer), reason) if word)


def _timeline(story: Story, texts: Texts) -> list[tuple[datetime, str, str, int | None]]:
    """When, what, in which style, and for a try of which a transcript is kept its place among them."""
    card, event, row = story.card, story.event, story.card.row
    accepted = f"{texts('delivery.accepted')}: {event_in_words(event, texts)}"
    planned = f"{texts('delivery.planned')}: {_person(row.recipient_name, row.recipient_address)}"
    made: list[tuple[datetime, str, str, int | None]] = [
        (event.accepted_at, accepted, "", None),
        (row.created_at, planned, "", None),
    ]
    for place, (called, one) in enumerate(tries(card, texts)):
        text = f"{called} ({clean_line(one.connection)}): {answer_in_words(one, texts)}"
        style = "" if one.outcome == "sent" else "$text-error"
        made.append((one.at, text, style, place if one.transcript else None))
    end = card.sent_at or (card.attempts[-1].at if card.attempts else row.created_at)
    made.append((end, state_in_words(card, texts), STYLES[row.state], None))
    if row.state is DeliveryState.PENDING and card.next_at is not None and (card.attempts or card.connection_failure):
        made.append((card.next_at, texts("delivery.next_try"), STYLES[row.state], None))
    return made


def decision_lines(
    made: Iterable[DecisionCard], rules: Mapping[str, Rule], names: Mapping[str, str], texts: Texts, *, first: str = ""
) -> list[Line]:
    """Decisions: a line for each rule, the `first` one on top, then those that were taken."""
    by_rule: dict[str, list[DecisionCard]] = {}
    for one in made:
        by_rule.setdefault(one.rule_code, []).append(one)
    lines: list[Line] = []
    order = sorted(by_rule.items(), key=lambda item: (item[0] != first, not any(one.taken for one in item[1])))
    for code, cards in order:
        taken = any(one.taken for one in cards)
        parts: list[Part] = [(rule_title(code, rules, texts), "" if taken else "dim")]
        parts += [(f"\n{decision_in_words(one, rules, names, texts)}", "" if one.taken else "dim") for one in cards]
        if code in rules:
            parts.append((f"\n{clean_line(code)}", "dim"))
        lines.append(("✓" if taken else "–", Content.assemble(*parts), ""))
    return lines


def rule_title(code: str, rules: Mapping[str, Rule], texts: Texts, *, channel: bool = True) -> str:
    """What a rule is called, and its channel."""
    rule = rules.get(code)
    if code == digests.RULE:
        return texts("delivery.digest")
    if rule is None:
        return clean_line(code) or texts("delivery.no_rule")
    title = clean_line(rule.titles.get(texts.language.value) or next(iter(rule.titles.values()), code))
    return f"{title} · {texts(f'channel.{rule.channel.value}')}" if channel else title


def decision_in_words(card: DecisionCard, rules: Mapping[str, Rule], names: Mapping[str, str], texts: Texts) -> str:
    """Who was told or left out, why, and in which role; `names` are by address in lower case."""
    roles = [role for role in card.params.get("role", "").split(", ") if role]
    role = ", ".join(texts.get(f"role.{role}", clean_line(role)) for role in roles)
    problem = clean_line(card.params.get("problem", ""))
    who = _person(names.get(card.recipient.casefold(), ""), card.recipient) if card.recipient else ""
    reason = reason_in_words(card.reason, texts)
    if by := card.params.get("by"):
        reason = texts("delivery.told_by", title=rule_title(by, rules, texts))
    if card.reason == MUTED:
        reason = muted_in_words(card.params, texts)
    if card.reason == RESENT:
        reason = texts("delivery.resent", of=card.params.get("of", ""), who=card.params.get("who", ""))
    if card.reason in {HOLD_OBJECT, HOLD_RECIPIENT}:
        reason += f": {texts('delivery.above', **card.params)}"
    said = f"{who}: {reason}" if who else reason
    return said + (f" ({role})" if role else "") + (f" — {problem}" if problem else "")


def muted_in_words(params: Mapping[str, str], texts: Texts) -> str:
    """Which mute kept somebody from being told, until when, by whom and why; the time is in the company's zone."""
    kind, until = params.get("kind", ""), params.get("until", "")
    try:
        until = datetime.fromisoformat(until).strftime("%d.%m %H:%M")
    except ValueError:
        until = clean_line(until)
    return texts(
        f"delivery.muted_{kind}" if kind in set(MuteKind) else "delivery.muted",
        until=until,
        who=params.get("who", ""),
        why=params.get("why", ""),
    )


def _person(name: str, address: str) -> str:
    name, address = clean_line(name), clean_line(address)
    return f"{name} <{address}>" if name and address and name != address else name or address
