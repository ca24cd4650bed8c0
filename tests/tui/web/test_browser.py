"""The console in a real browser, from opening the printed address to the end of every process."""

import os
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Error, Page, Request

from tests.tui.scripted_desk import scripted_store
from tests.tui.web.chromium import NoChromiumError, Screen, browser, program
from tests.tui.web.served import alive, serving, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
OPEN_SOCKET = """url => new Promise(told => {
  const socket = new WebSocket(url);
  socket.onmessage = () => told("answered");
  socket.onclose = () => told("closed");
})"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    try:
        program()
    except NoChromiumError as error:
        if os.environ.get("VESTNIK_REQUIRE_CHROMIUM"):
            pytest.fail(f"{error}, and VESTNIK_REQUIRE_CHROMIUM is set")
        pytest.skip(str(error))
    async with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def desk_at(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A desk with a morning behind it."""
    store = scripted_store(tmp_path_factory.mktemp("desk"))
    store.close()
    return store.url


def _whole(lines: list[str]) -> bool:
    return "в очереди" in lines[0] and "Клавиши" in lines[-1]


async def test_a_tab_is_a_console_from_its_opening_to_its_end(chromium: Browser, desk_at: str) -> None:
    asked: list[Request] = []
    with serving(desk_at, "--language", "ru") as served:
        context = await chromium.new_context(viewport={"width": 1000, "height": 600})
        page = await context.new_page()
        page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - it must be a function
        windows: list[Page] = []
        page.on("popup", lambda window: windows.append(window))  # noqa: PLW0108
        await page.goto(served.url)
        screen = Screen(page)

        # It is painted, the keyboard is in it without a click, and the token has left the address.
        await screen.until("RP-1046")
        assert await screen.colours() > 30
        assert page.url == served.address
        await page.keyboard.press("F2")
        await screen.until("Deliveries")
        await page.keyboard.press("F2")
        await screen.click("Люди")
        await screen.until("i.petrov@desk.example")
        await page.keyboard.press("/")
        await screen.until("f1 Клавиши")  # in a field the question mark is a letter
        await screen.type_in("ольга")
        await screen.until(lambda lines: "Ольга Смирнова" in "".join(lines) and "Иван Петров" not in "".join(lines))
        await screen.click("Лента")

        # The console has the size of the window, at once.
        before = await screen.until(_whole)
        await page.set_viewport_size({"width": 700, "height": 400})
        await screen.until("Окно меньше 80×24")
        await page.set_viewport_size({"width": 1200, "height": 700})
        after = await screen.until(lambda lines: _whole(lines) and len(lines[0]) > len(before[0]))
        assert len(after) > len(before)

        # An address in a letter is text: a click opens nothing.
        await screen.click("RP-1046")
        await page.keyboard.press("Enter")
        await screen.click("https://desk.example")
        await page.keyboard.press("Escape")

        # A console that was left is told from one that lives; a new one is a click away, and needs no token.
        await screen.until(_whole)
        left = served.below()
        await page.keyboard.press("Control+Q")
        await page.get_by_role("button", name="Открыть снова").click()
        await screen.until(_whole)
        await until(lambda: not alive(left), "a console or its dispatcher outlives its end")

        # Nothing came from anywhere else, nothing was opened, and all ends with the tab.
        assert {urlsplit(request.url).netloc for request in asked} == {urlsplit(served.url).netloc}
        assert not windows
        shown = served.below()
        assert shown
        await page.close()
        await until(lambda: not alive(shown), "a console or its dispatcher outlives its tab")
        assert served.process.poll() is None
        await context.close()


async def test_pages_of_others_are_kept_out_and_a_server_that_ends_ends_all(chromium: Browser, desk_at: str) -> None:
    with serving(desk_at, "--language", "en") as served:
        context = await chromium.new_context()
        stranger = await context.new_page()
        for address in (served.address, f"{served.address}?token=guessed"):
            answer = await stranger.goto(address)
            assert answer is not None
            assert answer.status == 403
            assert "Доступ закрыт" in await answer.text()
        socket = served.address.replace("http", "ws") + "ws"
        assert await stranger.evaluate(OPEN_SOCKET, socket) == "closed"

        page = await context.new_page()
        await page.goto(served.url)
        screen = Screen(page)
        await screen.until("Live")
        # The same browser, with the cookie, on a page of somebody else's.
        await stranger.goto("data:text/html,<p>prizes</p>")
        assert await stranger.evaluate(OPEN_SOCKET, socket) == "closed"
        with pytest.raises(Error):
            await stranger.evaluate("address => fetch(address).then(answer => answer.text())", served.address)

        processes = served.below()
        served.process.terminate()
        await page.get_by_text("No connection to the console").wait_for()
        await until(lambda: served.process.poll() is not None, "the server does not end")
        assert served.process.returncode == 0
        assert not alive(processes)
        await context.close()
