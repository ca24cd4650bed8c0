"""What a mail connection is set to, as the lines of its card: those its protocol and flags call for."""

from datetime import date

from store.cards import EXPIRY_WARNING_DAYS, MailConnection
from store.settings import secret_of
from store.vocabulary import Protocol, SecretName
from tui.widgets.card_view import Line
from tui.widgets.connection_form import DAY_FORMAT
from tui.widgets.form import Say


def connection_lines(card: MailConnection, today: date, say: Say) -> list[Line]:
    """The lines of a connection's card."""
    return [*_server(card, say), *_account(card, today, say), *_trust(card, say)]


def _server(card: MailConnection, say: Say) -> list[Line]:
    lines: list[Line] = [
        (say("mail.state"), say("mail.on" if card.enabled else "mail.off"), "" if card.enabled else "$text-warning"),
        (say("mail.priority"), str(card.priority), ""),
        (say("mail.server"), card.server, ""),
        (say("mail.protocol"), card.protocol.value.upper(), ""),
    ]
    if card.protocol is Protocol.SMTP:
        lines += [
            (say("mail.port"), str(card.port or ""), ""),
            (say("mail.encryption"), say(f"mail.encryption_{card.encryption.value}"), ""),
            (say("mail.authentication"), _yes(card.authentication, say), ""),
        ]
    return lines


def _account(card: MailConnection, today: date, say: Say) -> list[Line]:
    """By what right it sends."""
    smtp = card.protocol is Protocol.SMTP
    lines: list[Line] = [(say("mail.oauth2"), _yes(card.oauth2, say), "")] if card.oauth2 or not smtp else []
    if secret_of(card) == "client_secret":
        lines += [
            (say("mail.application_id"), card.application_id, ""),
            (say("mail.directory_id"), card.directory_id, ""),
        ]
    if card.authentication or card.oauth2 or not smtp:
        lines += [(say("mail.login"), card.login, ""), _secret(card, secret_of(card), say)]
    if (left := card.secret_days_left(today)) is not None and card.secret_expires is not None:
        lines.append((say("mail.secret_expires"), *_last_day(card.secret_expires, left, say)))
    if card.authority and card.oauth2:
        lines.append((say("mail.authority"), card.authority, ""))
    return lines


def _trust(card: MailConnection, say: Say) -> list[Line]:
    """Whom it trusts, and who it is to the server."""
    files = ("ca_file", "client_cert", "client_key")
    lines: list[Line] = [(say(f"mail.{name}"), getattr(card, name), "") for name in files if getattr(card, name)]
    if card.insecure:
        lines.append((say("mail.certificate"), say("mail.insecure_on"), "$text-error"))
    return lines


def _yes(value: bool, say: Say) -> str:
    return say("mail.yes" if value else "mail.no")


def _secret(card: MailConnection, name: SecretName, say: Say) -> Line:
    label = say(f"mail.{name}")
    return (label, say("mail.secret_set"), "") if card.has(name) else (label, say("mail.empty"), "$text-error")


def _last_day(day: date, left: int, say: Say) -> tuple[str, str]:
    """The last day of a client secret, loudly when it is near or over."""
    shown = day.strftime(DAY_FORMAT)
    if left < 0:
        return say("mail.secret_expired", day=shown), "$text-error"
    if left <= EXPIRY_WARNING_DAYS:
        return say("mail.secret_soon", day=shown, days=left), "$text-warning"
    return shown, ""
