"""Debian's Postfix with SASL for the tests: an instance of our own in a temporary folder, on loopback ports.

It is asked by a policy service of ours (SMTPD_POLICY_README) what to say to a letter after its final dot, so that a
real server can be made to refuse, to throttle, to say nothing and to break off at that very moment.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import trustme

from tests.mail_server import Letter

Trouble = Literal["transient", "permanent", "throttled", "drop", "hang"]
LOGIN = "robot"
PASSWORD = "password-canary"
REALM = "example.org"
"""What Cyrus adds to a login without `@`."""
NOBODY = "nobody@example.org"
"""Refused for good when it is named."""
GREYLISTED = "grey@example.org"
"""Refused for now when it is named."""
SIZE_LIMIT = 200_000
"""Bytes in a letter."""
START_S = 30
STARTS = 5
"""A free port may be taken by somebody else before Postfix has it."""
_SAID = {
    "transient": "451 4.7.1 not now",
    "permanent": "554 5.6.0 not ever",
    "throttled": "421 4.3.2 closing",
    "hang": "451 4.3.0 was asleep",
    "drop": "451 4.3.0 is about to die",
}
_TRANSPORT_FIELDS = {b"return-path", b"x-original-to", b"delivered-to", b"received"}
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = localhost
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
in_flow_delay = 0
local_header_rewrite_clients =
message_size_limit = {size_limit}
virtual_mailbox_domains = static:all
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_delay_reject = yes
smtpd_error_sleep_time = 0
smtpd_tls_chain_files = {folder}/tls.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {folder}/etc/sasl
smtpd_sasl_local_domain = {realm}
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{
  {{ {nobody} = 550 5.1.1 nobody of that name here }}, {{ {grey} = 450 4.2.0 Greylisted, come again }} }}
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_end_of_data_restrictions = check_policy_service unix:{folder}/policy
"""
_MASTER = """
127.0.0.1:{submission} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
127.0.0.1:{smtps}      inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr    unix n - n 300 1 qmgr
tlsmgr  unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce  unix - - n - 0 bounce
defer   unix - - n - 0 bounce
trace   unix - - n - 0 bounce
virtual unix - n n - - virtual
anvil   unix - - n - 1 anvil
error   unix - - n - - error
retry   unix - - n - - error
discard unix - - n - - discard
"""
_SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {folder}/etc/sasl/db
mech_list: PLAIN LOGIN
"""


class NoPostfixError(Exception):
    """There is no Postfix here, or it cannot be run; the text is the reason."""


class PostfixServer:
    """A running Postfix: STARTTLS and a login are required on `submission`, TLS from the first byte on `smtps`.

    A context manager that stops it and removes its files.

    Raises:
        NoPostfixError: It is not installed, or this user may not start it.
    """

    MASTER: ClassVar[str] = _MASTER
    """Its services; `{submission}` and `{smtps}` are its ports."""

    def __init__(self) -> None:
        for program, package in (("postfix", "postfix"), ("saslpasswd2", "sasl2-bin")):
            if shutil.which(program, path=_PATH) is None:
                raise NoPostfixError(f"Postfix with SASL is not installed (no {program}; Debian: {package})")
        if os.geteuid() != 0:
            raise NoPostfixError("Postfix can be started by root only")
        # The paths of Unix sockets may have 107 bytes: the folder is made outside pytest's deep ones.
        self.folder = Path(tempfile.mkdtemp(prefix="vestnik-mx-"))
        self.ca_file = str(self.folder / "ca.pem")
        self.submission, self.smtps = _free_ports()
        self.policy = _Policy(self.folder / "policy")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._furnish()
            self.policy.start()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.policy.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it greets."""
        for tries_left in reversed(range(STARTS)):
            (self.folder / "etc/master.cf").write_text(self.MASTER.format(submission=self.submission, smtps=self.smtps))
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*self._command, "start-fg"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.folder, env=_environment(), start_new_session=True,
                )  # fmt: skip
            if self._greets():
                return
            self.stop()
            if not tries_left:
                raise NoPostfixError(f"Postfix does not start: {self.log()[-500:]}")
            self.submission, self.smtps = _free_ports()

    def stop(self) -> None:
        """Stop it at once; the files stay."""
        self.policy.wake()
        process, self._process = self._process, None
        if process is None:
            return
        pid_file = self.folder / "spool/pid/master.pid"
        master = int(pid_file.read_text()) if pid_file.exists() else None
        subprocess.run([*self._command, "abort"], capture_output=True, env=_environment(), check=False)
        try:
            process.wait(START_S)
        finally:
            # The master leads a process group of its own and ends it with itself; this is for when it could not.
            for group in (master, process.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group or process.pid, signal.SIGKILL)
            process.wait(START_S)

    @contextlib.contextmanager
    def stopped(self) -> Generator[None]:
        """Gone for a while; afterwards back on its ports, unless somebody else has them."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def clear(self) -> None:
        """As new: no letters, no troubles to come."""
        self.policy.troubles.clear()
        self.policy.wake()
        self.policy.reading.clear()
        for file in self._delivered():
            file.unlink()

    def log(self) -> str:
        """What Postfix has logged."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def letters(self) -> list[Letter]:
        """Every letter it took, once each is in its mailbox."""
        until = time.monotonic() + START_S
        while any(self._queued()):
            assert time.monotonic() < until, f"Postfix does not deliver: {self.log()[-1000:]}"
            time.sleep(0.005)
        return [_letter(file.read_bytes()) for file in self._delivered()]

    @property
    def _command(self) -> list[str]:
        return ["postfix", "-c", str(self.folder / "etc")]

    def _furnish(self) -> None:
        folder, owner = self.folder, pwd.getpwnam("nobody")
        folder.chmod(0o755)
        for name in ("etc", "etc/sasl", "spool", "data", "mail"):
            (folder / name).mkdir()
        os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        os.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        (folder / "tls.pem").write_bytes(authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes())
        main = _MAIN.format(
            folder=folder, size_limit=SIZE_LIMIT, uid=owner.pw_uid, gid=owner.pw_gid, realm=REALM,
            nobody=NOBODY, grey=GREYLISTED,
        )  # fmt: skip
        (folder / "etc/main.cf").write_text(main)
        (folder / "etc/sasl/smtpd.conf").write_text(_SASL.format(folder=folder))
        done = subprocess.run(
            ["saslpasswd2", "-p", "-c", "-f", str(folder / "etc/sasl/db"), "-u", REALM, LOGIN],
            input=PASSWORD.encode(), capture_output=True, env=_environment(), check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoPostfixError(f"saslpasswd2 failed: {done.stderr.decode()}")
        (folder / "etc/sasl/db").chmod(0o644)

    def _greets(self) -> bool:
        """Whether it got its ports: it ends at once if not."""
        until = time.monotonic() + START_S
        while self._process is not None and self._process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.submission), 5) as talk:
                if talk.recv(100).startswith(b"220 localhost ESMTP Postfix"):
                    return True
            time.sleep(0.02)
        return False

    def _queued(self) -> Iterator[Path]:
        """Letters that are taken and not yet delivered, in the order in which they move on."""
        for queue in ("incoming", "active", "deferred"):
            for file in (self.folder / "spool" / queue).rglob("*"):
                with contextlib.suppress(FileNotFoundError):
                    # A letter that is still arriving has no x bit.
                    if file.is_file() and file.stat().st_mode & stat.S_IXUSR:
                        yield file

    def _delivered(self) -> list[Path]:
        def arrival(file: Path) -> tuple[int, int]:
            second, rest = file.name.split(".", 1)
            found = re.search(r"M(\d+)", rest)
            return int(second), int(found.group(1)) if found else 0

        return sorted((self.folder / "mail/box/new").glob("*"), key=arrival)


