"""What the large providers have switched off, or will; the dates are those they have published."""

from dispatch.doctor.steps import Finding, finding
from store.cards import MailConnection
from store.vocabulary import Protocol

_MICROSOFT = (".office365.com", ".outlook.com", ".office.com", ".microsoft.com")
_GOOGLE = (".gmail.com", ".googlemail.com", ".google.com")


def retirements(card: MailConnection) -> tuple[Finding, ...]:
    """Warnings that follow from the server's name and the way to log in."""
    host = "." + card.server.removeprefix("https://").partition("/")[0].partition(":")[0].lower().rstrip(".")
    found: list[Finding] = []
    if host.endswith(_MICROSOFT):
        if card.protocol is Protocol.EWS:
            found.append(finding("ews_retirement"))
        elif card.protocol is Protocol.SMTP and card.authentication and not card.oauth2:
            found.append(finding("basic_retirement_microsoft"))
    elif host.endswith(_GOOGLE) and card.authentication and not card.oauth2:
        found.append(finding("basic_retirement_google"))
    return tuple(found)
