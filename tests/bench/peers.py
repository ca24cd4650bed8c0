"""Vestnik against what one would otherwise take: the same letters to the same sink, the peers in turns in one run.

Some 2 KB of Cyrillic text and HTML about 1,000 objects. Vestnik's whole line (`whole_line.py`) plans and renders each
letter from an event and keeps why; bare aiosmtplib has ready bytes and keeps nothing; django-post_office and Postfix
keep a queue. A peer that is not installed is left out, with the reason. CPU and memory are those of all processes of
a peer; the sink is not counted. Medians of the rounds; each round is held to every letter having arrived once.
"""

import tempfile
from pathlib import Path

from store.limits import MOST_CONNECTIONS
from tests.bench.bare import send_bare
from tests.bench.line import carry, desk, expect, write_events
from tests.bench.post_office import NoPostOfficeError, send_by_post_office
from tests.bench.postfix_queue import send_by_postfix
from tests.bench.processes import Took
from tests.bench.sink import Sink
from tests.bench.whole_line import medians
from tests.postfix_server import NoPostfixError

ROUNDS = 3


def measure_peers(letters: int) -> dict[str, float]:
    """Letters a second, CPU seconds per 1,000 letters, memory and bytes a letter of each, and Vestnik's ratios."""
    peers = {"Vestnik": _vestnik, "aiosmtplib": _bare, "post_office": _post_office, "Postfix": _postfix}
    rounds: list[dict[str, float]] = []
    with Sink() as sink:
        for _ in range(ROUNDS):
            figures: dict[str, float] = {}
            for name, send in list(peers.items()):
                try:
                    took, size = send(sink, letters)
                except (NoPostOfficeError, NoPostfixError) as error:
                    print(f"{name} is left out: {error}")
                    del peers[name]
                else:
                    figures |= _figures(name, took, size, letters)
            rounds.append(figures | _ratios(figures, list(peers)[1:]))
    return {"letters": letters, **medians(rounds)}


def _figures(name: str, took: Took, size: float, letters: int) -> dict[str, float]:
    return {
        f"{name}, letters/s": letters / took.spent_s,
        f"{name}, CPU s per 1,000": took.cpu_s * 1000 / letters,
        f"{name}, peak MB": took.peak_mb,
        f"{name}, bytes a letter": size,
    }


def _ratios(figures: dict[str, float], names: list[str]) -> dict[str, float]:
    made: dict[str, float] = {}
    for name in names:
        made[f"ratio, letters/s, Vestnik / {name}"] = figures["Vestnik, letters/s"] / figures[f"{name}, letters/s"]
        cheaper = figures[f"{name}, CPU s per 1,000"] / figures["Vestnik, CPU s per 1,000"]
        made[f"ratio, letters per CPU s, Vestnik / {name}"] = cheaper
        if figures[f"{name}, peak MB"]:  # what is over too soon was not looked at
            made[f"ratio, memory, Vestnik / {name}"] = figures["Vestnik, peak MB"] / figures[f"{name}, peak MB"]
    return made


def _vestnik(sink: Sink, letters: int) -> tuple[Took, float]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/vestnik.db"
        events = write_events(Path(folder) / "events.jsonl", letters)
        with desk(url, sink.port) as store:
            took = carry(store, url, events, letters, sink)
    return Took(took.spent_s, took.cpu_s, took.peak_mb), took.size


def _bare(sink: Sink, letters: int) -> tuple[Took, float]:
    return send_bare(sink.port, letters, MOST_CONNECTIONS), expect(sink, letters)


def _post_office(sink: Sink, letters: int) -> tuple[Took, float]:
    return send_by_post_office(sink.port, letters), expect(sink, letters)


def _postfix(sink: Sink, letters: int) -> tuple[Took, float]:
    return send_by_postfix(sink, letters), expect(sink, letters)
