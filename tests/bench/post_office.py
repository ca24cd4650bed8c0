"""django-post_office as a peer, tuned: SQLite with WAL, bulk insert, batches of 1,000, two processes of eight threads.

A Django project is made in a temporary folder. As a program (`python -m tests.bench.post_office LETTERS`) this module
queues letters as an application would that knows how: ready texts, by `bulk_create` (`mail.send_many` ends in the same
after rendering templates). They are sent by post_office's own command, which ends with the queue. Both start-ups
count, as Vestnik's `emit` does. The database is as durable as Vestnik's (`synchronous=FULL`), and a log row is kept of
each letter, as Vestnik keeps an attempt.
"""

import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.letter import FROM, TO, html, subject, text
from tests.bench.processes import Memory, Took, ended

BATCH, PROCESSES, THREADS = 1_000, 2, 8
NAME = "bench_post_office"
_SETTINGS = """
SECRET_KEY = "bench"
USE_TZ = True
INSTALLED_APPS = ["django.contrib.contenttypes", "post_office"]
TEMPLATES = [{{"BACKEND": "django.template.backends.django.DjangoTemplates"}}]
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": {database!r},
    "OPTIONS": {{
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }},
}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
EMAIL_BACKEND = "post_office.EmailBackend"
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", {port}
POST_OFFICE = {{
    "BACKENDS": {{"default": "django.core.mail.backends.smtp.EmailBackend"}},
    "BATCH_SIZE": {batch},
    "THREADS_PER_PROCESS": {threads},
    "BATCH_DELIVERY_TIMEOUT": 600,
}}
LOGGING_CONFIG = None
"""


class NoPostOfficeError(Exception):
    """It is not installed; the text says how it is."""


def send_by_post_office(port: int, letters: int) -> Took:
    """Queue letters and send them.

    Raises:
        NoPostOfficeError: It is not installed.
    """
    if importlib.util.find_spec("post_office") is None:
        raise NoPostOfficeError("django-post_office is not installed: pip install -c constraints.txt -e '.[bench]'")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {"database": f"{name}/office.db", "port": port, "batch": BATCH, "threads": THREADS}
        (folder / f"{NAME}.py").write_text(_SETTINGS.format(**made), "utf-8")
        paths = os.pathsep.join([name, *sys.path])
        # The lock file of the command lies in the folder for temporary files.
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": NAME, "PYTHONPATH": paths, "TMPDIR": name}
        ended(_run(environment, "django", "migrate", "--verbosity", "0"))
        with Memory() as memory:
            begun, used_s = time.perf_counter(), 0.0
            queue = ("tests.bench.post_office", str(letters))
            send = ("django", "send_queued_mail", "--processes", str(PROCESSES))
            for words in (queue, send):
                process = _run(environment, *words)
                memory.add(process.pid)
                used_s += ended(process)
            spent_s = time.perf_counter() - begun
        return Took(spent_s, used_s, memory.peak_mb)


def _run(environment: dict[str, str], *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _queue(letters: int) -> None:
    import django  # pyright: ignore[reportMissingImports]

    django.setup()
    models: Any = importlib.import_module("post_office.models")
    made = (
        models.Email(
            from_email=FROM, to=[TO], subject=subject(number), message=text(number), html_message=html(number),
            status=models.STATUS.queued, priority=models.PRIORITY.medium,
        )
        for number in range(letters)
    )  # fmt: skip
    models.Email.objects.bulk_create(made, batch_size=BATCH)


if __name__ == "__main__":
    _queue(int(sys.argv[1]))
