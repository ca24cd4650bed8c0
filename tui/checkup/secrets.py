"""The secrets: is the key there, is it private, does it open what is sealed."""

import os
from collections.abc import Iterator
from datetime import UTC

from store.cards import EXPIRY_WARNING_DAYS
from store.errors import SecretError
from store.secrets import key_file
from store.settings import connection_secret
from store.vocabulary import SECRETS
from tui.checkup.case import Case, Finding, Level


def key(case: Case) -> Iterator[Finding]:
    """Where the key comes from; none is made by looking."""
    sealed = any(card.has(name) for card in case.status.connections for name in SECRETS)
    file = key_file(case.path)
    if file is not None and not os.path.lexists(file):
        params = {"file": str(file)}
        level = Level.FAILED if sealed else Level.OK
        yield Finding("key", level, "key_missing" if sealed else "key_later", params, "fix_key" if sealed else "")
        return
    try:
        case.store.read_keys()
    except (SecretError, OSError, UnicodeDecodeError) as error:
        yield Finding("key", Level.FAILED, "key_bad", {"error": str(error)}, "fix_key")
        return
    yield Finding("key", Level.OK, "key_fits" if file is None else "key_file", {"file": str(file or "")})


def secrets(case: Case) -> Iterator[Finding]:
    """Whether each secret that is stored can be opened; not one is shown."""
    file = key_file(case.path)
    if file is not None and not file.is_file():
        return  # it would be made
    opened = 0
    for card in case.status.connections:
        for name in SECRETS:
            if not card.has(name):
                continue
            try:
                connection_secret(case.store, card.id, name)
            except SecretError:
                params = {"connection": card.name, "name": name}
                yield Finding("secrets", Level.FAILED, "secret_bad", params, "fix_secret")
            else:
                opened += 1
    yield Finding("secrets", Level.OK, "secrets_open", {"count": opened})


def expiry(case: Case) -> Iterator[Finding]:
    """Client secrets that are over, or soon will be."""
    today = case.now.astimezone(UTC).date()
    for card in case.status.connections:
        left = card.secret_days_left(today)
        if card.enabled and left is not None and left <= EXPIRY_WARNING_DAYS:
            params = {"connection": card.name, "days": left}
            over = left < 0
            level, word = (Level.FAILED, "secret_over") if over else (Level.WARNING, "secret_soon")
            yield Finding("secrets", level, word, params, "fix_expiry")


secret_checks = (key, secrets, expiry)
