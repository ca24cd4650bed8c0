"""What stands on the board beneath its chart, as lines: pure, from what was read. Times are µs since the epoch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zlib import crc32
from zoneinfo import ZoneInfo

from dispatch.forecast import Alert
from dispatch.remedies import REMEDIES, advice
from store.backup import HOLD_RESTORED
from store.cards import ConnectionHealth, DispatcherCard, MailConnection, Queue, Status
from store.sanitise import clean_line
from store.storms import HOLD_OBJECT, HOLD_RECIPIENT
from store.types import to_micros
from store.vocabulary import DeliveryState
from tui.texts import Texts
from tui.widgets.connection_card import health_words
from tui.widgets.deadline_words import kind_in_words, span_in_words
from tui.widgets.delivery_words import reason_in_words
from tui.widgets.feed_line import STATE_MARKS
from tui.widgets.timeline_words import local, threshold_in_words

SECOND = 1_000_000
OLD, VERY_OLD = 60 * SECOND, 300 * SECOND
"""A due letter that has waited so long says that something is slow, and that something is stuck."""
SOON = 300 * SECOND
STORMS = frozenset({HOLD_OBJECT, HOLD_RECIPIENT})
Goal = tuple[Literal["section", "deliveries", "timeline"], str, str] | None
"""Where one deals with it: a section, deliveries in a state (or `storm`), the timeline of an object."""


@dataclass(frozen=True, slots=True)
class BoardLine:
    """A line of the board.

    Attributes:
        key: Stays while the line speaks of the same thing.
        text: What it speaks of; clean.
        value: What it says of it, on the right.
        colour: Of the theme, e.g. `error`; empty for none.
        detail: The same at length, with what to do about it.
        heading: It is above others, and cannot be chosen.
    """

    key: str
    text: str
    value: str = ""
    colour: str = ""
    detail: str = ""
    goal: Goal = None
    heading: bool = False

    @property
    def id(self) -> int:
        """A number that stays while the key does."""
        return crc32(self.key.encode())


def queue_lines(status: Status, now: datetime, texts: Texts) -> list[BoardLine]:
    """What is still to go, why it waits, and since when."""
    queue = status.queue
    lines = [
        _heading("queue", texts),
        _count("due", queue.due, DeliveryState.PENDING, texts),
        _count("in_hand", queue.in_hand, DeliveryState.SENDING, texts),
        _count("later", queue.later, DeliveryState.PENDING, texts),
        _oldest(status.oldest_due_at, now, texts),
    ]
    if status.unplanned:
        lines.append(_line("unplanned", str(status.unplanned), "", texts, None))
    lines += _held(queue, texts)
    if dead := status.deliveries[DeliveryState.DEAD.word]:
        lines.append(_count("dead", dead, DeliveryState.DEAD, texts, "error"))
    return lines


def _heading(key: str, texts: Texts) -> BoardLine:
    return BoardLine(f"heading:{key}", texts(f"board.{key}"), heading=True)


def _line(key: str, value: str, colour: str, texts: Texts, goal: Goal) -> BoardLine:
    return BoardLine(key, texts(f"board.{key}"), value, colour, texts(f"board.{key}_detail"), goal)


def _count(key: str, count: int, state: DeliveryState, texts: Texts, colour: str = "") -> BoardLine:
    line = _line(key, str(count), colour, texts, ("deliveries", state.word, ""))
    sign = STATE_MARKS[state]
    return BoardLine(key, f"{sign} {line.text}", line.value, colour, line.detail, line.goal)


def _oldest(at: datetime | None, now: datetime, texts: Texts) -> BoardLine:
    age = to_micros(now) - to_micros(at) if at is not None else 0
    colour = "error" if age >= VERY_OLD else "warning" if age >= OLD else ""
    value = span_in_words(max(age, 0), texts) if at is not None else "—"
    sign = "! " if colour else "· "
    goal: Goal = ("deliveries", DeliveryState.PENDING.word, "")
    detail = texts("board.oldest_stuck" if colour else "board.oldest_detail")
    return BoardLine("oldest", f"{sign}{texts('board.oldest')}", value, colour, detail, goal)


def _held(queue: Queue, texts: Texts) -> Iterable[BoardLine]:
    sign = STATE_MARKS[DeliveryState.HELD]
    for reason, count in queue.held.items():
        words = reason_in_words(reason, texts) or texts("board.held")
        storm = reason in STORMS
        goal: Goal = ("deliveries", "storm" if storm else DeliveryState.HELD.word, "")
        kind = "storm" if storm else HOLD_RESTORED if reason == HOLD_RESTORED else "detail"
        detail = texts(f"board.held_{kind}", reason=words, count=count)
        yield BoardLine(f"held:{reason}", f"{sign} {words}", str(count), "warning", detail, goal)


def connection_lines(status: Status, zone: ZoneInfo, texts: Texts) -> list[BoardLine]:
    """How each connection does; of one that fails, why."""
    health = {one.connection: one for one in status.health}
    lines = [_heading("connections", texts)]
    lines += [_connection(card, health.get(card.name), status, zone, texts) for card in status.connections]
    if not status.connections:
        goal: Goal = ("section", "outgoing_mail", "")
        detail = texts("mail.no_connections")
        lines.append(BoardLine("connection:", texts("board.no_connection"), "", "error", detail, goal))
    return lines


def _connection(
    card: MailConnection, health: ConnectionHealth | None, status: Status, zone: ZoneInfo, texts: Texts
) -> BoardLine:
    words, _ = health_words(card, status, zone, texts)
    name = clean_line(card.name)
    goal: Goal = ("section", "outgoing_mail", "")
    failing = card.enabled and health is not None and health.circuit != "closed"
    detail = clean_line(f"{name}: {words}")
    if failing and health is not None:
        reason = reason_in_words(health.error_class, texts) or texts("board.failing")
        detail = clean_line(f"{_remedy(card, health.error_class, texts)} {detail}".lstrip())
        again = f"{health.retry_at.astimezone(zone):%H:%M:%S}" if health.retry_at else ""
        return BoardLine(f"connection:{card.id}", f"✗ {name}: {reason}", again and f"↻ {again}", "error", detail, goal)
    sent = health.last_sent_at if health is not None else None
    value = f"{sent.astimezone(zone):%H:%M:%S}" if sent is not None else ""
    if not card.enabled:
        return BoardLine(f"connection:{card.id}", f"– {name}", texts("board.off"), "muted", detail, goal)
    sign, colour = ("·", "") if health is None else ("✓", "success")
    return BoardLine(f"connection:{card.id}", f"{sign} {name}", value or texts("board.unused"), colour, detail, goal)


def _remedy(card: MailConnection, error_class: str, texts: Texts) -> str:
    """What to do about an error."""
    if error_class not in REMEDIES:
        return texts("board.check")
    params = {"server": clean_line(card.server), "port": str(card.port or "")}
    return clean_line(advice(error_class, texts.language.value, params))


def dispatcher_lines(cards: Sequence[DispatcherCard], now: datetime, zone: ZoneInfo, texts: Texts) -> list[BoardLine]:
    """Who sends: alive ones with their last beat, those that fell silent with how long ago that was."""
    goal: Goal = ("section", "system", "")
    lines = [_heading("dispatchers", texts)]
    if not any(card.alive for card in cards):
        none = texts("board.no_dispatcher")
        lines.append(BoardLine("dispatcher:", none, "", "error", texts("board.no_dispatcher_detail"), goal))
    for card in cards:
        place = clean_line(f"{card.host}:{card.pid}")
        beat = span_in_words(max(0, to_micros(now) - to_micros(card.seen_at)), texts)
        since = local(to_micros(card.started_at), zone)
        key = "board.alive" if card.alive else "board.silent"
        detail = f"{place}: {texts(f'{key}_detail', since=since, beat=beat)}"
        sign, colour = ("✓", "success") if card.alive else ("✗", "muted")
        lines.append(BoardLine(f"dispatcher:{card.id}", f"{sign} {place}", texts(key, beat=beat), colour, detail, goal))
    return lines


def alert_lines(alerts: Sequence[Alert] | None, now: datetime, zone: ZoneInfo, texts: Texts) -> list[BoardLine]:
    """The next escalations by the time left; `None` while they are not read yet."""
    lines = [_heading("alerts", texts)]
    coming = [one for one in alerts or () if one.at >= to_micros(now)]
    lines += [_alert(one, to_micros(now), zone, texts) for one in coming]
    if not coming:
        words = texts("why.looking" if alerts is None else "board.no_alerts")
        lines.append(BoardLine("alert:", words, colour="muted"))
    return lines


def _alert(one: Alert, now: int, zone: ZoneInfo, texts: Texts) -> BoardLine:
    left = span_in_words(max(one.at - now, 0), texts)
    words = threshold_in_words(one.key, one.again, texts)
    what = f"{kind_in_words(one.kind, texts)}: {words}" if one.kind else words
    number, told = clean_line(one.number), " ".join(_told(one))
    title = clean_line(one.title)
    detail = texts("board.alert_detail", at=local(one.at, zone), number=number, what=what, title=title)
    nobody = not one.letters and not one.notices
    detail += f" · {texts('board.nobody') if nobody else texts('board.told', letters=one.letters, notices=one.notices)}"
    colour = "warning" if one.at - now < SOON else ""
    goal: Goal = ("timeline", one.object_type, one.object_id)
    key = f"alert:{one.object_type}:{one.object_id}:{one.kind}:{one.key}:{one.again}:{one.at}"
    return BoardLine(key, f"{left} {number} {what}", told or "—", colour, clean_line(detail), goal)


def _told(one: Alert) -> Iterable[str]:
    if one.letters:
        yield f"{one.letters}✉"
    if one.notices:
        yield f"{one.notices}●"
