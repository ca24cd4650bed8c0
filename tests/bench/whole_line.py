"""Letters per second through the whole line, against bare aiosmtplib with ready bytes over as many connections.

The line as it is used: the dispatcher runs and is idle; the clock goes from the start of `vestnik emit` (a process,
its start-up included) until the last letter is settled in the store. Beside it each step alone, with its start-up.
Baseline and line take turns; the medians count.
"""

import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from store.limits import MOST_CONNECTIONS
from tests.bench.bare import send_bare
from tests.bench.line import carry, desk, expect, write_events
from tests.bench.processes import ended, vestnik
from tests.bench.sink import Sink

ROUNDS = 3


def measure_whole_line(letters: int) -> dict[str, float]:
    """Medians of some rounds of the baseline, the line as it is used, and the line step by step."""
    rounds: list[dict[str, float]] = []
    with Sink() as sink:
        for _ in range(ROUNDS):
            bare = send_bare(sink.port, letters, MOST_CONNECTIONS)
            expect(sink, letters)
            rounds.append({"bare aiosmtplib, letters/s": letters / bare.spent_s})
            rounds[-1] |= _as_used(sink, letters) | _step_by_step(sink, letters)
            rounds[-1]["ratio, whole line / bare"] = rounds[-1]["whole line, letters/s"] * bare.spent_s / letters
    return {"letters": letters, **medians(rounds)}


def medians(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def _as_used(sink: Sink, letters: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/vestnik.db"
        events = write_events(Path(folder) / "events.jsonl", letters)
        with desk(url, sink.port) as store:
            took = carry(store, url, events, letters, sink)
    return {
        "whole line, letters/s": took.rate,
        "CPU s per 1,000 letters": took.cpu_per_1000,
        "  of it emit, with start-up": took.emit * 1000 / letters,
        "  of it the dispatcher": took.dispatchers * 1000 / letters,
    }


def _step_by_step(sink: Sink, letters: int) -> dict[str, float]:
    """Emit, and only then a dispatcher, each with its start-up."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/vestnik.db"
        events = write_events(Path(folder) / "events.jsonl", letters)
        with desk(url, sink.port):
            pass
        begun = time.perf_counter()
        used_s = ended(vestnik(url, "emit", str(events)))
        emitted = time.perf_counter()
        used_s += ended(vestnik(url, "dispatch", "--until-idle"))
        all_sent = time.perf_counter()
    expect(sink, letters)
    return {
        "emit alone, events/s": letters / (emitted - begun),
        "dispatch alone, letters/s": letters / (all_sent - emitted),
        "one after the other, letters/s": letters / (all_sent - begun),
        "one after the other, CPU s per 1,000": used_s * 1000 / letters,
    }
