"""The connections in use: which is tried, over how many sessions at once, and what a fault of one means for it."""

import logging
import math
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from dispatch.channels.limit_words import LETTERS_LIMIT, LIMITS, RATE_LIMITED, TOO_MANY_CONNECTIONS
from dispatch.channels.pipeline import NO_CHUNKING
from dispatch.channels.sessions import Session
from dispatch.circuit import Circuit
from dispatch.errors import ConnectionDownError, DispatchError, MessageError
from dispatch.limits import Limits
from store.cards import MailConnection
from store.limits import MOST_CONNECTIONS, Learned

CONNECTION_DOWN = "connection_down"
CLOSING, TOO_MANY_REQUESTS = 421, 429
SHORT_REST = timedelta(seconds=5)
"""A server that closes a connection which rested longer closes it for that, and not for the letters it took."""
SENT_AT_EVERY = timedelta(seconds=1)
QUICK_S = 1.0
"""A session that takes longer over letters in one piece gets them one at a time: those behind could go elsewhere."""
ONE_BY_ONE_S = 3600.0
"""For so long letters go one by one, after a loss has put some in doubt: it should not be several the next time."""
_log = logging.getLogger(__name__)


class Verdict(Enum):
    """What a fault means for the letter that met it."""

    AGAIN = "again"
    """It goes at once, over another session: the server has closed this one, or bears no more of them."""
    LATER = "later"
    """It goes when the connection is well again, or over the next one; no attempt."""
    LETTER = "letter"
    """It is the letter's own, and counts as an attempt."""


@dataclass(slots=True)
class Seat:
    """The session one worker holds on a connection.

    Attributes:
        accepted: Letters the server has taken over the connection that is open now.
        open_for: The delivery whose transaction was begun with the end of another letter; no other may go next.
        piece_s: Seconds until the last letters that left in one piece were all answered.
        letter_s: How many of them one letter took.
        over: Whether the server takes no more letters over it.
    """

    session: Session
    connected: bool = False
    accepted: int = 0
    used_at: datetime | None = None
    open_for: int | None = None
    piece_s: float = 0.0
    letter_s: float = math.inf
    over: bool = False


