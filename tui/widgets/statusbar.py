"""The line on top of every screen: who sends, and what keeps letters back."""

from textual.content import Content
from textual.widgets import Static

from store.cards import Status
from store.sanitise import clean_line
from store.vocabulary import SilentState
from tui.texts import Texts


class StatusBar(Static):
    """Says whether a dispatcher is alive and where; loudly when none is, or when letters are held."""

    DEFAULT_CSS = """
    StatusBar { dock: top; height: 1; padding: 0 1; background: $panel; color: $text; }
    StatusBar.-alarm { background: $error; color: $text; text-style: bold; }
    StatusBar.-warning { background: $warning; color: $text; }
    """

    def show(self, status: Status, texts: Texts) -> None:
        """Show the state of the whole."""
        alive = [card for card in status.dispatchers if card.alive]
        held, dead = status.deliveries["held"], status.deliveries["dead"]
        words: list[str] = []
        level = ""
        if alive:
            words.append(texts("bar.alive", place=clean_line(f"{alive[0].host}:{alive[0].pid}")))
        else:
            words.append(texts("bar.none"))
            level = "-alarm"
        if status.missing:
            words.append(texts("bar.missing", held=held))
            level = level or "-warning"
        elif status.silent.state is not SilentState.OFF:
            words.append(texts("bar.silent", held=held))
            level = level or "-warning"
        elif held:
            words.append(texts("bar.held", held=held))
        if dead:
            words.append(texts("bar.dead", dead=dead))
        waiting = status.deliveries["pending"] + status.deliveries["sending"] + status.unplanned
        words.append(texts("bar.counts", sent=status.deliveries["sent"], waiting=waiting))
        self.set_class(level == "-alarm", "-alarm")
        self.set_class(level == "-warning", "-warning")
        self.update(Content(" · ".join(words)))
