"""A bad line between a person and the console: it stalls, changes its size, is cut; and terminals that can little."""

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual.color import Color

from dispatch.intake import emit
from store import outbox
from store.engine import Store
from store.status import read_status
from tests.desk import event, furnish, lines, new_store_file, raise_limits
from tests.mail_server import MailServer
from tests.tui.pty_console import DEADLINE_S, Pty, console_in
from tests.tui.screens.sections import settle
from tests.tui.scripted_desk import add_notice, scripted_store
from tests.tui.waiting import until
from tui import eight_bit
from tui.app import ConsoleApp

pytestmark = pytest.mark.no_cover  # whole programs go where the tests of their parts have been
LETTERS = 400
COLOURS = re.compile(rb"\x1b\[([0-9;]*)m")
GREYS = {"default", "black", "white", "brightblack", "brightwhite"}


def wait(condition: Callable[[], object], what: str) -> None:
    """Wait without reading the terminal."""
    ends = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < ends, what
        time.sleep(0.02)


def test_a_line_that_stalls_holds_up_no_letter_and_shows_the_truth_when_it_goes_on(tmp_path: Path) -> None:
    url = new_store_file(tmp_path / "v.db")
    with MailServer(tmp_path) as server, closing(Store.open(url)) as store:
        furnish(store, port=server.port)
        raise_limits(store)
        with Pty(console_in(url)) as pty:
            pty.see("диспетчер ", "Пока ничего не произошло", "Клавиши")

            # A storm of sizes, then the first one again.
            sizes = random.Random(4)
            for _ in range(4):
                for _ in range(60):
                    pty.resize(sizes.randint(20, 200), sizes.randint(5, 70))
                    pty.read(0)
                pty.resize(80, 24)
                pty.until(
                    lambda: (
                        pty.rows[0].lstrip().startswith("диспетчер ")
                        and pty.rows[2].startswith(" 1 Лента")
                        and pty.rows[23].endswith("? Клавиши")
                    ),
                    "the picture is not whole again",
                )

            # Nobody reads. The console has much to paint, and cannot.
            emit(store, lines(*(event(number=number, responsible=None, team=None) for number in range(LETTERS))))
            wait(lambda: len(server.letters) >= LETTERS, "letters wait for a terminal")
            wait(lambda: read_status(store).deliveries["sent"] >= LETTERS, "letters wait for a terminal")
            pty.see(f"RP-{LETTERS - 1}", f"отправлено {LETTERS}", "в очереди 0")
            # The figures may be painted a moment before the rows.
            pty.until(lambda: "…" not in "".join(row[17:30] for row in pty.rows[3:20]), "rows still wait")

            os.kill(pty.pid, signal.SIGSTOP)
            os.kill(pty.pid, signal.SIGCONT)
            pty.press("2")
            pty.see("D400")
            assert pty.end(signal.SIGHUP) == 128 + signal.SIGHUP
            pty.check_clean()


@pytest.mark.parametrize(
    ("environment", "keys"),
    [
        ({"TERM": "xterm"}, ""),
        ({"TERM": "screen"}, ""),
        ({"TERM": "linux"}, "2350"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "2459"),
    ],
    ids=["xterm", "screen", "linux", "NO_COLOR"],
)
def test_sixteen_colours_or_none_are_enough_to_read_it(tmp_path: Path, environment: dict[str, str], keys: str) -> None:
    with closing(scripted_store(tmp_path)) as store, Pty(console_in(store.url), environment) as pty:
        pty.see("RP-1046", "Клавиши")
        for key in ["", *keys]:
            if key:
                pty.go(key)
                pty.see("Клавиши")
                pty.settle()
            cells = [cell for cell in pty.cells() if not "\u2500" <= cell[0] <= "\u259f"]  # lines and bars say nothing
            assert [cell for cell in cells if cell[1] == cell[2]] == [], "it has the colour of what is behind it"
            if "NO_COLOR" in environment:
                assert {colour for cell in cells for colour in cell[1:]} <= GREYS
        assert pty.end() == 128 + signal.SIGTERM
        codes = {code for codes in COLOURS.findall(pty.raw) for code in codes.split(b";")}
        assert not codes & {b"38", b"48"}, "it has only sixteen colours"
        pty.check_clean()


def touched(store: Store) -> tuple[int, int]:
    """How many are withdrawn, and how many are not sent again; the others go on by themselves."""
    counts = read_status(store).deliveries
    return counts["cancelled"], counts["dead"]


def test_keys_that_come_all_at_once_go_where_each_belongs(tmp_path: Path) -> None:
    with closing(scripted_store(tmp_path)) as store, Pty(console_in(store.url)) as pty:
        pty.see("RP-1046", "Клавиши")
        before = touched(store)
        pty.press("2/cancel rmu")
        pty.see("cancel rmu", "Ничего не найдено")
        pty.press("\x1b")
        pty.see("RP-1046")
        pty.settle()  # on a machine that is very busy the list is still being read when its first row is seen
        pty.press("aперезвоню, cr\rjjj/удерж")
        pty.see("удерж", "Ничего не найдено")
        assert touched(store) == before
        pty.until(lambda: any(row.acknowledged for row in outbox.page(store)), "nothing was acknowledged")
        (taken,) = [row.acknowledged for row in outbox.page(store) if row.acknowledged]
        assert taken.note == "перезвоню, cr"
        pty.press("\x1b" + "\x11" + "jx" * 500)  # it is left, and more comes behind
        assert pty.ended() == 0
        pty.check_clean()


