"""Taking a change of the settings back: what it would do, and doing it, as a new entry of the audit.

The fields an entry changed are put back through the checks of any save. An addition is taken back by deleting, a
deletion by adding again. Secrets are not in the audit: they have to be typed anew, and what cannot work without one
comes back switched off.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from store.audit import AuditCard, Values, entry_in, later_in, reverting
from store.audited import KINDS, Audited
from store.engine import Store
from store.errors import SettingsError


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field as it is now and as it will be; `None` where the thing itself is not there."""

    name: str
    now: Any
    then: Any


@dataclass(frozen=True, slots=True)
class Outlook:
    """What taking an entry back does.

    Attributes:
        entry: What is taken back.
        what: The settings by the name they have now: a connection may have got another one since.
        action: The fields are put back, the thing is deleted, or it is added again.
        changes: What becomes of each field.
        overwritten: Fields that were changed again since; those later changes are lost.
        secrets: Secrets that have to be typed anew.
        switched_off: It comes back switched off, because it cannot work without a secret.
        not_kept: What was deleted with it and does not come back: the members of a team.
    """

    entry: AuditCard
    what: str
    action: Literal["change", "delete", "add"]
    changes: tuple[FieldChange, ...]
    overwritten: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    switched_off: bool = False
    not_kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reverted:
    """What was done, and the number of the audit entry that says so."""

    outlook: Outlook
    entry_id: int


class _OnlyLookedError(Exception):
    """Takes back what was tried."""

    def __init__(self, outlook: Outlook) -> None:
        super().__init__()
        self.outlook = outlook


def preview(store: Store, entry_id: int, who: str) -> Outlook:
    """What taking an entry back would do. It is done with all checks, and undone.

    Raises:
        SettingsError: It cannot be taken back; its key says why.
    """

    def work(connection: Connection) -> None:
        attempt = _Attempt(connection, store, entry_id, who)
        attempt.carry_out()
        raise _OnlyLookedError(attempt.outlook)

    try:
        store.write(work)
    except _OnlyLookedError as look:
        return look.outlook
    raise AssertionError


def revert(store: Store, entry_id: int, who: str, *, agreed: Outlook | None = None) -> Reverted:
    """Take an entry back, in one transaction.

    Args:
        store: Where.
        entry_id: The entry.
        who: Who does it.
        agreed: What `preview` said. Without it, later changes of the same fields are not overwritten.

    Raises:
        SettingsError: It cannot be taken back, or it would do another thing than was agreed; nothing was changed.
    """
    return store.write(lambda connection: revert_in(connection, store, entry_id, who, agreed=agreed))


def revert_in(
    connection: Connection, store: Store, entry_id: int, who: str, *, agreed: Outlook | None = None
) -> Reverted:
    """Like `revert`, within a transaction."""
    attempt = _Attempt(connection, store, entry_id, who)
    outlook = attempt.outlook
    if agreed is None and outlook.overwritten:
        names = ", ".join(outlook.overwritten)
        raise SettingsError(outlook.what, f"was changed again since: {names}", key="changed_since", fields=names)
    if agreed is not None and agreed != outlook:
        raise SettingsError(outlook.what, "was changed this very moment; look again", key="changed_meanwhile")
    return Reverted(outlook, attempt.carry_out())


class _Attempt:
    """Taking one entry back, within a transaction."""

    def __init__(self, connection: Connection, store: Store, entry_id: int, who: str) -> None:
        entry = entry_in(connection, entry_id)
        if entry is None:
            raise SettingsError(str(entry_id), "there is no such audit entry", key="no_entry", number=entry_id)
        kind, _, name = entry.what.partition(":")
        if kind not in KINDS or entry.before is entry.after is None:
            raise SettingsError(entry.what, "tells of a deed, not of a setting: it cannot be taken back", key="deed")
        self._connection = connection
        self._things: Audited = KINDS[kind](connection, store, who)
        self._entry = entry
        self._name = self._name_now(kind, name)
        self._what = f"{kind}:{self._name}" if self._name else kind
        now = self._things.read(self._name)
        if entry.before is None:
            self.outlook = self._deletion(entry.after or {}, now)
        elif entry.after is None:
            self.outlook = self._addition(entry.before, now)
        else:
            self.outlook = self._change(entry.before, entry.after, now)

    def carry_out(self) -> int:
        """Do it; gives the number of the new entry."""
        outlook = self.outlook
        with reverting(self._entry.id):
            if outlook.action == "delete":
                self._things.delete(self._name)
            else:
                self._things.save(self._name, {change.name: change.then for change in outlook.changes})
        done = entry_in(self._connection, self._entry.id)
        if done is None or done.reverted_by is None or done.reverted_by == self._entry.reverted_by:
            raise SettingsError(self._what, "is as it was before already", key="already")
        return done.reverted_by

    def _name_now(self, kind: str, name: str) -> str:
        """The name the thing has now, if it was changed since."""
        field, entry = self._things.key_field, self._entry
        if not field or entry.after is None:
            return name
        name = entry.after.get(field, name)
        for later in later_in(self._connection, entry.id, kind):
            before, after = later.before or {}, later.after or {}
            if field in before and field in after and before[field] == name:
                name = after[field]
        return name

    def _deletion(self, after: Values, now: Values | None) -> Outlook:
        if now is None:
            raise SettingsError(self._what, "is not there any more", key="gone")
        changes = tuple(FieldChange(name, value, None) for name, value in now.items())
        overwritten = tuple(name for name, value in now.items() if name in after and value != after[name])
        return Outlook(self._entry, self._what, "delete", changes, overwritten)

    def _addition(self, before: Values, now: Values | None) -> Outlook:
        if now is not None:
            raise SettingsError(self._what, "is there again already", key="there_again")
        secret, stored = self._things.secret(self._name, before)
        off = not stored and before.get("enabled") is True
        values = {**before, "enabled": False} if off else before
        changes = tuple(FieldChange(name, None, value) for name, value in values.items())
        secrets = () if stored else (secret,)
        return Outlook(self._entry, self._what, "add", changes, (), secrets, off, self._things.not_kept)

    def _change(self, before: Values, after: Values, now: Values | None) -> Outlook:
        if now is None:
            raise SettingsError(self._what, "was deleted since; take that back first", key="deleted_since")
        if before and not before.keys() & now.keys():
            # An escalation told of what had passed: nobody can be untold.
            raise SettingsError(self._what, "tells of a deed, not of a setting: it cannot be taken back", key="deed")
        # Some entries hold all fields, changed or not.
        changed = [name for name, value in before.items() if name in now and value != after.get(name)]
        wanted = [name for name in changed if now[name] != before[name]]
        lost = {name for name in after if name not in before}
        if not wanted and lost and not changed:
            raise SettingsError(
                self._what, "secrets are not kept in the audit: type the old one anew", key="secret_only"
            )
        if not wanted:
            raise SettingsError(self._what, "is as it was before already", key="already")
        secret, stored = self._things.secret(self._name, {**now, **{name: before[name] for name in wanted}})
        return Outlook(
            self._entry,
            self._what,
            "change",
            tuple(FieldChange(name, now[name], before[name]) for name in wanted),
            tuple(name for name in wanted if now[name] != after.get(name)),
            (secret,) if secret and (secret in lost or not stored) else (),
        )
