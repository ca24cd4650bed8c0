"""A check from end to end: what is well passes, nothing is sent unasked, nothing secret is told, and it ends."""

import asyncio
import base64
import dataclasses
import json
import logging
import socket
import ssl
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatch.doctor import ORDER, Limits, Step, check, guess, network
from dispatch.doctor.answers import RULES
from dispatch.doctor.retirement import retirements
from dispatch.remedies import FIELDS, REMEDIES, advice
from dispatch.transcript import Transcript
from store.cards import MailConnection
from store.vocabulary import Encryption, Protocol
from tests.desk import SENDING
from tests.dispatch.doctor.servers import HANG_UP, SILENCE, Authorities, Scripted, no_farewell
from tests.mail_server import MailServer, Mode

PASSWORD = "s3cret-of-the-robot"
QUICK = Limits(answer_s=1.0, silence_s=0.2, total_s=20.0)


def _card(server: Any, /, **changes: Any) -> MailConnection:
    known: dict[str, Any] = {"port": server.port, "encryption": Encryption(server.mode)}
    if isinstance(server, MailServer):
        known |= {"ca_file": server.ca_file, "authentication": bool(server.login), "login": server.login}
    usual: dict[str, Any] = {"name": "main", "server": "localhost"}
    return MailConnection(**usual | known | changes)


async def _steps(card: MailConnection, to: str | None = None, limits: Limits = QUICK) -> list[Step]:
    return [step async for step in check(card, PASSWORD, SENDING, to, limits)]


@pytest.mark.parametrize("login", ["", "robot"])
@pytest.mark.parametrize("mode", ["none", "tls", "ssl"])
async def test_a_good_connection_passes_every_step(tmp_path: Path, mode: Mode, login: str) -> None:
    with MailServer(tmp_path, mode, login, PASSWORD if login else "") as server:
        steps = await _steps(_card(server), to="boss@example.org")
    assert tuple(step.name for step in steps) == ORDER
    skipped = {step.name for step in steps if step.outcome == "skipped"}
    assert skipped == ({"tls"} if mode == "none" and not login else set()) | (set() if login else {"authentication"})
    assert {step.name for step in steps if step.outcome == "warning"} == (
        {"tls"} if mode == "none" and login else set()
    )
    (letter,) = server.letters
    assert (letter.mail_from, letter.rcpt_to) == ("robot@example.org", "boss@example.org")
    assert letter.message["Auto-Submitted"] == "auto-generated"
    assert len(server.logins) == (1 if login else 0)


