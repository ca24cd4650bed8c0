"""Reading events: what is accepted, what is rejected and why."""

import json
import re
from typing import Any

import pytest

from dispatch.cloudevents import Incoming, Rejected, read_events
from tests.desk import event, lines


def _only(document: Any) -> Incoming | Rejected:
    (one,) = read_events(document if isinstance(document, str) else json.dumps(document))
    return one


@pytest.mark.parametrize("shape", ["one", "array", "lines", "pretty"])
def test_all_three_shapes_are_read(shape: str) -> None:
    two = [event(key="a"), event(key="b")]
    text = {
        "one": json.dumps(two[0]),
        "array": json.dumps(two),
        "lines": "\n" + lines(*two) + "\n",
        "pretty": json.dumps(two[0], indent=1),
    }[shape]
    found = read_events(text)
    assert all(isinstance(one, Incoming) for one in found)
    assert len(found) == (1 if shape in {"one", "pretty"} else 2)


def test_a_malformed_line_is_rejected_with_its_number_and_the_others_stand() -> None:
    found = read_events(lines(event(key="a")) + "\n{broken\n" + lines(event(key="b")))
    assert [type(one) for one in found] == [Incoming, Rejected, Incoming]
    assert found[1].line == 2
    assert isinstance(found[1], Rejected)
    assert "JSON" in found[1].reason


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"source": 5}, "source"),
        ({"specversion": "0.3"}, "specversion"),
        ({"type": "request"}, "type"),
        ({"time": "yesterday"}, "time"),
        ({"time": "2026-11-23T08:00:00"}, "zone"),
        ({"data": []}, "data"),
        ({"data": {"object": {}}}, "data.object.id"),
        ({"data": {"object": {"id": "1", "client": 5}}}, "data.object.client"),
        ({"data": {"object": {"id": "1", "observers": [{"email": 5}]}}}, r"observers\[0\].email"),
        ({"data": {"object": {"id": "1", "deadlines": {"reaction": {"due": "soon"}}}}}, "deadlines.reaction.due"),
        ({"data": {"object": {"id": "1"}, "changes": []}}, None),
        ({"data": {"object": {"id": "1"}, "comment": "text"}}, "data.comment"),
    ],
)
def test_each_fault_names_its_field(change: dict[str, Any], named: str | None) -> None:
    found = _only({**event(), **change})
    if named is None:
        assert isinstance(found, Incoming)
    else:
        assert isinstance(found, Rejected)
        assert re.search(named, found.reason)


def test_the_number_may_come_as_the_subject() -> None:
    found = _only({**event(), "subject": "RP-7", "data": {"object": {}}})
    assert isinstance(found, Incoming)
    assert (found.event.object_id, found.event.data["object"]["number"]) == ("RP-7", "RP-7")


def test_the_prefix_is_allowed() -> None:
    found = _only(event("org.vestnik.task.added"))
    assert isinstance(found, Incoming)
    assert (found.event.object_type, found.event.event_type) == ("task", "added")


def test_control_characters_and_line_breaks_leave_names_and_titles() -> None:
    wicked = "Имя\r\nBcc: x@y.ru \x1b]0;owned\x07 [/b]"
    found = _only(event(title=wicked, client={"email": "a@b.ru\r\n", "name": wicked}))
    assert isinstance(found, Incoming)
    text = json.dumps(found.event.data)
    assert "\\r" not in text
    assert "\\u001b" not in text
    assert "[/b]" in found.event.data["object"]["title"]


def test_unknown_fields_are_kept_as_attributes() -> None:
    found = _only(event(room="305", attributes={"priority": "high"}))
    assert isinstance(found, Incoming)
    assert found.event.data["object"]["attributes"] == {"priority": "high", "room": "305"}
