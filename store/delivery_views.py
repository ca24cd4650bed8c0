"""Views of the list of deliveries: a filter under a name, maybe on a number key, shared by everybody on the store."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from store import tables
from store.engine import Store
from store.errors import SettingsError
from store.views import Views

MAX_FILTER = 400
PLACES = range(1, 10)
"""Number keys."""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A view.

    Attributes:
        name: Unique.
        filter: As it is typed; what it says of time counts from when it is used.
        place: The number of its key; `None` for none. A key has one view.
    """

    name: str
    filter: str = ""
    place: int | None = None


class DeliveryViews(Views[DeliveryView]):
    """Those of the pane and of the list of deliveries."""

    def all_in(self, connection: Connection) -> list[DeliveryView]:
        """All views, those with a key first, then by name."""
        return sorted(super().all_in(connection), key=lambda view: view.place or PLACES.stop)

    def check(self, view: DeliveryView) -> None:
        """Check the fields, its key among them."""
        super().check(view)
        if view.place is not None and view.place not in PLACES:
            raise SettingsError("place", f"{view.place} is no number key; there are 1 to 9")

    def save_in(self, connection: Connection, store: Store, view: DeliveryView, who: str) -> bool:
        """Also, whoever had its key has none from then on, which is in the audit, too."""
        self.check(view)
        if view.place is not None:
            for other in self.locked_in(connection, self.table.c.place == view.place):
                if other.name != view.name:
                    super().save_in(connection, store, replace(other, place=None), who)
        return super().save_in(connection, store, view, who)


VIEWS = DeliveryViews(DeliveryView, tables.delivery_view, "delivery_view", MAX_FILTER)