async def test_without_a_recipient_the_support_address_is_asked_about_and_nothing_is_sent(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server:
        steps = await _steps(_card(server))
    assert (steps[-1].name, steps[-1].detail) == ("recipient", "help@example.org")
    assert server.letters == []


@pytest.mark.parametrize("mode", ["none", "tls", "ssl"])
async def test_a_wrong_password_is_tried_exactly_once(tmp_path: Path, mode: Mode) -> None:
    with MailServer(tmp_path, mode, "robot", "the right one") as server:
        steps = await _steps(_card(server))
    assert (steps[-1].name, steps[-1].remedy, steps[-1].field) == ("authentication", "auth_failed", "password")
    assert server.logins == [("robot", PASSWORD)]


@pytest.mark.parametrize("offered", ["AUTH PLAIN LOGIN CRAM-MD5", "AUTH LOGIN CRAM-MD5", "AUTH CRAM-MD5", "AUTH=LOGIN"])
async def test_one_mechanism_is_tried_once_whatever_is_offered(offered: str) -> None:
    async with Scripted({"AUTH.": "535 5.7.8 no"}, offers=(offered,)) as server:
        steps = await _steps(_card(server, authentication=True, login="robot"))
    assert steps[-1].remedy == "auth_failed"
    assert len([line for line in server.log if line.startswith("AUTH")]) == 1


async def test_each_step_is_timed_by_itself() -> None:
    async with Scripted() as server:
        steps = await _steps(_card(server), to="boss@example.org")
    times = [step.elapsed_ms for step in steps]
    assert all(spent > 0 for spent in times)
    assert len(set(times)) == len(times)


async def test_a_certificate_is_told_with_its_chain(tmp_path: Path) -> None:
    known = Authorities(tmp_path)
    async with Scripted(mode="ssl", context=known.through_another()) as server:
        steps = await _steps(_card(server, ca_file=known.ca_file))
    tls = steps[2]
    assert tls.outcome == "ok"
    assert "TLSv1.3" in tls.detail
    assert "SHA-256" in tls.detail
    chain = [line for line in tls.transcript if line.startswith("-- certificate")]
    assert len(chain) >= 2
    assert "for localhost" in chain[0]


@pytest.mark.parametrize("mode", ["tls", "ssl"])
async def test_a_self_signed_certificate_is_shown_and_its_own_file_mends_it(tmp_path: Path, mode: Mode) -> None:
    known = Authorities(tmp_path)
    async with Scripted(mode=mode, context=known.self_signed()) as server:
        refused = (await _steps(_card(server)))[-1]
        mended = await _steps(_card(server, ca_file=known.own_file))
    assert known.fingerprint in advice(refused.remedy, "ru", refused.params)
    assert known.fingerprint in refused.detail
    assert mended[-1].outcome == "ok"


@pytest.mark.parametrize("mode", ["tls", "ssl"])
async def test_without_checks_the_letter_goes_and_what_they_would_find_is_told(tmp_path: Path, mode: Mode) -> None:
    known = Authorities(tmp_path)
    async with Scripted(mode=mode, context=known.self_signed()) as server:
        steps = await _steps(_card(server, insecure=True), to="boss@example.org")
    assert (steps[-1].name, steps[-1].outcome) == ("letter", "ok")
    assert [found.remedy for found in steps[2].findings] == ["insecure", "self_signed"]
    assert known.fingerprint in advice("self_signed", "ru", steps[2].findings[1].params)
    assert server.log.count(".") == 1


@pytest.mark.parametrize("mode", ["tls", "ssl"])
async def test_a_server_that_wants_our_certificate_gets_it(tmp_path: Path, mode: Mode) -> None:
    known = Authorities(tmp_path)
    async with Scripted(mode=mode, context=known.demanding()) as server:
        steps = await _steps(_card(server, ca_file=known.ca_file, **known.shown("good")), to="boss@example.org")
    assert (steps[-1].name, steps[-1].outcome, steps[2].outcome) == ("letter", "ok", "ok")


async def test_an_authority_about_to_expire_is_told_like_the_certificate_itself(tmp_path: Path) -> None:
    known = Authorities(tmp_path)
    async with Scripted(mode="tls", context=known.issued(ends=timedelta(days=3, hours=1))) as server:
        steps = await _steps(_card(server, ca_file=known.ca_file))
    assert (steps[2].outcome, steps[2].remedy, steps[2].params["days"]) == ("warning", "certificate_expires", "3")
    assert steps[-1].outcome == "ok"


async def test_extensions_are_told_as_the_server_names_them() -> None:
    async with Scripted(offers=("SIZE 1000000", "PIPELINING", "8BITMIME", "X-OWN")) as server:
        steps = await _steps(_card(server))
    assert steps[3].detail == "SIZE 1000000, PIPELINING, 8BITMIME"


async def test_a_server_that_knows_helo_only_will_do() -> None:
    async with Scripted({"EHLO": "502 5.5.1 not implemented"}) as server:
        steps = await _steps(_card(server), to="boss@example.org")
    assert steps[-1].outcome == "ok"
    assert "." in server.log


async def test_no_letter_follows_a_recipient_that_is_to_be_tried_later() -> None:
    async with Scripted({"RCPT": "450 4.7.1 Greylisting in action"}) as server:
        steps = await _steps(_card(server), to="boss@example.org")
    assert [(step.name, step.outcome) for step in steps[-2:]] == [("recipient", "warning"), ("letter", "skipped")]
    assert not {"DATA", "."} & set(server.log)


async def test_the_transcript_has_both_sides_and_no_letter() -> None:
    async with Scripted() as server:
        steps = await _steps(_card(server), to="boss@example.org")
    lines = [line for step in steps for line in step.transcript]
    assert "S: 220 mx.test ESMTP" in lines
    assert "C: MAIL FROM:<robot@example.org>" in lines
    assert any(line.startswith("C: (a letter of ") for line in lines)
    assert not any("Auto-Submitted" in line for line in lines)


@pytest.mark.parametrize("offered", ["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5"])
@pytest.mark.parametrize("answer", ["235 2.7.0 ok", "535 5.7.8 no", "500 what is {blob}?", HANG_UP, "garbage {secret}"])
async def test_the_password_is_nowhere(
    offered: str, answer: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    forms = {PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), _plain("robot", PASSWORD)}
    told = answer.format(blob=_plain("robot", PASSWORD), secret=PASSWORD) if "{" in answer else answer
    with caplog.at_level(logging.DEBUG):
        async with Scripted({"AUTH.": told, "": f"220 mx {PASSWORD}"}, offers=(offered,)) as server:
            steps = await _steps(_card(server, authentication=True, login="robot"))
    written = (
        json.dumps([dataclasses.asdict(step) for step in steps])
        + repr(steps)
        + caplog.text
        + "".join(capfd.readouterr())
    )
    assert any(line.startswith("C: AUTH") for step in steps for line in step.transcript)
    assert [form for form in forms if form in written] == []


def _plain(login: str, password: str) -> str:
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


def test_every_line_of_a_login_is_masked_until_it_is_over() -> None:
    kept = Transcript("x" * 9)
    kept.client(b"AUTH LOGIN cm9ib3Q=\r\n")
    kept.server(b"334 UGFz")
    kept.server(b"c3dvcmQ6\r\n")
    kept.client(b"c2VjcmV0\r\n")
    kept.server(b"235 ok\r\n")
    kept.client(b"MAIL FROM:<a@b.org>\r\n")
    kept.client(b"Authorization: Bearer abcdefghijkl\r\n")
    assert kept.take() == (
        "C: AUTH LOGIN ***", "S: 334 UGFzc3dvcmQ6", "C: ***", "S: 235 ok", "C: MAIL FROM:<a@b.org>",
        "C: Authorization: ***",
    )  # fmt: skip


def test_a_transcript_is_bounded_and_cannot_steer_a_terminal() -> None:
    kept = Transcript()
    kept.server(b"220 \x1b[31m red\x9b\r\n" + b"250 x\r\n" * 1000 + b"y" * 10_000)
    lines = kept.take()
    assert lines[0] == "S: 220 [31m red\ufffd"
    assert len(lines) <= 200
    assert max(map(len, lines)) <= 510


@pytest.mark.parametrize("verb", ["", "EHLO", "MAIL", "RCPT"])
async def test_who_stops_listening_ends_the_check_and_its_connection(verb: str) -> None:
    async with Scripted({verb: SILENCE}) as server:

        async def run() -> None:
            async with aclosing(check(_card(server), "", SENDING, None, Limits(answer_s=60, silence_s=60))) as steps:
                async for _ in steps:
                    pass

        task = asyncio.create_task(run())
        await server.silent.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [one for one in asyncio.all_tasks() if "run" in repr(one.get_coro())]
        await server.left.wait()
    assert _open_connections(server.port) == 0


def _open_connections(port: int) -> int:
    """Established connections of this machine to a port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


async def test_a_check_has_an_end_whatever_the_server_does() -> None:
    async with Scripted({"MAIL": SILENCE}) as server:
        steps = await _steps(_card(server), limits=Limits(answer_s=60, silence_s=0.2, total_s=0.5))
    assert (steps[-1].name, steps[-1].remedy) == ("sender", "too_long")


async def test_a_glance_leaves_no_connection_to_a_server_that_says_no_farewell(tmp_path: Path) -> None:
    with no_farewell(Authorities(tmp_path).self_signed()) as port:

        async def connect() -> socket.socket:
            address = network.Address(socket.AF_INET, ("127.0.0.1", port))
            return (await network.open_socket([address], 5.0))[0]

        assert await guess.certificates(connect, "localhost", Encryption.TLS)
        await asyncio.sleep(0)
        assert _open_connections(port) == 0


async def test_an_address_that_does_not_answer_is_told_when_another_does() -> None:
    async with Scripted() as server:
        dead = network.Address(socket.AF_INET, ("127.0.0.1", 1))
        good = network.Address(socket.AF_INET, ("127.0.0.1", server.port))
        connected, address, (warning,) = await network.open_socket([dead, good], 1.0)
        connected.close()
    assert address == good
    assert (warning.remedy, warning.field) == ("some_addresses", "server")


async def test_a_name_service_that_does_not_answer_is_not_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unavailable)
    steps = await _steps(MailConnection("main", "mail.example.org", port=25))
    assert (steps[-1].name, steps[-1].remedy) == ("name", "dns_unavailable")


@pytest.mark.parametrize(
    ("server", "changes", "remedy"),
    [
        ("smtp.office365.com", {}, "basic_retirement_microsoft"),
        ("smtp-mail.outlook.com", {}, "basic_retirement_microsoft"),
        ("smtp.gmail.com", {}, "basic_retirement_google"),
        ("SMTP.Gmail.com.", {}, "basic_retirement_google"),
        ("outlook.office365.com", {"protocol": Protocol.EWS}, "ews_retirement"),
        ("https://outlook.office365.com/EWS/Exchange.asmx", {"protocol": Protocol.EWS}, "ews_retirement"),
        ("smtp.office365.com", {"oauth2": True}, ""),
        ("smtp.office365.com", {"authentication": False}, ""),
        ("notoffice365.com", {}, ""),
        ("mail.example.org", {"protocol": Protocol.EWS}, ""),
    ],
)
def test_what_providers_switch_off_is_told_ahead(server: str, changes: dict[str, Any], remedy: str) -> None:
    card = replace(MailConnection("main", server, authentication=True, login="robot"), **changes)
    assert [found.remedy for found in retirements(card)] == ([remedy] if remedy else [])


async def test_a_login_that_works_today_is_warned_of_tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, real = Authorities(tmp_path), socket.getaddrinfo

    def here(_: Any, *rest: Any, **more: Any) -> Any:
        return real("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    async with Scripted(mode="tls", context=known.issued("smtp.office365.com")) as server:
        card = _card(server, server="smtp.office365.com", ca_file=known.ca_file, authentication=True, login="robot")
        steps = await _steps(card)
    assert (steps[4].name, steps[4].outcome, steps[4].remedy) == (
        "authentication", "warning", "basic_retirement_microsoft",
    )  # fmt: skip
    assert steps[-1].outcome == "ok"


def test_every_remedy_has_a_setting_and_words_in_both_languages() -> None:
    assert {remedy for rules in RULES.values() for _, remedy in rules} <= set(REMEDIES)
    for key, words in REMEDIES.items():
        assert FIELDS[key]
        assert set(words) == {"ru", "en"}
        assert all(text.endswith((".", ".)")) for text in words.values())


def test_the_test_for_tls_is_the_one_the_channel_makes() -> None:
    assert ssl.create_default_context().minimum_version >= ssl.TLSVersion.TLSv1_2
