"""The certificate and the key that we show the server: whether they can be used, and for how long."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from dispatch.doctor.certificates import SOON
from dispatch.doctor.steps import FaultError, Finding, finding
from store.cards import MailConnection


def examine(card: MailConnection) -> tuple[Finding, ...]:
    """Look at the files; gives what will be wrong before long.

    Raises:
        FaultError: One cannot be read or is none, they do not belong together, or the certificate is not valid now.
    """
    if not card.client_cert:
        return ()
    certificate = _certificate(card.client_cert)
    key = _key(card.client_key or card.client_cert, "client_key" if card.client_key else "client_cert")
    if key.public_key() != certificate.public_key():
        raise FaultError("client_key_other", certificate.subject.rfc4514_string(), client_cert=card.client_cert)
    return _lasting(certificate)


def unusable(card: MailConnection, reason: str) -> FaultError:
    """Why the TLS library does not take the certificate, in its own words where ours find nothing."""
    try:
        examine(card)
    except FaultError as fault:
        return fault
    return FaultError("client_cert", reason, file=card.client_cert)


def _content(file: str, field: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FaultError("client_cert", reason, field=field, file=file) from None


def _certificate(file: str) -> x509.Certificate:
    content = _content(file, "client_cert")
    try:
        return x509.load_pem_x509_certificates(content)[0]
    except ValueError:
        raise FaultError("client_cert_not_pem", file=file) from None


def _key(file: str, field: str) -> PrivateKeyTypes:
    content = _content(file, field)
    try:
        return load_pem_private_key(content, None)
    except TypeError:
        raise FaultError("client_key_locked", field=field, file=file) from None
    except (ValueError, UnsupportedAlgorithm):
        raise FaultError("client_key_not_pem", field="client_key", file=file) from None


def _lasting(certificate: x509.Certificate) -> tuple[Finding, ...]:
    now, ends, begins = datetime.now(UTC), certificate.not_valid_after_utc, certificate.not_valid_before_utc
    name = certificate.subject.rfc4514_string()
    if ends < now:
        raise FaultError("client_cert_expired", name, date=f"{ends:%Y-%m-%d}")
    if begins > now:
        raise FaultError("client_cert_not_yet", name, date=f"{begins:%Y-%m-%d}")
    if ends - now > SOON:
        return ()
    return (finding("client_cert_expires", name, date=f"{ends:%Y-%m-%d}", days=str((ends - now).days)),)
