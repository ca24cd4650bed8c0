"""A setting that is changed is in the trail and counts for the next letter, in a dispatcher that goes on running."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from store import tables
from store.cards import MailConnection, Person, SilentMode
from store.directory import save_people
from store.engine import Store
from store.outbox import page
from store.rulebook import set_enabled
from store.settings import (
    company,
    connections,
    save_company,
    save_connection,
    save_sending,
    save_silent_mode,
    sending,
)
from store.status import read_status
from store.vocabulary import DeliveryState, Encryption, Language, SilentState
from tests.conftest import sqlite_url
from tests.desk import event, furnish, open_store
from tests.mail_server import Letter, MailServer

pytestmark = pytest.mark.no_cover  # whole programs go where the tests of their parts have been
ROOT = Path(__file__).parent.parent
PATIENCE_S = 30.0
CLIENT = "request.added.client.email"


@dataclass
class Desk:
    """A store, its dispatcher in a process of its own, and the server it sends to."""

    store: Store
    folder: Path
    server: MailServer
    number: int = 0

    def change(self, save: Callable[[], object]) -> None:
        """Change a setting; it must be in the trail, under the name of who did it."""
        before = self._trail()
        assert save()
        assert self._trail() == before + 1

    def _trail(self) -> int:
        with self.store.read() as connection:
            return len(connection.execute(select(tables.audit).where(tables.audit.c.who == "анна")).all())

    def emit(self) -> int:
        """Another event of the desk, through the command line."""
        self.number += 1
        (self.folder / "e.json").write_text(json.dumps(event(number=self.number)), "utf-8")
        self._vestnik("emit", str(self.folder / "e.json"))
        return self.number

    def letter(self) -> Letter:
        """The client's letter about a new event."""
        subject = f"RP-{self.emit()} "
        self.until(lambda: bool(self.about(subject)))
        (letter,) = self.about(subject)
        return letter

    def about(self, subject: str) -> list[Letter]:
        """The client's letters about an object."""
        mine = [letter for letter in list(self.server.letters) if letter.rcpt_to == "olga@example.org"]
        return [letter for letter in mine if subject in str(letter.message["Subject"])]

    def held(self) -> str:
        """Why the client's letter about a new event is held."""
        number = f"RP-{self.emit()}"

        def rows() -> list[str]:
            found = page(self.store, state=DeliveryState.HELD, limit=50)
            return [row.reason for row in found if row.object_number == number and row.channel.value == "email"]

        self.until(lambda: bool(rows()))
        return rows()[0]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for the dispatcher to have done something."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, "the dispatcher has not taken up the change"
            time.sleep(0.02)

    def _vestnik(self, *words: str) -> None:
        command = [sys.executable, "-m", "tui", "--store", self.store.url, *words]
        subprocess.run(command, capture_output=True, cwd=ROOT, timeout=60, check=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    store = open_store(folder)
    with MailServer(folder) as server:
        furnish(store, port=server.port)
        command = [sys.executable, "-m", "tui", "--store", sqlite_url(folder), "dispatch"]
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
            try:
                yield Desk(store, folder, server)
            finally:
                process.terminate()
        store.close()


def test_sender_and_reply_to(desk: Desk) -> None:
    card = replace(
        sending(desk.store), sender_name="Диспетчерская", support_address="desk@example.org",
        system_address="noreply@example.org",
    )  # fmt: skip
    desk.change(lambda: save_sending(desk.store, card, "анна"))
    letter = desk.letter()
    assert letter.mail_from == "noreply@example.org"
    assert letter.message["From"] == "Диспетчерская <noreply@example.org>"
    assert letter.message["Reply-To"] == "desk@example.org"


def test_encoding_and_transliteration(desk: Desk) -> None:
    card = replace(sending(desk.store), encoding="windows-1251", transliterate_headers=True)
    desk.change(lambda: save_sending(desk.store, card, "анна"))
    message = desk.letter().message
    part = message.get_body(("plain",))
    assert part is not None
    assert part.get_content_charset() == "windows-1251"
    assert "Ольга Смирнова" in part.get_content()
    assert str(message["Subject"]).isascii()
    desk.change(lambda: save_sending(desk.store, replace(card, encoding="utf-8", transliterate_headers=False), "анна"))
    assert "принята" in str(desk.letter().message["Subject"])


def test_signature_and_language(desk: Desk) -> None:
    card = replace(company(desk.store), signature="Ваша Диспетчерская", language=Language.EN)
    desk.change(lambda: save_company(desk.store, card, "анна"))
    part = desk.letter().message.get_body(("plain",))
    assert part is not None
    assert "Ваша Диспетчерская" in part.get_content()
    desk.change(lambda: save_company(desk.store, replace(card, language=Language.RU), "анна"))
    assert "принята" in str(desk.letter().message["Subject"])


def test_an_event_action_switched_off_and_on(desk: Desk) -> None:
    desk.change(lambda: set_enabled(desk.store, [CLIENT], False, "анна"))
    quiet = desk.emit()
    desk.until(lambda: any(row.object_number == f"RP-{quiet}" for row in page(desk.store, limit=50)))
    desk.change(lambda: set_enabled(desk.store, [CLIENT], True, "анна"))
    desk.letter()
    assert desk.about(f"RP-{quiet} ") == []


def test_a_person_who_speaks_another_language(desk: Desk) -> None:
    olga = Person("olga@example.org", "Ольга Смирнова", language=Language.EN)
    desk.change(lambda: save_people(desk.store, [olga], "анна"))
    assert "принята" not in str(desk.letter().message["Subject"])
    desk.change(lambda: save_people(desk.store, [replace(olga, language=Language.RU)], "анна"))
    assert "принята" in str(desk.letter().message["Subject"])


def test_silent_mode_holds_and_lets_go(desk: Desk) -> None:
    desk.change(lambda: save_silent_mode(desk.store, SilentMode(SilentState.ON), "анна"))
    assert desk.held() == "silent_mode"
    desk.change(lambda: save_silent_mode(desk.store, SilentMode(SilentState.EXCEPTIONS, ("olga@example.org",)), "анна"))
    desk.letter()
    desk.change(lambda: save_silent_mode(desk.store, SilentMode(), "анна"))
    desk.letter()


def test_missing_parameters_hold_and_saving_them_lets_go(desk: Desk) -> None:
    card = sending(desk.store)
    desk.change(lambda: save_sending(desk.store, replace(card, system_address=""), "анна"))
    assert desk.held() == "sending_parameters"
    number = desk.number
    desk.change(lambda: save_sending(desk.store, card, "анна"))
    desk.until(lambda: len(desk.about(f"RP-{number} ")) == 1)


def test_a_password_that_is_put_right_counts_at_once(desk: Desk, tmp_path: Path) -> None:
    """The circuit of a refused login is open for a minute; who gives the right password does not wait it out."""
    with MailServer(tmp_path, "none", "robot", "right") as strict:
        (main,) = connections(desk.store)
        card = replace(main, port=strict.port, authentication=True, login="robot")
        desk.change(lambda: save_connection(desk.store, card, password="wrong", who="анна"))
        number = desk.emit()
        desk.until(lambda: bool(strict.logins))
        desk.until(lambda: [one.error_class for one in read_status(desk.store).health] == ["auth_failed"])
        desk.change(lambda: save_connection(desk.store, card, password="right", who="анна"))
        subject = f"RP-{number} "
        desk.until(lambda: any(subject in str(letter.message["Subject"]) for letter in list(strict.letters)))
        assert [password for _, password in strict.logins].count("wrong") == 1
        desk.change(lambda: save_connection(desk.store, main, password="", who="анна"))
        desk.letter()


def test_a_connection_switched_off_holds_and_another_one_lets_go(desk: Desk, tmp_path: Path) -> None:
    (main,) = connections(desk.store)
    desk.change(lambda: save_connection(desk.store, replace(main, enabled=False), who="анна"))
    assert desk.held() == "no_connection"
    held = f"RP-{desk.number} "
    with MailServer(tmp_path) as other:
        spare = MailConnection("spare", "127.0.0.1", port=other.port, encryption=Encryption.NONE)
        desk.change(lambda: save_connection(desk.store, spare, who="анна"))
        desk.until(lambda: any(held in str(letter.message["Subject"]) for letter in list(other.letters)))
        cards = {card.name: card for card in connections(desk.store)}
        desk.change(lambda: save_connection(desk.store, replace(cards["spare"], enabled=False), who="анна"))
        desk.change(lambda: save_connection(desk.store, replace(cards["main"], enabled=True), who="анна"))
        desk.letter()
