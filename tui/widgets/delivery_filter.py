"""The filter of deliveries as it is typed: words, and terms like `state:dead`, in either language.

    принтер -состояние:отправлено object:RP-15 кому:"Ольга Смирнова" принято:нет since:2h

Of a term that is given several times, or with commas, any value will do. What begins with a minus is not wanted.
Quotes keep blanks together, and make a word of anything. A `D12` alone is the number of a delivery.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, tzinfo
from functools import cache
from typing import Any

from store.delivery_traits import DeliveryQuery, Traits
from store.folding import fold
from store.search_words import beginning, chunks, plain
from store.vocabulary import Channel, DeliveryState, EventType, Language, ObjectType
from tui.moments import before
from tui.texts import Texts, catalogue

FIELDS = ("state", "channel", "object", "event", "person", "rule", "reason", "acknowledged", "since", "until")
"""What stands before a colon. A text may give several names; the first is the one that is shown."""
STORM = "storm"
"""Stands among the states for what a storm holds."""
YES, NO = "yes", "no"
VALUES: dict[str, tuple[str, ...]] = {
    "state": (*(state.word for state in DeliveryState), STORM),
    "channel": tuple(channel.value for channel in Channel),
    "object": tuple(kind.value for kind in ObjectType),
    "event": tuple(kind.value for kind in EventType),
    "acknowledged": (YES, NO),
}
"""The values of a field that has only some; what else stands for `acknowledged` is a name."""
MAX_ID = 2**63 - 1
_TOKEN = re.compile(r'-?(?:[^\W\d_]+:)?(?:"[^"]*"?|«[^»]*»?)|\S+')
_NAME = re.compile(r"([^\W\d_]+):(?!//)")
_DELIVERY = re.compile(r"[Dd](\d{1,19})")
_CODE = re.compile(r"[a-z]+[0-9]*(?:_[a-z0-9]+)+")
_QUOTES = {'"': '"', "«": "»"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A filter as far as it was understood; `problems` say in words what of it was not, and asks for nothing."""

    query: DeliveryQuery
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Some:
    """Traits while they are read."""

    words: list[str] = field(default_factory=list[str])
    states: list[DeliveryState] = field(default_factory=list[DeliveryState])
    channels: list[Channel] = field(default_factory=list[Channel])
    types: list[str] = field(default_factory=list[str])
    events: list[str] = field(default_factory=list[str])
    numbers: list[str] = field(default_factory=list[str])
    people: list[str] = field(default_factory=list[str])
    rules: list[str] = field(default_factory=list[str])
    reasons: list[str] = field(default_factory=list[str])
    ids: list[int] = field(default_factory=list[int])
    storm: bool = False
    acknowledged: list[bool] = field(default_factory=list[bool])
    acknowledged_by: list[str] = field(default_factory=list[str])

    def traits(self) -> dict[str, Any]:
        """The fields of `Traits`, each value once."""
        lists = {one.name: tuple(dict.fromkeys(getattr(self, one.name))) for one in fields(self) if one.name != STORM}
        return {**lists, STORM: self.storm}


def parse(text: str, texts: Texts, now: datetime, zone: tzinfo) -> Parsed:
    """Read a filter.

    Args:
        text: What was typed so far; a term whose value is still missing asks for nothing.
        texts: In which language problems are told. What is typed may be in any.
        now: What spans count back from.
        zone: Where moments are meant that name none.
    """
    reader = _Reader(texts, now, zone)
    for token in _TOKEN.findall(text):
        reader.read(token)
    query = DeliveryQuery(
        **reader.wanted.traits(), since=reader.times.get("since"), until=reader.times.get("until"),
        without=Traits(**reader.unwanted.traits()),
    )  # fmt: skip
    return Parsed(query, tuple(dict.fromkeys(reader.problems)))


