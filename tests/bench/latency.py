"""How long a letter takes from being handed in to the server's 250 while a thousand events a second come in.

A program hands them in one by one as they fall due (`feeder.py`), beside a dispatcher that runs. A letter is known at
the sink by its Message-ID. It is counted from the moment its event was to be handed in, and from the moment the event
was durable. All letters of a round count; the medians of the rounds are told.
"""

from sqlalchemy import select

from store import tables
from store.engine import Store
from store.message_ids import PURPOSE, message_id
from tests.bench.feeder import Fed, feed
from tests.bench.line import arrivals, desk, dispatching
from tests.bench.processes import until
from tests.bench.sink import Sink
from tests.bench.stores import NewStore, on_each_engine
from tests.bench.whole_line import medians
from tests.desk import SENDING

PER_SECOND = 1_000
ROUNDS = 3
WARMING = 1_000
"""So many letters go before those that are counted: what a program does for the first time takes longer."""
DOMAIN = SENDING.system_address.rpartition("@")[2]


def measure_latency(letters: int) -> dict[str, float]:
    """Milliseconds on each engine: median, 99 of 100, and the worst."""

    def measure(engine: str, new: NewStore) -> dict[str, float]:
        with Sink() as sink:
            rounds = [_round(engine, new(), letters, sink) for _ in range(ROUNDS)]
        return medians(rounds)

    return {"letters": letters, "a second": PER_SECOND, **on_each_engine(measure)}


def _round(engine: str, url: str, letters: int, sink: Sink) -> dict[str, float]:
    with desk(url, sink.port) as store:
        with dispatching(store, url):
            fed = feed(url, WARMING + letters, PER_SECOND)
            until(lambda: sink.received() >= WARMING + letters)
        came = arrivals(sink, WARMING + letters)
        names = _names(store)
    fed = fed[WARMING:]
    by_name = {names[mark]: at for mark, at in came.items()}
    kinds = {
        "from enqueueing to acceptance": [accepted - due for _, due, accepted in fed],
        "from acceptance to the server's 250": [by_name[name] - accepted for name, _, accepted in fed],
        "from enqueueing to the server's 250": [by_name[name] - due for name, due, _ in fed],
    }
    figures = {f"{engine}, rate that was kept": _rate(fed)}
    for kind, took in kinds.items():
        took.sort()
        for word, at in (("p50", len(took) // 2), ("p99", max(len(took) * 99 // 100 - 1, 0)), ("max", len(took) - 1)):
            figures[f"{engine}, {kind}, {word}, ms"] = took[at] * 1000
    return figures


def _rate(fed: Fed) -> float:
    accepted = [at for _, _, at in fed]
    return (len(fed) - 1) / (max(accepted) - min(accepted))


def _names(store: Store) -> dict[str, str]:
    """The id of the event by the Message-ID of its letter."""
    d, e, key = tables.delivery, tables.event, store.keyring.derive(PURPOSE)
    wanted = select(d.c.id, d.c.created_at, e.c.external_id).join(e, e.c.id == d.c.event_id)
    with store.read() as connection:
        return {message_id(key, row.id, row.created_at, DOMAIN): row.external_id for row in connection.execute(wanted)}
