"""Files for systemd that run a dispatcher and make backups, filled in for this installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

PLACES = {
    "vestnik.service": "etc/systemd/system/vestnik.service",
    "vestnik-backup.service": "etc/systemd/system/vestnik-backup.service",
    "vestnik-backup.timer": "etc/systemd/system/vestnik-backup.timer",
    "sysusers.conf": "etc/sysusers.d/vestnik.conf",
    "tmpfiles.conf": "etc/tmpfiles.d/vestnik.conf",
}
"""Where each goes, below the root of a system."""
ON_SQLITE = frozenset({"vestnik-backup.service", "vestnik-backup.timer", "tmpfiles.conf"})
"""A database server has backups of its own."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A file and what stands in it; `path` is below the root of a system."""

    path: Path
    text: str


def units(program: Sequence[str], url: str) -> list[Unit]:
    """The files for a store.

    Args:
        program: How Vestnik is started, an absolute path first.
        url: Of the store; without a password, because everybody may read these files.
    """
    folder, words = files(__name__), {"@VESTNIK@": " ".join(map(_word, program)), "@STORE@": _word(url)}
    found: list[Unit] = []
    for name, place in PLACES.items():
        if name in ON_SQLITE and not url.startswith("sqlite"):
            continue
        text = (folder / name).read_text("utf-8")
        for sign, word in words.items():
            text = text.replace(sign, word)
        found.append(Unit(Path(place), text))
    return found


def _word(text: str) -> str:
    """A word of a command as systemd reads it."""
    quoted = text.replace("%", "%%").replace("$", "$$").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"' if quoted != text or " " in text else text
