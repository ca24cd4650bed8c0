"""A rule in words: what the columns of the lists say, and what it has done lately."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.folding import fold
from store.rule_stats import Mark, RuleStats
from store.rules import Repeat, Rule, Threshold
from store.sanitise import clean_line
from store.vocabulary import Language
from tui.texts import Texts
from tui.widgets.form import Say
from tui.widgets.rule_filter import words_of

SIGNS = {Mark.NEVER: "○", Mark.UNADDRESSED: "!", Mark.SHADOWED: "◐"}
"""What stands in a row that may need looking at; that a young rule has done nothing yet is said in words alone."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One row of a list, ready to show and to search.

    Attributes:
        last: How long ago it last told anybody.
        month: How often it has told anybody in 30 days.
        place: Where its threshold is: the earlier, the smaller; 0 at the due time.
        again: How it repeats, as a sentence; empty where it does not.
        did: What it has done, and what is odd about that, as a sentence.
        shown: What is shown of it, folded, to be searched.
        fields: The words of each field of the filter.
        traits: The switches of the filter that it answers to.
    """

    code: str
    title: str
    object: str
    when: str
    channel: str
    recipients: str
    enabled: bool
    last: str
    month: str
    place: int
    again: str
    did: str
    stats: RuleStats
    shown: str
    fields: dict[str, str]
    traits: frozenset[str]

    @property
    def sign(self) -> str:
        """The sign of its mark, empty where there is none."""
        return SIGNS.get(self.stats.mark, "") if self.stats.mark else ""

    def order(self, column: str) -> tuple[int, datetime, str]:
        """What it is sorted by, in a column."""
        if column == "enabled":
            return (0 if self.enabled else 1, NEVER, "")
        if column == "last":
            return (0, self.stats.last_at or NEVER, "")
        if column == "month":
            return (self.stats.fired, NEVER, "")
        if column == "when":
            return (self.place, NEVER, fold(self.when))
        return (0, NEVER, fold(str(getattr(self, column))))


def rule_line(rule: Rule, say: Say, stats: RuleStats, now: datetime, rules: Mapping[str, Rule]) -> RuleLine:
    """The words of a rule in the language of the console; `rules` are for the title of one that covers it."""
    by, last = rules.get(stats.shadowed_by), ago(stats.last_at, now, say)
    title, thing, when = title_of(rule, say), word(say, "object", rule.object_type), clean_line(_when(rule, say))
    channel = word(say, "channel", rule.channel.value)
    recipients = ", ".join(
        [word(say, "role", role.value) for role in rule.recipients] + [clean_line(a) for a in rule.fixed_addresses]
    )
    again = _again(rule, say)
    return RuleLine(
        code=rule.code,
        title=title,
        object=thing,
        when=when,
        channel=channel,
        recipients=recipients,
        enabled=rule.enabled,
        last=last,
        month=str(stats.fired) if stats.fired else NOTHING,
        place=_place(rule.threshold),
        again=again,
        did=_did(stats, last, title_of(by, say) if by else "", say),
        stats=stats,
        shown=fold(f"{title} {thing} {when} {channel} {recipients} {rule.code} {again}"),
        fields=_fields(rule, stats.mark),
        traits=_traits(rule),
    )


def _fields(rule: Rule, mark: Mark | None) -> dict[str, str]:
    """What the filter finds: the codes, and the words in both languages, for one types as one is used to."""
    found: dict[str, list[str]] = {
        "object": [rule.object_type],
        "event": [rule.event_type.value],
        "channel": [rule.channel.value],
        "to": [*rule.recipients, *rule.fixed_addresses, *rule.teams],
        "mark": [mark.value] if mark else [],
    }
    for texts in _LANGUAGES:
        found["object"].append(word(texts, "object", rule.object_type))
        found["event"] += [_when(rule, texts), texts(f"event.{rule.event_type.value}")]
        found["channel"] += [texts(f"channel.{rule.channel.value}"), texts(f"rules.short_{rule.channel.value}")]
        found["to"] += [texts(f"role.{role.value}") for role in rule.recipients]
        found["mark"] += [texts(f"filter.mark_{mark.value}")] if mark else []
        for field, codes in (("channel", [rule.channel]), ("to", rule.recipients)):
            found[field] += [texts.get(f"filter.also_{code.value}", "") for code in codes]
    return {field: words_of(" ".join(words)) for field, words in found.items()}


def _traits(rule: Rule) -> frozenset[str]:
    working = rule.threshold is not None and rule.threshold.working_time
    found = {"on": rule.enabled, "off": not rule.enabled, "repeat": rule.repeat is not None, "working": working}
    return frozenset(switch for switch, has in found.items() if has)


def _place(threshold: Threshold | None) -> int:
    """In the order of time, as far as that can be said: parts of the time given are taken to be before all minutes."""
    if threshold is None:
        return 0
    if threshold.kind == "percent_left":
        return -BEFORE_ALL_MINUTES - threshold.value
    return -threshold.value if threshold.kind == "minutes_before" else threshold.value


def title_of(rule: Rule, say: Say) -> str:
    """The title in the language of the console, else in another, else the code."""
    return clean_line(rule.titles.get(say("language.code")) or next(iter(rule.titles.values()), rule.code))


def ago(at: datetime | None, now: datetime, say: Say) -> str:
    """How long ago something was, in the largest unit, in at most six cells for a year."""
    if at is None:
        return NOTHING
    span = max(now - at, timedelta())
    for unit, size in UNITS.items():
        if span >= size:
            return say(f"rules.ago_{unit}", count=span // size)
    return say("rules.ago_now")


def _did(stats: RuleStats, last: str, by: str, say: Say) -> str:
    since = say("rules.did_last", ago=last) if stats.last_at else ""
    if stats.mark in {Mark.NEVER, Mark.NOT_YET}:
        said = say(f"rules.mark_{stats.mark}")
    elif stats.mark is Mark.SHADOWED and by:
        said = say("rules.mark_shadowed_by", title=by, count=stats.matched)
    elif stats.mark:
        said = say(f"rules.mark_{stats.mark}", count=stats.matched)
    elif stats.fired:
        said = say("rules.did", fired=stats.fired, notifications=stats.notifications)
    elif stats.matched:
        said = say("rules.did_nobody", count=stats.matched)
    else:
        said = say("rules.did_nothing")
    sign = SIGNS.get(stats.mark, "") if stats.mark else ""
    return " ".join(filter(None, (sign, " · ".join(filter(None, (said, since))))))


NOTHING = "—"
BEFORE_ALL_MINUTES = 10**9
_LANGUAGES = tuple(Texts(language) for language in Language)
UNITS = {"days": timedelta(days=1), "hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}
_KNOWN_OBJECTS = frozenset({"request", "task", "approval", "problem", "change", "article"})


def word(say: Say, section: str, code: str) -> str:
    """The word for a code; a type of object that is not ours is shown as it comes."""
    if section == "object" and code not in _KNOWN_OBJECTS:
        return clean_line(code)
    return say(f"{section}.{code}")


def _when(rule: Rule, say: Say) -> str:
    if rule.deadline is not None and rule.threshold is not None:
        return f"{say(f'rules.deadline_{rule.deadline.value}')}: {_threshold(rule, rule.threshold, say)}"
    if rule.waiting_days is not None:
        return say("rules.waiting_days", days=rule.waiting_days)
    text = say(f"event.{rule.event_type.value}")
    statuses = ", ".join(word_of_status(say, rule.object_type, status) for status in rule.to_status)
    return f"{text} → {statuses}" if statuses else text


def _threshold(rule: Rule, threshold: Threshold, say: Say) -> str:
    """A threshold and its repeats, short: `за 30 мин раб. ↻ 30 мин ×4`."""
    parts = [say(f"rules.threshold_{threshold.kind}", value=threshold.value)]
    if threshold.working_time:
        parts.append(say("rules.threshold_working"))
    if rule.repeat is not None:
        parts.append(f"↻ {_minutes(rule.repeat, say)} ×{rule.repeat.times}")
    return " ".join(parts)


def _again(rule: Rule, say: Say) -> str:
    if rule.repeat is None or rule.threshold is None:
        return ""
    working = rule.threshold.working_time
    key = "rules.again_until_status_change" if rule.repeat.until_status_change else "rules.again"
    every = _minutes(rule.repeat, say)
    return say(key, every=f"{every} {say('rules.threshold_working')}" if working else every, times=rule.repeat.times)


def _minutes(repeat: Repeat, say: Say) -> str:
    return say("rules.ago_minutes", count=repeat.every_minutes)


def word_of_status(say: Say, object_type: str, status: str) -> str:
    """A status as the lists show it; one that is not ours is shown as it comes."""
    known = {
        "resolved",
        "closed",
        "waiting_client",
        "in_progress",
        "deferred",
        "registered",
        "planned",
        "accepted",
        "rejected",
        "overdue",
    }
    if status not in known:
        return clean_line(status)
    return say("rules.status_done") if (object_type, status) == ("task", "resolved") else say(f"rules.status_{status}")
