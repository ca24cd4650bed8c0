"""Migrations: the schema they make, and that they happen once, whole, or not at all."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, inspect, select, text

from dispatch.rule_counts import add_counts
from store import tables
from store.cards import DecisionCard
from store.catalogue.standard import STANDARD
from store.directory import ties
from store.engine import Store, make_engine, sqlite_path
from store.errors import StoreUnreachableError, StoreVersionError
from store.migrate import OURS, Scripts, alembic_config, make_current, revision
from store.migrations import HEAD, KNOWN
from store.people_search import Wanted, page
from store.retention import retention
from store.rule_stats import RuleCount
from store.status import read_status
from store.tables import METADATA
from tests.conftest import sqlite_url

ROOT = Path(__file__).parents[2]
NEXT = '''"""A later schema."""

import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade():
    with op.batch_alter_table("team") as batch:
        batch.add_column(sa.Column("motto", sa.String(), nullable=False, server_default=""))
    op.execute("UPDATE team SET motto = 'all for one'")
    {more}
'''


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it, on each engine."""
    return request.getfixturevalue("empty_postgresql_url") if request.param == "postgresql" else sqlite_url(tmp_path)


@pytest.fixture
def later(tmp_path: Path) -> Callable[[str], Scripts]:
    """Our scripts and one more; the argument is a statement at its end."""

    def make(more: str = "") -> Scripts:
        folder = tmp_path / "migrations"
        shutil.copytree(OURS.folder, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        (folder / "versions" / "v9000_later.py").write_text(NEXT.format(head=HEAD, more=more), "utf-8")
        return Scripts(folder, (*KNOWN, "9000"))

    return make


def _team(store: Store) -> None:
    store.write(lambda connection: connection.execute(text("INSERT INTO team (code, name) VALUES ('net', 'Net')")))


def _indexes(connection: Connection) -> list[tuple[str, str]]:
    """Name and definition of each index that was named by us."""
    queries = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    found = connection.execute(text(queries[connection.dialect.name])).all()
    return sorted((name, " ".join(sql.split())) for name, sql in found if not name.startswith("alembic_"))


def _declared(name: str | None, *_: object) -> bool:
    return not str(name).startswith("delivery_search")


def test_known_revisions_are_the_scripts() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert tuple(reversed([one.revision for one in script.walk_revisions()])) == KNOWN
    assert script.get_current_head() == HEAD


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_migrated_schema_is_the_declared_one(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    on_server = store.engine.dialect.name == "postgresql"
    url = request.getfixturevalue("empty_postgresql_url") if on_server else f"sqlite:///{tmp_path / 'declared.db'}"
    other = make_engine(url)
    METADATA.create_all(other)
    migrated, declared = inspect(store.engine), inspect(other)
    names = set(declared.get_table_names())
    assert set(migrated.get_table_names()) - {"alembic_version"} == names
    for name in names:
        columns = [
            {c["name"]: (str(c["type"]), c["nullable"], c["default"]) for c in one.get_columns(name)}
            for one in (migrated, declared)
        ]
        assert columns[0] == columns[1], name
        for get in ("get_pk_constraint", "get_unique_constraints", "get_foreign_keys"):
            found, wanted = (getattr(one, get)(name) for one in (migrated, declared))
            assert sorted(map(str, found)) == sorted(map(str, wanted)), (name, get)
    with store.read() as one, other.connect() as two:
        assert _indexes(one) == _indexes(two)
        # The search index is made by statements, which autogeneration does not know.
        opts = {"compare_type": True, "include_name": _declared}
        assert not compare_metadata(MigrationContext.configure(one, opts=opts), METADATA)
    other.dispose()


def test_an_empty_database_becomes_a_store_with_the_standard_set(empty_url: str) -> None:
    with closing(Store.open(empty_url, upgrade=True)) as store, store.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.rule)).scalar_one() == len(STANDARD)
        assert len(connection.execute(select(tables.company)).all()) == 1


