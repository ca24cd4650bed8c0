"""Vestnik and bare aiosmtplib with a server 5 and 50 ms away, over as many connections: what pipelining is worth.

A proxy (`proxy.py`) lets every byte wait; the connections are as many as a dispatcher opens to one server. The rate is
that between the first and the last letter's arrival, so no start-up is in it. In turns; medians.
"""

import tempfile
from pathlib import Path

from store.limits import MOST_CONNECTIONS
from tests.bench.bare import send_bare
from tests.bench.line import arrivals, desk, dispatching, write_events
from tests.bench.processes import ended, until, vestnik
from tests.bench.proxy import Proxy
from tests.bench.sink import Sink
from tests.bench.whole_line import medians

ROUND_TRIPS_MS = (5, 50)
ROUNDS = 3


def measure_round_trip(letters: int) -> dict[str, float]:
    """Letters a second of both at each distance, and the ratio; so many at 5 ms, a fifth of them at 50."""
    figures: dict[str, float] = {"connections": MOST_CONNECTIONS}
    for distance in ROUND_TRIPS_MS:
        number = max(letters if distance == min(ROUND_TRIPS_MS) else letters // 5, 10 * MOST_CONNECTIONS)
        rounds: list[dict[str, float]] = []
        with Sink() as sink, Proxy(sink.port, distance / 1000) as proxy:
            measured_ms = proxy.round_trip_s() * 1000
            for _ in range(ROUNDS):
                send_bare(proxy.port, number, MOST_CONNECTIONS)
                bare = _rate(sink, number)
                _vestnik(proxy.port, number, sink)
                ours = _rate(sink, number)
                rounds.append(
                    {
                        f"{distance} ms, aiosmtplib, letters/s": bare,
                        f"{distance} ms, Vestnik, letters/s": ours,
                        f"ratio, {distance} ms, Vestnik / aiosmtplib": ours / bare,
                    }
                )
        figures[f"{distance} ms, letters"] = number
        figures[f"{distance} ms, as it is, ms"] = measured_ms
        figures |= medians(rounds)
    return figures


def _vestnik(port: int, letters: int, sink: Sink) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/vestnik.db"
        events = write_events(Path(folder) / "events.jsonl", letters)
        with desk(url, port) as store, dispatching(store, url):
            emit = vestnik(url, "emit", str(events))
            until(lambda: sink.received() >= letters)
            ended(emit)


def _rate(sink: Sink, letters: int) -> float:
    """Letters a second between the first arrival and the last."""
    times = arrivals(sink, letters).values()
    return (letters - 1) / (max(times) - min(times))
