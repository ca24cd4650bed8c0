"""`python -m tests.bench [name…] [letters]`: prints each figure with its baseline and the ratio, as JSON at the end.

Of `crash` the number is that of kills.
"""

import json
import sys
from collections.abc import Callable

from tests.bench.board import measure_board
from tests.bench.consoles import measure_consoles
from tests.bench.cost_per_event import measure_cost_per_event
from tests.bench.crash import measure_crash
from tests.bench.deadlines import measure_clock, measure_real_time, measure_reschedule
from tests.bench.first_paint import measure_first_paint
from tests.bench.pane import measure_pane
from tests.bench.search import measure_search
from tests.bench.whole_line import measure_whole_line


def main() -> None:
    """Run all benchmarks, or those named."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    words = [word for word in sys.argv[1:] if not word.isdecimal()]
    letters = numbers[0] if numbers else 5_000
    benches: dict[str, Callable[[], dict[str, float]]] = {
        "cost_per_event": measure_cost_per_event,
        "whole_line": lambda: measure_whole_line(letters),
        "first_paint": measure_first_paint,
        "pane": measure_pane,
        "consoles": measure_consoles,
        "clock": measure_clock,
        "real_time": measure_real_time,
        "reschedule": measure_reschedule,
        "board": measure_board,
        "search": measure_search,
        "crash": lambda: measure_crash(*numbers[:1]),
    }
    figures = {name: bench() for name, bench in benches.items() if not words or name in words}
    for name, figure in figures.items():
        print(f"\n{name}")
        for label, value in figure.items():
            print(f"  {label:<48} {value:>12,.3f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
