"""What one machine carries, reckoned from measured figures and assumptions: `python -m tests.bench.capacity`.

It measures nothing. Put in what the benches gave, and it prints the tables of CONTRIBUTING.md anew.
"""

from dataclasses import dataclass

HOUR_S = 3_600
DESKS = (1, 100, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Measured:
    """What the benches gave, on two cores; the bench stands beside it."""

    rate: float = 2_679  # whole_line, 20,000 letters on SQLite: letters/s, emit and dispatcher on both cores
    cpu_sqlite: float = 0.44  # whole_line, 20,000 letters: CPU s per 1,000 letters
    cpu_postgresql: float = 0.75  # engines, 3,000 letters: the same on PostgreSQL
    cpu_server: float = 0.30  # engines: the server's CPU s per 1,000 letters
    store_bytes: float = 7_000  # engines: bytes in the store a letter
    log_bytes: float = 9_100  # engines: bytes of the server's log a letter
    idle_cpu_sqlite_ms: float = 17.5  # idle: CPU ms a second
    idle_cpu_postgresql_ms: float = 22.0  # idle: the same on PostgreSQL, the server's share in it
    idle_mb: float = 72  # idle: MB of a dispatcher
    idle_transactions: float = 13  # idle: transactions a second
    connections: float = 6  # idle: connections to the server


@dataclass(frozen=True, slots=True)
class Assumed:
    """A desk, and the machine: to be replaced by one's own."""

    events_a_day: float = 400  # fifty requests, each with eight events
    letters_an_event: float = 1.5
    peak_hour: float = 0.15  # of the day's letters: one time zone, a morning
    peak_minute: float = 3.0  # times the peak hour's rate
    days_kept: float = 90
    cores: float = 16
    memory_mb: float = 65_536
    busy: float = 0.5  # of the cores, at most
    dispatchers_memory: float = 0.75  # of the memory, at most
    disk_bytes: float = 2e12
    server_connections: float = 100  # as PostgreSQL is delivered


def desks_table(m: Measured, a: Assumed) -> str:
    """What so many desks need, on one PostgreSQL cluster, as a table in Markdown."""
    day = a.events_a_day * a.letters_an_event
    rows: list[tuple[str, ...]] = [
        ("letters a day", *(f"{n * day:,.0f}" for n in DESKS)),
        ("letters/s in the peak hour", *(f"{_short(n * day * a.peak_hour / HOUR_S)}" for n in DESKS)),
        ("letters/s in the peak minute", *(f"{_short(n * _peak(a))}" for n in DESKS)),
        ("cores for these letters", *(f"{_short(n * _peak(a) * _cpu(m) / 1000)}" for n in DESKS)),
        (f"store after {a.days_kept:.0f} days, GB", *(f"{_short(n * _kept(m, a) / 1e9)}" for n in DESKS)),
        ("server's log a day, GB", *(f"{_short(n * day * m.log_bytes / 1e9)}" for n in DESKS)),
        ("cores for idle dispatchers", *(f"{_short(n * m.idle_cpu_postgresql_ms / 1000)}" for n in DESKS)),
        ("memory of dispatchers, GB", *(f"{_short(n * m.idle_mb / 1000)}" for n in DESKS)),
        ("connections to the server", *(f"{n * m.connections:,.0f}" for n in DESKS)),
        ("transactions/s of idle dispatchers", *(f"{n * m.idle_transactions:,.0f}" for n in DESKS)),
    ]
    return _table(("desks", *(f"{n:,}" for n in DESKS)), rows)


def limits_table(m: Measured, a: Assumed) -> str:
    """How many desks each thing allows on the machine, the scarcest first, as a table in Markdown."""
    cores_ms = a.cores * a.busy * 1000
    limits = {
        "connections, as PostgreSQL is delivered": a.server_connections / m.connections,
        "CPU of idle dispatchers, PostgreSQL": cores_ms / m.idle_cpu_postgresql_ms,
        "CPU of idle dispatchers, SQLite": cores_ms / m.idle_cpu_sqlite_ms,
        "memory of dispatchers": a.memory_mb * a.dispatchers_memory / m.idle_mb,
        "disk": a.disk_bytes / _kept(m, a),
        "letters of the peak minute, PostgreSQL": cores_ms / (_peak(a) * _cpu(m)),
        "letters of the peak minute, SQLite": cores_ms / (_peak(a) * m.cpu_sqlite),
        "letters of the peak minute, all in one store on SQLite": m.rate * a.busy / _peak(a),
    }
    rows = [(name, f"{desks:,.0f}") for name, desks in sorted(limits.items(), key=lambda one: one[1])]
    return _table(("what there is enough of for", "desks"), rows)


def _peak(a: Assumed) -> float:
    """Letters a second of a desk in the peak minute."""
    return a.events_a_day * a.letters_an_event * a.peak_hour * a.peak_minute / HOUR_S


def _cpu(m: Measured) -> float:
    """CPU s per 1,000 letters, that is ms a letter, on PostgreSQL with the server's share."""
    return m.cpu_postgresql + m.cpu_server


def _kept(m: Measured, a: Assumed) -> float:
    """Bytes a desk takes."""
    return a.events_a_day * a.letters_an_event * m.store_bytes * a.days_kept


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value >= 0.001 else "0"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    ruled = "|".join(["", "---", *("---:" for _ in head[1:]), ""])
    return "\n".join([f"| {' | '.join(head)} |", ruled, *(f"| {' | '.join(row)} |" for row in rows)])


if __name__ == "__main__":
    print(desks_table(Measured(), Assumed()), limits_table(Measured(), Assumed()), sep="\n\n")
