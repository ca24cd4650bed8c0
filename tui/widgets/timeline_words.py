"""The time machine in words: thresholds, what became of them, and what is to come."""

from datetime import timedelta

from dispatch.context import humanise
from dispatch.thresholds import LATE, Outcome
from dispatch.timeline import Line, Step, Timeline
from store.sanitise import clean_line
from tui.texts import Texts


def threshold_in_words(key: str, again: int, texts: Texts) -> str:
    """A threshold by its key in the ledger; `again` is minutes after it, for a repeat."""
    words = key.partition("+")[0]
    working = words.endswith(":working")
    place, kind, value = words.removesuffix(":working").rsplit(":", 2)
    if place.endswith(":waiting"):
        return texts("rules.waiting_days", days=clean_line(value))
    found = texts.get(f"rules.threshold_{kind}", clean_line(kind)).format(value=clean_line(value))
    found = texts("timeline.working", words=found) if working else found
    return texts("timeline.again", again=found, span=span_in_words(again * 60_000_000, texts)) if again else found


def span_in_words(micros: int, texts: Texts) -> str:
    """A span in µs in its two largest units."""
    return humanise(timedelta(microseconds=micros), texts.language)


def state_of(step: Step, line: Line, found: Timeline) -> str:
    """Where a step stands: `told`, `told_late`, the outcome of one nobody was told of, `coming`, `now`, `assumed`."""
    if step.outcome is not Outcome.FIRED:
        return step.outcome.value
    if step in line.assumed:
        return "assumed"
    if step in line.coming:
        return "now" if step.at <= found.now else "coming"
    return "told_late" if step.at - step.reached > LATE else "told"


def step_in_words(step: Step, line: Line, found: Timeline, texts: Texts) -> str:
    """What became of a step, or will."""
    return texts(f"timeline.{state_of(step, line, found)}", **_late(step, line, found, texts))


def _late(step: Step, line: Line, found: Timeline, texts: Texts) -> dict[str, str]:
    late = state_of(step, line, found) == "told_late"
    return {"span": span_in_words(step.at - step.reached, texts)} if late else {}
