"""Secrets at rest: AES-GCM, bound to the place they are stored in, the key never in the database.

The key comes from `VESTNIK_KEY` (base64 of 32 bytes), else from the systemd credential `vestnik.key`, else from
the file `<store>.key` (0600) beside an SQLite store, made on first use. Several keys may be listed, separated by
spaces or lines: the first seals, all of them open, which is how a key is rotated.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from store.errors import SecretError, UnknownKeyError

KEY_BYTES = 32
NONCE_BYTES = 12
KEY_ID_BYTES = 4
KEY_NAME = "vestnik.key"
VERSION = b"\x01"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """One or more keys; the first one seals."""

    keys: tuple[bytes, ...]

    @classmethod
    def for_store(cls, path: Path | None) -> "Keyring":
        """The keys for a store.

        Raises:
            SecretError: There is no key, or it is not one.
        """
        text = os.environ.get("VESTNIK_KEY")
        if text:
            return cls.parse(text, "VESTNIK_KEY")
        if (file := credential(KEY_NAME)) is not None:
            return cls.parse(file.read_text("ascii"), str(file))
        if path is None:
            msg = (
                "no key for the secrets: beside a store on PostgreSQL there is no place for one. Set VESTNIK_KEY to "
                "the base64 of 32 random bytes (openssl rand -base64 32), the same for each console and dispatcher"
            )
            raise SecretError(msg)
        file = _beside(path)
        if not file.exists():
            _write_whole(file, _new_key(), replace=False)
        try:
            _refuse_open_file(file)
            return cls.parse(file.read_bytes().decode("ascii", "replace"), str(file))
        except OSError as error:
            msg = f"the key file {file} cannot be read: {error.strerror}"
            raise SecretError(msg) from error

    @classmethod
    def parse(cls, text: str, origin: str) -> "Keyring":
        """Keys from base64 words.

        Raises:
            SecretError: A word is not the base64 of 32 bytes.
        """
        keys: list[bytes] = []
        for word in text.split():
            try:
                key = base64.b64decode(word, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if len(key) != KEY_BYTES:
                msg = f"{origin} does not hold the base64 of {KEY_BYTES} bytes"
                raise SecretError(msg)
            keys.append(key)
        if not keys:
            msg = f"{origin} is empty"
            raise SecretError(msg)
        return cls(tuple(keys))

    def seal(self, secret: str, place: str) -> bytes:
        """Encrypt a secret for one place, e.g. `mail_connection:3:password`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # not to be loaded by who needs no secret

        key = self.keys[0]
        nonce = os.urandom(NONCE_BYTES)
        key_id = _key_id(key)
        sealed = AESGCM(key).encrypt(nonce, secret.encode(), place.encode() + key_id)
        return VERSION + key_id + nonce + sealed

    def open(self, sealed: bytes, place: str) -> str:
        """Decrypt what `seal` made for the same place.

        Raises:
            SecretError: No key fits, or the bytes were moved or changed.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key_id = sealed[1 : 1 + KEY_ID_BYTES]
        nonce = sealed[1 + KEY_ID_BYTES : 1 + KEY_ID_BYTES + NONCE_BYTES]
        for key in self.keys:
            if _key_id(key) != key_id or sealed[:1] != VERSION:
                continue
            try:
                return (
                    AESGCM(key)
                    .decrypt(nonce, sealed[1 + KEY_ID_BYTES + NONCE_BYTES :], place.encode() + key_id)
                    .decode()
                )
            except InvalidTag as error:
                msg = f"the secret {place} was changed or moved; enter it again"
                raise SecretError(msg) from error
        msg = f"the secret {place} was sealed with another key; bring that key back or enter the secret again"
        raise UnknownKeyError(msg)

    def sealed_by_first(self, sealed: bytes) -> bool:
        """Whether the key that seals now is the one it was sealed with."""
        return sealed[:1] == VERSION and sealed[1 : 1 + KEY_ID_BYTES] == _key_id(self.keys[0])

    def derive(self, purpose: str) -> bytes:
        """A key for another purpose (e.g. Message-IDs), which tells nothing of this one."""
        return hmac.digest(self.keys[-1], purpose.encode(), "sha256")


def _key_id(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=KEY_ID_BYTES, person=b"vestnik-key").digest()


def _refuse_open_file(file: Path) -> None:
    """Refuse a key that others on this machine may read.

    Raises:
        SecretError: They may.
    """
    mode = stat.S_IMODE(file.stat().st_mode)
    if os.name == "posix" and mode & OTHERS:
        msg = f"the key file {file} is open to others (mode {mode:04o}). Run: chmod 600 {file}"
        raise SecretError(msg)


def key_file(path: Path | None) -> Path | None:
    """The file that holds the keys of a store, `None` where the environment or systemd gives them."""
    given = os.environ.get("VESTNIK_KEY") or credential(KEY_NAME)
    return None if given or path is None else _beside(path)


def credential(name: str) -> Path | None:
    """The file of a credential that systemd hands to a service (systemd.exec(5)), `None` where it hands on none."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return file if folder and (file := Path(folder) / name).is_file() else None


def add_key(file: Path) -> None:
    """Put a new key before those in a key file: it seals from now on, the others still open.

    Raises:
        SecretError: The file cannot be written.
    """
    _write_whole(file, _new_key() + file.read_bytes(), replace=True)


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".key")


def _new_key() -> bytes:
    return base64.b64encode(os.urandom(KEY_BYTES)) + b"\n"


def _write_whole(file: Path, text: bytes, *, replace: bool) -> None:
    """Write a key file that is whole from the moment it is there; unless it replaces one, the first writer wins."""
    try:
        handle, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)  # of mode 0600
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(handle)
            if replace:
                os.replace(name, file)  # noqa: PTH105 - the twin of os.link
            else:
                with contextlib.suppress(FileExistsError):  # another process was first; its key is as good
                    os.link(name, file)
        finally:
            Path(name).unlink(missing_ok=True)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # a secret sealed with a key that a power cut took is lost
        finally:
            os.close(folder)
    except OSError as error:
        msg = f"the key file {file} cannot be created: {error.strerror}. Mend that, or set VESTNIK_KEY"
        raise SecretError(msg) from error
