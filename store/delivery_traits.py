"""What a filter of deliveries may ask for. Loads no database, so that a filter can be read before the store is open."""

from dataclasses import dataclass, field
from datetime import datetime

from store.vocabulary import Channel, DeliveryState


@dataclass(frozen=True, slots=True)
class Traits:
    """What deliveries may be told by. Of each kind any will do, except of the words.

    Attributes:
        words: Each is the beginning of a word in the subject, the text, the object's number or the recipient; one with
            blanks stands for words in a row.
        states: Where they stand.
        channels: How they travel.
        types: Types of objects.
        events: Types of what happened to them.
        numbers: Numbers or ids of objects, whole.
        people: Words that are all in the recipient's name or address, or a whole login.
        rules: Beginnings of the parts of a rule's code, e.g. `request.added` or `client`.
        reasons: Reason codes and error classes, whole.
        ids: Numbers of deliveries.
        storm: Those a storm holds; one more of the `states`.
        acknowledged: Whether somebody has acknowledged them.
        acknowledged_by: Beginnings of the name of whoever has; beside `acknowledged`, any will do.
    """

    words: tuple[str, ...] = ()
    states: tuple[DeliveryState, ...] = ()
    channels: tuple[Channel, ...] = ()
    types: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    ids: tuple[int, ...] = ()
    storm: bool = False
    acknowledged: tuple[bool, ...] = ()
    acknowledged_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryQuery(Traits):
    """Which deliveries are wanted: those that have one of each kind asked for, and all of the words.

    Attributes:
        since: Made at this moment or later; aware.
        until: Made at this moment or earlier; aware.
        without: Those that have any of this are not wanted.
    """

    since: datetime | None = None
    until: datetime | None = None
    without: Traits = field(default_factory=Traits)
