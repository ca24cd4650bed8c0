"""A program that hands in events at a steady rate, as the gateway of a service desk does: by `dispatch.intake.emit`.

`python -m tests.bench.feeder URL EVENTS PER_SECOND` prints as JSON, for each event, its id, the moment it was to be
handed in and the moment it was accepted, that is durable; seconds since the epoch. `vestnik emit` is for files and
streams: it takes a stream a megabyte at a time.
"""

import json
import subprocess
import sys
import time
from contextlib import closing

from dispatch import interpreter
from dispatch.intake import emit
from store.engine import Store
from tests.bench.line import events_of
from tests.bench.processes import ended

PAUSE_S = 0.001
Fed = list[tuple[str, float, float]]


def feed(url: str, events: int, per_second: int) -> Fed:
    """Hand in so many events from another process, and wait for it."""
    command = [sys.executable, "-m", "tests.bench.feeder", url, str(events), str(per_second)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    ended(process)
    return [(name, due, accepted) for name, due, accepted in json.loads(said)]


def _feed(url: str, events: int, per_second: int) -> Fed:
    made = [(one["id"], json.dumps(one, ensure_ascii=False)) for one in events_of(events)]
    fed: Fed = []
    with closing(Store.open(url)) as store:
        begun = time.time() + PAUSE_S
        while len(fed) < events:
            due = min(int((time.time() - begun) * per_second) + 1, events)
            portion = made[len(fed) : max(due, len(fed))]
            if not portion:
                time.sleep(PAUSE_S)
                continue
            receipts = emit(store, "\n".join(text for _, text in portion))
            accepted = time.time()
            assert all(receipt.outcome == "accepted" for receipt in receipts), receipts
            first = len(fed)
            # From when it was to be handed in: a line that makes the feeder wait does not look better for it.
            fed += [(name, begun + number / per_second, accepted) for number, (name, _) in enumerate(portion, first)]
    return fed


if __name__ == "__main__":
    interpreter.prepare()
    print(json.dumps(_feed(sys.argv[1], *(int(word) for word in sys.argv[2:]))))