class _Policy:
    """Says what becomes of the next letters; in a thread of its own, and one more for each of Postfix's processes."""

    def __init__(self, path: Path) -> None:
        self.troubles: list[Trouble | None] = []
        self.reading = threading.Event()
        self._path = path
        self._waker = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)

    def start(self) -> None:
        self._socket.bind(str(self._path))
        self._path.chmod(0o666)
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.wake()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def wake(self) -> None:
        """Whoever hangs answers now, with a refusal."""
        waker, self._waker = self._waker, threading.Event()
        waker.set()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._talk, args=(self._socket.accept()[0],), daemon=True).start()

    def _talk(self, talk: socket.socket) -> None:
        pid: int = struct.unpack("3i", talk.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        with talk, talk.makefile("rb") as questions, contextlib.suppress(OSError):
            for line in questions:
                if line != b"\n":
                    continue
                self.reading.set()
                trouble = self.troubles.pop(0) if self.troubles else None
                if trouble == "hang":
                    self._waker.wait(START_S)
                if trouble == "drop":
                    os.kill(pid, signal.SIGKILL)
                talk.sendall(f"action={_SAID[trouble] if trouble else 'dunno'}\n\n".encode())


_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _environment() -> dict[str, str]:
    return {"PATH": _PATH, "LANG": "C"}


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def _letter(stored: bytes) -> Letter:
    """A letter as it was sent: without the fields that servers put on top, with the line ends of the wire."""
    fields: dict[bytes, Any] = {}
    rest = stored
    while (found := re.match(rb"([!-9;-~]+):((?:[^\n]|\n[ \t])*)\n", rest)) and found[1].lower() in _TRANSPORT_FIELDS:
        fields.setdefault(found[1].lower(), found[2].strip())
        rest = rest[found.end() :]
    return Letter(
        fields[b"return-path"].decode().strip("<>"),
        fields[b"x-original-to"].decode(),
        rest.replace(b"\n", b"\r\n"),
    )