class _Reader:
    """Reads a filter token by token."""

    def __init__(self, texts: Texts, now: datetime, zone: tzinfo) -> None:
        self._texts, self._now, self._zone = texts, now, zone
        self.wanted, self.unwanted = _Some(), _Some()
        self.times: dict[str, datetime] = {}
        self.problems: list[str] = []

    def read(self, token: str) -> None:
        """Take in a word or a term."""
        rest = token.removeprefix("-")
        named = _NAME.match(rest)
        value = rest[named.end() :] if named else rest
        quoted = value[:1] in _QUOTES
        value = (value[1:].removesuffix(_QUOTES[value[0]]) if quoted else value).strip()
        meant = names().get(fold(named[1])) if named else ""
        if meant is None:
            shown = ", ".join(f"{_called(one, self._texts)}:" for one in FIELDS)
            self.problems.append(self._texts("find.no_field", name=rest.partition(":")[0], fields=shown))
        elif meant in {"since", "until"} and value:
            self._time(meant, value, minus=rest != token)
        else:
            several = not quoted and (meant in VALUES or meant == "reason")
            some = self.wanted if rest == token else self.unwanted
            values = value.split(",") if several else [value]
            self.problems += [
                _no_value(meant, one, self._texts) for one in values if one and not _ADD[meant](some, one, quoted)
            ]

    def _time(self, meant: str, value: str, *, minus: bool) -> None:
        at = before(value, self._now, self._zone)
        if minus:
            self.problems.append(self._texts("find.no_minus", field=_called(meant, self._texts)))
        elif at is None:
            self.problems.append(self._texts("find.no_time", value=value))
        else:
            self.times[meant] = at


def with_state(text: str, word: str, texts: Texts) -> str:
    """A filter with this state, or with `storm`, in place of those it asks for; with an empty `word`, with any."""
    rest = [token for token in _TOKEN.findall(text) if _field_of(token) != "state"]
    return " ".join([*rest, *([listed("state", [word], texts)] if word else [])])


def _field_of(token: str) -> str | None:
    named = _NAME.match(token)  # what begins with a minus is not what is asked for
    return names().get(fold(named[1])) if named else None


def in_words(query: DeliveryQuery, texts: Texts, zone: tzinfo) -> str:
    """A filter as it is typed in a language; it is read as the same query."""
    found = [*_in_words(query, texts), *(f"-{one}" for one in _in_words(query.without, texts))]
    for name, at in (("since", query.since), ("until", query.until)):
        if at is not None:
            here = at.astimezone(zone)
            exact = here.second or here.microsecond
            found.append(_term(name, here.isoformat() if exact else here.strftime("%d.%m.%Y %H:%M"), texts))
    return " ".join(found)


@cache
def names() -> dict[str, str]:
    """What fields are called, in every language, and which is meant."""
    return {
        fold(name): one
        for language in Language
        for one in FIELDS
        for name in (*Texts(language)(f"find.{one}").split(), one)
    }


@cache
def _values(name: str) -> dict[str, str]:
    """What the values of a field are called, in every language, and which is meant."""
    return {
        fold(called): value
        for language in Language
        for value in VALUES[name]
        for called in (*Texts(language)(f"find.{name}_{value}").split(), value)
    }


@cache
def _reasons() -> dict[str, tuple[str, ...]]:
    """The codes of reasons, with what they are called in each language, as it is searched."""
    codes = [key.partition(".")[2] for key in catalogue(Language.EN) if key.startswith("reason.")]
    return {code: tuple(plain(catalogue(language)[f"reason.{code}"]) for language in Language) for code in codes}


def completed(text: str, texts: Texts) -> str | None:
    """The text with its last word completed; `None` where there is nothing to add."""
    if not text or text[-1].isspace():
        return None
    token = text.rsplit(maxsplit=1)[-1].removeprefix("-")
    name, colon, begun = token.partition(":")
    if colon:
        field_name = names().get(fold(name), "")
        begun = begun.rpartition(",")[2]
        found = [_called(f"{field_name}_{value}", texts) for value in VALUES.get(field_name, ())]
    else:
        begun = name
        found = [f"{_called(one, texts)}:" for one in FIELDS]
    wanted = fold(begun)
    rest = next((one[len(begun) :] for one in found if wanted and fold(one).startswith(wanted)), "")
    return text + rest if rest else None


def _meant(name: str, value: str) -> list[str]:
    """The values of a field that a word stands for: the one it names, else all whose name begins with it."""
    called, wanted = _values(name), fold(value)
    if wanted in called:
        return [called[wanted]]
    return list(dict.fromkeys(one for known, one in called.items() if known.startswith(wanted)))


def _add_word(some: _Some, value: str, quoted: bool) -> bool:
    found = _DELIVERY.fullmatch(value)
    if found and not quoted and int(found[1]) <= MAX_ID:
        some.ids.append(int(found[1]))
    elif quoted and plain(value):
        some.words.append(plain(value))
    else:
        some.words += chunks(value)
    return True


