"""The rate with a million old letters in the store against that of an empty store, on both engines.

The old ones were sent, each with its event, its decision and its attempt (`filling.py`). The two stores take turns with
the same number of new letters, which stay; medians.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench.filling import fill_with_sent
from tests.bench.line import carry, desk, write_events
from tests.bench.sink import Sink
from tests.bench.stores import NewStore, on_each_engine
from tests.bench.whole_line import medians

OLD = 1_000_000
ROUNDS = 5


def measure_old_rows(letters: int, old: int = OLD) -> dict[str, float]:
    """Letters a second and CPU seconds per 1,000 of both stores, and the ratio of the rates, on each engine."""

    def measure(engine: str, new: NewStore) -> dict[str, float]:
        rounds: list[dict[str, float]] = []
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            sink = stack.enter_context(Sink())
            urls = {"empty": new(), "a million old": new()}
            desks = {name: stack.enter_context(desk(url, sink.port)) for name, url in urls.items()}
            fill_with_sent(desks["a million old"], old)
            for number in range(ROUNDS):
                events = write_events(folder / "events.jsonl", letters, number * letters)
                took = {name: carry(desks[name], url, events, letters, sink) for name, url in urls.items()}
                one = {f"{engine}, {name}, letters/s": took[name].rate for name in urls}
                one |= {f"{engine}, {name}, CPU s per 1,000": took[name].cpu_per_1000 for name in urls}
                one[f"{engine}, ratio, a million old / empty"] = took["a million old"].rate / took["empty"].rate
                rounds.append(one)
        return medians(rounds)

    return {"letters": letters, "old": old, **on_each_engine(measure)}
