"""Python's own settings for a process of ours: one that accepts, dispatches, or is a console."""

import gc
import sys

SWITCH_INTERVAL_S = 0.0002
"""Hand the interpreter over sooner: a statement with many rows in the writer thread beside a busy event loop
fell from 676,000 to 3,000 rows/s with Python's own 5 ms."""
COLLECT_AFTER = 50_000
"""New objects before the garbage collector looks at them. Batches are trees of small objects that die together
without its help; Python's own 700 made it look at them again and again, for a third of all CPU."""


def collect_seldom() -> None:
    """Have the garbage collector look less often: while a program starts, all it would find is what stays."""
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def prepare() -> None:
    """Suit the interpreter to the hot path; for a whole process, so only a command of its own calls it."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()  # what the imports made stays for good
    collect_seldom()
