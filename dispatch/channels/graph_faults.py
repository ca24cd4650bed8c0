"""What Microsoft Graph's refusals mean: learn.microsoft.com/graph/errors."""

from typing import Any, cast

import requests

from dispatch.channels.web import redacted, retry_after_s
from dispatch.errors import ConnectionDownError, DispatchError, PermanentError, TransientError

_PERMANENT = {
    "ErrorInvalidRecipients": "bad_address",
    "ErrorMimeContentInvalid": "bad_letter",
    "ErrorMimeContentInvalidBase64String": "bad_letter",
    "ErrorMimeContentConversionFailed": "bad_letter",
    "ErrorMessageSizeExceeded": "too_large",
    "RequestEntityTooLarge": "too_large",
    "ErrorInvalidRequest": "bad_letter",
    "RequestBodyRead": "bad_letter",
    "BadRequest": "bad_letter",
}
_CONNECTION = {
    "ErrorAccessDenied": "access_denied",
    "Authorization_RequestDenied": "access_denied",
    "ErrorSendAsDenied": "send_as_denied",
    "MailboxNotEnabledForRESTAPI": "mailbox_unavailable",
    "MailboxNotSupportedForRESTAPI": "mailbox_unavailable",
    "ErrorInvalidUser": "mailbox_unknown",
    "ErrorNonExistentMailbox": "mailbox_unknown",
    "Request_ResourceNotFound": "mailbox_unknown",
    "ResourceNotFound": "mailbox_unknown",
    "ErrorInvalidMailboxItemId": "mailbox_unknown",
    "ErrorAccountDisabled": "mailbox_disabled",
    "ErrorQuotaExceeded": "quota",
    "ErrorSubmissionQuotaExceeded": "quota",
    "ErrorExceededMessageLimit": "quota",
    "ApplicationThrottled": "throttled",
    "MailboxConcurrency": "throttled",
    "TooManyRequests": "throttled",
}
_STATUS = {401: "auth_failed", 403: "access_denied", 404: "graph_endpoint", 429: "throttled", 503: "throttled"}
"""For answers without a code of Graph's: those of the status line."""
QUOTA_WAIT_S = 900.0
BAD_REQUEST, TOO_LARGE, BAD_GATEWAY, GATEWAY_TIMEOUT = 400, 413, 502, 504


def graph_fault(answer: requests.Response) -> DispatchError:
    """What an answer other than 202 means."""
    code, text = _code(answer)
    status, pause = answer.status_code, retry_after_s(answer.headers)
    shown = redacted(f"{status} {code or answer.reason}: {text}" if text else f"{status} {code or answer.reason}")
    if status == TOO_LARGE or code in _PERMANENT:
        return PermanentError(shown, code=status, error_class=_PERMANENT.get(code, "too_large"))
    word = _CONNECTION.get(code) or _STATUS.get(status)
    if word is not None:
        wait = pause or (QUOTA_WAIT_S if word == "quota" else None)
        return ConnectionDownError(shown, code=status, error_class=word, retry_after_s=wait)
    if status == BAD_GATEWAY:
        return ConnectionDownError(shown, code=status, error_class="server_error", retry_after_s=pause)
    if status == GATEWAY_TIMEOUT:
        return ConnectionDownError(shown, code=status, error_class="timeout", retry_after_s=pause, in_doubt=True)
    if status < BAD_REQUEST:
        return ConnectionDownError(shown, code=status, error_class="graph_endpoint")
    return TransientError(shown, code=status, error_class="server_error", retry_after_s=pause)


def _code(answer: requests.Response) -> tuple[str, str]:
    """Graph's own code and text, empty when the answer is not Graph's."""
    try:
        document: Any = answer.json()
    except ValueError:
        return "", ""
    error: Any = cast("dict[str, Any]", document).get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return "", ""
    found = cast("dict[str, Any]", error)
    return str(found.get("code") or ""), str(found.get("message") or "")
