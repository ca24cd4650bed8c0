"""A glimpse at an SQLite store without SQLAlchemy, which takes 0.2 s to load.

It is for the first frame of the console, which is painted in the right language before the store is open. Whatever
stands in the way (no file, another engine, an older schema) is left to the real opening to report.
"""

import sqlite3
from pathlib import Path

from store.vocabulary import Language

_PREFIX = "sqlite:///"


def company_language(url: str) -> Language | None:
    """The company's language, `None` where it cannot be read at once."""
    path = Path(url.removeprefix(_PREFIX).partition("?")[0])
    if not url.startswith(_PREFIX) or not path.is_file():
        return None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.05)
        try:
            row = connection.execute("SELECT language FROM company").fetchone()
        finally:
            connection.close()
        return Language(row[0]) if row else None
    except (sqlite3.Error, ValueError):
        return None
