"""Letters and notifications by the hour, as columns of characters. Pure."""

from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"
STEPS = len(BLOCKS) - 1


def columns(values: Sequence[int], height: int, width: int) -> list[str]:
    """Rows from the top down: a column of `width` cells for each value, the largest `height` rows high.

    Wide columns have a gap after them. What is not nothing is seen: it is an eighth of a row at least.
    """
    most = max(values, default=0) or 1
    eighths = [max(1, value * height * STEPS // most) if value else 0 for value in values]
    rows: list[str] = []
    for row in range(height - 1, -1, -1):
        filled = (min(max(one - row * STEPS, 0), STEPS) for one in eighths)
        rows.append("".join((BLOCKS[one] * max(1, width - 1)).ljust(width) for one in filled))
    return rows
