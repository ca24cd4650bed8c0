"""The screen of escalations: alerts before, at and after a deadline."""

from store.vocabulary import RuleKind
from tui.screens.rules_section import RulesSection


class EscalationsScreen(RulesSection):
    """The escalations."""

    KIND = RuleKind.ESCALATION
    LIST_ID = "escalations"
    WHEN_KEY = "rules.column_threshold"
    SECTION = "escalations"
