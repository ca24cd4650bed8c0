"""The full-text index: words in Russian and English, nothing typed is syntax, it is filled in steps and emptied."""

from datetime import timedelta

import pytest
from sqlalchemy import inspect

from store import delivery_check, search_index, tables
from store.delivery_query import page
from store.delivery_traits import DeliveryQuery, Traits
from store.engine import Store
from store.search_index import Covered, covered, entries_of, forget_in, step
from tests.desk import NOON, HandClock
from tests.store.letters import Letter, write

LETTERS = (
    Letter("Не печатает принтер [этаж 3]", "Принтера нет, ПРИНТЕРЫ кончились", "RP-15", "15"),
    Letter("The Printer does not print", "Ask at https://desk.example.org/RP-150, room 3.14", "RP-150", "150"),
    Letter(
        "Ёлка", "Ещё раз: елка не зажигается", "TS-7", "7", "task", name="Пётр Ёлкин", address="p.elkin@example.org"
    ),
    Letter("Straße STRASSE İstanbul", "naïve café АБ", "AP-1", "a'b", name="O'Neil", address="o'neil+desk@example.org"),
)  # fmt: skip
ODD = (
    '"', "'", "*", "^", "(", ")", "NEAR(a b)", "a AND b", "OR", "NOT", "-", ":", "{", "words:a", "a*b", "\\", "&", "|",
    "!", "<->", ":*", "a:*", "'a'", '""', "%s", "%", "?", "ё" * 100, "a" * 3000, "\ud7ff", "🖨",
)  # fmt: skip


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Four letters, all of them in the index; whoever reads their texts fails."""
    store.write(lambda connection: write(connection, LETTERS))
    while step(store, 3):
        pass
    monkeypatch.setattr(delivery_check.Check, "admitted", None)
    return store


def found(store: Store, *words: str, without: str = "") -> list[int]:
    query = DeliveryQuery(words=words, without=Traits(words=(without,) if without else ()))
    return [row.id for row in page(store, query, budget_s=60).rows][::-1]


FOUND: tuple[tuple[list[str], list[int]], ...] = (
    (["принт"], [1]),
    (["ПРИНТЕРА"], [1]),
    (["принтерами"], []),
    (["ринтер"], []),
    (["print"], [2]),
    (["PRINTER", "does"], [2]),
    (["print", "елк"], []),
    (["елка"], [3]),
    (["ЁЛК", "ещё"], [3]),
    (["rp-15"], [1, 2]),
    (["RP-150"], [2]),
    (["15"], [1, 2]),
    (["desk.example.org/rp"], [2]),
    (["example.org"], [1, 2, 3, 4]),
    (["olga@"], [1, 2]),
    (["elkin@ex"], [3]),
    (["3.1"], [2]),
    (["14"], [2]),
    (["strasse"], [4]),
    (["straß"], [4]),
    (["neil+desk@example"], [4]),
    (["аб"], [4]),
)


def test_words_are_found_by_their_beginnings_whatever_the_case(desk: Store) -> None:
    for words, ids in FOUND:
        assert found(desk, *words) == ids, words


def test_what_is_not_wanted_is_left_out(desk: Store) -> None:
    assert found(desk, "example.org", without="олег") == [1, 2, 3, 4]
    assert found(desk, "example.org", without="Ольга") == [3, 4]
    assert found(desk, without="print") == [1, 3, 4]


LED_TO = (
    (DeliveryQuery(numbers=("rp-15",)), {1}),
    (DeliveryQuery(numbers=("A'B", "7")), {3, 4}),
    (DeliveryQuery(types=("task",)), {3}),
    (DeliveryQuery(people=("Ёлкин Пётр", "o'neil")), {3, 4}),
    (DeliveryQuery(people=("печатает",)), set[int]()),
    (DeliveryQuery(rules=("client",), without=Traits(types=("request",))), {3}),
    (DeliveryQuery(events=("deadline",)), set[int]()),
)


def test_people_objects_and_rules_are_in_the_index_too(desk: Store) -> None:
    for query, ids in LED_TO:
        assert {row.id for row in page(desk, query, budget_s=60).rows} == ids, query


def test_words_in_a_row_are_read_again(store: Store) -> None:
    store.write(lambda connection: write(connection, LETTERS))
    step(store)
    assert found(store, "не печатает") == [1]
    assert found(store, "печатает не") == []
    assert found(store, "example.org", without="принтера нет прин") == [2, 3, 4]


def test_nothing_that_is_typed_is_syntax_and_the_index_says_what_the_texts_do(store: Store) -> None:
    odd = [Letter(subject=one, number=one, object_id=one, rule=one, name=one, address=one) for one in ODD]
    store.write(lambda connection: write(connection, [*LETTERS, *odd]))
    queries = [
        query
        for one in (*ODD, "\x00")
        for query in (
            DeliveryQuery(words=(one,)),
            DeliveryQuery(numbers=(one,), people=(one,), rules=(one,)),
            DeliveryQuery(types=(one,), events=(one,)),
            DeliveryQuery(without=Traits(words=(one,), people=(one,))),
        )
    ]
    before = [[row.id for row in page(store, query, budget_s=60).rows] for query in queries]
    assert any(before)
    step(store)
    for query, ids in zip(queries, before, strict=True):
        assert [row.id for row in page(store, query, budget_s=60).rows] == ids, query


def state_of(store: Store) -> Covered:
    with store.read() as connection:
        return covered(connection)


def test_what_is_new_is_put_in_first_then_what_is_old_from_the_newest_down(store: Store) -> None:
    store.write(lambda connection: write(connection, [*LETTERS, *LETTERS]))
    store.write(lambda connection: connection.execute(tables.search_state.update().values(low=9, high=8)))
    assert step(store, 3) == 3
    assert state_of(store) == Covered(6, 8)
    store.write(lambda connection: write(connection, LETTERS, 9))
    assert step(store, 3, tolerated=4) == 0, "letters go first"
    assert step(store, 3, tolerated=3) == 3
    assert state_of(store) == Covered(6, 11)
    assert step(store, 3) == 3
    assert state_of(store) == Covered(4, 12)
    assert found(store, "принт") == [1, 5, 9]
    assert [step(store, 3), step(store, 3)] == [3, 0]
    assert state_of(store) == Covered(1, 12)
    assert found(store, "принт") == [1, 5, 9]


def test_an_id_that_may_still_come_is_waited_for_on_a_server(store: Store, clock: HandClock) -> None:
    late = store.engine.dialect.name == "postgresql"
    store.write(lambda connection: write(connection, LETTERS[:2]))
    store.write(lambda connection: write(connection, LETTERS[:1], 4))
    step(store)
    assert state_of(store).high == (2 if late else 4)
    assert found(store, "принт") == [1, 4], "what is not in the index is looked through"
    clock.now = NOON + timedelta(seconds=61)
    step(store)
    assert state_of(store).high == 4


def test_what_is_deleted_is_taken_out_before(store: Store) -> None:
    store.write(lambda connection: write(connection, LETTERS[:3]))
    step(store)
    store.write(lambda connection: write(connection, LETTERS[3:], 4))
    store.write(lambda connection: forget_in(connection, entries_of(connection, [1, 2, 4, 99])))
    with store.read() as connection:
        for word, ids in (("=принт*", []), ("=print*", []), ("=елк*", [3]), ("^request", []), ("^task", [3])):
            assert search_index.find(connection, [0], [((word,),)]) == ids
    step(store)
    assert found(store, "strasse") == [4]


def test_two_dispatchers_put_a_letter_in_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(lambda connection: write(connection, LETTERS))
    real = search_index.words

    def slower(texts: tuple[str, ...]) -> set[str]:
        monkeypatch.setattr(search_index, "words", real)
        assert step(store) == 4  # the other one, while this one reads
        return real(texts)

    monkeypatch.setattr(search_index, "words", slower)
    assert step(store) == 0
    assert found(store, "принт") == [1]


def test_the_texts_are_not_kept_a_second_time(desk: Store) -> None:
    if desk.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps the words")
    assert "delivery_search_content" not in inspect(desk.engine).get_table_names()