class Route:
    """A connection in use: its circuit, its limits, its sessions, and what was last written of its health.

    Attributes:
        goes_on: Whether its server takes what comes with the end of a letter.
    """

    def __init__(self, card: MailConnection, learned: Learned, now: datetime) -> None:
        self.card = card
        self.circuit = Circuit()
        self.limits = Limits(learned, now)
        self.seats: dict[int, Seat] = {}
        self.goes_on = True
        self._coming: set[int] = set()
        self._proved = False
        self._shown: tuple[str, datetime | None] = ("", None)
        self._kept = learned
        self._sent_at: datetime | None = None
        self._one_by_one_until = 0.0

    def has_room(self, worker: int) -> bool:
        """Whether a worker may use it: it holds a session, or one more is borne.

        The first session is alone: with a password that is wrong, several at once would lock the account.
        """
        most = self.limits.connections if self._proved else 1
        return worker in self.seats or len(self.seats) + len(self._coming) < most

    @contextmanager
    def coming(self, worker: int) -> Generator[None]:
        """A worker is about to take a seat, and holds a place from now on."""
        self._coming.add(worker)
        try:
            yield
        finally:
            self._coming.discard(worker)

    async def leave(self, worker: int) -> None:
        """Close a worker's session, politely where it still stands."""
        seat = self.seats.pop(worker, None)
        if seat is not None:
            await seat.session.close()

    def spent(self, worker: int) -> bool:
        """Whether a worker's session took as many letters as the server takes over one connection."""
        if self.limits.letters is None:
            return False
        seat = self.seats.get(worker)
        return seat is not None and seat.accepted >= self.limits.letters

    def may_go_on(self, worker: int) -> bool:
        """Whether one more letter may follow the one that a worker is about to send, over the same connection."""
        seat, limits = self.seats.get(worker), self.limits
        if not self.goes_on or seat is None or limits.per_minute is not None:
            return False
        return limits.letters is None or seat.accepted + 1 < limits.letters

    def together(self, worker: int) -> int:
        """How many letters a worker may send in one piece; 0 where they go one by one."""
        seat, limits = self.seats.get(worker), self.limits
        if self.circuit.state != "closed" or limits.per_minute is not None:
            return 0
        if seat is None or seat.session.together is None or seat.piece_s > QUICK_S:
            return 0
        if time.monotonic() < self._one_by_one_until:
            return 0
        most = seat.session.together.most
        return most if limits.letters is None else max(0, min(most, limits.letters - seat.accepted))

    def connected(self, seat: Seat, now: datetime) -> None:
        """A session is connected."""
        seat.connected = self._proved = True
        self.limits.connected(sum(one.connected for one in self.seats.values()), now)

    def accepted(self, seat: Seat, now: datetime) -> None:
        """The server took a letter."""
        if self.circuit.state != "closed":
            self._mended()
        self.limits.accepted()
        count = seat.session.accepted
        if 0 < count <= seat.accepted and seat.used_at is not None and now - seat.used_at < SHORT_REST:
            # The session opened a new connection for this letter, since the server had closed the old one.
            self._tell("", learned=self.limits.closed_after(seat.accepted, now, said=False))
        seat.accepted, seat.used_at = count, now

    def judge(self, worker: int, error: DispatchError, now: datetime) -> Verdict:
        """What a fault means; opens the circuit, or learns a limit, where there is cause to."""
        well = self.circuit.opened_at is None
        verdict = self._judge(worker, error, now)
        if verdict is Verdict.AGAIN and worker in self.seats:
            self.seats[worker].over = True
        if well and (since := self.circuit.opened_at) is not None:
            again = self.circuit.retry_at or since
            about = {"connection": self.card.name, "error_class": error.error_class, "code": error.code}
            _log.warning(
                "connection %s is left alone until %s: %s", self.card.name, again.isoformat(timespec="seconds"),
                error.answer, extra={"about": {name: value for name, value in about.items() if value is not None}},
            )  # fmt: skip
        return verdict

    def _mended(self) -> None:
        """The server answered, where it was tried after a pause."""
        self.circuit.succeeded()
        if self.circuit.state == "closed":
            _log.info("connection %s is well again", self.card.name, extra={"about": {"connection": self.card.name}})

    def _judge(self, worker: int, error: DispatchError, now: datetime) -> Verdict:
        in_doubt = isinstance(error, ConnectionDownError) and error.in_doubt
        if in_doubt:
            # It may be this very letter that the server cannot bear, so it counts, and is not the first to go again.
            self.circuit.failed(now, error)
            self._one_by_one_until = time.monotonic() + ONE_BY_ONE_S
            return Verdict.LETTER
        if error.error_class == NO_CHUNKING:
            self._one_by_one_until = time.monotonic() + ONE_BY_ONE_S
            return Verdict.AGAIN
        if _asks_for_rest(error):
            if self.circuit.state != "open":  # else the others in flight met the same refusal
                self._tell(error.answer, learned=self.limits.slowed(now))
            self.circuit.failed(now, error, resting=True)
            return Verdict.LATER
        over = self._over(worker, error)
        if over or self._enough_letters(worker, error, now) or self._one_too_many(worker, error, now):
            if self.circuit.state != "closed":
                self._mended()
            return Verdict.AGAIN
        if isinstance(error, MessageError) and error.error_class not in LIMITS:
            if error.code is not None and self.circuit.state != "closed":
                self._mended()
            return Verdict.LETTER
        self.circuit.failed(now, error)
        return Verdict.LATER

    def _over(self, worker: int, error: DispatchError) -> bool:
        """Whether it is what ended the session, said of one more letter that had left over it."""
        seat = self.seats.get(worker)
        of_the_session = isinstance(error, ConnectionDownError) or error.error_class in LIMITS
        return seat is not None and seat.over and of_the_session

    def _enough_letters(self, worker: int, error: DispatchError, now: datetime) -> bool:
        """Whether the server took letters over this connection, and then no more."""
        seat, said = self.seats.get(worker), error.error_class == LETTERS_LIMIT
        if (
            seat is None
            or not seat.accepted
            or not (said or (error.code == CLOSING and error.error_class == "throttled"))
        ):
            return False
        self._tell(error.answer, learned=self.limits.closed_after(seat.accepted, now, said=said))
        return True

    def _one_too_many(self, worker: int, error: DispatchError, now: datetime) -> bool:
        """Whether others of ours are open, so that it is the number of them that the server does not bear."""
        mine = self.seats.get(worker)
        others = [seat for key, seat in self.seats.items() if key != worker]
        if error.error_class != TOO_MANY_CONNECTIONS:
            # A plain 421 instead of a greeting is the same, while others are well.
            connecting = mine is not None and not mine.connected
            others = [seat for seat in others if seat.connected and connecting and error.code == CLOSING]
        if not others:
            return False
        self._tell(error.answer, learned=self.limits.connection_refused(len(others), now))
        return True

    def _tell(self, answer: str, *, learned: bool) -> None:
        if not learned:
            return
        limits = self.limits
        known = (
            (limits.letters, "letters over one connection"),
            (limits.connections if limits.connections < MOST_CONNECTIONS else None, "connections at once"),
            (limits.per_minute, "letters a minute"),
        )
        words = ", ".join(f"{value} {unit}" for value, unit in known if value is not None)
        said = f": {answer}" if answer else ""
        about = {"connection": self.card.name}
        _log.warning(
            "%s takes no more than %s; this is kept to from now on%s", self.card.name, words, said,
            extra={"about": about},
        )  # fmt: skip

    def news(self, now: datetime, *, sent: bool) -> dict[str, Any]:
        """What is to be written of its health; `last_sent_at` once a second is enough."""
        values: dict[str, Any] = {}
        if self._shown != (self.circuit.state, self.circuit.retry_at):
            self._shown = (self.circuit.state, self.circuit.retry_at)
            values = self.circuit.health()
        if self._kept is not self.limits.learned:
            self._kept = self.limits.learned
            values |= self._kept.columns()
        if sent and (self._sent_at is None or now - self._sent_at >= SENT_AT_EVERY):
            self._sent_at = values["last_sent_at"] = now
        return values

    def put_back(self, now: datetime, by: timedelta) -> None:
        """The clock was put back: nothing waits longer for it."""
        self.circuit.put_back(by)
        self.limits.put_back(now)
        self._sent_at = None
        for seat in self.seats.values():
            seat.used_at = None if seat.used_at is None else seat.used_at - by

    def unwritten(self) -> None:
        """The news could not be written: they are to be told again."""
        self._shown = ("", None)
        self._kept = Learned()


