"""What a mail connection needs before it can work, by its protocol."""

import re
from urllib.parse import urlsplit

from store.cards import MailConnection
from store.checks import MAX_KEY, check_line, check_number
from store.errors import SettingsError
from store.vocabulary import Encryption, Protocol, SecretName, TokenSource

MAX_PORT = 65_535
MAX_PRIORITY = 1000
DEFAULT_PORTS = {Encryption.SSL: 465, Encryption.TLS: 587, Encryption.NONE: 25}
"""Submission over TLS and STARTTLS (RFC 8314), and plain relay (RFC 5321)."""
GRAPH_SERVER = "graph.microsoft.com"
"""Microsoft Graph of the worldwide cloud; national clouds have servers of their own."""
EXCHANGE_ONLINE = ("outlook.office365.com", "outlook.office.com", "outlook.office365.us", "partner.outlook.cn")
_NEEDED: dict[SecretName, str] = {"client_secret": "is needed to get tokens", "access_token": "paste a token"}
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""What a bearer token may consist of (RFC 6750, section 2.1)."""
_DIRECTORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
"""A directory id is a GUID or a domain; it becomes one segment of a URL."""


def is_exchange_online(server: str) -> bool:
    """Whether a host name or an endpoint is Microsoft's, where EWS is being switched off."""
    try:
        host = urlsplit(server if "://" in server else f"https://{server}").hostname or ""
    except ValueError:
        return False
    return host.lower() in EXCHANGE_ONLINE


def check_connection(card: MailConnection) -> None:
    """Refuse a connection that cannot work.

    Raises:
        SettingsError: Its path is the field at fault.
    """
    if not card.name.strip():
        raise SettingsError("name", "give the connection a name", key="required")
    check_line(card.name, "name", most=MAX_KEY)
    _check_server(card)
    if card.protocol is Protocol.SMTP and (card.port is None or not 1 <= card.port <= MAX_PORT):
        raise SettingsError(
            "port",
            f"must be a number from 1 to {MAX_PORT}: 465 for SSL, 587 for TLS, 25 without encryption",
            key="port",
        )
    for name in ("login", "ca_file", "client_cert", "client_key", "application_id", "directory_id", "authority"):
        check_line(getattr(card, name), name)
    _check_account(card)
    if card.client_key and not card.client_cert:
        raise SettingsError(
            "client_cert", "is needed with a key: give the certificate it belongs to", key="client_cert"
        )
    check_number(card.priority, "priority", 0, MAX_PRIORITY)


def check_secret(card: MailConnection, name: SecretName, *, given: str | None) -> None:
    """Refuse a connection in use that is to show tokens and has none, nor anything to get them for.

    One that is switched off may lack its secret: so it can be put back from the audit, which keeps none.

    Args:
        card: The connection.
        name: The secret it is opened with.
        given: A new one; `None` keeps what is stored.

    Raises:
        SettingsError: There is none, or the token is none.
    """
    if card.enabled and card.oauth2 and not given and (given == "" or not card.has(name)):
        raise SettingsError(name, _NEEDED[name], key=name)
    if name == "access_token" and given and not _TOKEN.fullmatch(given):
        raise SettingsError(
            name, "is not a token: it has spaces, line breaks or letters that tokens do not have", key="no_token"
        )


def _check_account(card: MailConnection) -> None:
    """Who sends, and by what right."""
    if card.authentication and not card.login:
        raise SettingsError("login", "is needed when authentication is on", key="login")
    if card.oauth2:
        _check_tokens(card)
    elif card.protocol is Protocol.GRAPH:
        raise SettingsError("oauth2", "must be on: Microsoft Graph takes tokens only")
    elif card.protocol is Protocol.EWS and not card.login:
        raise SettingsError("login", "is needed: Exchange takes no letters from strangers", key="login_always")


def _check_tokens(card: MailConnection) -> None:
    """Where tokens come from, and what they are shown for."""
    if card.protocol is Protocol.SMTP:
        if card.encryption is Encryption.NONE:
            raise SettingsError(
                "encryption", "must be SSL or TLS with OAuth2: a token in clear text is anybody's", key="token_in_clear"
            )
        if not card.login:
            raise SettingsError("login", "is needed with OAuth2: the mailbox letters leave from", key="mailbox")
    if card.token_source is TokenSource.PASTED:
        if card.protocol is not Protocol.SMTP:
            raise SettingsError("token_source", "must be application: only SMTP takes a token that is pasted")
        return
    for name, what in (("application_id", "application (client) id"), ("directory_id", "directory (tenant) id")):
        if not getattr(card, name).strip():
            raise SettingsError(name, f"is needed to get tokens: the {what} of the app registration", key="required")
    if not _DIRECTORY.fullmatch(card.directory_id):
        raise SettingsError("directory_id", "must be the id or a domain of the directory", key="directory_id")
    if card.authority:
        _check_https(card.authority, "authority")


def _check_server(card: MailConnection) -> None:
    if not card.server.strip():
        raise SettingsError("server", "is missing; give the name or address of the mail server", key="server")
    check_line(card.server, "server")
    if " " in card.server:
        raise SettingsError("server", "has a space in it; give one name or address", key="server_space")
    if card.protocol is Protocol.SMTP:
        if "://" in card.server:
            raise SettingsError("server", "give the name alone, without smtp:// and the like", key="server_alone")
        if card.server.count(":") == 1:  # more of them are an IPv6 address
            raise SettingsError(
                "server", "give the name alone; the number after the colon belongs in port", key="server_alone"
            )
    else:
        _check_https(card.server if "://" in card.server else f"https://{card.server}", "server")


def _check_https(address: str, path: str) -> None:
    """Refuse what is not an https address: passwords and tokens never travel in clear text."""
    problem = "is not an address. Example: https://mail.example.org"
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname) and (parts.port is None or 1 <= parts.port <= MAX_PORT)
    except ValueError:
        raise SettingsError(path, problem, key="https") from None
    if parts.scheme != "https":
        raise SettingsError(path, "must begin with https://", key="https")
    if not named or parts.username is not None or parts.query or parts.fragment:
        raise SettingsError(path, problem, key="https")
