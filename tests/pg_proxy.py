"""A TCP proxy in front of PostgreSQL's Unix socket that can go dead, or lose the answer to a COMMIT."""

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self
from urllib.parse import quote

COMMIT = b"COMMIT\0"


class PgProxy:
    """Forwards until told otherwise. Two threads a connection; a context manager that ends them.

    Attributes:
        lose: How often the answer to the commit of a transaction is lost in which some words were sent: the commit
            reaches the server, the connection is closed.
    """

    def __init__(self, server: Path) -> None:
        self._server = str(server / ".s.PGSQL.5432")
        self._flowing: list[threading.Event] = []
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self.lose: dict[bytes, int] = {}

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for flowing in self._flowing:
            flowing.set()
        self._listener.close()
        self.cut()

    def url(self, url: str) -> str:
        """The same store, through the proxy."""
        head, _, _ = url.partition("?")
        return head.replace("@/", f"@127.0.0.1:{self.port}/") + f"?host={quote('127.0.0.1')}&sslmode=disable"

    def go_dead(self) -> None:
        """Hand nothing on any more over the connections there are, and close none of them; new ones are well.

        To both sides it looks as if the other one thought.
        """
        with self._lock:
            for flowing in self._flowing:
                flowing.clear()

    def cut(self) -> None:
        """Close all connections there are."""
        with self._lock:
            for one in self._open:
                _close(one)
            self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server)
            except OSError:
                _close(client)
                continue
            lost, flowing = threading.Event(), threading.Event()
            flowing.set()
            with self._lock:
                self._open += [client, server]
                self._flowing.append(flowing)
            threading.Thread(target=self._ask, args=(client, server, lost, flowing), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client, lost, flowing), daemon=True).start()

    def _ask(
        self, client: socket.socket, server: socket.socket, lost: threading.Event, flowing: threading.Event
    ) -> None:
        said = b""
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                flowing.wait()
                said += data
                if COMMIT in data:
                    if self._to_be_lost(said):
                        lost.set()
                    said = b""
                server.sendall(data)
        _close(client)
        _close(server)

    def _to_be_lost(self, said: bytes) -> bool:
        with self._lock:
            for words, times in self.lose.items():
                if times and words in said:
                    self.lose[words] = times - 1
                    return True
        return False

    def _answer(
        self, server: socket.socket, client: socket.socket, lost: threading.Event, flowing: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                if lost.is_set():
                    break  # the server has answered, so it is done
                flowing.wait()
                client.sendall(data)
        _close(client)
        _close(server)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
