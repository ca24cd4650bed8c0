"""A screen that reads what it shows again when the store has changed."""

import threading
from collections.abc import Callable

from textual.screen import ScreenResultType

from tui.spoken import Spoken
from tui.store_follower import follow


class Following(Spoken[ScreenResultType]):
    """Follows the store until it is left."""

    def __init__(self) -> None:
        super().__init__()
        self._gone = threading.Event()

    def on_unmount(self) -> None:
        """Nothing is followed any longer."""
        self._gone.set()

    def follow_store(self, load: Callable[[], object]) -> None:
        """Have something read again, in a thread, after each change of the store while the screen is in front."""

        def watch() -> None:
            follow(self.store, self._gone, lambda: self.is_current, load)

        self.run_worker(watch, group="watch", thread=True, exit_on_error=False)
