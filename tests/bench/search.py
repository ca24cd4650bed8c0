"""The list of deliveries and its filter: pages, jumps and searches with a thousand and with a million stored.

Both sizes take turns. Half of the words differ from letter to letter, as they do in life; what is searched for is in
every letter, in one of five thousand, or in none.
"""

import random
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from sqlalchemy import Connection

from store import bulk, search_index, tables
from store.delivery_query import count, newest_at, page
from store.delivery_traits import DeliveryQuery
from store.engine import Store
from store.vocabulary import DeliveryState
from tests.desk import open_store
from tests.store.letters import fill, later

SIZES = (1_000, 1_000_000)
ROUNDS = 40
VOCABULARY, WORDS_EACH = 20_000, 40
LETTERS = "абвгдежзиклмнопрстуфхцчшщыэюя"
CHUNK = 20_000
Deed = Callable[[], object]


def measure_search() -> dict[str, float]:
    """Milliseconds at each size, p50 and p99, and of CPU; ratios of the sizes; what the index costs."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        stores: list[tuple[int, Store]] = []
        for size in SIZES:
            store = open_store(Path(folder) / str(size))
            store.write(lambda connection, size=size: fill(connection, size))
            _vary(store, size)
            store.write(_acknowledge)
            figures |= _indexed(store, size)
            stores.append((size, store))
        took: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for number in range(ROUNDS):
            for size, store in stores:
                for name, deed in _deeds(store, size, number).items():
                    begun, cpu = time.perf_counter(), time.process_time()
                    deed()
                    spent = (time.perf_counter() - begun) * 1000, (time.process_time() - cpu) * 1000
                    took.setdefault((name, size), []).append(spent)
        for (name, size), spent in took.items():
            wall, cpu = (sorted(one[place] for one in spent) for place in (0, 1))
            figures[f"{name}, {size:,}, p50 ms"] = wall[len(wall) // 2]
            figures[f"{name}, {size:,}, p99 ms"] = wall[-1]
            figures[f"{name}, {size:,}, CPU p50 ms"] = cpu[len(cpu) // 2]
        for name in dict.fromkeys(name for name, _ in took):
            least, most = (figures[f"{name}, {size:,}, CPU p50 ms"] for size in SIZES)
            figures[f"{name}, CPU ratio"] = most / least
        for _, store in stores:
            store.close()
    return figures


def _deeds(store: Store, size: int, number: int) -> dict[str, Deed]:
    """What an operator does, each up to a full page, or to the end of what there is."""
    middle = size // 2 + number
    return {
        "newest page": lambda: page(store, DeliveryQuery()),
        "page in the middle": lambda: page(store, DeliveryQuery(), before=middle),
        "jump to a time": lambda: page(store, DeliveryQuery(), before=newest_at(store, later(middle / 60))),
        "word of every letter": lambda: _whole(store, DeliveryQuery(words=("принт",))),
        "letter of every letter": lambda: _whole(store, DeliveryQuery(words=("п",))),
        "two words": lambda: _whole(store, DeliveryQuery(words=("принт", "заявка"))),
        "rare word": lambda: _whole(store, DeliveryQuery(words=("аквамар",))),
        "absent word": lambda: _whole(store, DeliveryQuery(words=("нетакогослова",))),
        "number": lambda: _whole(store, DeliveryQuery(numbers=(f"rp-{number * size // 7 // ROUNDS}",))),
        "dead": lambda: _whole(store, DeliveryQuery(states=(DeliveryState.DEAD,))),
        "dead with a rare word": lambda: _whole(
            store, DeliveryQuery(states=(DeliveryState.DEAD,), words=(f"принтер {number}",))
        ),
        "person": lambda: _whole(store, DeliveryQuery(people=(f"olga{number}@",))),
        "count of dead": lambda: count(store, DeliveryQuery(states=(DeliveryState.DEAD,))),
        "acknowledged by her": lambda: _whole(store, DeliveryQuery(acknowledged_by=("olga",))),
        "dead, not acknowledged": lambda: _whole(
            store, DeliveryQuery(states=(DeliveryState.DEAD,), acknowledged=(False,))
        ),
        "not acknowledged": lambda: _whole(store, DeliveryQuery(acknowledged=(False,))),
        "count of acknowledged": lambda: count(store, DeliveryQuery(acknowledged=(True,))),
        "count of all": lambda: count(store, DeliveryQuery()),
    }


def _whole(store: Store, query: DeliveryQuery) -> None:
    """A page, however many calls it takes."""
    before: int | None = None
    found = 0
    while True:
        some = page(store, query, before=before)
        found += len(some.rows)
        if some.ended or found >= 200:
            return
        before = some.looked_to


def _vary(store: Store, size: int) -> None:
    """Give each letter some words of its own, the frequent ones more often."""
    choice = random.Random(1)
    known = ["".join(choice.choices(LETTERS, k=choice.randint(3, 11))) for _ in range(VOCABULARY)]
    weights = list(accumulate(1 / (place + 3) for place in range(VOCABULARY)))

    def some(connection: Connection, start: int) -> None:
        rows = [
            (number, " ".join(choice.choices(known, cum_weights=weights, k=WORDS_EACH)))
            for number in range(start, min(start + CHUNK, size + 1))
        ]
        bulk.update_rows(connection, tables.notification, ("id", "html"), rows)
        connection.exec_driver_sql(
            f"UPDATE notification SET text = text || html WHERE id >= {rows[0][0]} AND id <= {rows[-1][0]}"
        )

    for start in range(1, size + 1, CHUNK):
        store.write(lambda connection, start=start: some(connection, start))


def _acknowledge(connection: Connection) -> None:
    """Half of what is dead is acknowledged, and one letter in fifty."""
    made = "CASE WHEN id % 2 = 0 THEN 'olga' ELSE 'ivan' END, '' FROM delivery"
    connection.exec_driver_sql(
        f"INSERT INTO acknowledgement (delivery_id, at, who, note) SELECT id, created_at, {made}"
        f" WHERE id % 50 = 7 OR (state = {DeliveryState.DEAD.value} AND id % 2000 = 0)"
    )


def _indexed(store: Store, size: int) -> dict[str, float]:
    """Fill the index; what a letter costs."""
    begun, cpu, longest = time.perf_counter(), time.process_time(), 0.0
    while True:
        at = time.perf_counter()
        if not search_index.step(store):
            break
        longest = max(longest, time.perf_counter() - at)
    query = "SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'delivery_search%'"
    with store.read() as connection:
        room = float(connection.exec_driver_sql(query).scalar() or 0)
    return {
        f"index: {size:,} letters, µs each": (time.perf_counter() - begun) / size * 1e6,
        f"index: {size:,} letters, CPU µs each": (time.process_time() - cpu) / size * 1e6,
        f"index: {size:,} letters, bytes each": room / size,
        f"index: {size:,} letters, longest step ms": longest * 1000,
    }