def _asks_for_rest(error: DispatchError) -> bool:
    """Whether the server wants fewer letters, by its words or by saying when to come again."""
    if error.error_class == RATE_LIMITED:
        return True
    return error.error_class == "throttled" and (error.retry_after_s is not None or error.code == TOO_MANY_REQUESTS)


class Routes:
    """The connections in the order they are tried."""

    def __init__(self) -> None:
        self._routes: list[Route] = []
        self._retired: list[Route] = []

    def use(self, cards: Iterable[MailConnection], learned: dict[int, Learned], now: datetime) -> None:
        """Take new settings: a connection that is unchanged keeps its circuit and its sessions."""
        old = {route.card: route for route in self._routes}
        self._routes = [old.pop(card, None) or Route(card, learned.get(card.id, Learned()), now) for card in cards]
        self._retired += old.values()

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def __len__(self) -> int:
        return len(self._routes)

    def pick(self, now: datetime) -> Route | None:
        """The first that may be tried now."""
        return next((route for route in self._routes if route.circuit.may_try(now)), None)

    def next_try(self, now: datetime) -> datetime:
        """When one of them may be tried again."""
        times = [route.circuit.retry_at for route in self._routes if route.circuit.retry_at is not None]
        return max(now, min(times, default=now + timedelta(seconds=1)))

    @property
    def waiting_for(self) -> str:
        """Why letters wait that none of them takes now: a reason code."""
        resting = any(route.circuit.resting and route.circuit.state != "closed" for route in self._routes)
        return RATE_LIMITED if resting else CONNECTION_DOWN

    def put_back(self, now: datetime, by: timedelta) -> None:
        """The clock was put back."""
        for route in self._routes:
            route.put_back(now, by)

    def refresh(self, now: datetime) -> None:
        """Let what was learned of limits fade."""
        for route in self._routes:
            route.limits.refresh(now)

    async def give_up(self, worker: int, *, retired: bool = False) -> None:
        """Close the sessions of a worker; with `retired`, only those of connections that are no more in use."""
        for route in self._retired if retired else [*self._routes, *self._retired]:
            await route.leave(worker)
        self._retired = [route for route in self._retired if route.seats]

    def holds(self, worker: int) -> bool:
        """Whether a worker has a session open."""
        return any(worker in route.seats for route in (*self._routes, *self._retired))

    @property
    def any_retired(self) -> bool:
        """Whether sessions of connections that are no more in use wait to be closed."""
        return bool(self._retired)