@pytest.mark.parametrize("encoding", ["koi8-r", "cp1251", "cp866"])
def test_a_terminal_of_one_byte_a_letter_shows_and_takes_russian(tmp_path: Path, encoding: str) -> None:
    environment = {"LC_ALL": f"ru_RU.{encoding.upper()}"}  # installed or not
    with (
        closing(scripted_store(tmp_path)) as store,
        Pty(console_in(store.url), environment, encoding=encoding) as pty,
    ):
        pty.see("RP-1046", "Клавиши", "1 Лента")
        pty.until(lambda: any("= " in row and "Джеймс Милл" in row for row in pty.rows), "the sign of what is held")
        assert "\ufffd" not in pty.text
        pty.press("/принтер состояние:удерж")
        pty.see("принтер состояние:удерж")
        pty.press("\x1b")
        for key in "2345":
            pty.go(key)
            pty.see("Клавиши")
        assert "\ufffd" not in pty.text
        assert pty.text.count("?") < 5, "signs that look like nothing"
        assert pty.end() == 128 + signal.SIGTERM
        pty.check_clean()


@pytest.mark.parametrize(
    ("sign", "like"),
    [("│", "|"), ("╭", "+"), ("━", "-"), ("█", "#"), ("⣿", "*"), ("✓", "+"), ("漢", "??"), ("\u0301", "")],
)
def test_what_stands_for_a_sign_is_as_wide(sign: str, like: str) -> None:
    assert eight_bit.look_alike(sign) == like
    assert cell_len(sign) == len(like)


@pytest.mark.parametrize(("encoding", "fits"), [("iso8859-5", True), ("latin-1", False), ("gbk", False), ("x", False)])
def test_an_encoding_without_cyrillic_or_of_two_bytes_a_letter_does_not_fit(encoding: str, fits: bool) -> None:
    assert eight_bit.fits(encoding) is fits


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_tmux_is_left_and_come_back_to_and_hands_on_what_calls(tmp_path: Path) -> None:
    url, config = new_store_file(tmp_path / "v.db"), tmp_path / "config" / "vestnik" / "calls.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"desktop": ["mine"], "address": "x@example.org", "every_s": 5, "tmux": True}))
    (tmp_path / "tmux.conf").write_text("set -g allow-passthrough on\nset -g default-terminal screen-256color\n")
    environment = {"XDG_CONFIG_HOME": str(config.parent.parent), "LC_ALL": "C.UTF-8"}
    socket = f"/tmp/v-{os.getpid()}"  # the name of a socket may be only so long
    tmux = [str(shutil.which("tmux")), "-S", socket, "-f", str(tmp_path / "tmux.conf")]
    try:
        with closing(Store.open(url)) as store:
            with Pty([*tmux, "new-session", "-s", "v", shlex.join(console_in(url))], environment) as pty:
                pty.see("Пока ничего не произошло", "1 Лента")
                add_notice(store, subject="Первое", name="Кто-то", number="N-1")
                pty.see("N-1", "удержано 1")
                pty.until(lambda: "\x1b]9;Vestnik: 1 уведомление вам\x1b\\".encode() in pty.raw, "no call")
                subprocess.run([*tmux, "detach-client"], check=True)
                assert pty.ended() == 0
            add_notice(store, subject="Второе", name="Кто-то", number="N-2")
            with Pty([*tmux, "attach"], environment, size=(100, 30)) as pty:
                pty.see("N-1", "N-2", "удержано 2", "Клавиши")
                assert pty.rows[0].lstrip().startswith("диспетчер ")
                pid = subprocess.check_output([*tmux, "list-panes", "-F", "#{pane_pid}"], text=True).strip()
                subprocess.run([*tmux, "kill-session"], check=True)
                assert pty.ended() in {0, 1}
            wait(lambda: not [card for card in read_status(store).dispatchers if card.alive], "its dispatcher stays")
            wait(lambda: not Path(f"/proc/{pid}").exists(), "the console stays")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
        Path(socket).unlink(missing_ok=True)


async def test_what_a_colour_tells_a_word_or_a_sign_tells_too(tmp_path: Path) -> None:
    """Where there are no colours (NO_COLOR) nothing is missing: no words stand there in two colours with a meaning."""
    meanings: dict[str, set[str]] = {}
    with closing(scripted_store(tmp_path)) as store:
        app = ConsoleApp(store, start_dispatcher=False)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.status)
            colours: dict[tuple[int, ...], str] = {
                Color.parse(app.theme_variables[kind + name]).rgb: name
                for name in ("error", "warning", "success")
                for kind in ("", "text-")
            }
            for keys in (["1"], ["2"], ["2", "enter"], ["3"], ["4"], ["5"], ["7"], ["9"], ["0"], ["0", "enter"]):
                await pilot.press("escape", *keys)
                await settle(pilot)
                for segment in chain.from_iterable(app.screen._compositor.render_strips()):
                    text, style = segment.text.strip(), segment.style
                    for colour in (style.color, style.bgcolor) if text and style else ():
                        name = colours.get(tuple(colour.triplet)) if colour is not None and colour.triplet else None
                        if name is not None:
                            meanings.setdefault(text, set()).add(name)
    assert len(meanings) > 8
    assert {text: names for text, names in meanings.items() if len(names) > 1} == {}
    bars = {text for text in meanings if "\u2500" <= text[0] <= "\u259f"}
    assert [text for text in meanings.keys() - bars if not re.search(r"[^\W_]|[✓✗…→‖–!]", text)] == []
