"""`people import`: what is printed, what is saved, what is asked, how it ends."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from store.cards import Person
from store.directory import people, save_people
from store.engine import Store
from tests.tui.cli.conftest import Vestnik

SHEET = "почта;ФИО;отдел\nanna@example.org;Анна Орлова;склад\nbad;Кто;\n"


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a file of people."""

    def write(text: str) -> Path:
        file = tmp_path / "people.csv"
        file.write_bytes(text.encode("cp1251"))
        return file

    return write


@pytest.fixture
def saved(url: str) -> Callable[[], list[Person]]:
    """Who is in the directory."""

    def read() -> list[Person]:
        with closing(Store.open(url)) as store:
            return people(store)

    return read


def test_a_dry_run_tells_and_saves_nothing(
    vestnik: Vestnik, csv: Callable[[str], Path], saved: Callable[[], list[Person]]
) -> None:
    done = vestnik("people", "import", csv(SHEET), "--dry-run")
    assert done.code == 1
    assert "+ line 2: anna@example.org" in done.out
    assert "! line 3: Кто email: 'bad' is not an e-mail address" in done.out
    assert "1 added, 0 changed, 0 unchanged, 1 refused" in done.err
    assert "not read: отдел" in done.err
    assert saved() == []


def test_an_import_saves_what_is_good_and_lists_the_rest(
    vestnik: Vestnik, csv: Callable[[str], Path], saved: Callable[[], list[Person]]
) -> None:
    done = vestnik("people", "import", csv(SHEET), "--json")
    assert done.code == 1
    assert saved() == [Person("anna@example.org", "Анна Орлова")]
    found = done.json
    assert (found["applied"], found["encoding"], found["delimiter"]) == (True, "cp1251", ";")
    assert found["counts"]["added"] == 1
    assert [(one["kind"], one["line"]) for one in found["entries"]] == [("added", 2), ("refused", 3)]
    assert found["entries"][1]["reason"].startswith("email: ")
    again = vestnik("people", "import", "-", stdin="email,name,active\nanna@example.org,Анна Котова,no\n")
    assert (
        again.code,
        "~ line 2: anna@example.org name: Анна Орлова → Анна Котова; active: yes → no" in again.out,
    ) == (
        0,
        True,
    )


def test_nobody_is_deactivated_unasked(
    vestnik: Vestnik, url: str, csv: Callable[[str], Path], saved: Callable[[], list[Person]]
) -> None:
    with closing(Store.open(url)) as store:
        save_people(store, [Person("old@example.org", "Старый")], "test")
    file = csv("email;name\nnew@example.org;Новый\n")
    refused = vestnik("people", "import", file, "--deactivate-missing")
    assert (refused.code, "1 people would be deactivated. Say --yes" in refused.err) == (2, True)
    assert [one.email for one in saved()] == ["old@example.org"]
    done = vestnik("people", "import", file, "--deactivate-missing", "--yes")
    assert (done.code, "- old@example.org active: yes → no" in done.out) == (0, True)
    assert [one.active for one in saved()] == [True, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "the file is empty"), ("a;b\n1;2\n", "names no column «email»")],
    ids=["empty", "no addresses"],
)
def test_what_is_no_file_of_people_changes_nothing(
    vestnik: Vestnik, csv: Callable[[str], Path], text: str, words: str
) -> None:
    done = vestnik("people", "import", csv(text))
    assert (done.code, words in done.err, "Traceback" in done.err) == (2, True, False)


def test_a_file_that_is_not_there_is_named(vestnik: Vestnik, tmp_path: Path) -> None:
    done = vestnik("people", "import", tmp_path / "none.csv")
    assert (done.code, "none.csv" in done.err) == (2, True)
