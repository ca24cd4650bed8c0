"""The settings: is everything filled in that letters need, do the rules hold, is anything switched off."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from store.catalogue.letters import template_text
from store.catalogue.standard import STANDARD
from store.errors import SettingsError
from store.rule_check import check_rule
from store.rulebook import list_rules
from store.rules import Rule
from store.settings import company
from store.vocabulary import Language
from tui.checkup.case import Case, Finding, Level

MOST_NAMED = 5


def sending(case: Case) -> Iterator[Finding]:
    """The sending parameters."""
    missing = [name for name in case.status.missing if name != "connection"]
    for name in missing:
        yield Finding("sending", Level.FAILED, f"missing_{name}", {}, "fix_sending")
    if not missing:
        yield Finding("sending", Level.OK, "sending_filled")


def mail(case: Case) -> Iterator[Finding]:
    """The mail connections, as they are set."""
    on = [card for card in case.status.connections if card.enabled]
    if not on:
        word = "connections_off" if case.status.connections else "connections_none"
        yield Finding("connections", Level.FAILED, word, {}, "fix_connections")
        return
    params = {"names": ", ".join(card.name for card in on)}
    yield Finding("connections", Level.OK, "connections_on", params)
    for card in on:
        if card.insecure:
            yield Finding(
                "connections", Level.WARNING, "connection_insecure", {"connection": card.name}, "fix_insecure"
            )


def company_card(case: Case) -> Iterator[Finding]:
    """The company card."""
    card = company(case.store)
    try:
        ZoneInfo(card.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield Finding("company", Level.FAILED, "company_zone", {"zone": card.timezone}, "fix_company")
        return
    level = Level.OK if card.name.strip() else Level.WARNING
    params = {"name": card.name, "zone": card.timezone}
    word = "company_filled" if level is Level.OK else "company_empty"
    yield Finding("company", level, word, params, "" if level is Level.OK else "fix_company")


def rules(case: Case) -> Iterator[Finding]:
    """The standard set, and whether what is on can be used at all."""
    found = list_rules(case.store)
    absent = sorted({rule.code for rule in STANDARD} - {rule.code for rule in found})
    if absent:
        params = {"codes": _some(absent), "count": len(absent)}
        yield Finding("rules", Level.WARNING, "rules_absent", params, "fix_rules_absent")
    on = [rule for rule in found if rule.enabled]
    broken = {rule.code: problem for rule in on if (problem := _problem(rule))}
    for code, problem in list(broken.items())[:MOST_NAMED]:
        yield Finding("rules", Level.FAILED, "rule_broken", {"code": code, "problem": problem}, "fix_rule")
    params = {"on": len(on), "all": len(found)}
    if not on:
        yield Finding("rules", Level.FAILED, "rules_off", params, "fix_rules_off")
    else:
        yield Finding("rules", Level.OK, "rules_on", params)


def silence(case: Case) -> Iterator[Finding]:
    """What somebody has silenced on purpose, and may have forgotten."""
    silent = case.status.silent
    if silent.in_force(case.now):
        until = silent.until.isoformat(timespec="minutes") if silent.until else ""
        word = "silent_until" if until else "silent_on"
        yield Finding("silence", Level.WARNING, word, {"until": until}, "fix_silent")
    else:
        yield Finding("silence", Level.OK, "silent_off")
    for mute in case.status.mutes[:MOST_NAMED]:
        params = {"key": mute.key, "count": mute.left_out, "until": mute.until.isoformat(timespec="minutes")}
        yield Finding("silence", Level.WARNING, "muted", params | {"run": "vestnik mute list"}, "fix_muted")


def _problem(rule: Rule) -> str:
    """Why a rule cannot be used; empty when it can."""
    try:
        check_rule(rule)
        for language in Language:
            template_text(rule.template, language)
    except SettingsError as error:
        return str(error)
    except KeyError:
        return rule.template
    return ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (" …" if len(names) > MOST_NAMED else "")


settings_checks = (sending, mail, company_card, rules, silence)
