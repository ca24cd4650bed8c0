"""What a demo without a screen has to show for itself."""

from dataclasses import asdict, dataclass
from email.message import EmailMessage
from typing import Any

from sqlalchemy import func, select

from store import decisions, outbox, tables
from store.engine import Store
from store.status import read_status
from store.vocabulary import Channel, DeliveryState
from tui.demo.activity import Told
from tui.demo.mail_sink import MailSink
from tui.demo.people import REFUSED_ADDRESS


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of one run, and the claims that were checked on them.

    Attributes:
        letters: Accepted by the mail server: `count`, `distinct` Message-IDs, `duplicates`.
        answers: How often the server said 550 and 450.
        checks: Claim → whether it held; claims the run was too short for are left out.
    """

    ok: bool
    checks: dict[str, bool]
    events: int
    letters: dict[str, int]
    answers: dict[str, int]
    deliveries: dict[str, int]
    notifications: int
    decisions: dict[str, int]
    switched_off: dict[str, Any] | None
    sample: dict[str, str] | None
    problems: list[str]


def make_report(
    store: Store, sink: MailSink, told: Told, dispatcher_code: int | None, problems: list[str], *, ran_empty: bool
) -> Report:
    """Read the figures and check the claims. The story and the dispatcher have ended.

    `ran_empty` is whether the queue was seen empty after the story; a deadline may have filled it again since.
    """
    ids = sink.message_ids()
    answers = dict(sink.answers())
    states = read_status(store).deliveries
    sent_letters, notifications = _sent(store, Channel.EMAIL), _sent(store, Channel.INTERFACE)
    dead = outbox.page(store, state=DeliveryState.DEAD)
    checks = {
        "events_accepted": told.events > 0 and not told.rejected and not told.failure,
        "letters_arrived": 0 < sink.count == sent_letters,
        "no_duplicates": len(ids) == sink.count and "" not in ids,
        "queue_ran_empty": ran_empty and states["sending"] == 0,
        "only_the_refused_are_dead": all(row.recipient_address == REFUSED_ADDRESS for row in dead),
        "dispatcher_left_in_good_order": dispatcher_code == 0,
    }
    if "550" in answers:
        checks["refused_is_dead"] = len(dead) > 0
    if told.switched_off is not None:
        checks["switched_off_obeyed"] = told.switched_off.obeyed
    off = told.switched_off
    return Report(
        ok=all(checks.values()),
        checks=checks,
        events=told.events,
        letters={"count": sink.count, "distinct": len(ids), "duplicates": sink.count - len(ids)},
        answers=answers,
        deliveries=states,
        notifications=notifications,
        decisions=_decisions(store),
        switched_off={**asdict(off), "reasons": list(off.reasons), "obeyed": off.obeyed} if off else None,
        sample=_sample(sink),
        problems=[*problems, *told.rejected, *([told.failure] if told.failure else [])],
    )


def _sent(store: Store, channel: Channel) -> int:
    d = tables.delivery
    query = select(func.count()).where(d.c.channel == channel.value, d.c.state == DeliveryState.SENT.value)
    with store.read() as connection:
        return connection.execute(query).scalar_one()


def _decisions(store: Store) -> dict[str, int]:
    """Decisions counted by reason, `taken` for those that were taken without one; the most frequent first."""
    counts: dict[str, int] = {}
    with store.read() as connection:
        for (taken, reason), count in decisions.counted(connection).items():
            name = reason or ("taken" if taken else "left_out")
            counts[name] = counts.get(name, 0) + count
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _sample(sink: MailSink) -> dict[str, str] | None:
    letters = sink.letters()
    if not letters:
        return None
    message = letters[0].message()
    return {
        "from": str(message["From"]),
        "to": str(message["To"]),
        "reply_to": str(message["Reply-To"] or ""),
        "message_id": str(message["Message-ID"]),
        "subject": str(message["Subject"]),
        "text": plain_text(message),
    }


def plain_text(message: EmailMessage) -> str:
    """The text part of a letter, empty when it has none."""
    body = message.get_body(("plain",))
    return "" if body is None else str(body.get_content()).replace("\r\n", "\n").strip()


def as_text(report: Report) -> str:
    """The report for people."""
    lines = [f"events emitted      {report.events}"]
    lines += [f"letters received    {report.letters['count']}, duplicates {report.letters['duplicates']}"]
    lines += [f"in the interface    {report.notifications}"]
    lines += [
        "deliveries          " + ", ".join(f"{word} {count}" for word, count in report.deliveries.items() if count)
    ]
    lines += ["decisions           " + ", ".join(f"{word} {count}" for word, count in report.decisions.items())]
    if report.switched_off:
        off = report.switched_off
        reasons = ", ".join(off["reasons"]) or "no decision"
        lines += [f"switched off        {off['code']} for event {off['event']}: {reasons}, letters {off['letters']}"]
    lines += [
        "",
        *(f"{'ok    ' if held else 'FAILED'}  {name.replace('_', ' ')}" for name, held in report.checks.items()),
    ]
    lines += [f"problem: {problem}" for problem in report.problems]
    if report.sample:
        sample = report.sample
        lines += ["", "One of the letters:", f"  From: {sample['from']}", f"  To: {sample['to']}"]
        lines += [
            f"  Subject: {sample['subject']}",
            "",
            *(f"  {line}".rstrip() for line in sample["text"].splitlines()),
        ]
    return "\n".join(lines)
