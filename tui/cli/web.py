"""`web`: the console in the browser, where a terminal is not at hand."""

import os
import secrets
import sys
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

import typer

from store.vocabulary import Language
from tui.cli.options import StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, say, store_url

TOKEN_NAME = "VESTNIK_WEB_TOKEN"  # noqa: S105 - the name of it
SHORTEST_TOKEN = 32
"""Characters: shorter ones can be guessed."""


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command()(web)


def web(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 is any free one.")] = 8470,
    public_url: Annotated[
        str | None, typer.Option(help="Address people open, where a proxy with TLS stands in front: https://…")
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen where other machines reach it; needs --public-url.")
    ] = False,
    consoles: Annotated[int, typer.Option(min=1, max=100, help="Tabs at once; each is a console process.")] = 8,
    language: Annotated[Language | None, typer.Option(help="Language of the consoles: ru or en.")] = None,
    store: StoreUrl = None,
) -> None:
    """The console in the browser: prints the address to open, serves until Ctrl+C.

    The address carries a token, new at each start, or VESTNIK_WEB_TOKEN. Who has it acts as you do.
    """
    if public_url is not None:
        public_url = _checked(public_url)
    if not _is_local(host):
        if not allow_remote or public_url is None:
            fail(
                f"{host} can be reached from other machines. Let a proxy with TLS reach 127.0.0.1 and give its address "
                "(--public-url https://…), or go through ssh -L; if it must be, add --allow-remote to --public-url",
                BAD_INPUT,
            )
        note(f"warning: {host} speaks plain HTTP to whoever reaches it; only the proxy with TLS should")
    given = os.environ.get(TOKEN_NAME)
    if given is not None and len(given) < SHORTEST_TOKEN:
        fail(f"{TOKEN_NAME} is too short: {SHORTEST_TOKEN} characters at least", BAD_INPUT)
    import asyncio

    try:
        from tui.web.door import Door
        from tui.web.server import WebServer, listen, serve
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: pip install 'vestnik[web]'", BAD_INPUT)
    store_at = store_url(store_of(context, store))
    with opened(store_at):
        pass  # a store that cannot be opened is told of here, not in a browser
    try:
        listening = listen(host, port)
    except OSError as error:
        fail(f"cannot listen at {host}, port {port}: {error.strerror}", FAILURES)
    port = listening.getsockname()[1]
    shown = public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    token = given or secrets.token_urlsafe(32)
    server = WebServer(Door(token, port, public_url), store_at, language=language, most=consoles)

    def ready() -> None:
        # A token of the operator's own is not repeated: what we print may be kept in a journal.
        say(f"open in a browser: {shown}?token={f'({TOKEN_NAME})' if given else token}")
        say("Ctrl+C ends it and every console in it")
        sys.stdout.flush()

    asyncio.run(serve(server, listening, ready))


def _is_local(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(url: str) -> str:
    """The address people open, ending in `/`; anything but https is refused: the token and passwords go over it."""
    try:
        parts = urlsplit(url)
        right = parts.scheme == "https" and parts.hostname and (parts.port or True) and "@" not in parts.netloc
        right = right and not parts.query and not parts.fragment
    except ValueError:
        right = False
    if not right:
        fail(f"{url} is no address of a proxy with TLS. Example: https://desk.example.org/console/", BAD_INPUT)
    return url.rstrip("/") + "/"