def _add_state(some: _Some, value: str, quoted: bool) -> bool:
    del quoted
    found = _meant("state", value)
    some.states += [state for state in DeliveryState if state.word in found]
    some.storm = some.storm or STORM in found
    return bool(found)


def _add_channel(some: _Some, value: str, quoted: bool) -> bool:
    del quoted
    found = _meant("channel", value)
    some.channels += [Channel(one) for one in found]
    return bool(found)


def _add_object(some: _Some, value: str, quoted: bool) -> bool:
    found = [] if quoted else _meant("object", value)
    if not found and not any(letter.isdecimal() for letter in value):
        return False
    some.types += found
    some.numbers += [] if found else [value]
    return True


def _add_event(some: _Some, value: str, quoted: bool) -> bool:
    del quoted
    found = _meant("event", value)
    some.events += found
    return bool(found)


def _add_person(some: _Some, value: str, quoted: bool) -> bool:
    del quoted
    some.people += [value] if chunks(value) else []
    return True


def _add_rule(some: _Some, value: str, quoted: bool) -> bool:
    del quoted
    some.rules += [value] if chunks(value) else []
    return True


def _add_reason(some: _Some, value: str, quoted: bool) -> bool:
    del quoted
    code = value.lower()
    words = [beginning(chunk) for chunk in chunks(value)]
    if code in _reasons() or _CODE.fullmatch(code):
        found = [code]
    else:
        said = _reasons().items()
        found = [one for one, called in said if any(all(word.search(text) for word in words) for text in called)]
    some.reasons += found
    return bool(found)


def _add_acknowledged(some: _Some, value: str, quoted: bool) -> bool:
    meant = None if quoted else _values("acknowledged").get(fold(value))
    if meant is None:
        some.acknowledged_by.append(value)
    else:
        some.acknowledged.append(meant == YES)
    return True


_ADD: dict[str, Callable[[_Some, str, bool], bool]] = {
    "": _add_word,
    "state": _add_state,
    "channel": _add_channel,
    "object": _add_object,
    "event": _add_event,
    "person": _add_person,
    "rule": _add_rule,
    "reason": _add_reason,
    "acknowledged": _add_acknowledged,
}


def _called(name: str, texts: Texts) -> str:
    """What a field, or a value of one (`state_dead`), is called in a language."""
    return texts(f"find.{name}").split()[0]


def _no_value(name: str, value: str, texts: Texts) -> str:
    if name == "reason":
        return texts("find.no_reason", value=value)
    possible = [_called(f"{name}_{one}", texts) for one in VALUES[name]]
    if name == "object":
        possible.append(texts("find.a_number"))
    return texts("find.no_value", value=value, field=_called(name, texts), values=", ".join(possible))


def _in_words(traits: Traits, texts: Texts) -> Iterable[str]:
    """Each trait as it is typed."""
    yield from (_quoted(word, anyway=_DELIVERY.fullmatch(word) is not None) for word in traits.words)
    yield from (f"D{one}" for one in traits.ids)
    states = [state.word for state in traits.states] + ([STORM] if traits.storm else [])
    lists = (("state", states), ("channel", traits.channels), ("object", traits.types), ("event", traits.events))
    yield from (listed(name, values, texts) for name, values in lists if values)
    if traits.reasons:
        yield f"{_called('reason', texts)}:{','.join(traits.reasons)}"
    if traits.acknowledged:
        yield listed("acknowledged", [YES if wanted else NO for wanted in traits.acknowledged], texts)
    for one in traits.acknowledged_by:
        name = _quoted(one, anyway=fold(one) in _values("acknowledged"))
        yield f"{_called('acknowledged', texts)}:{name}"
    for name, values in (("object", traits.numbers), ("person", traits.people), ("rule", traits.rules)):
        yield from (_term(name, value, texts) for value in values)


def listed(name: str, values: Sequence[str], texts: Texts) -> str:
    """A term of a field that has only some values, of which any will do: `state:dead,held`."""
    return f"{_called(name, texts)}:{','.join(_called(f'{name}_{value}', texts) for value in values)}"


def _term(name: str, value: str, texts: Texts) -> str:
    return f"{_called(name, texts)}:{_quoted(value)}"


def _quoted(value: str, *, anyway: bool = False) -> str:
    """A value as it must be typed to be one."""
    needs = anyway or not value or value[0] in '-"«' or any(sign in value for sign in " \t\n,:")
    if '"' in value:
        return f"«{value}»"
    return f'"{value}"' if needs else value
