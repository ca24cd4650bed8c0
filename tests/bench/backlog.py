"""The dispatcher's memory with a million letters waiting against ten thousand, and with as many unplanned events.

A dispatcher is started on a store that has them already (`filling.py`), and stopped when it has sent so many. Its peak
is the kernel's (VmHWM), of its whole life. On SQLite, and on PostgreSQL where there is one.
"""

import time
from collections.abc import Callable

from sqlalchemy import func, select

from store import tables
from store.engine import Store
from store.vocabulary import DeliveryState
from tests.bench.filling import fill_with_pending, fill_with_unplanned
from tests.bench.line import desk, stop
from tests.bench.processes import peak_mb, until, vestnik
from tests.bench.sink import Sink
from tests.bench.stores import NewStore, on_each_engine

SIZES = (10_000, 1_000_000)


def measure_backlog(letters: int, sizes: tuple[int, int] = SIZES) -> dict[str, float]:
    """Megabytes with each backlog until so many letters are sent, and their ratio; letters a second on the way."""
    kinds: dict[str, Callable[[Store, int], None]] = {"pending": fill_with_pending, "unplanned": fill_with_unplanned}

    def measure(engine: str, new: NewStore) -> dict[str, float]:
        figures: dict[str, float] = {}
        for kind, fill in kinds.items():
            peaks: list[float] = []
            for size in sizes:
                peak, rate = _sent_of(new(), fill, size, min(letters, *sizes))
                peaks.append(peak)
                figures[f"{engine}, {size:,} {kind}, peak MB"] = peak
                figures[f"{engine}, {size:,} {kind}, letters/s"] = rate
            figures[f"{engine}, ratio, peak memory, {kind}"] = peaks[1] / peaks[0]
        return figures

    return {"letters": min(letters, *sizes), **on_each_engine(measure)}


def _sent_of(url: str, fill: Callable[[Store, int], None], size: int, letters: int) -> tuple[float, float]:
    """Send so many of a backlog; gives the dispatcher's peak and the rate from the first letter on.

    Raises:
        RuntimeError: A letter arrived twice, or the store knows of others than the sink.
    """
    with Sink() as sink, desk(url, sink.port) as store:
        fill(store, size)
        process = vestnik(url, "dispatch")
        try:
            until(lambda: sink.received() > 0)
            begun, first = time.perf_counter(), sink.received()
            until(lambda: sink.received() >= letters)
            spent = time.perf_counter() - begun
            peak = peak_mb(process.pid)
        finally:
            stop([process])
        received, distinct = sink.counts()
        with store.read() as connection:
            wanted = select(func.count()).where(tables.delivery.c.state == DeliveryState.SENT.value)
            sent = connection.execute(wanted).scalar_one()
    if not received == distinct == sent:
        msg = f"{received} letters with {distinct} ids arrived, and the store has sent {sent}"
        raise RuntimeError(msg)
    return peak, (letters - first) / spent
