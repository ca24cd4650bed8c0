"""The trail read: pages, filters, and which entry took which back."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from store.audit import AuditCard, Word, page, record, reverting
from store.cards import Company, MailConnection, Sending
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from store.settings import save_company, save_connection, save_sending
from tests.desk import NOON, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def whats(cards: list[AuditCard]) -> list[str]:
    return [card.what for card in cards]


@pytest.fixture
def trail(store: Store, clock: HandClock) -> Store:
    """A store in which three people changed settings."""
    save_company(store, Company("ACME", "С уважением"), "анна")
    clock.forward(minutes=1)
    save_sending(store, Sending("help@example.org", "robot@example.org", "Служба 100%"), "boris")
    clock.forward(minutes=1)
    save_connection(store, MailConnection("main", "mail.example.org"), password="hunter2", who="boris")
    set_enabled(store, [rule.code for rule in list_rules(store)[:2]], False, "анна")
    return store


def test_entries_come_newest_first_with_all_they_say(trail: Store) -> None:
    cards = page(trail)
    assert [card.id for card in cards] == sorted((card.id for card in cards), reverse=True)
    oldest = cards[-1]
    assert (oldest.at, oldest.who, oldest.what) == (NOON, "анна", "company")
    assert oldest.before == {"name": "", "signature": ""}
    assert oldest.after == {"name": "ACME", "signature": "С уважением"}
    assert cards[2].at == NOON + timedelta(minutes=2)
    assert cards[2].after is not None
    assert cards[2].after["password"] == "changed"


def test_pages_are_read_by_key_and_miss_nothing(trail: Store) -> None:
    everything = page(trail)
    paged = page(trail, limit=2)
    while more := page(trail, limit=2, before_id=paged[-1].id):
        paged += more
    assert paged == everything


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("company", 1), ("mail", 2), ("mail.sending", 1), ("mail.connections", 1), ("mail.connections:main", 1),
        ("rule", 2), ("rule:request", 2), ("ma", 0), ("mail%", 0), ("", 5),
    ],
)  # fmt: skip
def test_a_setting_is_found_with_what_belongs_to_it_and_nothing_else(trail: Store, what: str, found: int) -> None:
    assert len(page(trail, what=what)) == found


def test_changes_of_one_person_are_found(trail: Store) -> None:
    assert whats(page(trail, who="boris")) == ["mail.connections:main", "mail.sending"]
    assert page(trail, who="bor") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("acme", ["company"]), ("с уважением", ["company"]), ("УВАЖЕНИЕМ", ["company"]), ("boris", 2),
        ("100%", ["mail.sending"]),
        ("hunter2", []), ("mail.example", ["mail.connections:main"]), ("no_such", []),
    ],
)  # fmt: skip
def test_text_is_looked_for_in_everything_an_entry_says(trail: Store, text: str, found: list[str] | int) -> None:
    cards = page(trail, words=[Word((text,))])
    assert (len(cards) if isinstance(found, int) else whats(cards)) == found


def test_all_words_must_be_there_each_in_any_of_its_meanings(trail: Store) -> None:
    assert whats(page(trail, words=[Word(("boris",)), Word(("help@",))])) == ["mail.sending"]
    named = Word(("nowhere",), ("company", "mail.sending"))
    assert whats(page(trail, words=[named])) == ["mail.sending", "company"]
    assert page(trail, words=[named, Word(("nowhere",))]) == []
    assert whats(page(trail, words=[Word(("nowhere",), fields=(("company", "name"),))])) == ["company"]
    assert page(trail, words=[Word(("nowhere",), fields=(("company", "language"), ("rule", "name")))]) == []


def test_an_entry_says_which_one_it_takes_back_and_by_which_it_was(store: Store) -> None:
    def work(connection: Connection) -> None:
        record(connection, NOON, "анна", "company", {"name": "a"}, {"name": "b"})
        with reverting(1):
            record(connection, NOON, "анна", "company", {"name": "b"}, {"name": "a"})
        record(connection, NOON, "анна", "company", {"name": "a"}, {"name": "c"})

    store.write(work)
    assert [(card.reverts, card.reverted_by) for card in page(store)] == [(None, None), (1, None), (None, 2)]
