"""Tells the story to the store in a thread of its own, at the pace of the story."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dispatch import intake
from store import journal, rulebook
from store.engine import Store
from store.vocabulary import Language
from tui.demo import story
from tui.demo.desk import WHO

PLANNED_WITHIN_S = 10.0
"""How long a switched-off action waits for the dispatcher to have decided."""


@dataclass(frozen=True, slots=True)
class SwitchedOff:
    """What came of an event that was told while its action was switched off."""

    code: str
    event: str
    number: str
    reasons: tuple[str, ...]
    letters: int

    @property
    def obeyed(self) -> bool:
        """Whether the action was left out for that reason, and no letter was made."""
        return self.reasons == ("rule_off",) and self.letters == 0


@dataclass(slots=True)
class Told:
    """What has been told so far."""

    events: int = 0
    rejected: list[str] = field(default_factory=list[str])
    switched_off: SwitchedOff | None = None
    failure: str = ""


class Activity:
    """The story's thread.

    For one beat of it an event action is switched off, to show the effect.

    Args:
        on_switched: Called, in the story's thread, with what came of the action that was switched off.
    """

    def __init__(
        self, store: Store, language: Language, *, on_switched: Callable[[SwitchedOff], None] | None = None
    ) -> None:
        self.told = Told()
        self._store = store
        self._language = language
        self._on_switched = on_switched
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-story", daemon=True)

    def start(self) -> None:
        """Begin; the first event comes at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the event in hand; may be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=PLANNED_WITHIN_S + 5)

    def _run(self) -> None:
        try:
            for beat in story.tell(self._language):
                if self._stop.wait(beat.after_s):
                    return
                if beat.switched_off and self.told.switched_off is None:
                    self._tell_switched_off(beat)
                else:
                    self._tell(beat)
        except Exception as error:  # noqa: BLE001 - the end of a thread: kept for the report
            self.told.failure = f"{type(error).__name__}: {error}"

    def _tell(self, beat: story.Beat) -> str:
        sequence = self.told.events + 1
        receipts = intake.emit(self._store, story.to_text(beat, sequence, self._store.clock()))
        self.told.rejected += [receipt.reason for receipt in receipts if receipt.outcome != "accepted"]
        self.told.events = sequence
        return story.event_id(sequence)

    def _tell_switched_off(self, beat: story.Beat) -> None:
        code = story.SWITCHED_OFF
        rulebook.set_enabled(self._store, [code], False, WHO)
        try:
            key = self._tell(beat)
            self.told.switched_off = self._effect(key, code, beat.number)
        finally:
            rulebook.set_enabled(self._store, [code], True, WHO)
        if self._on_switched is not None:
            self._on_switched(self.told.switched_off)

    def _effect(self, key: str, code: str, number: str) -> SwitchedOff:
        """Wait until the event is planned, then read what was decided about the action."""
        ends = time.monotonic() + PLANNED_WITHIN_S
        while True:
            events = journal.story(self._store, key)
            if (events and events[0].planned_at is not None) or time.monotonic() > ends:
                break
            time.sleep(0.05)
        reasons = [card.reason for event in events for card in event.decisions if card.rule_code == code]
        letters = sum(card.row.rule_code == code for event in events for card in event.deliveries)
        return SwitchedOff(code, key, number, tuple(reasons), letters)
