"""Fixtures every test may ask for: a store on both engines; options of the suite."""

import gc
import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import hypothesis
import pytest

from dispatch.interpreter import collect_seldom
from store.clock import Clock, system_clock
from store.engine import Store
from tests.desk import new_store_file
from tests.postfix_server import NoPostfixError, PostfixServer
from tests.postgresql import Cluster, NoServerError

KEY = "dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGU="
"""The key of stores on PostgreSQL: the base64 of 32 bytes."""


# One and the same run every time: what fails in the suite fails at its author's. `thorough` looks for what is new.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=3_000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("VESTNIK_HYPOTHESIS", "suite"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Screenshots and papers are compared, unless they are to be made anew."""
    parser.addoption("--update-screenshots", action="store_true", help="draw the pictures in screenshots/ anew")
    parser.addoption("--update-golden", action="store_true", help="write the papers in tests/**/golden/ anew")


def pytest_collection_finish() -> None:
    """The collector leaves alone what stays: with Python's own settings it was a third of the work of the suite.

    What the imports and the collection of the tests made is looked at no more; a screen is a tree of small objects, and
    a look at all of them after each 700 new ones tells nothing.
    """
    gc.collect()
    gc.freeze()
    collect_seldom()


SAME_CODE = {"size", "language", "number", "store_url"}
"""Parameters that change what is seen, or where it is kept, but not which code shows or keeps it."""


def measured_once(test: pytest.Function) -> bool:
    """Whether the cases of a test go the same ways: it works a console, or has programs run as a user runs them.

    Most of its work is then the framework's, or the start of the interpreter; what is particular to each case has tests
    of its own beside the module it belongs to.
    """
    folder, function = Path(__file__).parent, cast("Any", test.function)
    console = folder / "tui" in test.path.parents and inspect.iscoroutinefunction(function)
    return console or test.path.parent == folder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure once what a test covers, for measuring doubles its time: the gate must hold without the others."""
    measured: set[str] = set()
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        cases = item.callspec.params if hasattr(item, "callspec") and not measured_once(item) else {}
        others = sorted((name, repr(case)) for name, case in cases.items() if name not in SAME_CODE)
        case = f"{item.path} {item.originalname} {others}"
        if case in measured:
            item.add_marker(pytest.mark.no_cover)
        measured.add(case)


@pytest.fixture(autouse=True)
def measured_with_its_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not measured in a test is not measured in the processes it starts, either."""
    if request.node.get_closest_marker("no_cover"):
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL server, one per test process, started when the first test asks for it."""
    try:
        cluster = Cluster()
    except NoServerError as error:
        if os.environ.get("VESTNIK_REQUIRE_POSTGRESQL"):
            pytest.fail(f"{error}, and VESTNIK_REQUIRE_POSTGRESQL is set")
        pytest.skip(str(error))
    with cluster:
        yield cluster


@pytest.fixture(scope="session")
def running_postfix() -> Iterator[PostfixServer]:
    """A Postfix, one per test process, started when the first test asks for it."""
    try:
        server = PostfixServer()
    except NoPostfixError as error:
        if os.environ.get("VESTNIK_REQUIRE_POSTFIX"):
            pytest.fail(f"{error}, and VESTNIK_REQUIRE_POSTFIX is set")
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture
def postfix(running_postfix: PostfixServer) -> PostfixServer:
    """A Postfix with no letters and no troubles."""
    running_postfix.clear()
    return running_postfix


@pytest.fixture
def postgresql_url(postgresql: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a new, migrated PostgreSQL database; its key is in the environment."""
    monkeypatch.setenv("VESTNIK_KEY", KEY)
    url = postgresql.new_database()
    yield url
    postgresql.drop(url)


@pytest.fixture
def empty_postgresql_url(postgresql: Cluster) -> Iterator[str]:
    """The URL of a new PostgreSQL database with nothing in it."""
    url = postgresql.new_database(migrated=False)
    yield url
    postgresql.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new store; a test that asks for it runs once on each engine."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return new_store_file(tmp_path / "vestnik.db")


@pytest.fixture
def clock() -> Clock:
    """The clock of `store`; a module or folder that wants another one defines a fixture of this name."""
    return system_clock


@pytest.fixture
def store(store_url: str, clock: Clock) -> Iterator[Store]:
    """A new store with the standard set, on each engine; closed after the test."""
    store = Store.open(store_url, clock=clock)
    yield store
    store.close()


def sqlite_url(folder: Path) -> str:
    """The URL of an SQLite store in a folder."""
    return f"sqlite:///{folder / 'vestnik.db'}"
