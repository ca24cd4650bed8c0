"""The screen of escalations: alerts before, at and after a deadline."""

from store.vocabulary import RuleKind
from tui.screens.rules_section import RulesSection
from tui.widgets.rule_list import DEADLINES


class EscalationsScreen(RulesSection):
    """The escalations."""

    KIND = RuleKind.ESCALATION
    LIST_ID = "escalations"
    LAYOUT = DEADLINES
    SECTION = "escalations"
