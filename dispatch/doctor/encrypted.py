"""The TLS step: a handshake as the channel makes it, and when it fails, why."""

import ssl

from dispatch.doctor import certificates
from dispatch.doctor.guess import Connect, is_cleartext, speaks_clear_smtp
from dispatch.doctor.guess import certificates as look_at
from dispatch.doctor.steps import FaultError, Found
from dispatch.doctor.transcript import Transcript
from store.cards import MailConnection
from store.vocabulary import Encryption, Protocol

_OLD = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW"}
CLIENT_CERTIFICATE = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_BAD_CERTIFICATE",
}  # fmt: skip


async def handshake_fault(
    error: OSError, card: MailConnection, server: str, connect: Connect, transcript: Transcript
) -> FaultError:
    """What a handshake that failed means; looks at the port once more where that helps."""
    if isinstance(error, ssl.SSLCertVerificationError):
        encryption = card.encryption if card.protocol is Protocol.SMTP else Encryption.SSL
        shown = await look_at(connect, server, encryption)
        _write_down(shown, transcript)
        return certificates.verdict(error, shown, server, card.ca_file)
    if isinstance(error, ssl.SSLError):
        reason = error.reason or str(error)
        if is_cleartext(error):
            return await _clear_port(reason, card, server, connect)
        kind = "tls_too_old" if reason in _OLD else "client_certificate" if reason in CLIENT_CERTIFICATE else "tls"
        return FaultError(kind, reason)
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


def settled(tls: ssl.SSLObject, transcript: Transcript) -> Found:
    """The step's outcome when the handshake went well."""
    shown = certificates.shown_by(tls)
    _write_down(shown, transcript)
    return Found(certificates.in_words(tls, shown), certificates.warnings(tls, shown))


def _write_down(shown: list[certificates.Certificate], transcript: Transcript) -> None:
    for place, certificate in enumerate(shown, 1):
        transcript.note(f"certificate {place} of {len(shown)}: {certificate}; for {certificate.for_whom}")
