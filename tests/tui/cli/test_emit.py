"""`emit`: what is accepted, what is rejected, and how the caller hears of it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatch.cloudevents import MAX_EVENT_BYTES
from tests.desk import event, lines
from tests.tui.cli.conftest import Vestnik
from tui.cli import input as reading

Events = Callable[[str | bytes], Path]
TWO = (event(key="a"), event(key="b"))


@pytest.mark.parametrize(
    "text",
    [
        lines(*TWO),
        lines(*TWO).replace("\n", "\r\n\r\n"),
        "\ufeff" + lines(*TWO),
        json.dumps(TWO),
        json.dumps(TWO, indent=2),
    ],
    ids=["lines", "crlf", "bom", "array", "pretty"],
)
def test_the_same_events_are_accepted_in_every_shape(vestnik: Vestnik, events: Events, text: str) -> None:
    done = vestnik("emit", events(text))
    assert (done.code, done.out, done.err) == (0, "2 accepted, 0 duplicate, 0 rejected\n", "")
    again = vestnik("emit", "-", stdin=text)
    assert (again.code, again.out) == (0, "0 accepted, 2 duplicate, 0 rejected\n")


def test_one_event_over_several_lines_comes_on_standard_input(vestnik: Vestnik) -> None:
    assert vestnik("emit", stdin=json.dumps(TWO[0], indent=1)).out.startswith("1 accepted")


def test_a_bad_line_is_told_with_its_number_and_the_others_stand(vestnik: Vestnik, events: Events) -> None:
    text = f"{lines(TWO[0])}\n\n{{broken\n{lines(TWO[1])}\n42\n"
    done = vestnik("emit", events(text))
    assert (done.code, done.out) == (1, "2 accepted, 0 duplicate, 2 rejected\n")
    told = done.err.splitlines()
    assert told[0].startswith("line 3: not JSON")
    assert told[1] == "line 5: the event: must be a JSON object"


def test_json_says_what_became_of_each_event(vestnik: Vestnik, events: Events) -> None:
    done = vestnik("emit", events(f"{lines(TWO[0], TWO[0])}\n{{}}"), "--json")
    assert (done.code, done.err) == (1, "")
    assert [done.json[word] for word in ("accepted", "duplicate", "rejected")] == [1, 1, 1]
    assert done.json["events"] == [
        {"line": 1, "source": "desk", "id": "a", "outcome": "accepted", "reason": ""},
        {"line": 2, "source": "desk", "id": "a", "outcome": "duplicate", "reason": ""},
        {"line": 3, "source": "", "id": "", "outcome": "rejected", "reason": 'specversion: must be "1.0"'},
    ]


def test_nothing_but_bad_input_is_bad_input(vestnik: Vestnik, events: Events) -> None:
    assert vestnik("emit", events("{}\n[]\n")).code == 2
    assert vestnik("status", "--json").json["events"] == 0


def test_nothing_at_all_is_no_fault(vestnik: Vestnik) -> None:
    done = vestnik("emit", "-")
    assert (done.code, done.out) == (0, "0 accepted, 0 duplicate, 0 rejected\n")


def test_a_long_input_is_read_in_blocks(vestnik: Vestnik, events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 2000)
    many = [lines(event(key=str(number))) for number in range(20)]
    many[7], many[15] = "{broken", "x" * (MAX_EVENT_BYTES + 1)
    file = events("\n".join(many))
    assert len(list(reading.blocks(str(file)))) > 3
    done = vestnik("emit", file)
    assert (done.code, done.out) == (1, "18 accepted, 0 duplicate, 2 rejected\n")
    assert [line.partition(":")[0] for line in done.err.splitlines()] == ["line 8", "line 16"]


def test_a_line_that_is_no_utf_8_is_rejected_alone(vestnik: Vestnik, events: Events) -> None:
    text = lines(event(key="a")).encode() + b"\n" + lines(event(key="b")).encode("cp1251") + b"\n"
    done = vestnik("emit", events(text + lines(event(key="c")).encode()))
    assert (done.code, done.out) == (1, "2 accepted, 0 duplicate, 1 rejected\n")
    assert done.err == "line 2: is not UTF-8 text\n"


def test_an_array_that_is_no_utf_8_is_rejected_whole(vestnik: Vestnik, events: Events) -> None:
    done = vestnik("emit", events(json.dumps(TWO, ensure_ascii=False).encode("cp1251")))
    assert (done.code, done.err) == (2, "line 1: is not UTF-8 text\n")


@pytest.mark.parametrize(("file", "answer"), [("no.jsonl", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_bad_input(vestnik: Vestnik, tmp_path: Path, file: str, answer: str) -> None:
    done = vestnik("emit", tmp_path / file)
    assert done.code == 2
    assert answer in done.err


def test_how_far_it_is_shows_on_a_terminal_only(
    vestnik: Vestnik, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = events(lines(*TWO))
    assert vestnik("emit", file).err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "2 events" in vestnik("emit", file).err


def test_a_terminal_is_not_steered_by_what_is_rejected(vestnik: Vestnik, events: Events) -> None:
    document = event()
    document["data"]["object"]["deadlines"] = {"\x1b]0;owned\x07": "x"}
    document["type"] = "\x1b[31mrequest"
    done = vestnik("emit", events(lines(document)))
    assert "\x1b" not in done.err
    assert "'[31mrequest' is not" in done.err
