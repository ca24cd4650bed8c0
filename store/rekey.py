"""Rotating the key of the secrets: a new key seals them all, the old ones stay for what was derived from them."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from store import tables
from store.audit import record
from store.engine import Store, sqlite_path
from store.secrets import add_key, key_file
from store.settings import secret_place
from store.vocabulary import SECRETS


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What a rotation did: whether it `made` a key, and how many secrets it sealed anew, of how many."""

    made: bool
    sealed: int
    secrets: int


def rekey(store: Store, who: str) -> Rekeyed:
    """Make a new key where the keys are in a file, and seal every secret with the first key.

    Keys from the environment or from systemd are not ours to write: whoever keeps them puts the new one first. The
    new key is on disk before anything is sealed with it, and all old ones still open: a crash at any moment loses
    nothing. Consoles and dispatchers that run meanwhile read the keys anew when they meet one they do not know.

    Raises:
        SecretError: A key is missing, cannot be written, or does not fit a secret; then no secret was changed.
    """
    store.read_keys()  # a store without secrets may have no key file yet
    file = key_file(sqlite_path(store.url))
    if file is not None:
        add_key(file)
    keyring = store.read_keys()

    def change(connection: Connection) -> Rekeyed:
        table = tables.mail_connection
        secrets = sealed = 0
        for row in connection.execute(select(table.c.id, *(table.c[name] for name in SECRETS))):
            for name in SECRETS:
                old = row._mapping[name]  # noqa: SLF001 - public in SQLAlchemy
                if old is None:
                    continue
                secrets += 1
                if keyring.sealed_by_first(old):
                    continue
                place = secret_place(row.id, name)
                new = keyring.seal(keyring.open(old, place), place)
                connection.execute(update(table).where(table.c.id == row.id).values({name: new}))
                sealed += 1
        if sealed:
            record(connection, store.clock(), who, "secrets:rekey", None, {"sealed": sealed})
        return Rekeyed(file is not None, sealed, secrets)

    return store.write(change)
