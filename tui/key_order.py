"""Keys do one after the other what they do, however fast they come.

The framework hands each key to the widget that has the focus when it comes, and does not wait for what the one before
does. On a line that stalls, many keys come at once: of `/cancel` the slash would open the filter, and the letters would
still go to the list, where `c` withdraws a letter. So a key waits until the one before is done with, and until the
screen it opened has the focus.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.events import Key
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

ROUNDS = 2
"""A key is followed so often: first for what it does, then for what is told thereby, such as that a form is sent."""
PATIENCE_S = 2.0
"""No key is waited for longer: whoever it went to is gone, or works on it for long. On a busy machine a section takes
half a second to open, and a key that goes to the one before may withdraw a letter."""


class Passed(Message):
    """Goes the way of a key, behind it: when it gets to the application, the key is done with."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class KeyOrder:
    """The keys of an application that have come and are not handed on yet.

    Args:
        app: The application; it hands on to `passed` what it gets of `Passed`.
        hand_on: What the framework does with a key.
    """

    def __init__(self, app: App[Any], hand_on: Callable[[Key], Awaitable[None]]) -> None:
        self._app, self._hand_on = app, hand_on
        self._waiting: deque[Key] = deque()
        self._number = 0
        self._under_way = False
        self._rounds = 0
        self._screen: Screen[Any] | None = None

    async def take(self, key: Key) -> None:
        """A key has come."""
        if not self._under_way:
            await self._begin(key)
            return
        self._waiting.append(key)
        if len(self._waiting) == 1:
            self._be_patient()

    async def passed(self, message: Passed) -> None:
        """A key is done with, unless it has opened a screen, which then must be there first."""
        if message.number != self._number or not self._under_way:
            return
        screen = self._app.screen
        if screen is not self._screen:
            self._screen, self._rounds = screen, max(1, self._rounds)
        if not self._follow(self._app.focused or screen):
            await self._go_on()

    async def _begin(self, key: Key) -> None:
        self._number += 1
        self._screen, self._rounds = self._app.screen, ROUNDS
        target: Widget = self._app.focused or self._screen
        self._under_way = True
        await self._hand_on(key)
        self._under_way = self._follow(target)

    def _follow(self, target: Widget) -> bool:
        """Send a message after the key; false when it is done with, or where it went is being taken away."""
        self._rounds -= 1
        return self._rounds >= 0 and target.post_message(Passed(self._number))

    async def _go_on(self) -> None:
        self._under_way = False
        while self._waiting and not self._under_way:
            await self._begin(self._waiting.popleft())
        if self._waiting:
            self._be_patient()

    def _be_patient(self) -> None:
        number = self._number

        async def give_up() -> None:
            if number == self._number and self._under_way:
                await self._go_on()

        self._app.set_timer(PATIENCE_S, give_up)
