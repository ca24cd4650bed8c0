"""What the figures are to be: a bench prints each figure with its aim beside it, and whether it is reached."""

AT_LEAST, AT_MOST = "≥", "≤"
AIMS: dict[str, tuple[str, float]] = {
    "ratio, whole line / bare": (AT_LEAST, 0.8),
    "CPU s per 1,000 letters": (AT_MOST, 0.2),
    "Vestnik, CPU s per 1,000": (AT_MOST, 0.2),
    "ratio, letters/s, Vestnik / aiosmtplib": (AT_LEAST, 0.8),
    "ratio, letters/s, Vestnik / post_office": (AT_LEAST, 8),
    "ratio, letters/s, Vestnik / Postfix": (AT_LEAST, 5),
    "ratio, 5 ms, Vestnik / aiosmtplib": (AT_LEAST, 1.8),
    "ratio, 50 ms, Vestnik / aiosmtplib": (AT_LEAST, 1.8),
    "SQLite, from enqueueing to the server's 250, p99, ms": (AT_MOST, 20),
    "PostgreSQL, from enqueueing to the server's 250, p99, ms": (AT_MOST, 20),
    "SQLite, ratio, a million old / empty": (AT_LEAST, 0.9),
    "PostgreSQL, ratio, a million old / empty": (AT_LEAST, 0.9),
    "SQLite, ratio, peak memory, pending": (AT_MOST, 1.2),
    "PostgreSQL, ratio, peak memory, pending": (AT_MOST, 1.2),
    "SQLite, ratio, peak memory, unplanned": (AT_MOST, 1.2),
    "PostgreSQL, ratio, peak memory, unplanned": (AT_MOST, 1.2),
}
"""By the label of the figure."""


def aim_of(label: str, value: float) -> str:
    """The aim of a figure in words; empty where it has none."""
    if label not in AIMS:
        return ""
    sense, aim = AIMS[label]
    reached = value >= aim if sense == AT_LEAST else value <= aim
    return f"   aim {sense} {aim:g}: {'reached' if reached else 'missed'}"
