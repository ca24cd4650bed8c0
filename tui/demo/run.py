"""Runs the demo, with the console on top or without a screen, and leaves nothing behind."""

import json
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import IO

from store.engine import Store
from store.sanitise import clean_text
from store.status import read_status
from store.vocabulary import Language
from tui import eight_bit
from tui.cli.console import refused
from tui.cli.encoding import terminal_encoding
from tui.cli.output import BAD_INPUT, fail
from tui.demo.activity import Activity
from tui.demo.desk import furnish
from tui.demo.mail_sink import MailSink, serve
from tui.demo.people import GREYLISTED_ADDRESS, REFUSED_ADDRESS
from tui.demo.report import Report, as_text, make_report
from tui.dispatcher_child import environment

HEADLESS_S = 15.0
"""Length of a run without a screen when none is given."""
IDLE_WITHIN_S = 30.0
"""How long the queue may take to run empty once the story has stopped."""
STOP_WITHIN_S = 15.0
"""How long the dispatcher may take to leave after SIGTERM."""


def run_demo(seconds: float | None, headless: bool, as_json: bool, language: str | None) -> int:  # noqa: FBT001
    """Run the demo.

    Args:
        seconds: How long; `None` is until the console is left, or `HEADLESS_S` without a screen.
        headless: Without the console: prints a report at the end.
        as_json: The report as one JSON document.
        language: `ru` or `en`, `None` is `ru`.

    Returns:
        The exit code: 0 when all is well, 1 when not. Where the console cannot be shown it ends with 2.
    """
    spoken = Language(language or Language.RU)
    if not headless and (refusal := refused(language)):
        fail(f"{refusal}\nvestnik demo --headless", BAD_INPUT)
    with _signals_unwind(), _service_desk(spoken) as (store, sink, folder):
        if headless:
            report = _run_headless(store, sink, folder, spoken, HEADLESS_S if seconds is None else seconds)
            shown = json.dumps(asdict(report), ensure_ascii=False, indent=2) if as_json else clean_text(as_text(report))
            sys.stdout.write(f"{shown}\n")
            return 0 if report.ok else 1
        return _run_console(store, spoken, seconds)


@contextmanager
def _signals_unwind() -> Generator[None]:
    """SIGTERM and SIGHUP end the demo through its `finally` blocks, so that they leave nothing behind either."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _handled(leave):
        yield


@contextmanager
def _signals_held() -> Generator[None]:
    """They wait for the end of this block: what it begins is then known to whoever ends it."""
    came: list[int] = []
    with _handled(lambda number, _: came.append(number)):
        yield
    if came:
        raise SystemExit(128 + came[0])


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def _service_desk(language: Language) -> Generator[tuple[Store, MailSink, Path]]:
    """A store in a temporary folder, furnished, and a mail server."""
    sink = MailSink("vestnik", secrets.token_urlsafe(12), refused=[REFUSED_ADDRESS], greylisted=[GREYLISTED_ADDRESS])
    with tempfile.TemporaryDirectory(prefix="vestnik-demo-", ignore_cleanup_errors=True) as name, serve(sink):
        folder = Path(name)
        store = Store.open(f"sqlite:///{folder / 'vestnik.db'}")
        try:
            furnish(store, sink, language)
            yield store, sink, folder
        finally:
            store.close()


def _run_console(store: Store, language: Language, seconds: float | None) -> int:
    # Imported here: a run without a screen needs no Textual.
    from tui import ConsoleApp
    from tui.demo.narrator import Narrator

    eight_bit.use(terminal_encoding())
    app = ConsoleApp(store, language=language)
    app.preview = True
    narrator = Narrator(app)
    activity = Activity(store, language, on_switched=narrator.switched)
    timer = threading.Timer(seconds, lambda: app.call_from_thread(app.exit)) if seconds is not None else None
    activity.start()
    narrator.start()
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        app.run()
    finally:
        if timer is not None:
            timer.cancel()
        activity.stop()
        narrator.stop()
    return app.return_code or 0


def _run_headless(store: Store, sink: MailSink, folder: Path, language: Language, seconds: float) -> Report:
    activity = Activity(store, language)
    problems: list[str] = []
    log = folder / "dispatcher.log"
    with log.open("wb") as stream, _dispatcher(store.url, stream) as child:
        activity.start()
        try:
            _wait(child, seconds)
        finally:
            activity.stop()
        ran_empty = _wait_until_idle(store, child)
        if not ran_empty:
            problems.append(f"the queue was not empty after {IDLE_WITHIN_S:.0f} s")
        code = _stop(child)
    if code != 0:
        problems.append(f"the dispatcher ended with {code}: {log.read_text('utf-8', 'replace')[-2000:].strip()}")
    return make_report(store, sink, activity.told, code, problems, ran_empty=ran_empty)


@contextmanager
def _dispatcher(url: str, log: IO[bytes]) -> Generator["subprocess.Popen[bytes]"]:
    """The dispatcher as a child; it never outlives this block."""
    command = [sys.executable, "-m", "tui", "dispatch", "--store", url]
    child: subprocess.Popen[bytes] | None = None
    try:
        with _signals_held():
            child = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
                env=environment(),
            )  # fmt: skip
        yield child
    finally:
        if child is not None:
            _stop(child)


def _wait(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Let the time pass; ends early when the dispatcher does."""
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _wait_until_idle(store: Store, child: "subprocess.Popen[bytes]") -> bool:
    """Whether the queue ran empty in time. A dispatcher that has ended is not waited for."""
    ends = time.monotonic() + IDLE_WITHIN_S
    while time.monotonic() < ends and child.poll() is None:
        status = read_status(store)
        if status.unplanned == 0 and status.deliveries["pending"] == 0 and status.deliveries["sending"] == 0:
            return True
        time.sleep(0.1)
    return False


def _stop(child: "subprocess.Popen[bytes]") -> int:
    """SIGTERM, and the exit code; a child that does not leave is killed."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()
