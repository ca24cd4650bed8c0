# pyright: basic
"""Access tokens for applications (OAuth2 client credentials, RFC 6749 section 4.4), got with msal.

msal talks to the network in its constructor, waits without end unless its HTTP client says otherwise, and keeps
refusals for a minute. So everything here is blocking, for a thread, over a session of our own with time limits.
"""

import re
import threading
import weakref
from hashlib import blake2b
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

from dispatch.channels.quiet import quieten
from dispatch.channels.trust import authorities
from dispatch.channels.web import TOO_MANY, WebSession, redacted, retry_after_s, web_fault
from dispatch.errors import ConnectionDownError
from store import vocabulary
from store.cards import MailConnection
from store.vocabulary import TokenSource

AUTHORITY = "https://login.microsoftonline.com"
EXCHANGE_ONLINE = "https://outlook.office365.com"
BAD_REQUEST = 400
TIMEOUT_S = 10.0
"""For each answer of the token endpoint."""
LOCK_TIMEOUT_S = 45.0
"""How long one session waits while another gets the token: discovery and token, with their time limits."""
UNREACHABLE = {"dns", "refused", "timeout", "lost"}
_CODE = re.compile(r"AADSTS(\d+)")
_CLASSES = {
    7000215: "token_secret",
    7000222: "token_secret_expired",
    700016: "token_application",
    90002: "token_directory",
    900023: "token_directory",
}
"""Error codes of Microsoft Entra (learn.microsoft.com/entra/identity-platform/reference-error-codes)."""


class Tokens(Protocol):
    """What a channel asks for its tokens."""

    def token(self) -> str:
        """A valid access token."""
        ...

    def forget(self, refused: str) -> None:
        """The server refused this token: do not give it again."""
        ...


