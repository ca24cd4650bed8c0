"""Which certificates a connection trusts."""

import ssl

from dispatch.errors import ConnectionDownError


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Checks certificates and names: the system's authorities, and those of the CA file if one is given.

    Raises:
        ConnectionDownError: The CA file cannot be read.
    """
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConnectionDownError(
                f"the CA file {ca_file} cannot be read: {error}", error_class="ca_file"
            ) from error
    return context
