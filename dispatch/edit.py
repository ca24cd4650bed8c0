"""Rules as they would be: what a form holds and nobody has saved yet."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from store.past_events import Kind
from store.rules import Rule


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes of rules.

    Attributes:
        changes: By code the rule that takes the place of the one with that code, or is added; `None` deletes it.
    """

    changes: Mapping[str, Rule | None]

    @classmethod
    def of(cls, *rules: Rule) -> "Edit":
        """These rules are saved."""
        return cls({rule.code: rule for rule in rules})

    def applied(self, rules: Iterable[Rule]) -> list[Rule]:
        """The rules once it is done."""
        kept: dict[str, Rule | None] = {**{rule.code: rule for rule in rules}, **self.changes}
        return [rule for rule in kept.values() if rule is not None]

    def kinds(self, rules: Iterable[Rule]) -> set[Kind]:
        """The kinds of events a changed rule is about, before or after. What other events lead to stays as it is."""
        before = {rule.code: rule for rule in rules}
        changed = {code: rule for code, rule in self.changes.items() if before.get(code) != rule}
        concerned = [*changed.values(), *(before.get(code) for code in changed)]
        return {(rule.object_type, rule.event_type.value) for rule in concerned if rule is not None}
