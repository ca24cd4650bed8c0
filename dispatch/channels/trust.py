"""Whom a connection trusts, and who it is to the server: its TLS settings."""

import ssl

from dispatch.errors import ConnectionDownError
from store.cards import MailConnection


def authorities(ca_file: str = "") -> ssl.SSLContext:
    """Checks certificates and names: the system's authorities, and those of the CA file if one is given.

    Raises:
        ConnectionDownError: The CA file cannot be read.
    """
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError) as error:
            raise ConnectionDownError(
                f"the CA file {ca_file} cannot be read: {error}", error_class="ca_file"
            ) from error
    return context


def tls_context(card: MailConnection) -> ssl.SSLContext:
    """What a connection asks of the server's certificate, and the one it shows of its own.

    Raises:
        ConnectionDownError: `ca_file` or `client_cert` as its error class: the file cannot be used.
    """
    context = authorities(card.ca_file)
    if card.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if card.client_cert:
        try:
            # Without a password of ours OpenSSL would ask for one at the terminal, and wait.
            context.load_cert_chain(card.client_cert, card.client_key or None, password="")
        except (OSError, ValueError) as error:
            files = " and ".join(filter(None, (card.client_cert, card.client_key)))
            raise ConnectionDownError(
                f"the client certificate {files} cannot be used: {error}", error_class="client_cert"
            ) from error
    return context
