"""Alembic migrations, from the first day."""

KNOWN = (
    "0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013", "0014",
    "0015", "0016", "0018", "0019",
)  # fmt: skip
"""Every revision this program knows, oldest first; a test holds it against the scripts."""
HEAD = KNOWN[-1]
"""The revision this program works with."""
