"""What Exchange's refusals mean.

Codes: learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode
"""

from dispatch.channels.web import FORBIDDEN, TOO_LARGE, TOO_MANY, UNAUTHORIZED, UNAVAILABLE, redacted
from dispatch.errors import ConnectionDownError, DispatchError, PermanentError, TransientError
from store.connection_checks import is_exchange_online

OK, INTERNAL_ERROR, BAD_GATEWAY, GATEWAY_TIMEOUT = 200, 500, 502, 504
LONG_WAIT_S = 900.0
"""For quotas: they are counted over hours."""
_PERMANENT = {
    "ErrorInvalidRecipients": "bad_address",
    "ErrorMissingRecipients": "bad_address",
    "ErrorInvalidSmtpAddress": "bad_address",
    "ErrorMessageSizeExceeded": "too_large",
    "ErrorDataSizeLimitExceeded": "too_large",
    "ErrorAttachmentSizeLimitExceeded": "too_large",
    "ErrorMailRecipientNotFound": "mailbox_unknown",
    "ErrorInvalidRequest": "bad_letter",
    "ErrorSchemaValidation": "bad_letter",
    "ErrorMimeContentInvalid": "bad_letter",
    "ErrorMimeContentInvalidBase64String": "bad_letter",
    "ErrorMimeContentConversionFailed": "bad_letter",
    "ErrorContentConversionFailed": "bad_letter",
    "ErrorMessageDispositionRequired": "bad_letter",
}
_CONNECTION = {
    "ErrorAccessDenied": "access_denied",
    "ErrorSendAsDenied": "send_as_denied",
    "ErrorImpersonateUserDenied": "impersonation_denied",
    "ErrorImpersonationDenied": "impersonation_denied",
    "ErrorImpersonationFailed": "impersonation_denied",
    "ErrorInvalidExchangeImpersonationHeaderData": "impersonation_denied",
    "ErrorNonExistentMailbox": "mailbox_unknown",
    "ErrorNonPrimarySmtpAddress": "mailbox_unknown",
    "ErrorMissingEmailAddress": "mailbox_unknown",
    "ErrorAccountDisabled": "mailbox_disabled",
    "ErrorPasswordExpired": "auth_password_expired",
    "ErrorPasswordChangeRequired": "auth_password_expired",
    "ErrorInvalidServerVersion": "ews_version",
    "ErrorInvalidSchemaVersionForMailboxVersion": "ews_version",
    "ErrorIncorrectSchemaVersion": "ews_version",
}
_BUSY = {
    "ErrorServerBusy": "throttled",
    "ErrorExceededConnectionCount": "throttled",
    "ErrorTooManyObjectsOpened": "throttled",
    "ErrorQuotaExceeded": "quota",
    "ErrorSubmissionQuotaExceeded": "quota",
    "ErrorMessagePerFolderCountReceiveQuotaExceeded": "quota",
}
_TRANSIENT = {
    "ErrorMailboxStoreUnavailable": "mailbox_unavailable",
    "ErrorMailboxMoveInProgress": "mailbox_unavailable",
    "ErrorConnectionFailed": "mailbox_unavailable",
    "ErrorInternalServerTransientError": "server_error",
    "ErrorInternalServerError": "server_error",
    "ErrorTimeoutExpired": "server_timeout",
    "ErrorADUnavailable": "server_error",
    "ErrorInsufficientResources": "server_error",
}
_STATUS = {
    UNAUTHORIZED: "auth_failed",
    FORBIDDEN: "access_denied",
    TOO_MANY: "throttled",
    UNAVAILABLE: "throttled",
    BAD_GATEWAY: "server_error",
    GATEWAY_TIMEOUT: "timeout",
}
"""Statuses that say something of the connection; others below 500 mean that this is not Exchange's endpoint."""


def answer_fault(code: str, text: str, back_off_s: float | None = None) -> DispatchError:
    """What a response code of Exchange's means.

    Args:
        code: E.g. `ErrorSendAsDenied`.
        text: The message beside it.
        back_off_s: Seconds it asks us to wait, where it does.
    """
    answer = redacted(f"{code}: {text}" if code else text)
    if code in _PERMANENT:
        return PermanentError(answer, code=OK, error_class=_PERMANENT[code])
    if code in _CONNECTION:
        return ConnectionDownError(answer, error_class=_CONNECTION[code])
    if code in _BUSY:
        pause = LONG_WAIT_S if _BUSY[code] == "quota" else None
        return ConnectionDownError(answer, error_class=_BUSY[code], retry_after_s=back_off_s or pause)
    # What we do not know counts as an attempt: it is tried again, and ends.
    return TransientError(answer, code=OK, error_class=_TRANSIENT.get(code, "ews_error"), retry_after_s=back_off_s)


def status_fault(status: int, reason: str, server: str, pause_s: float | None) -> DispatchError:
    """What an HTTP status other than 200 means.

    Args:
        status: The status.
        reason: What the server wrote beside it.
        server: The endpoint's URL.
        pause_s: Its Retry-After.
    """
    answer = redacted(f"HTTP {status} {reason}")
    if status == TOO_LARGE:
        return PermanentError(answer, code=status, error_class="too_large")
    if status >= INTERNAL_ERROR and status not in _STATUS:
        return TransientError(answer, code=status, error_class="server_error", retry_after_s=pause_s)
    word = _STATUS.get(status, "ews_endpoint")
    if status == FORBIDDEN and is_exchange_online(server):
        word = "ews_blocked"
    # A gateway that waited in vain had handed the letter on, and knows no more.
    return ConnectionDownError(
        answer, code=status, error_class=word, retry_after_s=pause_s, in_doubt=status == GATEWAY_TIMEOUT
    )
