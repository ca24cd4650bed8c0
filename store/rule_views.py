"""Views of the lists of rules: a filter and an order under a name, shared by everybody on the store."""

from dataclasses import dataclass

from store import tables
from store.errors import SettingsError
from store.views import Views

MAX_FILTER = 200
SORTS = ("", "enabled", "title", "object", "when", "channel", "recipients", "last", "month")
"""Columns a list may be sorted by; the first is the order in which the rules were made."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """A view.

    Attributes:
        name: Unique.
        filter: As it is typed.
        sort: One of `SORTS`.
        descending: The largest first.
    """

    name: str
    filter: str = ""
    sort: str = ""
    descending: bool = False


class RuleViews(Views[RuleView]):
    """Those of event actions and of escalations."""

    def check(self, view: RuleView) -> None:
        """Check the fields, the order among them."""
        super().check(view)
        if view.sort not in SORTS:
            raise SettingsError("sort", f"{view.sort!r} is no column; there are {', '.join(SORTS[1:])}")


VIEWS = RuleViews(RuleView, tables.rule_view, "rule_view", MAX_FILTER)
