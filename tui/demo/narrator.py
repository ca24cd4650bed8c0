"""Says over the live pane what there is to see in the demo."""

import threading
from collections.abc import Callable
from itertools import cycle

from store.rulebook import list_rules
from tui.app import ConsoleApp
from tui.demo.activity import SwitchedOff

EFFECT_S = 10.0
"""How long the effect of the switched-off action is told."""
TIP_S = 8.0
TIPS = ("demo.tip_open", "demo.tip_dead", "demo.tip_switch", "demo.tip_deliveries")


class Narrator:
    """Tells a welcome, then the effect of an action that was switched off, then hints in turn."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app
        self._stop = threading.Event()
        self._effect = threading.Event()
        self._switched: SwitchedOff | None = None
        self._thread = threading.Thread(target=self._run, name="demo-narrator", daemon=True)
        app.notice = app.texts("demo.welcome")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; may be called twice."""
        self._stop.set()
        self._effect.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def switched(self, effect: SwitchedOff) -> None:
        """An action was switched off for one event, with this effect."""
        self._switched = effect
        self._effect.set()

    def _run(self) -> None:
        self._effect.wait()
        effect = self._switched
        if effect is not None:
            self._say(lambda: self._app.texts("demo.effect", title=self._title(effect.code), number=effect.number))
        seconds = EFFECT_S
        for tip in cycle(TIPS):
            if self._stop.wait(seconds):
                return
            self._say(lambda tip=tip: self._app.texts(tip))
            seconds = TIP_S

    def _title(self, code: str) -> str:
        found = [rule for rule in list_rules(self._app.store) if rule.code == code]
        return found[0].titles.get(self._app.texts.language, code) if found else code

    def _say(self, words: Callable[[], str]) -> None:
        self._app.call_later_from_thread(self._app.show_notice, words())
