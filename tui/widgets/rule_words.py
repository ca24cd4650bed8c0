"""A rule in words: what the columns of the lists say."""

from dataclasses import dataclass

from store.rules import Rule
from store.sanitise import clean_line
from tui.widgets.form import Say


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One row of a list, ready to show and to search."""

    code: str
    title: str
    object: str
    when: str
    channel: str
    recipients: str
    enabled: bool

    def holds(self, needle: str) -> bool:
        """Whether every word of the needle, case aside, stands somewhere in the row."""
        text = f"{self.title} {self.object} {self.when} {self.channel} {self.recipients} {self.code}".casefold()
        return all(word in text for word in needle.casefold().split())


def rule_line(rule: Rule, say: Say) -> RuleLine:
    """The words of a rule in the language of the console."""
    language = say("language.code")
    title = rule.titles.get(language) or next(iter(rule.titles.values()), rule.code)
    return RuleLine(
        code=rule.code,
        title=clean_line(title),
        object=word(say, "object", rule.object_type),
        when=clean_line(_when(rule, say)),
        channel=word(say, "channel", rule.channel.value),
        recipients=", ".join(
            [word(say, "role", role.value) for role in rule.recipients] + [clean_line(a) for a in rule.fixed_addresses]
        ),
        enabled=rule.enabled,
    )


_KNOWN_OBJECTS = frozenset({"request", "task", "approval", "problem", "change", "article"})


def word(say: Say, section: str, code: str) -> str:
    """The word for a code; a type of object that is not ours is shown as it comes."""
    if section == "object" and code not in _KNOWN_OBJECTS:
        return clean_line(code)
    return say(f"{section}.{code}")


def _when(rule: Rule, say: Say) -> str:
    if rule.deadline is not None and rule.threshold is not None:
        threshold = say(f"rules.threshold_{rule.threshold.kind}", value=rule.threshold.value)
        return f"{say(f'rules.deadline_{rule.deadline.value}')}: {threshold}"
    if rule.waiting_days is not None:
        return say("rules.waiting_days", days=rule.waiting_days)
    text = say(f"event.{rule.event_type.value}")
    statuses = ", ".join(word_of_status(say, rule.object_type, status) for status in rule.to_status)
    return f"{text} → {statuses}" if statuses else text


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
