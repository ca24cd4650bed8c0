"""Postfix as a durable queue in front of the sink, as a peer: it takes letters over SMTP and hands them on.

An instance of our own (`tests/postfix_server.py`) without login, TLS and policy: nothing but the queue. The letters
are handed over by Postfix's own `smtp-source`, which costs next to nothing and is not counted; Postfix gives each its
Message-ID. The clock goes from its start until the sink has all. CPU is that of the whole tree of processes.
"""

import re
import shutil
import subprocess
import tempfile
import time
from typing import ClassVar

from tests.bench.letter import RECIPIENT, SENDER, ready
from tests.bench.processes import Memory, Took, ended, tree_cpu_s, until
from tests.bench.sink import Sink
from tests.postfix_server import _PATH, NoPostfixError, PostfixServer

SESSIONS = 8
"""Connections over which letters are handed over: one alone would wait for each flush of the queue file."""
_MAIN = """
virtual_mailbox_domains =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{port}
smtp_host_lookup = native
smtp_tls_security_level = none
disable_dns_lookups = yes
smtpd_sasl_auth_enable = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions =
smtpd_end_of_data_restrictions =
smtpd_client_connection_count_limit = 0
always_add_missing_headers = yes
enable_long_queue_ids = yes
"""


class PostfixQueue(PostfixServer):
    """A running Postfix that hands everything on to a port of this machine; `submission` takes letters in the clear."""

    MASTER: ClassVar[str] = """
127.0.0.1:{submission} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup  unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr    unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce  unix - - n - 0 bounce
defer   unix - - n - 0 bounce
trace   unix - - n - 0 bounce
smtp    unix - - n - - smtp
anvil   unix - - n - 1 anvil
scache  unix - - n - 1 scache
error   unix - - n - - error
retry   unix - - n - - error
"""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def _furnish(self) -> None:
        super()._furnish()
        main = self.folder / "etc/main.cf"
        said = {line.split(" =")[0] for line in _MAIN.splitlines()}
        # Lines that begin with a blank go on with the one before. What is said twice is warned of by each process,
        # which is more than the log takes before its own process runs: then nothing goes on.
        entries = re.split(r"\n(?=\S)", main.read_text())
        kept = [entry for entry in entries if entry.split(" =")[0] not in said]
        main.write_text("\n".join(kept).rstrip() + _MAIN.format(port=self._port))

    @property
    def master(self) -> int:
        """The number of the process that started all others."""
        return int((self.folder / "spool/pid/master.pid").read_text())


def send_by_postfix(sink: Sink, letters: int) -> Took:
    """Hand letters to a Postfix in front of the sink, and wait until the sink has them.

    Raises:
        NoPostfixError: It is not installed, or this user may not start it.
    """
    source = shutil.which("smtp-source", path=_PATH)
    if source is None:
        raise NoPostfixError("Postfix's smtp-source is not installed")
    with PostfixQueue(sink.port) as postfix, tempfile.NamedTemporaryFile() as file, Memory([postfix.master]) as memory:
        file.write(ready(0).replace(b"\r\n", b"\n"))
        file.flush()
        used_s = tree_cpu_s(postfix.master)
        command = [source, "-F", file.name, "-f", SENDER, "-t", RECIPIENT, "-m", str(letters), "-s", str(SESSIONS)]
        begun = time.perf_counter()
        process = subprocess.Popen([*command, f"inet:127.0.0.1:{postfix.submission}"])
        until(lambda: sink.received() >= letters)
        spent_s = time.perf_counter() - begun
        ended(process)
        return Took(spent_s, tree_cpu_s(postfix.master) - used_s, memory.peak_mb)
