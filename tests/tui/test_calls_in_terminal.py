"""A console in the background calls: what its terminal is sent, and that it is left as it was."""

import json
import re
import signal
from contextlib import closing
from pathlib import Path

from store.engine import Store
from store.moves import Deed, carry_out
from tests.desk import furnish, new_store_file
from tests.mail_server import MailServer
from tests.tui.pty_console import Pty, console_in
from tests.tui.scripted_desk import add_notice

TITLE = re.compile(r"\x1b\]2;([^\x1b]*)\x1b\\")
NOTIFIED = re.compile(r"\x1b\]777;notify;Vestnik;([^\x1b]*)\x1b\\")
ENDED_BY_BELL = re.compile(r"\x1b\][^\x07\x1b]*\x07")
"""The framework ends its own sequences with the character that rings."""


def test_letters_that_die_ring_stand_in_the_title_and_are_notified_of_once(tmp_path: Path) -> None:
    url, config = new_store_file(tmp_path / "v.db"), tmp_path / "config"
    (config / "vestnik").mkdir(parents=True)
    wishes = {"bell": ["dead"], "title": ["dead"], "desktop": ["dead"], "kind": "osc777", "every_s": 60}
    (config / "vestnik" / "calls.json").write_text(json.dumps(wishes))
    with (
        MailServer(tmp_path, refused={"x@example.org": "550 no such mailbox"}) as server,
        closing(Store.open(url)) as store,
    ):
        furnish(store, port=server.port)
        keys = [
            add_notice(store, subject=f"Письмо {number}", name="Кто-то", number=f"N-{number}") for number in range(12)
        ]
        with Pty(console_in(url), {"XDG_CONFIG_HOME": str(config)}) as pty:
            pty.see("N-11", "удержано 12", "диспетчер ")

            def written() -> str:
                return ENDED_BY_BELL.sub("", pty.raw.decode("utf-8", "replace"))

            assert TITLE.findall(written()) == [], "what was there does not call"
            carry_out(store, Deed.RETRY, keys, "test")
            pty.see("не ушло 12")
            pty.until(lambda: NOTIFIED.findall(written()), "no notification")
            assert NOTIFIED.findall(written()) == ["12 писем не ушло"], "a burst is one call"
            assert TITLE.findall(written()) == ["(12) Vestnik — 12 писем не ушло"]
            assert written().count("\a") == 1

            pty.press("9")
            pty.until(lambda: TITLE.findall(written())[-1] == "", "looked at, it calls no more")
            pty.press("\x1b[20~")  # F9
            pty.see("Звать, когда консоль в фоне", "✓ письмо не ушло")
            pty.press("\x1b[17~")  # F6
            # The notification is written last of a call.
            pty.until(lambda: NOTIFIED.findall(written())[1:] == ["1 письмо не ушло"], "no trial")
            assert written().count("\a") == 2
            assert pty.end() == 128 + signal.SIGTERM
            assert TITLE.findall(written())[-1] == ""
            assert written().count("\x1b[22;2t") == written().count("\x1b[23;2t")
            pty.check_clean()
