"""Letters shared by two and by five dispatchers on one store: each once, and how many each has sent of its fair share.

Of a fair share: 1 is as many as the others. The mail server is quick, so it is the store they compete for.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dispatch.intake import emit
from dispatch.planner import Planner
from store.engine import Store
from store.rulebook import list_rules, set_enabled
from tests.bench.crash import KEY
from tests.bench.sink import Sink
from tests.crashes import CODE
from tests.desk import event, furnish, lines, new_store_file, raise_limits
from tests.postgresql import Cluster, NoServerError

DISPATCHERS = (2, 5)


def measure_shares(letters: int) -> dict[str, float]:
    """Figures by engine and number of dispatchers.

    Raises:
        RuntimeError: A letter came twice, or did not come.
    """
    os.environ.setdefault("VESTNIK_KEY", KEY)
    figures: dict[str, float] = {}
    with Sink() as sink:
        for engine, number, url in _stores():
            with closing(Store.open(url)) as store:
                _fill(store, sink, letters)
            shares = sorted(_sent(url, number))
            received, distinct = sink.counts()
            if (received, distinct, sum(shares)) != (letters, letters, letters):
                msg = f"{received} letters with {distinct} ids arrived of {letters}, {sum(shares)} are said to be sent"
                raise RuntimeError(msg)
            figures[f"{engine}, {number} dispatchers: least, of a fair share"] = shares[0] * number / letters
            figures[f"{engine}, {number} dispatchers: most, of a fair share"] = shares[-1] * number / letters
    return figures


def _stores() -> Iterator[tuple[str, int, str]]:
    for number in DISPATCHERS:
        with tempfile.TemporaryDirectory() as folder:
            yield "SQLite", number, new_store_file(Path(folder) / "vestnik.db")
    try:
        with Cluster() as cluster:
            for number in DISPATCHERS:
                yield "PostgreSQL", number, cluster.new_database()
    except NoServerError as error:
        print(f"PostgreSQL is left out: {error}")


def _fill(store: Store, sink: Sink, letters: int) -> None:
    furnish(store, port=sink.port)
    raise_limits(store)
    set_enabled(store, [rule.code for rule in list_rules(store) if rule.code != CODE], False, "bench")
    made = (event("request.comment_added", one % 1000, f"e{one}", comment={"text": "Готово"}) for one in range(letters))
    emit(store, lines(*made))
    planner = Planner(store)
    while planner.plan_now():
        pass


def _sent(url: str, number: int) -> list[int]:
    command = [sys.executable, "-m", "tui", "--store", url, "dispatch", "--until-idle", "--json"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(number)]
    return [int(json.loads(process.communicate()[0])["sent"]) for process in running]
