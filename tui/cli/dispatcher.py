"""`dispatch`."""

import asyncio
import os
import signal
import socket
import sys
from typing import Annotated

import typer

from dispatch.logs import LogFormat, LogLevel
from tui.cli.logs import FORMAT_NAME, LEVEL_NAME, begin
from tui.cli.options import Json, StoreUrl, store_of
from tui.cli.output import BAD_INPUT, FAILURES, fail, note, opened, say, say_json

LISTEN_NAME = "VESTNIK_LISTEN"


def add_to(application: typer.Typer) -> None:
    """Register the command."""
    application.command()(dispatch)


def dispatch(  # noqa: PLR0913, PLR0917 - its options
    context: typer.Context,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is due now.")] = False,
    listen: Annotated[
        str,
        typer.Option(
            envvar=LISTEN_NAME,
            metavar="ADDRESS",
            help="Serve /metrics (Prometheus) and /healthz there, e.g. 127.0.0.1:9464; without it nobody listens.",
        ),
    ] = "",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let --listen be where other machines reach it.")
    ] = False,
    log_format: Annotated[LogFormat | None, typer.Option(help=f"As before the command, or {FORMAT_NAME}.")] = None,
    log_level: Annotated[LogLevel | None, typer.Option(help=f"As before the command, or {LEVEL_NAME}.")] = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
    json: Json = False,
    store: StoreUrl = None,
) -> None:
    """The dispatcher. SIGTERM finishes letters in hand and gives back the rest."""
    from dispatch import interpreter
    from dispatch.daemon import Summary, run

    begin(context, log_format, log_level)

    async def serve() -> Summary:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        if with_parent:
            loop.add_reader(sys.stdin.fileno(), _stop_at_end, loop, stop)
        return await run(desk, until_idle=until_idle, stop=stop, listening=listening)

    interpreter.prepare()
    listening = _listening(listen, allow_remote=allow_remote) if listen else None
    with opened(store_of(context, store)) as desk:
        summary = asyncio.run(serve())
    if json:
        say_json(summary)
    else:
        words = (
            f"planned {summary.planned}",
            f"sent {summary.sent}",
            f"failed {summary.failed}",
            f"held {summary.held}",
        )
        say(" · ".join(words))
    if until_idle and (summary.dead or summary.connection_faults):
        raise typer.Exit(FAILURES)


def _listening(text: str, *, allow_remote: bool) -> socket.socket:
    """The socket a monitoring system asks at; ends the command where it cannot be had."""
    from dispatch.probe import Address, AddressError, bind

    try:
        address = Address.parse(text)
    except AddressError as error:
        fail(f"--listen: {error}", BAD_INPUT)
    if not address.is_local:
        if not allow_remote:
            fail(
                f"--listen: {address} can be reached from other machines, and asks nobody who he is. Listen at "
                f"127.0.0.1:{address.port} and let an agent or a proxy on this machine ask, or add --allow-remote",
                BAD_INPUT,
            )
        note(f"warning: {address} tells whoever reaches it how many letters wait, and what the connections are called")
    try:
        import prometheus_client  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: pip install 'vestnik[metrics]'", BAD_INPUT)
    try:
        return bind(address)
    except OSError as error:
        fail(
            f"--listen: cannot listen at {address}: {error.strerror}. Another dispatcher may be there already; give "
            f"this one another port, or none (in the environment: {LISTEN_NAME})",
            BAD_INPUT,
        )


def _stop_at_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Whoever holds the other end of standard input is gone: a console that was killed leaves no dispatcher behind."""
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()
