"""Reading events: what is accepted, what is rejected and why."""

import json
from typing import Any

import pytest

from dispatch.cloudevents import MAX_DEPTH, MAX_EVENT_BYTES, MAX_WORD, Incoming, Rejected, read_events
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


def _altered(path: str, value: Any) -> dict[str, Any]:
    """An event with one field set, e.g. `data.object.title`."""
    document = event(comment={"text": "x"}, changes={"status": {"from": "registered"}})
    *way, last = path.split(".")
    place: dict[str, Any] = document
    for name in way:
        place = place.setdefault(name, {})
    place[last] = value
    return document


NESTED = json.loads("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("id", "", "id: is empty"),
        ("id", None, "id: is missing"),
        ("id", 4711, "id: must be a text; put it in quotes"),
        ("id", "x" * (MAX_WORD + 1), "id: has 256 characters; 255 are allowed"),
        ("source", ["desk"], "source: must be a text"),
        ("specversion", "0.3", 'specversion: must be "1.0"'),
        ("type", None, "type: is missing"),
        ("type", "request", "type: 'request' is not <object type>.<event type>. Example: request.added"),
        ("subject", {"a": 1}, "subject: must be a text"),
        ("time", "yesterday", "time: 'yesterday' is not RFC 3339. Example: 2026-11-23T08:15:00Z"),
        ("time", ["x" * 99], "time: ['xxx"),
        ("time", "2026-11-23T08:00:00", "time: has no zone; add Z or an offset"),
        ("time", "0001-01-01T00:00:00+14:00", "time: the year 1 is not from 1970 to 2999"),
        ("time", "9999-12-31T23:59:59-14:00", "time: the year 9999 is not"),
        ("data", None, "data: is missing"),
        ("data", [], "data: must be a JSON object"),
        ("data.object", "RP-1", "data.object: must be a JSON object"),
        ("data.object.id", True, "data.object.id: must be a text"),
        ("data.object.id", {}, "data.object.id: must be a text"),
        ("data.object.title", {"ru": "x"}, "data.object.title: must be a text"),
        ("data.object.status", ["x"], "data.object.status: must be a text"),
        ("data.object.team", {"code": "net"}, "data.object.team: must be a text"),
        ("data.object.client", 5, "data.object.client: must be an address, a login, or an object with email and name"),
        ("data.object.client", ["a@b.ru"], "data.object.client: must be an address, a login"),
        ("data.object.client", {"email": 5}, "data.object.client.email: must be a text"),
        ("data.object.client", {"email": "a@b.ru", "name": {}}, "data.object.client.name: must be a text"),
        ("data.mail", "x", "data.mail: must be a JSON object"),
        ("data.mail.message_id", "<a@b> <c@d>", "data.mail.message_id: must be one Message-ID"),
        ("data.mail.message_id", ["<a@b>"], "data.mail.message_id: must be one Message-ID"),
        ("data.mail.in_reply_to", 5, "data.mail.in_reply_to: must be a text of Message-IDs"),
        ("data.mail.references", ["<a@b>", 5], "data.mail.references: must be a text of Message-IDs"),
        ("data.mail.from", ["a@b.ru"], "data.mail.from: must be an address, a login, or an object"),
        ("data.mail.auto_submitted", True, "data.mail.auto_submitted: must be the header's text"),
        ("data.object.observers", [{"email": 5}], "data.object.observers[0].email: must be a text"),
        ("data.object.observers", ["a@b.ru", [1]], "data.object.observers[1]: must be an address"),
        ("data.object.observers", [None], "data.object.observers[0]: must be an address"),
        ("data.object.parent", "RP-1", "data.object.parent: must be a JSON object"),
        ("data.object.parent", {"parent": {"client": 1}}, "data.object.parent.parent.client: must be an address"),
        ("data.object.deadlines", "soon", "data.object.deadlines: must be a JSON object"),
        ("data.object.deadlines", {"reaction": "soon"}, "data.object.deadlines.reaction: must be a JSON object"),
        ("data.object.deadlines", {"reaction": {"due": "soon"}}, "data.object.deadlines.reaction.due: 'soon' is not"),
        ("data.object.attributes", [1], "data.object.attributes: must be a JSON object"),
        ("data.object.attributes", {"x": NESTED}, f"data.object.attributes: is nested more than {MAX_DEPTH} deep"),
        ("data.object.room", NESTED, f"data.object.room: is nested more than {MAX_DEPTH} deep"),
        ("data.object.text_changed", "no", "data.object.text_changed: must be true or false"),
        ("data.changes", "status", "data.changes: must be a JSON object"),
        ("data.changes.status", "x", "data.changes.status: must be a JSON object"),
        ("data.changes.status.from", {"code": "x"}, "data.changes.status.from: must be a text"),
        ("data.changes.responsible", {"from": 5}, "data.changes.responsible.from: must be an address"),
        ("data.actor", 5, "data.actor: must be an address"),
        ("data.comment", "text", "data.comment: must be a JSON object"),
        ("data.comment.text", ["x"], "data.comment.text: must be a text"),
        ("data.comment.private", "false", "data.comment.private: must be true or false"),
        ("data.comment.mentions", 5, "data.comment.mentions[0]: must be an address"),
        ("data.deadline", "x", "data.deadline: must be a JSON object"),
        ("data.deadline", {"kind": "resolution"}, "data.deadline.due: is missing"),
        ("data.waiting_days", "3", "data.waiting_days: must be a whole number"),
    ],
)  # fmt: skip
def test_each_fault_names_its_field_and_what_is_expected(path: str, value: Any, reason: str) -> None:
    found = _only(_altered(path, value))
    assert isinstance(found, Rejected)
    assert found.reason.startswith(reason)
    assert len(found.reason) < 300


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("42", "the event: must be a JSON object"),
        ("null", "the event: must be a JSON object"),
        ('{"a": NaN}', "not JSON: NaN is not a number in JSON"),
        (json.dumps(event(room=0)).replace('"room": 0', '"room": 1e999'), "data.object.room: is not a finite"),
        ('{"a":' * 40_000, "not an event: it is nested too deeply"),
        (lines(event(title="x" * MAX_EVENT_BYTES)), "is 26"),
        (json.dumps([event(title="x" * MAX_EVENT_BYTES)]), "is 26"),
        ('{"a": "\udcff"}\n', "is not UTF-8 text"),
    ],
    ids=["number", "null", "nan", "infinite", "deep", "long", "long in an array", "not utf-8"],
)  # fmt: skip
def test_what_is_no_event_at_all_is_rejected(text: str, reason: str) -> None:
    found = read_events(text)
    assert isinstance(found[0], Rejected)
    assert found[0].reason.startswith(reason)


