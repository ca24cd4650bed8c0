"""What the store raises.

StoreError
├── StoreUnreachableError    the file or server cannot be opened (exit code 3)
├── StoreVersionError        the store is newer, or must be upgraded first (exit code 3)
├── SecretError              the key is missing or does not fit
│   └── UnknownKeyError      sealed with a key we do not have
└── SettingsError            bad input: names the field's path and the remedy (exit code 2)
"""


class StoreError(Exception):
    """Base of everything the store raises on purpose."""


class StoreUnreachableError(StoreError, ConnectionError):
    """The store cannot be opened or written."""


class StoreVersionError(StoreError):
    """The schema of the store does not fit this program."""


class SecretError(StoreError):
    """A secret cannot be read or written: the key is missing, unreadable or another one."""


class UnknownKeyError(SecretError):
    """A secret was sealed with a key that is not among ours; it may have been added since they were read."""


class SettingsError(StoreError, ValueError):
    """A setting has a bad value.

    Args:
        path: Where, e.g. `mail.connections[0].port`.
        problem: What is wrong and what to do about it.
        key: A stable word for the problem, by which a console has a text of its own for it; empty when it has none.
        params: What that text speaks of.
    """

    def __init__(self, path: str, problem: str, *, key: str = "", **params: object) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem
        self.key = key
        self.params = params
