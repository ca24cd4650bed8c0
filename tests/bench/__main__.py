"""`python -m tests.bench [letters]`: prints each figure with its baseline and the ratio, as JSON at the end."""

import json
import sys

from tests.bench.cost_per_event import measure_cost_per_event
from tests.bench.first_paint import measure_first_paint
from tests.bench.whole_line import measure_whole_line


def main() -> None:
    """Run all benchmarks."""
    letters = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    figures = {
        "cost_per_event": measure_cost_per_event(),
        "whole_line": measure_whole_line(letters),
        "first_paint": measure_first_paint(),
    }
    for name, figure in figures.items():
        print(f"\n{name}")
        for label, value in figure.items():
            print(f"  {label:<48} {value:>12,.3f}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
