"""A change of the settings in words: what was changed, which fields, and from what to what."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, tzinfo
from typing import Any, cast

from store.audit import SECRET_CHANGED, AuditCard, Values, Word
from store.cards import (
    Company,
    DeadlineSettings,
    MailConnection,
    Person,
    Retention,
    Sending,
    SilentMode,
    StormLimits,
    Team,
)
from store.delivery_views import DeliveryView
from store.rule_views import RuleView
from store.rules import Rule
from store.sanitise import clean_line
from store.vocabulary import SECRETS
from tui.texts import Texts

SECTIONS = {
    "company": "company", "mail.sending": "mail", "mail.connections": "mail", "silent_mode": "silent", "rule": "rules",
    "person": "people", "team": "teams", "storms": "storms", "deadlines": "deadlines", "rule_view": "views",
    "retention": "retention",
    "delivery_view": "views",
}  # fmt: skip
"""The section of the catalogue in which a form has the labels of its fields, by kind of setting."""
COLUMNS = {
    "enabled": "enabled", "titles": "title", "object_type": "object", "event_type": "when", "channel": "channel",
    "recipients": "recipients",
}  # fmt: skip
"""Fields of a rule that have a column in its list."""
WORDS = {
    "language": "company.language_", "encryption": "mail.encryption_", "token_source": "mail.token_",
    "state": "silent.state_", "channel": "channel.", "recipients": "role.", "object_type": "object.",
    "event_type": "event.", "deadline": "rules.deadline_", "to_status": "rules.status_", "from_status": "rules.status_",
    "not_to_status": "rules.status_", "reason": "reason.", "then": "storms.then_",
    "transcripts": "mail.transcripts_",
    "pause": "deadlines.pause_", "catch_up": "deadlines.catch_up_",
    "statuses": "rules.status_", "sort": "rules.column_",
}  # fmt: skip
"""Where the words for the codes of a field are."""
CARDS: dict[str, type] = {
    "company": Company, "mail.sending": Sending, "mail.connections": MailConnection, "silent_mode": SilentMode,
    "rule": Rule, "person": Person, "team": Team, "storms": StormLimits,
    "deadlines": DeadlineSettings, "retention": Retention, "rule_view": RuleView, "delivery_view": DeliveryView,
}  # fmt: skip
"""What has the fields of a kind of setting."""
FIELDS = (
    *((kind, field.name) for kind, card in CARDS.items() for field in fields(card)),
    *(("mail.connections", secret) for secret in SECRETS),
)
"""Every field there is, with the kind of setting that has it."""
NOTHING = "—"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Difference:
    """A field: its label, what it was and what it became; `None` where it was not there."""

    label: str
    before: str | None
    after: str | None


class AuditWords:
    """Words for entries of the audit.

    Args:
        texts: The language.
        rules: The rules there are, for their titles.
        zone: For moments.
    """

    def __init__(self, texts: Texts, rules: Iterable[Rule], zone: tzinfo) -> None:
        self._texts, self._zone = texts, zone
        self._rules = {rule.code: rule for rule in rules}

    def what(self, card: AuditCard) -> str:
        """Which setting, or which deed, e.g. `Подключение «main»`."""
        kind, _, name = card.what.partition(":")
        if kind == "rule":
            return self._rule(card, name)
        if kind in {"person", "team"}:
            name = str((card.after or card.before or {}).get("name") or name)
        own = self._texts.get(f"audit.what_{card.what.replace(':', '_').replace('.', '_')}", "")
        named = self._texts.get(f"audit.what_{kind.replace('.', '_')}", "")
        return clean_line(own or (named.format(name=name) if named else card.what))

    def _rule(self, card: AuditCard, code: str) -> str:
        rule, values = self._rules.get(code), card.before or card.after or {}
        titles = rule.titles if rule is not None else cast("dict[str, str]", values.get("titles") or {})
        kind = rule.kind.value if rule is not None else values.get("kind", "event_action")
        title = titles.get(self._texts.language.value) or next(iter(titles.values()), code)
        return self._texts("audit.what_escalation" if kind == "escalation" else "audit.what_event_action", name=title)

    def summary(self, card: AuditCard) -> str:
        """Which fields, on one line; a single one with what it became."""
        differences = self.differences(card)
        if not self.is_setting(card):
            return ", ".join(f"{one.label} {one.after}" for one in differences)
        if card.before is None or card.after is None:
            return self._texts("audit.added" if card.before is None else "audit.deleted")
        if len(differences) == 1:
            return f"{differences[0].label}: {differences[0].after}"
        return ", ".join(one.label for one in differences)

    @staticmethod
    def is_setting(card: AuditCard) -> bool:
        """Whether a setting was changed, not a deed done."""
        return card.what.partition(":")[0] in SECTIONS

    def differences(self, card: AuditCard) -> list[Difference]:
        """What was changed; of a thing added or deleted, what it had."""
        kind = card.what.partition(":")[0]
        before, after = card.before, card.after
        if before is not None and after is not None:
            changed = {n: (before.get(n), v) for n, v in after.items() if n not in before or before[n] != v}
            return [one for name, (old, new) in changed.items() for one in self.change(kind, name, old, new)]
        values = before or after or {}
        pairs = [(name, value) for name, value in values.items() if value not in (None, "", [], {}, False)]
        found = [one for name, value in pairs for one in self.change(kind, name, None, value)]
        return [Difference(one.label, None, one.after) for one in found]

    def change(self, kind: str, name: str, before: Any, after: Any) -> list[Difference]:
        """A field, or each part of one that has parts, where they differ."""
        if before is None and after == SECRET_CHANGED and kind == "mail.connections":
            return [Difference(self.label(kind, name), None, self._texts("audit.secret_changed"))]
        return [
            Difference(label, self.value(kind, name, old), self.value(kind, name, new))
            for label, old, new in self._parts(self.label(kind, name), before, after)
            if old != new or not isinstance(before or after, dict)
        ]

    def _parts(self, label: str, before: Any, after: Any) -> list[tuple[str, Any, Any]]:
        if not isinstance(before, dict) and not isinstance(after, dict):
            return [(label, before, after)]
        old, new = _parts_of(before), _parts_of(after)
        return [
            row
            for part in dict.fromkeys([*old, *new])
            for row in self._parts(f"{label} · {self._part(part)}", old.get(part), new.get(part))
        ]

    def _part(self, name: str) -> str:
        if _DAY.fullmatch(name):
            return self._time(name)
        known = self._texts.get(f"company.language_{name}", "") or self._texts.get(f"object.{name}", "")
        return known or clean_line(self._texts.get(f"audit.part_{name}", name))

    def label(self, kind: str, name: str) -> str:
        """What a field is called, as in its form where it has one."""
        section = SECTIONS.get(kind, "")
        own = self._texts.get(f"audit.field_{section or 'deed'}_{name}", "")
        if own:
            return own
        column = f"rules.column_{COLUMNS.get(name, '')}" if kind == "rule" else ""
        return clean_line(self._texts.get(column, "") or self._texts.get(f"{section}.{name}", name))

    def value(self, kind: str, name: str, value: Any) -> str:
        """A value on one line."""
        if isinstance(value, bool):
            switch = kind == "mail.connections" and name == "enabled"
            return self._texts(("mail.on" if value else "mail.off") if switch else ("mail.yes" if value else "mail.no"))
        if value is None or value in ("", [], {}):
            return NOTHING
        if isinstance(value, list):
            return ", ".join(self.value(kind, name, one) for one in cast("list[Any]", value))
        return self._text(name, value) if isinstance(value, str) else str(value)

    def _text(self, name: str, value: str) -> str:
        if _MOMENT.fullmatch(value) or _DAY.fullmatch(value):
            return self._time(value)
        if name == "protocol":
            return clean_line(value.upper())
        own = self._texts.get(f"audit.code_{name}_{value}", value)
        shown = self._texts.get(f"{WORDS[name]}{value}", own) if name in WORDS else own
        return clean_line(" ⏎ ".join(shown.splitlines()))

    def _time(self, text: str) -> str:
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text).strftime("%d.%m.%Y")
            return datetime.fromisoformat(text).astimezone(self._zone).strftime("%d.%m.%Y %H:%M")
        except (ValueError, OverflowError):
            return clean_line(text)

    def looked_for(self, text: str) -> list[Word]:
        """What to look for in the audit, for a text typed in the language of the console.

        A word may stand in the entry, in the label of a field, in the title of a rule, or in what a setting is called.
        """
        return [self._word(word) for word in text.split()]

    def _word(self, word: str) -> Word:
        needle = word.casefold()
        labels = tuple(pair for pair in FIELDS if needle in self.label(*pair).casefold())
        rules = [f"rule:{code}" for code, rule in self._rules.items() if needle in self._called(rule).casefold()]
        kinds = [kind for kind in CARDS if kind != "rule" and needle in self._kind(kind).casefold()]
        return Word((word,), (*rules, *kinds), labels)

    def _kind(self, kind: str) -> str:
        return self._texts(f"audit.what_{kind.replace('.', '_')}", name="")

    def _called(self, rule: Rule) -> str:
        key = "audit.what_escalation" if rule.kind.value == "escalation" else "audit.what_event_action"
        return " ".join([self._texts(key, name=""), *rule.titles.values()])


def _parts_of(value: Any) -> Values:
    return cast("Values", value) if isinstance(value, dict) else {}
