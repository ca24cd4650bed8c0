"""The standard set: every event action and escalation that ships."""

from store.catalogue.escalations import escalations
from store.catalogue.event_actions import event_actions
from store.rules import Rule

STANDARD: tuple[Rule, ...] = (*event_actions(), *escalations())
