"""Silent mode: letters are held while it is in force, and go out or are withdrawn when it ends."""

from dataclasses import dataclass

from sqlalchemy import Connection

from store import outbox
from store.cards import SilentMode
from store.engine import Store
from store.settings import save_silent_mode_in, silent_mode_in

HOLD_SILENT = "silent_mode"
"""The reason of letters that are held by it."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Silent mode, and how many letters it holds."""

    mode: SilentMode
    held: int


def read_silence(store: Store) -> Silence:
    """Silent mode as it is now."""
    with store.read() as connection:
        return Silence(silent_mode_in(connection), outbox.held_count(connection, HOLD_SILENT))


def save_silence(store: Store, mode: SilentMode, who: str, *, cancel_held: bool = False) -> int:
    """Save silent mode, and with `cancel_held` withdraw what it holds; gives how many letters that were.

    What is held and not withdrawn leaves by itself when silent mode is over.

    Raises:
        SettingsError: An exception is neither an address nor a domain, or the end is out of range.
    """

    def change(connection: Connection) -> int:
        save_silent_mode_in(connection, store, mode, who)
        return outbox.cancel_held(connection, store.clock(), HOLD_SILENT, who) if cancel_held else 0

    return store.write(change)
