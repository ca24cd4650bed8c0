"""Where one is in the live pane: following, staying, what arrives meanwhile, and what is not at hand yet."""

from dataclasses import replace
from datetime import UTC, datetime

from store.cards import FeedRow
from store.delivery_query import DeliveryQuery
from store.vocabulary import Channel, DeliveryState
from tui.delivery_reader import Snapshot
from tui.widgets.pane_place import PanePlace

AT = datetime(2026, 1, 1, tzinfo=UTC)


def row(number: int) -> FeedRow:
    return FeedRow(
        id=number, event_type="request.added", object_type="request", object_number=f"RP-{number}", subject="s",
        channel=Channel.EMAIL, recipient_name="N", recipient_address="n@example.org", state=DeliveryState.SENT,
        reason="", created_at=AT, attempts=0, rule_code="r", event_key="k",
    )  # fmt: skip


class Desk:
    """A store of `last` deliveries that is read for a place of ten lines."""

    def __init__(self, last: int, *, newest_first: bool = True) -> None:
        self.last, self.asked = last, 0
        self.place = PanePlace(lambda: newest_first, self._asked)
        self.place.resize(10)

    def _asked(self) -> None:
        self.asked += 1

    def seen(self) -> Snapshot:
        view = self.place.view
        anchor = self.last if view.anchor is None else view.anchor
        first, last = max(1, anchor - view.around), min(self.last, anchor + view.around)
        rows = tuple(row(one) for one in range(last, first - 1, -1))
        arrived = 0 if view.since is None else self.last - view.since
        return Snapshot(view, rows, last == self.last, first == 1, None, arrived, None, 1, self.last)

    def look(self) -> None:
        assert self.place.take(self.seen())

    @property
    def here(self) -> int:
        current = self.place.window.current
        assert current is not None
        return current.id


def test_it_follows_what_arrives_until_one_moves_away_and_counts_then() -> None:
    desk = Desk(1_000)
    desk.look()
    desk.last += 5
    desk.look()
    assert (desk.here, desk.place.following) == (1_005, True)
    desk.place.move(2)
    desk.look()
    in_sight = desk.place.window.in_sight
    desk.last += 7
    desk.look()
    assert (desk.here, desk.place.arrived) == (1_003, 7)
    assert desk.place.window.in_sight == in_sight
    desk.place.go_to_newest()
    desk.look()
    assert (desk.here, desk.place.arrived) == (1_012, 0)


def test_steps_beyond_what_is_at_hand_are_made_when_it_comes() -> None:
    for newest_first in (True, False):
        desk = Desk(1_000, newest_first=newest_first)
        desk.look()
        asked = desk.asked
        desk.place.move(300 if newest_first else -300)
        assert desk.asked > asked
        for _ in range(20):
            desk.look()
        assert desk.here == 700


def test_the_edges_a_place_and_a_share_are_gone_to() -> None:
    desk = Desk(1_000)
    desk.look()
    desk.place.go_to_edge(end=True)
    desk.look()
    assert (desk.here, desk.place.thumb) == (1, 9)
    desk.place.go_to(500)
    desk.look()
    assert desk.here == 500
    assert desk.place.thumb in {4, 5}
    desk.place.go_to_share(0.25)
    desk.look()
    assert abs(desk.here - 750) <= 1
    desk.place.go_to_edge(end=False)
    desk.look()
    assert (desk.here, desk.place.thumb, desk.place.following) == (1_000, 0, True)


def test_what_was_asked_before_another_filter_comes_too_late() -> None:
    desk = Desk(50)
    before = desk.seen()
    desk.place.narrow(DeliveryQuery(words=("x",)), stay=False)
    assert not desk.place.take(before)
    assert not desk.place.window.rows
    desk.look()
    kept = desk.here
    desk.place.stay()
    desk.place.narrow(replace(desk.place.view.query, since=AT), stay=True)
    assert (desk.here, desk.place.following) == (kept, False)
