"""Who sits at the console, for the audit."""

import getpass


def operator() -> str:
    """The name of the operating system's user, or `console` where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "console"
