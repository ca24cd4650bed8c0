"""`python -m tests.bench [letters] [name…]`: prints each figure with its baseline and the ratio, as JSON at the end."""

import json
import sys
from collections.abc import Callable

from tests.bench.board import measure_board
from tests.bench.consoles import measure_consoles
from tests.bench.cost_per_event import measure_cost_per_event
from tests.bench.deadlines import measure_clock, measure_real_time, measure_reschedule
from tests.bench.first_paint import measure_first_paint
from tests.bench.pane import measure_pane
from tests.bench.search import measure_search
from tests.bench.whole_line import measure_whole_line


def main() -> None:
    """Run all benchmarks, or those named."""
    words = sys.argv[1:]
    letters = int(words.pop(0)) if words and words[0].isdecimal() else 5_000
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
    }
    figures = {name: bench() for name, bench in benches.items() if not words or name in words}
    for name, figure in figures.items():
        print(f"\n{name}")
        for label, value in figure.items():
            print(f"  {label:<48} {value:>12,.3f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