def test_a_connection_from_before_keeps_its_secret_and_its_health(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0001")
        columns = "id, name, protocol, server, port, encryption, authentication, login, password, ca_file, oauth2"
        more = "application_id, directory_id, authority, enabled, priority"
        values = "7, 'm', 'smtp', 'h', 587, 'tls', {yes}, 'robot', :sealed, '', {no}, '', '', '', {yes}, 1"
        yes, no = ("1", "0") if engine.dialect.name == "sqlite" else ("true", "false")
        insert = f"INSERT INTO mail_connection ({columns}, {more}) VALUES ({values.format(yes=yes, no=no)})"
        connection.execute(text(insert), {"sealed": b"sealed"})
        columns = "connection_id, circuit, last_error, error_class"
        connection.execute(text(f"INSERT INTO connection_health ({columns}) VALUES (7, 'open', 'x', 'y')"))
    engine.dispose()
    with closing(Store.open(empty_url, upgrade=True)) as store, store.read() as connection:
        (row,) = connection.execute(select(tables.mail_connection)).all()
        assert (bytes(row.password), row.insecure, row.token_source) == (b"sealed", False, "application")
        assert connection.execute(select(tables.connection_health.c.circuit)).scalars().all() == ["open"]


def test_people_from_before_are_found_whatever_the_case(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0004")
        yes = "1" if engine.dialect.name == "sqlite" else "true"
        people = (
            f"(1, 'o@example.org', 'ОРЛОВА Анна', 'Boss@Example.org', {yes}), (2, 'b@example.org', 'Б', NULL, {yes})"
        )
        connection.execute(text(f"INSERT INTO person (id, email, name, head, active) VALUES {people}"))
        connection.execute(text("INSERT INTO team (id, code, name, leader) VALUES (1, 'a', 'А', 'O@example.org')"))
        connection.execute(text("INSERT INTO membership (person_id, team_code) VALUES (1, 'a')"))
    engine.dispose()
    with closing(Store.open(empty_url, upgrade=True)) as store:
        (found,) = page(store, Wanted("орлова"))
        assert (found.person.head, found.person.teams) == ("boss@example.org", ("a",))
        assert ties(store, "o@example.org").leads == ("a",)


def test_what_rules_did_before_is_counted_as_it_is_counted_now(empty_url: str) -> None:
    day = 86_400_000_000
    planned = {1: 300 * day, 2: 390 * day, 3: 390 * day + 5, 4: 391 * day, 5: None}
    made = [
        (1, "long ago", "a@b.ru", True, "told"), (2, "a", "a@b.ru", True, "told"), (2, "a", "c@d.ru", True, "told"),
        (2, "b", "a@b.ru", False, "already_told"), (2, "b", "c@d.ru", False, "responsible_told"),
        (3, "a", "", False, "rule_off"), (3, "b", "Анна", False, "no_address"), (3, "c", "", False, "nobody_in_role"),
        (3, "d", "c@d.ru", False, "responsible_told"), (3, "e", "", False, "own reason"),
        (4, "a", "a@b.ru", True, "told"), (4, "a", "x", False, "bad_address"), (4, "", "", False, "no_rule"),
        (5, "a", "a@b.ru", True, "told"),
    ]  # fmt: skip
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0006")
        columns = "id, source, external_id, object_type, event_type, object_id, object_number, title, at, accepted_at"
        insert = f"INSERT INTO event ({columns}, planned_at, data) VALUES (:key, '', :key, '', '', '', '', '', 0, 0,"
        for key, at in planned.items():
            connection.execute(text(f"{insert} :at, '{{}}')"), {"key": key, "at": at})
        insert = "INSERT INTO decision (event_id, rule_code, recipient, taken, reason, params)"
        for row in made:
            values = dict(zip("erpta", row, strict=True))
            connection.execute(text(f"{insert} VALUES (:e, :r, :p, :t, :a, '{{}}')"), values)
    engine.dispose()
    counts: dict[tuple[str, int], RuleCount] = {}
    for key, at in planned.items():
        if at and at > 300 * day:
            cards = [DecisionCard(*row[1:], {"by": ""}) for row in made if row[0] == key]
            of_day = defaultdict(RuleCount, {code: one for (code, when), one in counts.items() if when == at // day})
            add_counts(of_day, cards, {"a"})
            counts |= {(code, at // day): one for code, one in of_day.items()}
    with closing(Store.open(empty_url, upgrade=True)) as store, store.read() as connection:
        rows = connection.execute(text("SELECT * FROM rule_day")).all()
    assert {(row.rule_code, row.day): RuleCount(*row[2:8]) for row in rows} == counts
    assert {(row.rule_code, row.day): row.last_at for row in rows if row.last_at} == {
        ("a", 390): 390 * day, ("a", 391): 391 * day,
    }  # fmt: skip


def test_deliveries_and_events_from_before_are_counted(empty_url: str) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0013")
        columns = "source, external_id, object_type, event_type, object_id, object_number, title, at, accepted_at, data"
        values = ", ".join(f"({key}, '', '{key}', '', '', '', '', '', 0, 0, '{{}}')" for key in (1, 2))
        connection.execute(text(f"INSERT INTO event (id, {columns}) VALUES {values}"))
        columns = "id, event_id, rule_code, language, subject, text, html"
        connection.execute(text(f"INSERT INTO notification ({columns}) VALUES (1, 1, '', '', '', '', '')"))
        columns = "notification_id, event_id, channel, recipient_name, recipient_address, reason, attempts, next_at"
        values = ", ".join(f"(1, 1, 'email', '', '', '', 0, 0, 0, '', '', {state})" for state in (0, 3, 3, 4))
        more = "created_at, connection, answer, state"
        connection.execute(text(f"INSERT INTO delivery ({columns}, {more}) VALUES {values}"))
    engine.dispose()
    with closing(Store.open(empty_url, upgrade=True)) as store:
        found = read_status(store)
        assert (found.events, found.deliveries["pending"], found.deliveries["sent"]) == (2, 1, 2)
        store.write(lambda con: con.execute(text("DELETE FROM event")))
        assert (read_status(store).events, sum(read_status(store).deliveries.values())) == (0, 0)


def test_a_newer_store_is_refused(store: Store) -> None:
    store.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    for upgrade in (None, True):
        with pytest.raises(StoreVersionError, match="newer Vestnik"):
            Store.open(store.url, upgrade=upgrade)


def test_a_store_that_is_current_is_left_alone(store: Store) -> None:
    assert revision(store) == HEAD
    assert make_current(store, upgrade=True).before == HEAD
    assert make_current(store, upgrade=False).before == HEAD


def test_a_store_on_a_server_is_upgraded_only_when_told(empty_postgresql_url: str) -> None:
    with pytest.raises(StoreVersionError, match=r"is empty\. Run: vestnik upgrade"):
        Store.open(empty_postgresql_url)
    Store.open(empty_postgresql_url, upgrade=True).close()
    Store.open(empty_postgresql_url).close()


def test_an_older_store_is_not_upgraded_unasked(store: Store, later: Callable[[], Scripts]) -> None:
    with pytest.raises(StoreVersionError, match=rf"has schema {HEAD}, this program needs 9000. Run: vestnik upgrade"):
        make_current(store, upgrade=False, scripts=later())
    assert revision(store) == HEAD


def test_an_upgrade_keeps_what_is_in_the_store(store: Store, later: Callable[[], Scripts]) -> None:
    _team(store)
    done = make_current(store, upgrade=True, scripts=later())
    assert (done.before, done.after) == (HEAD, "9000")
    assert (done.copy is None) == (store.engine.dialect.name == "postgresql")
    with store.read() as connection:
        assert connection.execute(text("SELECT code, motto FROM team")).all() == [("net", "all for one")]
    assert revision(store) == "9000"


def test_the_copy_is_the_store_as_it_was_and_private(tmp_path: Path, later: Callable[[], Scripts]) -> None:
    before = os.umask(0o022)
    try:
        with closing(Store.open(sqlite_url(tmp_path))) as store:
            _team(store)
            copy = make_current(store, upgrade=True, scripts=later()).copy
    finally:
        os.umask(before)
    assert copy is not None
    assert copy == tmp_path / f"vestnik.db.before-{HEAD}"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.partial*"))
    with closing(Store.open(f"sqlite:///{copy}")) as old, old.read() as connection:
        assert revision(old) == HEAD
        assert connection.execute(select(tables.team.c.code)).scalars().all() == ["net"]


def test_without_room_for_the_copy_nothing_is_upgraded(tmp_path: Path, later: Callable[[], Scripts]) -> None:
    with closing(Store.open(sqlite_url(tmp_path))) as store:
        (tmp_path / f"vestnik.db.before-{HEAD}").mkdir()
        (tmp_path / f"vestnik.db.before-{HEAD}" / "something").touch()
        with pytest.raises(StoreUnreachableError, match="no copy of the store could be kept"):
            make_current(store, upgrade=True, scripts=later())
        assert revision(store) == HEAD


@pytest.mark.parametrize("more", ["op.execute('SELECT * FROM nowhere')", "raise RuntimeError('nowhere')"])
def test_a_migration_that_fails_leaves_the_store_as_it_was(
    store: Store, later: Callable[[str], Scripts], more: str
) -> None:
    _team(store)
    with pytest.raises(Exception, match="nowhere"):
        make_current(store, upgrade=True, scripts=later(more))
    assert revision(store) == HEAD
    assert "motto" not in {column["name"] for column in inspect(store.engine).get_columns("team")}
    with store.read() as connection:
        assert connection.execute(select(tables.team.c.code)).scalars().all() == ["net"]
    assert make_current(store, upgrade=True, scripts=later("")).after == "9000"


def test_a_migration_that_orphans_rows_is_undone(tmp_path: Path, later: Callable[[str], Scripts]) -> None:
    with closing(Store.open(sqlite_url(tmp_path))) as store:
        orphan = "op.execute(\"INSERT INTO membership (person_id, team_code) VALUES (77, 'net')\")"
        with pytest.raises(StoreVersionError, match="1 rows without their parents"):
            make_current(store, upgrade=True, scripts=later(orphan))
        assert revision(store) == HEAD


def test_the_database_of_another_program_is_left_alone(empty_url: str) -> None:
    path = sqlite_path(empty_url)
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE invoice (id integer)"))
    engine.dispose()
    assert path is None or path.exists()
    with pytest.raises(StoreVersionError, match=r"another program \(invoice\)"):
        Store.open(empty_url, upgrade=True)


def test_processes_that_start_together_on_an_empty_database_migrate_it_once(empty_url: str) -> None:
    program = (
        "import sys, logging; logging.basicConfig(level=logging.INFO); from store.engine import Store\n"
        "sys.stdin.read(1); Store.open(sys.argv[1], upgrade=True).close()"
    )
    command = [sys.executable, "-c", program, empty_url]
    pipe = subprocess.PIPE
    starting = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stderr=pipe, text=True) for _ in range(4)]
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("x")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[1] for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0, 0], said
    assert sum(words.count("Running upgrade  -> 0001") for words in said) == 1
    with closing(Store.open(empty_url)) as store, store.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.rule)).scalar_one() == len(STANDARD)
        assert revision(store) == HEAD


def _vestnik(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tui", "--store", url, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_upgrade_makes_a_store_and_the_others_ask_for_it(empty_postgresql_url: str) -> None:
    asked = _vestnik(empty_postgresql_url, "status")
    assert (asked.returncode, "Run: vestnik upgrade" in asked.stderr) == (3, True), asked
    done = _vestnik(empty_postgresql_url, "upgrade")
    assert (done.returncode, f"schema {HEAD}" in done.stdout) == (0, True), done
    assert _vestnik(empty_postgresql_url, "status").returncode == 0


def test_a_newer_store_ends_the_commands_with_code_3(store: Store) -> None:
    store.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    done = _vestnik(store.url, "status")
    assert (done.returncode, "newer Vestnik" in done.stderr, "Traceback" in done.stderr) == (3, True, False)


def test_the_copy_is_whole_while_others_read_and_write(tmp_path: Path, later: Callable[[], Scripts]) -> None:
    with closing(Store.open(sqlite_url(tmp_path))) as store, closing(Store.open(sqlite_url(tmp_path))) as other:
        with other.read() as connection:
            connection.execute(select(tables.team)).all()
            _team(other)
            copy = make_current(store, upgrade=True, scripts=later()).copy
        assert copy is not None
        with closing(sqlite3.connect(copy)) as kept:
            assert kept.execute("SELECT code FROM team").fetchall() == [("net",)]
            assert kept.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("used", [False, True], ids=["new", "in use"])
def test_an_upgrade_has_nothing_removed_that_nobody_agreed_to(empty_url: str, used: bool) -> None:
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        command.upgrade(alembic_config(connection), "0018")
        if used:
            columns = "id, source, external_id, object_type, event_type, object_id, object_number, title, at"
            values = "1, '', '', '', '', '', '', '', 0, 0, 0, '{}'"
            connection.execute(text(f"INSERT INTO event ({columns}, accepted_at, planned_at, data) VALUES ({values})"))
    engine.dispose()
    with closing(Store.open(empty_url, upgrade=True)) as store:
        assert retention(store).events_days == (0 if used else 365)
