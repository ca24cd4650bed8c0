"""The certificates a server shows, and what is wrong with them."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from dispatch.doctor.steps import FaultError, Finding, finding
from store.cards import EXPIRY_WARNING_DAYS

SOON = timedelta(days=EXPIRY_WARNING_DAYS)
MAX_NAMES = 12
# OpenSSL's X509_V_ERR_…, see `man openssl-verification-options`.
_NOT_YET, _EXPIRED, _SELF_SIGNED = 9, 10, 18
_UNKNOWN = {2, 19, 20, 21, 24}
_OTHER_NAME = {62, 64}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, in words.

    Attributes:
        names: The names and addresses it is for.
        fingerprint: SHA-256, in the usual pairs.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.subject}; until {self.not_after:%Y-%m-%d}; issuer {self.issuer}; SHA-256 {self.fingerprint}"

    @property
    def for_whom(self) -> str:
        """The names, on one line."""
        shown = ", ".join(self.names[:MAX_NAMES]) or self.subject
        return shown + (" …" if len(self.names) > MAX_NAMES else "")


def lenient_context() -> ssl.SSLContext:
    """Accepts any certificate. To look at it: nothing but the greeting is ever exchanged under this."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown_by(tls: Any) -> list[Certificate]:
    """The certificates of a connection, the server's own first; empty when they cannot be read."""
    own = tls.getpeercert(binary_form=True)
    try:
        return [_read(der) for der in _chain(tls) or [own]] if own else []
    except ValueError:
        return []


def _chain(tls: Any) -> list[bytes]:
    """The whole chain: public since Python 3.13, there since 3.10."""
    if hasattr(tls, "get_unverified_chain"):
        return list(tls.get_unverified_chain())
    inner: Any = getattr(tls, "_sslobj", None)
    if not hasattr(inner, "get_unverified_chain"):
        return []
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain() or ()]


def _read(der: bytes) -> Certificate:
    certificate = x509.load_der_x509_certificate(der)
    names: tuple[str, ...] = ()
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        pass
    else:
        known = alternative.get_values_for_type
        names = (*known(x509.DNSName), *(str(address) for address in known(x509.IPAddress)))
    return Certificate(
        certificate.subject.rfc4514_string() or "(no subject)",
        certificate.issuer.rfc4514_string() or "(no issuer)",
        names,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.fingerprint(SHA256()).hex(":").upper(),
    )


def verdict(error: ssl.SSLCertVerificationError, shown: list[Certificate], server: str, ca_file: str) -> FaultError:
    """What a refused certificate means.

    OpenSSL tells the first thing it dislikes; the certificate itself tells the rest.
    """
    code = error.verify_code
    own = shown[0] if shown else None
    params = {
        "server": server, "ca_file": ca_file, "names": own.for_whom if own else "?",
        "subject": own.subject if own else "?", "issuer": own.issuer if own else "?",
        "fingerprint": own.fingerprint if own else "?",
        "date": f"{own.not_after if code == _EXPIRED else own.not_before:%Y-%m-%d}" if own else "?",
    }  # fmt: skip
    kinds = {_NOT_YET: "certificate_not_yet", _EXPIRED: "certificate_expired", _SELF_SIGNED: "self_signed"}
    kind = kinds.get(code, "certificate")
    if code in _OTHER_NAME:
        kind = "other_name"
    elif code in _UNKNOWN:
        kind = "other_ca" if ca_file else "unknown_ca"
    elif code == _SELF_SIGNED and ca_file:
        kind = "other_ca"
    detail = error.verify_message + (f": {own}" if own else "")
    return FaultError(kind, detail, **params)


def warnings(tls: Any, shown: list[Certificate], now: datetime | None = None) -> tuple[Finding, ...]:
    """What will be wrong before long with a connection that is well today."""
    found: list[Finding] = []
    if (tls.version() or "") in {"TLSv1", "TLSv1.1", "SSLv3"}:
        found.append(finding("tls_aged", tls.version(), version=tls.version()))
    now = now or datetime.now(UTC)
    first = min(shown, key=lambda one: one.not_after, default=None)
    if first is not None and first.not_after - now <= SOON:
        days = max(0, (first.not_after - now).days)
        found.append(
            finding("certificate_expires", str(first), date=f"{first.not_after:%Y-%m-%d}", days=str(days))
        )  # fmt: skip
    return tuple(found)


def in_words(tls: Any, shown: list[Certificate]) -> str:
    """The step's detail."""
    cipher = tls.cipher()
    parts = [tls.version() or "TLS", *([f"{shown[0]}"] if shown else []), *([cipher[0]] if cipher else [])]
    return ", ".join(parts)
