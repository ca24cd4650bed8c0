"""The line on top of every screen: who sends, and what keeps letters back."""

from datetime import datetime

from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from store.cards import EXPIRY_WARNING_DAYS, Status
from store.sanitise import clean_line
from tui.texts import Texts

BETWEEN = " · "
MAX_PLACE = 24
"""A host name may be 63 characters long; its beginning tells enough."""


class StatusBar(Static):
    """Says whether a dispatcher is alive and where; loudly when none is, or when letters are held."""

    DEFAULT_CSS = """
    StatusBar { dock: top; height: 1; padding: 0 1; background: $panel; color: $text; text-wrap: nowrap; }
    StatusBar.-alarm { background: $error; color: $text; text-style: bold; }
    StatusBar.-warning { background: $warning; color: $text; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: list[str] = []
        self._leads_to = ""

    def show(self, status: Status, texts: Texts, now: datetime, *, starting: bool = False) -> None:
        """Show the state of the whole; what matters least comes last and is left out where it does not fit.

        `starting` is whether a dispatcher was started whose heartbeat is still to come.
        """
        alive = [card for card in status.dispatchers if card.alive]
        held, dead = status.deliveries["held"], status.deliveries["dead"]
        place = clean_line(f"{alive[0].host[:MAX_PLACE]}:{alive[0].pid}") if alive else ""
        who = texts("bar.alive", place=place) if alive else texts("bar.starting" if starting else "bar.none")
        parts = [who]
        self._leads_to = "" if alive or starting else "system"
        level = "" if alive or starting else "-alarm"
        if status.missing:
            parts.append(texts("bar.missing", held=held))
            self._leads_to = "outgoing_mail"
            level = level or "-warning"
        elif status.silent.in_force(now):
            parts.append(texts("bar.silent", held=held))
            self._leads_to = "outgoing_mail"
            level = level or "-warning"
        elif held > status.storm:
            parts.append(texts("bar.held", held=held - status.storm))
        if status.storm:
            parts.append(texts("bar.storm", held=status.storm))
            self._leads_to = self._leads_to or "storms"
            level = level or "-warning"
        if status.mutes:
            parts.append(texts("bar.muted", count=len(status.mutes)))
        if down := self._down(status, texts):
            parts.append(down)
            self._leads_to = self._leads_to or "outgoing_mail"
            level = level or "-warning"
        if expiring := self._expiring(status, texts, now):
            parts.append(expiring)
            self._leads_to = self._leads_to or "outgoing_mail"
            level = level or "-warning"
        if dead:
            parts.append(texts("bar.dead", dead=dead))
            self._leads_to = self._leads_to or "deliveries"
        waiting = status.deliveries["pending"] + status.deliveries["sending"] + status.unplanned
        parts += [texts("bar.waiting", waiting=waiting), texts("bar.sent", sent=status.deliveries["sent"])]
        self._parts = parts
        self.set_class(level == "-alarm", "-alarm")
        self.set_class(level == "-warning", "-warning")
        self._paint(self.size.width)

    @staticmethod
    def _down(status: Status, texts: Texts) -> str:
        """Which connection fails, and which one took over; empty when all are well."""
        circuits = {health.connection: health.circuit for health in status.health}
        used = [clean_line(card.name)[:MAX_PLACE] for card in status.connections if card.enabled]
        down = [name for name in used if circuits.get(name, "closed") != "closed"]
        well = [name for name in used if name not in down]
        if not down:
            return ""
        return texts("bar.instead", down=down[0], well=well[0]) if well else texts("bar.down", down=down[0])

    @staticmethod
    def _expiring(status: Status, texts: Texts, now: datetime) -> str:
        """Which client secret is over, or soon will be; the first of them, empty when there is none."""
        left = [(card.secret_days_left(now.date()), card.name) for card in status.connections if card.enabled]
        near = sorted((days, name) for days, name in left if days is not None and days <= EXPIRY_WARNING_DAYS)
        if not near:
            return ""
        days, name = near[0][0], clean_line(near[0][1])[:MAX_PLACE]
        return texts("bar.secret_over", name=name) if days < 0 else texts("bar.secret_soon", name=name, days=days)

    @property
    def leads_to(self) -> str:
        """The section where what it complains of is put right; empty when there is nothing to put right."""
        return self._leads_to

    async def on_click(self) -> None:
        """Go where what it complains of is put right; the key it names goes there too."""
        if self._leads_to:
            storms = self._leads_to == "storms"
            await self.run_action("app.storms" if storms else f"app.section('{self._leads_to}')")

    def on_resize(self, event: Resize) -> None:
        """Another width has room for more or less."""
        self._paint(event.size.width)

    def _paint(self, width: int) -> None:
        shown = self._parts[:1]
        for part in self._parts[1:]:
            if len(BETWEEN.join([*shown, part])) > width:
                break
            shown.append(part)
        self.update(Content(BETWEEN.join(shown)))