def test_a_parent_of_a_parent_without_end_is_rejected() -> None:
    parent: dict[str, Any] | None = None
    for number in range(MAX_DEPTH + 1):
        parent = {"id": str(number), "parent": parent}
    found = _only(_altered("data.object.parent", parent))
    assert isinstance(found, Rejected)
    assert "data.object.parent: is nested" in found.reason


def test_a_broken_document_of_many_lines_is_one_fault() -> None:
    (found,) = read_events(json.dumps(event(), indent=1)[:-10])
    assert isinstance(found, Rejected)
    assert "not JSON" in found.reason


def test_only_lf_ends_a_line() -> None:
    found = read_events(lines(event(key="a", title="one\u2028two\u0085three"), event(key="b")))
    assert [type(one) for one in found] == [Incoming, Incoming]


def test_what_every_engine_can_store_is_left_of_free_form_values() -> None:
    found = _only(_altered("data.object.attributes", {"a\0b": ["x\0y\ud800", 1, 2.5, None, True, {"\x1b[31m": "\n"}]}))
    assert isinstance(found, Incoming)
    assert found.event.data["object"]["attributes"] == {"ab": ["xy", 1, 2.5, None, True, {"[31m": "\n"}]}


def test_numbers_are_taken_where_a_short_text_is_expected() -> None:
    found = _only({**event(), "data": {"object": {"id": 7, "number": 12, "team": 3}}})
    assert isinstance(found, Incoming)
    assert found.event.object_id == "7"
    assert (found.event.data["object"]["number"], found.event.data["object"]["team"]) == ("12", "3")


def test_a_parent_keeps_its_type() -> None:
    found = _only(event("task.added", parent={"type": "problem", "id": "9", "number": "PR-9"}))
    assert isinstance(found, Incoming)
    assert found.event.data["object"]["parent"]["type"] == "problem"
    assert found.event.data["object"]["type"] == "task"


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


def test_the_letter_behind_an_event_is_read_as_its_headers_are_written() -> None:
    mail = {
        "message_id": "a@b", "in_reply_to": "Ваше <c@d> и <e@f>", "references": ["<g@h>\r\n <i@j>", "k@l"],
        "from": "Ольга <olga@example.org>", "auto_submitted": " Auto-Replied ; x=y", "subject": "Re: [1]", "cc": None,
    }  # fmt: skip
    found = _only(event(mail=mail))
    assert isinstance(found, Incoming)
    assert found.event.data["mail"] == {
        "message_id": "<a@b>", "in_reply_to": ["<c@d>", "<e@f>"], "references": ["<g@h>", "<i@j>"],
        "from": "olga@example.org", "auto_submitted": "auto-replied", "subject": "Re: [1]",
    }  # fmt: skip
