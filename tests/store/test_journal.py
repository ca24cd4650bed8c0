"""The recorded story."""

from dispatch.intake import emit
from dispatch.planner import Planner
from store.engine import Store
from store.journal import MAX_ID, delivery, story
from store.outbox import page
from store.vocabulary import Channel
from tests.desk import event, furnish, lines


def _told(store: Store, count: int = 1) -> None:
    furnish(store, port=25)
    emit(store, lines(*(event(number=1, key=f"e{i}") for i in range(count))))
    while Planner(store).plan_now():
        pass


def test_a_story_is_found_by_every_name_it_has(store: Store) -> None:
    _told(store)
    row = page(store)[0]
    for key in ("e0", "RP-1", "1", f"D{row.id}", f"d{row.id}"):
        (found,) = story(store, key)
        assert found.external_id == "e0"
    for key in ("", "D", "D0", f"D{MAX_ID + 1}", "%", "RP-%"):
        assert story(store, key) == []


def test_the_newest_event_comes_first_and_no_more_than_asked(store: Store) -> None:
    _told(store, 3)
    assert [card.external_id for card in story(store, "RP-1", limit=2)] == ["e2", "e1"]


def test_a_delivery_opens_with_its_letter(store: Store) -> None:
    _told(store)
    mail = next(row for row in page(store) if row.channel is Channel.EMAIL)
    card = delivery(store, mail.id)
    assert card is not None
    assert card.sender == "Служба поддержки <robot@example.org>"
    assert card.reply_to == "help@example.org"
    assert card.message_id.endswith("@example.org>")
    assert "С уважением, служба поддержки" in card.text
    assert any(decision.taken for decision in card.decisions)
    assert delivery(store, 0) is None


def test_a_persons_story_is_what_was_decided_about_them_and_nothing_else(store: Store) -> None:
    _told(store, 3)
    for key in ("olga@example.org", "OLGA@example.org"):
        cards = story(store, key, limit=2)
        assert [card.external_id for card in cards] == ["e2", "e1"]
        for card in cards:
            assert {one.recipient for one in card.decisions} == {"olga@example.org"}
            assert {one.row.recipient_address for one in card.deliveries} == {"olga@example.org"}
    by_login = story(store, "ivanov")
    assert by_login
    assert by_login == story(store, "ivanov@example.org")
    assert any(one.row.channel is Channel.INTERFACE for one in by_login[0].deliveries)


def test_who_was_left_out_has_a_story_too_and_who_was_never_met_has_none(store: Store) -> None:
    furnish(store, port=25)
    emit(store, lines(event(client="stranger")))
    while Planner(store).plan_now():
        pass
    (left_out,) = story(store, "stranger")
    assert {one.reason for one in left_out.decisions} == {"no_address"}
    assert not left_out.deliveries
    looked: list[int] = []
    assert story(store, "nobody@example.org", progress=looked.append) == []
    assert looked == [1]
