"""Digests: one letter for many that were held because there were too many."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, true

from dispatch.compose import render, signed
from dispatch.context import counted, format_moment, humanise, named_thing
from store import digests, storms
from store.cards import Company
from store.catalogue.letters import template_text
from store.digests import Gathered
from store.engine import Store
from store.settings import company_in, storm_limits_in
from store.storms import Storm
from store.vocabulary import Language, StormAction

SHOWN = 50
"""Letters a digest lists singly, the newest; of the others it says how many there were."""
NAMED = 3
"""Objects the subject names."""
AT_ONCE = 50
"""Recipients in one transaction."""
MORE = {Language.RU: "{named} и ещё {more}", Language.EN: "{named} and {more} more"}


def send_due(store: Store) -> int:
    """Write the digests that are due; gives how many. Blocking: call it in a thread."""
    with store.read() as connection:
        if not digests.any_due_in(connection, store.clock()):
            return 0
    written = 0
    while recipients := store.write(lambda connection: _due_in(connection, store.clock())):
        written += recipients
    return written


def _due_in(connection: Connection, now: datetime) -> int:
    if storm_limits_in(connection).then is not StormAction.DIGEST:
        return 0
    addresses, company = digests.take_due_in(connection, now, AT_ONCE), company_in(connection)
    for address in addresses:
        _write_in(connection, now, company, address, true())
    return len(addresses)


def send_now(store: Store, storm: Storm, who: str) -> int:
    """Write digests of what a storm holds, without waiting for their time; gives how many letters they tell of."""

    def change(connection: Connection) -> int:
        now, company, its = store.clock(), company_in(connection), storms.of(storm)
        addresses = digests.addresses_in(connection, its)
        letters = sum(_write_in(connection, now, company, address, its) for address in addresses)
        storms.record_deed_in(connection, now, who, "digest", storm, letters)
        return letters

    return store.write(change)


def _write_in(
    connection: Connection, now: datetime, company: Company, address: str, condition: ColumnElement[bool]
) -> int:
    """A digest for one recipient; gives how many letters it tells of. A single letter goes as it is."""
    found = digests.gather_in(connection, now, address, condition, SHOWN)
    if found is None:
        return 0
    digest_id, gathered = found
    digests.write_in(connection, now, digest_id, gathered, compose(gathered, company, now))
    return gathered.letters


def compose(gathered: Gathered, company: Company, now: datetime) -> tuple[str, str, str]:
    """Subject, text and HTML of a digest, in the recipient's language, with the company's signature. Pure."""
    language = gathered.language
    rendered = render(template_text(digests.RULE, language), _context(gathered, company, now))
    return rendered.subject, *signed(rendered.text, company)


def _context(gathered: Gathered, company: Company, now: datetime) -> dict[str, Any]:
    language, parts = gathered.language, gathered.parts
    span = max(now - gathered.since, timedelta(minutes=1))
    return {
        "letters": gathered.letters,
        "count_words": counted(gathered.letters, "notification", language),
        "span": humanise(span, language),
        "what": _what(gathered),
        "earlier": gathered.letters - len(gathered.shown),
        "shown": [
            {
                "at": format_moment(one.at, company.timezone, language),
                "said": one.subject if one.number in one.subject else f"{one.number}: {one.subject}",
            }
            for one in gathered.shown
        ],
        "url": parts[0].url if len(parts) == 1 else "",
    }


def _what(gathered: Gathered) -> str:
    """What it is about: the object with its title, or the numbers of several."""
    language, parts = gathered.language, gathered.parts
    if len(parts) == 1:
        return named_thing(parts[0].number, parts[0].title, language)
    named = ", ".join(part.number for part in parts[:NAMED])
    more = len(parts) - NAMED
    return MORE[language].format(named=named, more=more) if more > 0 else named
