"""The views of the list of deliveries that are always there, in words, and which view each number key shows."""

from collections.abc import Iterable

from store.delivery_views import DeliveryView
from store.vocabulary import DeliveryState, EventType
from tui.texts import Texts
from tui.widgets.delivery_filter import NO, STORM, listed


def shipped_views(texts: Texts) -> list[DeliveryView]:
    """All, what did not go out, what is held, what a storm holds, what deadlines told of, what nobody has seen to."""
    dead = listed("state", [DeliveryState.DEAD.word], texts)
    filters = {
        "all": "",
        "dead": dead,
        "held": listed("state", [DeliveryState.HELD.word], texts),
        "storm": listed("state", [STORM], texts),
        "urgent": listed("event", [EventType.DEADLINE.value, EventType.WAITING.value], texts),
        "unseen": f"{dead} {listed('acknowledged', [NO], texts)}",
    }
    named = enumerate(filters.items(), 1)
    return [DeliveryView(texts(f"delivery_views.{name}"), text, place) for place, (name, text) in named]


def on_keys(saved: Iterable[DeliveryView], texts: Texts) -> dict[int, DeliveryView]:
    """The view of each number key: a saved one before the one that is always there."""
    found = {view.place: view for view in (*shipped_views(texts), *saved) if view.place is not None}
    return dict(sorted(found.items()))
