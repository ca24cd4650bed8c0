# pyright: basic
"""exchangelib as we use it: one POST a letter, no guessing, no second try. Imported in a thread, on first use."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests
from exchangelib import DELEGATE, IMPERSONATION, Account, Configuration, Message
from exchangelib.errors import (
    ErrorServerBusy,
    EWSError,
    ResponseMessageError,
)
from exchangelib.ewsdatetime import EWSTimeZone
from exchangelib.items import SEND_ONLY, SEND_TO_NONE
from exchangelib.protocol import FailFast, Protocol
from exchangelib.services import CreateItem, GetFolder
from exchangelib.transport import DEFAULT_HEADERS, NOAUTH
from exchangelib.util import add_xml_child, create_element
from exchangelib.version import EXCHANGE_2013_SP1, Version
from requests.auth import AuthBase

from dispatch.channels.ews_faults import answer_fault, status_fault
from dispatch.channels.faults import chain
from dispatch.channels.quiet import quieten
from dispatch.channels.web import WebSession, redacted, retry_after_s, web_fault
from dispatch.errors import ConnectionDownError, DispatchError

USER_AGENT = "Vestnik"
SOAP_IN_500 = 500
quieten()


class _AnswerError(Exception):
    """Carries a fault of ours through the library."""

    def __init__(self, fault: DispatchError) -> None:
        super().__init__(fault.answer)
        self.fault = fault


class _NeverAgain(FailFast):
    """Tells answers apart by their status.

    The library's own policy takes every closed connection for a busy server, a wrong password among them, and
    puts headers and body into the error.
    """

    def raise_response_errors(self, response: requests.Response) -> None:
        """Raise for all but an answer in SOAP; Exchange sends its faults with status 500."""
        soap = b"Envelope" in response.content[:500]
        if response.status_code == requests.codes.ok or (response.status_code == SOAP_IN_500 and soap):
            return
        cas = response.headers.get("X-CasErrorCode")
        if cas:
            # Client Access found no mailbox to serve, which no other letter will change.
            raise _AnswerError(ConnectionDownError(redacted(cas), code=response.status_code, error_class="ews_cas"))
        pause, reason = retry_after_s(response.headers), response.reason or ""
        raise _AnswerError(status_fault(response.status_code, reason, response.url, pause))


class _OurProtocol(Protocol):
    """Sessions are ours: what they trust, how long they wait, how they log in.

    Making one never touches the network, so a session that is replaced cannot leave the library's pool empty.
    """

    RETRY_WAIT = 0  # what `back_off` becomes when the server gave none

    def __init__(self, config: Configuration, session: WebSession) -> None:
        self._web_session = session
        self.TIMEOUT = session.timeout  # pyright: ignore[reportAttributeAccessIssue] - requests takes a pair
        super().__init__(config)

    def close(self) -> None:
        """Called when the protocol is collected; the session stays for the next letter."""

    def create_session(self) -> Any:
        session: Any = self._web_session
        session.headers.update(DEFAULT_HEADERS)
        session.headers["User-Agent"] = USER_AGENT
        session.session_id = id(session)
        session.usage_count = 0
        return session


class _Once:
    """An operation in the one version we speak: the library would send a letter again in every other one."""

    def _get_response_xml(self: Any, payload: Any) -> Any:
        answer = self._get_response(payload=payload, api_version=self._version_hint.api_version)
        _, body = self._get_soap_parts(response=answer)
        return self._get_soap_messages(body=body)


class _SendOnce(_Once, CreateItem):
    """CreateItem."""


class _LookOnce(_Once, GetFolder):
    """GetFolder for the drafts of the account itself, or of the mailbox it acts for.

    The library would name the mailbox, and an account that may only send as one would be refused its folders.
    """

    def call(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        shape, folders = create_element("m:FolderShape"), create_element("m:FolderIds")
        add_xml_child(shape, "t:BaseShape", "IdOnly")
        folders.append(create_element("t:DistinguishedFolderId", attrs={"Id": "drafts"}))
        payload = create_element("m:GetFolder")
        payload.append(shape)
        payload.append(folders)
        return self._get_elements(payload=payload)


class Exchange:
    """Mailboxes of one server. Blocking; for one thread at a time."""

    def __init__(self, endpoint: str, session: WebSession, auth: AuthBase, *, impersonate: bool) -> None:
        self.auth = auth
        self._endpoint = endpoint
        self._session = session
        self._access = IMPERSONATION if impersonate else DELEGATE
        session.auth = auth

    def send(self, address: str, content: bytes) -> None:
        """Send a letter from a mailbox: one CreateItem with its MIME, no copy kept.

        Raises:
            DispatchError: What the server, or the connection to it, had to say.
        """
        # An account a letter: the library's pool of sessions outlives no fault, and cannot be waited for in vain.
        account = self._account(address)
        letter = Message(account=account, mime_content=content)
        self._do(
            lambda: _SendOnce(account=account).get(
                items=[letter], folder=None, message_disposition=SEND_ONLY, send_meeting_invitations=SEND_TO_NONE
            )
        )

    def look(self, address: str) -> None:
        """Ask for the drafts folder of a mailbox, by the right letters are sent by; changes nothing.

        Raises:
            DispatchError: What the server, or the connection to it, had to say.
        """
        account = self._account(address)
        self._do(lambda: _LookOnce(account=account).get())

    def close(self) -> None:
        """Close what is idle."""
        self._session.close()

    def _do(self, operation: Callable[[], object]) -> None:
        fault: DispatchError | None = None
        try:
            operation()
        except Exception as error:  # noqa: BLE001 - the library raises what it likes
            fault = _fault(error)
        if fault is not None:
            # Out here, so that the library's exception, which holds the letter, does not hang on to ours.
            raise fault

    def _account(self, address: str) -> Account:
        config = Configuration(
            service_endpoint=self._endpoint,
            auth_type=NOAUTH,  # the session has its own
            version=Version(build=EXCHANGE_2013_SP1),  # understood by every Exchange since
            retry_policy=_NeverAgain(),
            max_connections=1,
        )
        account = Account(
            address,
            config=config,
            autodiscover=False,
            access_type=self._access,
            default_timezone=EWSTimeZone("UTC"),
        )
        # Past the library's cache, which gives the settings of the first connection to all that follow.
        with suppress(KeyError):
            del Protocol[config]
        account.protocol = type.__call__(_OurProtocol, config, self._session)
        return account


def _fault(error: Exception) -> DispatchError:
    """What an exception of the library's means; its own text may hold the letter, and stays here."""
    causes = chain(error)
    ours = [cause.fault for cause in causes if isinstance(cause, _AnswerError)]
    ours += [cause for cause in causes if isinstance(cause, DispatchError)]
    if ours:
        return ours[0]
    web = [cause for cause in causes if isinstance(cause, requests.RequestException | OSError)]
    if web:
        return web_fault(web[0])
    return _answer(error, [cause for cause in causes if isinstance(cause, ResponseMessageError)])


def _answer(error: Exception, answers: list[ResponseMessageError]) -> DispatchError:
    if answers:
        # The innermost: the library makes a busy server of others.
        first = answers[-1]
        pause = (first.back_off or None) if isinstance(first, ErrorServerBusy) else None
        return answer_fault(type(first).__name__, str(first), pause)
    text = redacted(str(error))
    if text.startswith("Unknown ResponseCode"):
        code, _, rest = text.rpartition("ResponseMessage: ")[2].partition(" ")
        return answer_fault(code, rest)
    if isinstance(error, EWSError):
        return ConnectionDownError("the answer is not Exchange's", error_class="ews_endpoint")
    return ConnectionDownError(type(error).__name__, error_class="ews_error", in_doubt=True)
