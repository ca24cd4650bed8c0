"""The store itself in words: how large it is, how it grows, what is kept, what was removed, whether it is whole."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from store.cards import Retention
from store.engine import Store, sqlite_path
from store.housekeeping import MEGABYTE, Run, State, state_in
from store.integrity import Check, last_in
from store.retention import retention_in
from store.store_size import Outgrowth, outgrowth
from tui.texts import Texts
from tui.widgets.card_view import Line
from tui.widgets.connection_card import moment

NEAR = timedelta(days=30)
"""So long before there is no room any more it is said in yellow: time to get a disk."""
FAR = timedelta(days=3650)
"""What is further away is not told: nothing grows for ten years as it does today."""
SHOWN = 2
"""Problems that are told; the others are told by the command."""
_UNITS = (("giga", 1_000_000_000), ("mega", 1_000_000), ("kilo", 1_000))
_PRECISE = 10
"""Below so many of a unit a decimal is said."""


@dataclass(frozen=True, slots=True)
class House:
    """What is told of the store itself; on a server it is not checked here."""

    room: Outgrowth
    kept: Retention
    state: State
    check: Check | None
    on_server: bool


def read_house(store: Store) -> House:
    """Read it. Blocking."""
    with store.read() as connection:
        kept, state, check = retention_in(connection), state_in(connection, store.clock()), last_in(connection)
    limit = kept.most_megabytes * MEGABYTE or None
    return House(outgrowth(store, limit), kept, state, check, sqlite_path(store.url) is None)


def house_lines(house: House, zone: ZoneInfo, texts: Texts, *, checking_s: float | None) -> list[Line]:
    """What the screen says of it; `checking_s` is for how many seconds it is being checked, if it is."""
    room = house.room
    size = texts(
        "system.size_text", used=in_bytes(room.size.used, texts), free=in_bytes(room.size.free, texts)
    )  # fmt: skip
    lines: list[Line] = [(texts("system.size"), f"{size}; {_growth(room, texts)}", "")]
    if room.disk_free is not None:
        lines.append(_until("room", room.disk_free, room.full_in, texts))
    if room.limit is not None:
        lines.append(_limit(house, room.limit, texts))
    lines.append((texts("system.kept"), _kept(house.kept, texts), ""))
    lines.append((texts("system.house"), _removed(house.state, zone, texts), ""))
    return [*lines, (texts("system.check"), *_checked(house, zone, texts, checking_s))]


def in_bytes(count: int, texts: Texts) -> str:
    """A size in its largest unit, of powers of ten."""
    for name, unit in _UNITS:
        if abs(count) >= unit or unit == _UNITS[-1][1]:
            number = count / unit
            shown = f"{number:.1f}" if abs(number) < _PRECISE else f"{number:.0f}"
            return texts(f"system.bytes_{name}", number=shown.replace(".", "," if texts.language == "ru" else "."))
    raise AssertionError


def _growth(room: Outgrowth, texts: Texts) -> str:
    if room.per_day is None:
        return texts("system.growth_unknown")
    return texts("system.growth" if room.per_day >= 0 else "system.shrinks", size=in_bytes(abs(room.per_day), texts))


def _until(what: str, count: int, left: timedelta | None, texts: Texts) -> Line:
    words = texts(f"system.{what}_text", **{"free" if what == "room" else "limit": in_bytes(count, texts)})
    if left is None or left > FAR:
        return texts(f"system.{what}"), words, ""
    words = f"{words}; {texts(f'system.{what}_full', days=left.days)}"
    return texts(f"system.{what}"), words, "$text-warning" if left < NEAR and what == "room" else ""


def _limit(house: House, limit: int, texts: Texts) -> Line:
    label, words, style = _until("limit", limit, house.room.at_limit_in, texts)
    if house.room.size.used <= limit:
        return label, words, style
    # A run that is over has left what has to stay; one that is to come has not been there yet.
    left = house.state.run is None and house.state.last is not None
    words = texts("system.limit_text", limit=in_bytes(limit, texts))
    return label, f"{words}; {texts('system.limit_over' if left else 'system.limit_soon')}", "$text-warning"


def _kept(kept: Retention, texts: Texts) -> str:
    parts = (("kept_events", kept.events_days), ("kept_audit", kept.audit_days))
    return " · ".join(texts(f"system.{name}", days=_days(days, texts)) for name, days in parts)


def _days(days: int, texts: Texts) -> str:
    return texts.count("system.kept_days", days) if days else texts("system.kept_for_ever")


def _removed(state: State, zone: ZoneInfo, texts: Texts) -> str:
    if state.run is not None and not state.run.idle:
        return texts("system.house_running", **_counts(state.run))
    last = state.last
    if last is None or last.ended is None:
        return texts("system.house_none")
    return texts("system.house_done", at=moment(last.ended, zone), **_counts(last))


def _counts(run: Run) -> dict[str, int]:
    return {"events": run.events, "deliveries": run.deliveries, "entries": run.entries}


def _checked(house: House, zone: ZoneInfo, texts: Texts, checking_s: float | None) -> tuple[str, str]:
    check = house.check
    if checking_s is not None:
        return texts("system.check_running", seconds=f"{checking_s:.0f}"), ""
    if house.on_server:
        return texts("system.check_server", command="pg_amcheck"), ""
    if check is None:
        return texts("system.check_none"), "dim"
    at = moment(check.at, zone)
    if not check.problems:
        return texts("system.check_whole", at=at, seconds=f"{check.took_s:.1f}"), "$text-success"
    problems = "; ".join(check.problems[:SHOWN])
    return texts("system.check_damaged", at=at, problems=problems, command="vestnik restore"), "$text-error"
