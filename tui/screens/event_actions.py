"""The screen of event actions: who is told of what, over which channel, and whether it is on."""

from store.vocabulary import RuleKind
from tui.screens.rules_section import RulesSection


class EventActionsScreen(RulesSection):
    """The event actions."""

    KIND = RuleKind.EVENT_ACTION
    LIST_ID = "event-actions"
    SECTION = "event_actions"
