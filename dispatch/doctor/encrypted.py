"""The TLS step: a handshake as the channel makes it, and when it fails, why."""

import ssl
from dataclasses import replace

from dispatch.channels.trust import tls_context
from dispatch.doctor import certificates, own_certificate
from dispatch.doctor.guess import Connect, is_cleartext, refusal, speaks_clear_smtp
from dispatch.doctor.guess import certificates as look_at
from dispatch.doctor.steps import FaultError, Finding, Found, finding
from dispatch.errors import ConnectionDownError
from dispatch.transcript import Transcript
from store.cards import MailConnection
from store.vocabulary import Encryption, Protocol

_OLD = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW"}
_DEMANDED = {"TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_CERTIFICATE_REQUIRED"}
_REFUSED = {
    "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_REVOKED",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_ACCESS_DENIED",
}  # fmt: skip
"""What a server says of a certificate of ours that it does not like; some servers also when there is none."""


def context_of(card: MailConnection) -> ssl.SSLContext:
    """What the channel asks for, and shows.

    Raises:
        FaultError: One of the files cannot be used.
    """
    try:
        context = tls_context(card)
    except ConnectionDownError as error:
        cause = error.__cause__
        reason = (cause.reason if isinstance(cause, ssl.SSLError) else None) or str(cause)
        if error.error_class == "client_cert":
            raise own_certificate.unusable(card, reason) from None
        kind = "ca_file_not_pem" if isinstance(cause, ssl.SSLError) else "ca_file"
        raise FaultError(kind, reason, ca_file=card.ca_file) from None
    own_certificate.examine(card)  # the library takes one that has expired
    return context


def own_certificate_fault(error: ssl.SSLError, card: MailConnection) -> FaultError | None:
    """Whether the server hung up for the certificate that we show, or do not; TLS 1.3 tells after the handshake."""
    reason = error.reason or ""
    if reason in _DEMANDED or (not card.client_cert and reason == "SSLV3_ALERT_BAD_CERTIFICATE"):
        return FaultError("client_certificate", reason, step="tls")
    if card.client_cert and reason in _REFUSED:
        return FaultError("client_cert_refused", reason, step="tls", file=card.client_cert)
    return None


async def handshake_fault(
    error: OSError, card: MailConnection, server: str, connect: Connect, transcript: Transcript
) -> FaultError:
    """What a handshake that failed means; looks at the port once more where that helps."""
    if isinstance(error, ssl.SSLCertVerificationError):
        shown = await look_at(connect, server, _encryption(card))
        _write_down(shown, transcript)
        return certificates.verdict(error, shown, server, card.ca_file)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        if is_cleartext(error):
            return await _clear_port(reason, card, server, connect)
        return own_certificate_fault(error, card) or FaultError("tls_too_old" if reason in _OLD else "tls", reason)
    if isinstance(error, TimeoutError) or "taking longer" in str(error):
        return FaultError("tls_silent", "no answer to the handshake in time")
    return FaultError("tls_closed", str(error) or "the server closed the connection")


async def _clear_port(reason: str, card: MailConnection, server: str, connect: Connect) -> FaultError:
    if card.protocol is not Protocol.SMTP:
        return FaultError("not_https", reason)
    clear = await speaks_clear_smtp(connect, server)
    if clear is None:
        return FaultError("not_smtp", reason)
    greeting, offers_starttls = clear
    return FaultError("starttls_port" if offers_starttls else "clear_port", greeting, step="tls")


async def settled(
    tls: ssl.SSLObject, card: MailConnection, server: str, connect: Connect, transcript: Transcript
) -> Found:
    """The step's outcome when the handshake went well; without checks, what they would have found."""
    shown = certificates.shown_by(tls)
    _write_down(shown, transcript)
    findings = (*certificates.warnings(tls, shown), *own_certificate.examine(card))
    if card.insecure:
        findings = (*await _unchecked(card, server, shown, connect), *findings)
    return Found(certificates.in_words(tls, shown), findings)


async def _unchecked(
    card: MailConnection, server: str, shown: list[certificates.Certificate], connect: Connect
) -> tuple[Finding, ...]:
    strict = context_of(replace(card, insecure=False))
    error = await refusal(connect, server, _encryption(card), strict)
    if error is None:
        return (finding("insecure_needless"),)
    return (finding("insecure"), certificates.verdict(error, shown, server, card.ca_file).finding)


def _encryption(card: MailConnection) -> Encryption:
    return card.encryption if card.protocol is Protocol.SMTP else Encryption.SSL


def _write_down(shown: list[certificates.Certificate], transcript: Transcript) -> None:
    for place, certificate in enumerate(shown, 1):
        transcript.note(f"certificate {place} of {len(shown)}: {certificate}; for {certificate.for_whom}")
