"""Bare aiosmtplib: ready bytes from memory, no store, no rules. The baseline, in a process of its own.

As a program (`python -m tests.bench.bare PORT LETTERS CONNECTIONS`) it tells as JSON what the sending alone took:
neither its start-up nor the making of the letters is in the figures.
"""

import asyncio
import json
import subprocess
import sys
import time

from aiosmtplib import SMTP

from tests.bench.letter import OBJECTS, RECIPIENT, SENDER, ready
from tests.bench.processes import Memory, Took, ended


def send_bare(port: int, letters: int, connections: int) -> Took:
    """Send letters in a process that does nothing else."""
    command = [sys.executable, "-m", "tests.bench.bare", str(port), str(letters), str(connections)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with Memory([process.pid]) as memory, process.stdout:
        said = process.stdout.read()
        ended(process)
    told = json.loads(said)
    return Took(told["spent_s"], told["cpu_s"], memory.peak_mb)


async def _send(port: int, letters: int, connections: int) -> None:
    made = [ready(number) for number in range(min(letters, OBJECTS))]
    begun, used = time.perf_counter(), time.process_time()

    async def session(numbers: range) -> None:
        smtp = SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="bench")
        await smtp.connect()
        for number in numbers:
            head = b"Message-ID: <%d@bench>\r\n" % number
            await smtp.sendmail(SENDER, [RECIPIENT], head + made[number % OBJECTS])
        await smtp.quit()

    await asyncio.gather(*(session(range(n, letters, connections)) for n in range(connections)))
    print(json.dumps({"spent_s": time.perf_counter() - begun, "cpu_s": time.process_time() - used}))


if __name__ == "__main__":
    asyncio.run(_send(*(int(word) for word in sys.argv[1:])))
