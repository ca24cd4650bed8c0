"""`vestnik storms`: what is held because it was too much, and what is done about it."""

from tests.desk import event, lines
from tests.tui.cli.conftest import Vestnik

SETTINGS = """
mail: {sending: {support_address: help@example.org, system_address: robot@example.org, sender_name: Desk}}
people: [{email: olga@example.org, name: Ольга}, {email: ivanov@example.org, name: Иван, login: ivanov}]
storms: {object_letters: 2, then: hold}
"""


def flood(vestnik: Vestnik, number: int, key: str = "e") -> None:
    comment = {"text": "Готово", "private": False}
    made = [event("request.comment_added", number, f"{key}{number}-{n}", comment=comment) for n in range(5)]
    vestnik("emit", stdin=lines(*made))
    vestnik("dispatch", "--until-idle")


def states(vestnik: Vestnik) -> set[str]:
    return {row["state"] for row in vestnik("deliveries", "--json", "--limit", "500").json if row["channel"] == "email"}


def test_storms_are_listed_and_done_with(vestnik: Vestnik) -> None:
    vestnik("apply", "-", stdin=SETTINGS)
    assert vestnik("storms").out == "no letters are held by storms\n"
    for number in (1, 2, 3):
        flood(vestnik, number)
    found = vestnik("storms", "--json").json
    assert [(one["kind"], one["key"], one["letters"], one["recipients"]) for one in found] == [
        ("object", f"RP-{number}", 6, 2) for number in (1, 2, 3)
    ]
    assert "object  RP-1  6 letters  2 recipients  since " in vestnik("storms").out
    assert vestnik("status", "--json").json["storm"] == 18
    assert "18 held by storms" in vestnik("status").out
    assert vestnik("storms", "release", "RP-1").out == "RP-1: 6 go out\n"
    assert vestnik("storms", "drop", "RP-2").out == "RP-2: 6 cancelled\n"
    assert vestnik("storms", "digest", "olga@example.org").out == "olga@example.org: 3 told of in digests\n"
    assert [(one["key"], one["letters"]) for one in vestnik("storms", "--json").json] == [("RP-3", 3)]
    told = vestnik("why", "RP-3").out
    assert "storm_object (letters 2, minutes 10)" in told
    assert "cancelled (in_digest), told of in D" in told
    again = vestnik("storms", "drop", "RP-9", "RP-3")
    assert (again.code, again.out) == (1, "RP-3: 3 cancelled\n")
    assert "no letters are held about or for 'RP-9'" in again.err
    entries = vestnik("audit", "--json").json
    assert {one["what"] for one in entries} >= {f"deliveries:storm_{deed}" for deed in ("release", "drop", "digest")}
