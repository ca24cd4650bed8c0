"""A PostgreSQL server for the tests: our own cluster in a temporary folder, on a Unix socket only.

Every test gets a database of its own, copied from a template that was migrated once: some 300 files, which take some
tens of milliseconds in memory and ten times that on a disk. Writes are synchronous, as in service: what is tested is
what will run.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

OWNER = "vestnik"
"""The superuser of the cluster; the socket trusts it."""
LOCKED = "locked"
"""A user who must give the password `LOCKED_PASSWORD`."""
LOCKED_PASSWORD = "open-sesame"
TEMPLATE = "vestnik_template"
START_S = 60
ROOM = 2 << 30
"""Bytes, with plenty to spare: a cluster takes a quarter of that, and each test process has one."""


class NoServerError(Exception):
    """There is no PostgreSQL here, or it cannot be run; the text is the reason."""


def server_programs() -> Path:
    """The folder of `initdb` and `postgres`, newest version first.

    Raises:
        NoServerError: There is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if on_path:
        found.append(Path(on_path))
    if not found:
        raise NoServerError("PostgreSQL is not installed (no initdb)")
    return found[-1].parent


def in_memory() -> Path | None:
    """A folder in memory, if there is one with room for what the tests write; else `None`."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM else None


def _identity() -> dict[str, Any]:
    """Arguments for `subprocess` that run a program as somebody who is not root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise NoServerError("PostgreSQL does not run as root, and there is no other user to run it as")


class Cluster:
    """A running server; a context manager that stops it and removes its files.

    Args:
        in_service: As on a machine of its own: on a disk, with room to work and autovacuum. For benches.
    """

    def __init__(self, *, in_service: bool = False) -> None:
        self._in_service = in_service
        self._programs = server_programs()
        self._identity = _identity()
        # The path of a Unix socket may have 107 bytes: the folder is made outside pytest's deep ones.
        self.folder = Path(tempfile.mkdtemp(prefix="vestnik-pg-", dir=None if in_service else in_memory()))
        self._server: subprocess.Popen[Any] | None = None
        self._numbers = count(1)

    def __enter__(self) -> Self:
        try:
            if self._identity:
                os.chown(self.folder, self._identity["user"], self._identity["group"])
            self._run("initdb", "-D", self._data, "-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
            rules = self._data / "pg_hba.conf"
            rules.write_text(f"local all {LOCKED} scram-sha-256\nlocal all all trust\n", "ascii")
            self.start()
            self.execute(f"CREATE ROLE {LOCKED} LOGIN PASSWORD '{LOCKED_PASSWORD}'", f"CREATE DATABASE {TEMPLATE}")
            self._migrate()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The number of the process that started all others; the server runs."""
        assert self._server is not None
        return self._server.pid

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        # No TCP; a small machine; nothing that only a long-lived server needs.
        small = ("shared_buffers=16MB", "autovacuum=off", "max_wal_size=128MB")
        served = ("shared_buffers=512MB", "autovacuum=on", "max_wal_size=4GB")
        settings = ("listen_addresses=", "max_connections=60", *(served if self._in_service else small))
        options = [word for setting in settings for word in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._server = server = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-k", self.folder, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **self._identity,
            )  # fmt: skip
        until = time.monotonic() + START_S
        while True:
            try:
                self.execute("SELECT 1")
            except Exception as error:
                if server.poll() is not None or time.monotonic() > until:
                    tail = (self.folder / "log").read_text("utf-8", "replace")[-500:]
                    raise NoServerError(f"PostgreSQL does not start: {tail}") from error
                time.sleep(0.02)
            else:
                return

    def stop(self, *, immediately: bool = False) -> None:
        """Stop the server as an administrator would: sessions are ended; immediately: as a power cut would."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT if immediately else signal.SIGINT)
            self._server.wait(START_S)
            self._server = None

    def end_sessions(self) -> None:
        """End all sessions of ours, as an administrator may."""
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'vestnik'")

    def url(self, database: str, user: str = OWNER, password: str = "") -> str:
        """The URL of a database of this cluster."""
        who = f"{user}:{password}" if password else user
        return f"postgresql+psycopg://{who}@/{database}?host={quote(str(self.folder), safe='/')}"

    def execute(self, *statements: str) -> None:
        """Run administrative statements, each by itself."""
        import psycopg

        dsn = f"host={self.folder} user={OWNER} dbname=postgres"
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def new_database(self, *, migrated: bool = True) -> str:
        """The URL of a new database."""
        name = f"vestnik_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE if migrated else 'template0'}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = url.partition("@/")[2].partition("?")[0]
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _migrate(self) -> None:
        from store.engine import Store
        from tests.desk import long_ago

        Store.open(self.url(TEMPLATE), upgrade=True, clock=long_ago).close()

    def _run(self, program: str, *words: str | Path) -> None:
        done = subprocess.run(
            [self._programs / program, *words], capture_output=True, text=True, cwd=self.folder, check=False,
            **self._identity,
        )  # fmt: skip
        if done.returncode:
            raise NoServerError(f"{program} failed: {done.stderr.strip()}")
