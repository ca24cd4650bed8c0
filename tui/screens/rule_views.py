"""The views of the lists of rules."""

from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from store.rule_stats import Mark
from store.rule_views import VIEWS, RuleView
from store.sanitise import clean_line
from tui.screens.views import ViewsScreen
from tui.widgets.feed_line import fitted
from tui.widgets.form import Say

NAME_CELLS = 24


def shipped_views(say: Say) -> list[RuleView]:
    """The views that are always there, in the language of the console."""
    marks = [
        RuleView(say(f"views.{mark.value}"), f"{say('filter.mark')}:{say(f'filter.mark_{mark.value}')}")
        for mark in (Mark.NEVER, Mark.UNADDRESSED, Mark.SHADOWED)
    ]
    return [RuleView(say("views.all")), RuleView(say("views.off"), say("filter.off")), *marks]


class RuleViewsScreen(ViewsScreen[RuleView]):
    """Gives the view that was chosen or saved."""

    KEPT = VIEWS

    def shipped_views(self) -> Sequence[RuleView]:
        return shipped_views(self.say)

    def line(self, view: RuleView) -> Text:
        column = f"rules.column_{view.sort}"
        order = f"{self.console.texts.get(column, '')} {'▼' if view.descending else '▲'}" if view.sort else ""
        asks = " · ".join(filter(None, (clean_line(view.filter), order)))
        name = fitted(clean_line(view.name), NAME_CELLS)
        return Text.assemble(f"{name} ", (asks, "dim"), no_wrap=True, overflow="ellipsis")

    def named(self, text: str) -> RuleView:
        return replace(self.present, name=text)
