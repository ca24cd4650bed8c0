"""The loggers of the mail libraries write bodies, headers and tokens; these filters keep them from it."""

import logging

from dispatch.channels.web import redacted

LIBRARIES = ("exchangelib", "msal", "oauthlib", "requests_oauthlib", "requests_ntlm", "spnego", "urllib3")


class _NoContents(logging.Filter):
    """Lets nothing below WARNING through, and of the rest one redacted line.

    Below lie requests and answers whole; exchangelib writes the letter even at ERROR, on the lines after the first.
    What went wrong is told by our own exceptions.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return False
        lines = record.getMessage().splitlines()
        record.msg, record.args = redacted(lines[0] if lines else ""), ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_FILTER = _NoContents()


def quieten() -> None:
    """Put the filter on every logger of the libraries. Call it after importing one: a filter is not inherited."""
    names: set[str] = set(LIBRARIES)
    names.update(name for name in list(logging.root.manager.loggerDict) if name.split(".")[0] in LIBRARIES)
    for name in names:
        logger = logging.getLogger(name)
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)