class TokenProvider:
    """Tokens for one application and one resource. Blocking; any number of threads may ask."""

    def __init__(self, card: MailConnection, secret: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._authority = f"{(card.authority or AUTHORITY).rstrip('/')}/{card.directory_id}"
        self._application = card.application_id
        self._scope = scope_of(card)
        self._secret = secret
        self._ca_file = card.ca_file
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._session: _Listening | None = None
        self._app: Any = None
        self._last = ""

    def token(self) -> str:
        """A valid access token: the one at hand, or a new one.

        Raises:
            ConnectionDownError: `token_…` as its error class says what is wrong: the secret, the application, the
                directory, or that the token endpoint cannot be reached.
        """
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise ConnectionDownError("the token endpoint does not answer", error_class="token_unreachable")
        try:
            return self._token()
        finally:
            self._lock.release()

    def forget(self, refused: str) -> None:
        """Drop a token the resource refused, unless another session has replaced it meanwhile."""
        with self._lock:
            if self._app is not None and refused == self._last:
                self._app.remove_tokens_for_client()
                self._last = ""

    def _token(self) -> str:
        session = self._session = self._session or _Listening(authorities(self._ca_file), timeout_s=self._timeout_s)
        session.last = None
        try:
            if self._app is None:
                self._app = self._new_app(session)
            answer = self._app.acquire_token_for_client([self._scope])
        except ValueError as error:
            # From the constructor it is msal's word for a discovery that was refused: no such directory or
            # authority. Later it is an answer that is no JSON.
            kind = "token_directory" if self._app is None else "token_refused"
            raise self._refusal(session, str(error), kind) from None
        except (requests.RequestException, OSError) as error:
            raise self._unreachable(session, error) from None
        except Exception as error:  # noqa: BLE001 - msal raises what it likes
            # E.g. its own kind for 5xx.
            raise self._refusal(session, str(error), "token_unreachable") from None
        if "access_token" not in answer:
            text = str(answer.get("error_description") or answer.get("error") or "no token in the answer")
            raise self._refusal(session, text, "token_refused")
        self._last = str(answer["access_token"])
        return self._last

    def _new_app(self, session: WebSession) -> Any:
        import msal

        quieten()
        # Without instance discovery the authority is taken as given. With it msal would ask the worldwide cloud
        # about every sovereign one, and about the hosts of tests.
        return msal.ConfidentialClientApplication(
            self._application,
            client_credential=self._secret,
            authority=self._authority,
            instance_discovery=False,
            http_client=session,
        )

    def _refusal(self, session: "_Listening", text: str, otherwise: str) -> ConnectionDownError:
        found = session.last
        if found is not None and found.status_code >= BAD_REQUEST:
            text = _description(found) or text
        codes = [int(code) for code in _CODE.findall(text)]
        error_class = next((_CLASSES[code] for code in codes if code in _CLASSES), otherwise)
        pause = retry_after_s(found.headers) if found is not None else None
        if found is not None and found.status_code == TOO_MANY:
            error_class = "token_throttled"
        return ConnectionDownError(
            redacted(text, self._secret), error_class=error_class, retry_after_s=pause,
            code=found.status_code if found is not None else None,
        )  # fmt: skip

    def _unreachable(self, session: "_Listening", error: Exception) -> ConnectionDownError:
        if session.last is not None and session.last.status_code >= BAD_REQUEST:
            return self._refusal(session, str(error), "token_unreachable")
        fault = web_fault(error, sent=False)
        host = urlsplit(self._authority).netloc
        word = "token_unreachable" if fault.error_class in UNREACHABLE else f"token_{fault.error_class}"
        return ConnectionDownError(redacted(f"{host}: {fault.answer}", self._secret), error_class=word)


class PastedToken:
    """A token that somebody has given. Nobody here can get another: once refused, it is over."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._refused = False

    def token(self) -> str:
        """The token.

        Raises:
            ConnectionDownError: `token_rejected`: it was refused.
        """
        if self._refused or not self._token:
            raise ConnectionDownError("the pasted token is no longer taken", error_class="token_rejected")
        return self._token

    def forget(self, refused: str) -> None:
        """It is not shown again: several refused logins lock a mailbox."""
        self._refused = self._refused or refused == self._token


class _Listening(WebSession):
    """Keeps the last answer: msal hands on neither Retry-After nor the reason a directory is refused for."""

    last: requests.Response | None = None

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        self.last = None
        self.last = super().request(method, url, *args, **kwargs)
        return self.last


def _description(answer: requests.Response) -> str:
    try:
        found = answer.json()
    except ValueError:
        return f"{answer.status_code} {answer.reason}"
    return str(found.get("error_description") or "") if isinstance(found, dict) else ""


def scope_of(card: MailConnection) -> str:
    """The scope to ask for: that of the server letters are handed to.

    The resource of Exchange and of Graph is the address of the server itself, in every national cloud and on
    one's own premises; for SMTP it is Exchange Online's.
    """
    if card.protocol is vocabulary.Protocol.SMTP:
        return f"{EXCHANGE_ONLINE}/.default"
    server = urlsplit(card.server if "://" in card.server else f"https://{card.server}")
    return f"https://{server.netloc}/.default"


_shared: "weakref.WeakValueDictionary[bytes, TokenProvider | PastedToken]" = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


def shared_tokens(card: MailConnection, secret: str) -> TokenProvider | PastedToken:
    """The provider that all sessions of a connection share, so that they get one token and not one each.

    Args:
        card: The connection.
        secret: Its client secret, or the token itself where that is pasted.
    """
    pasted = card.token_source is TokenSource.PASTED
    parts = (
        card.token_source,
        card.login,
        card.authority,
        card.directory_id,
        card.application_id,
        scope_of(card),
        card.ca_file,
        secret,
    )
    key = blake2b("\0".join(parts).encode(), digest_size=32).digest()
    with _shared_lock:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = PastedToken(secret) if pasted else TokenProvider(card, secret)
        return found
