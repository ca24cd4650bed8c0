"""`python -m tests.bench [name…] [letters]`: figures with their baselines, ratios and aims, as JSON at the end.

Without a name: what takes a few minutes in all. `all`: everything, with stores of a million, in half an hour and more.
Of `crash` the number is that of kills, of `restarts` that of restarts.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module

from tests.bench.aims import aim_of

LETTERS = {
    "whole_line": 5_000,
    "peers": 5_000,
    "round_trip": 1_000,
    "latency": 10_000,
    "engines": 5_000,
    "old_rows": 5_000,
    "backlog": 10_000,
    "crash": 60,
    "restarts": 12,
    "shares": 6_000,
}
"""How many letters a bench sends, where it is asked how many."""
MODULES = {"restarts": "crash", "clock": "deadlines", "real_time": "deadlines", "reschedule": "deadlines"}
"""Where a bench is, if not in the module of its name."""
USUAL = ("whole_line", "peers", "round_trip", "latency", "engines", "idle", "cost_per_event", "first_paint")
LONG = (
    "old_rows", "backlog", "crash", "restarts", "shares", "pane", "consoles", "clock", "real_time", "reschedule",
    "board", "search",
)  # fmt: skip


def main() -> None:
    """Run the benches that are named."""
    words = sys.argv[1:]
    names = [word for word in words if not word.isdecimal()] or list(USUAL)
    if names == ["all"]:
        names = [*USUAL, *LONG]
    if unknown := set(names) - {*USUAL, *LONG}:
        sys.exit(f"no bench is called {', '.join(sorted(unknown))}; there are: {', '.join((*USUAL, *LONG))}, all")
    letters = next((int(word) for word in words if word.isdecimal()), None)
    figures: dict[str, dict[str, float]] = {}
    for name in names:
        figures[name] = bench_of(name, letters)()
        print(f"\n{name}")
        for label, value in figures[name].items():
            print(f"  {label:<56} {value:>12,.3f}{aim_of(label, value)}", flush=True)
    print(json.dumps(figures, ensure_ascii=False))


def bench_of(name: str, letters: int | None = None) -> Callable[[], dict[str, float]]:
    """A bench by its name; imported only now, because some need what others do not."""
    module = import_module(f"tests.bench.{MODULES.get(name, name)}")
    measure: Callable[..., dict[str, float]] = getattr(module, f"measure_{name}")
    return partial(measure, letters or LETTERS[name]) if name in LETTERS else measure


if __name__ == "__main__":
    main()
