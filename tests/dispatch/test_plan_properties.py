"""What holds of every plan, whatever the desk: `plan` is a pure function, so Hypothesis may ask it anything."""

from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from dispatch.cloudevents import parse_event
from dispatch.loops import cause
from dispatch.plan import MUTED, Plan
from dispatch.roles import people_in_role
from store.addresses import AddressError, envelope_address
from store.cards import Mute
from store.mutes import Mutes
from store.types import EPOCH
from store.vocabulary import Channel, EventType, MuteKind, Role
from tests.desk import event as document
from tests.dispatch.any_desk import MAILS, OURS, STAFF, STRANGERS, Desk, desks, own_rules

FAR = EPOCH + timedelta(days=100_000)
pytestmark = pytest.mark.no_cover  # they go, a hundred times each, where others have been


def mailbox(address: str) -> str:
    """What the mail server would deliver to: two spellings of one address are one."""
    try:
        return envelope_address(address).lower()
    except AddressError:
        return address.lower()


def told(made: Plan) -> set[tuple[Channel, str]]:
    """Who is told over which channel."""
    return {(one.rule.channel, mailbox(who.address)) for one in made.taken for who in one.recipients}


@given(desks())
def test_nobody_is_told_twice_of_an_event_over_a_channel(desk: Desk) -> None:
    made = desk.plan()
    times = Counter((one.rule.channel, mailbox(who.address)) for one in made.taken for who in one.recipients)
    event(f"{min(len(times), 3)} told")
    assert [who for who, count in times.items() if count > 1] == []


@given(desks())
def test_the_actor_is_told_only_by_rules_that_ask_for_it(desk: Desk) -> None:
    actor = desk.directory.know(desk.event.data["actor"])
    assume(actor is not None and actor.email)
    assert actor is not None
    telling = [
        one.rule for one in desk.plan().taken if mailbox(actor.email) in {mailbox(r.address) for r in one.recipients}
    ]
    event(f"told: {bool(telling)}")
    assert all(rule.tell_actor for rule in telling)


@given(desks())
def test_a_rule_that_is_off_is_as_if_it_were_not_there(desk: Desk) -> None:
    made = desk.plan()
    assert all(one.rule.enabled for one in made.taken)
    assert made.taken == desk.plan(tuple(rule for rule in desk.rules if rule.enabled)).taken


@given(desks(), st.randoms(use_true_random=False))
def test_the_order_in_which_rules_are_stored_does_not_matter(desk: Desk, chance: Random) -> None:
    shuffled = list(desk.rules)
    chance.shuffle(shuffled)
    assert desk.plan(tuple(shuffled)) == desk.plan()


@given(desks())
def test_planning_changes_nothing_and_gives_the_same_again(desk: Desk) -> None:
    before = deepcopy(desk)
    made = desk.plan()
    assert desk == before
    assert desk.plan() == made


@given(desks())
def test_every_rule_that_matches_has_its_reasons(desk: Desk) -> None:
    made = desk.plan()
    assert all(card.reason for card in made.decisions)
    codes = {card.rule_code for card in made.decisions}
    event(f"{min(len(codes), 3)} matching")
    quiet = cause(desk.event, OURS).quiet is not None
    assert codes == ((set() if quiet else {rule.code for rule in desk.matching}) or {""})


@given(desks())
def test_everybody_in_a_role_has_one_decision_per_rule(desk: Desk) -> None:
    assume(cause(desk.event, OURS).quiet is None)
    made = desk.plan()
    for rule in desk.matching:
        cards = [card for card in made.decisions if card.rule_code == rule.code]
        if not any(card.recipient for card in cards):
            assert [card.taken for card in cards] == [False], "left out as a whole, or nobody is in its roles"
            continue
        held = [known for role in rule.recipients for known in people_in_role(role, desk.event, desk.directory, rule)]
        assert all(card.recipient for card in cards)
        assert len(cards) == len({known.key for known in held})


@given(desks())
def test_who_is_told_is_who_the_decisions_say_is_told(desk: Desk) -> None:
    made = desk.plan()
    recipients = [(one.rule.code, who.address, who.role.value) for one in made.taken for who in one.recipients]
    cards = [(card.rule_code, card.recipient, card.params["role"]) for card in made.decisions if card.taken]
    assert recipients == cards
    assert all(one.recipients for one in made.taken)


@given(desks())
def test_told_already_means_told_by_the_rule_that_is_named(desk: Desk) -> None:
    made = desk.plan()
    channels = {rule.code: rule.channel for rule in desk.rules}
    by_rule = {(one.rule.code, mailbox(who.address)) for one in made.taken for who in one.recipients}
    for card in made.decisions:
        if card.reason == "already_told":
            by = card.params["by"]
            assert (by, mailbox(card.recipient)) in by_rule
            assert channels[by] is channels[card.rule_code]


@given(desks())
def test_only_people_who_may_be_told_are_told(desk: Desk) -> None:
    people = {person.email: person for person in desk.people}
    for one in desk.plan().taken:
        for who in one.recipients:
            person = people.get(who.address)
            if person is not None:
                assert person.active
            else:
                assert one.rule.channel is Channel.EMAIL
                assert desk.company.notify_unregistered or who.role is Role.FIXED
                assert envelope_address(who.address)


@given(desks(), st.data())
def test_one_more_rule_leaves_nobody_out(desk: Desk, data: st.DataObject) -> None:
    assume(desk.matching)
    kind = (desk.event.object_type, EventType(desk.event.event_type))
    another = data.draw(own_rules("another", kind))
    assert told(desk.plan()) <= told(desk.plan((*desk.rules, another)))


@given(desks(), st.sampled_from(MAILS))
def test_a_letter_of_a_robot_or_of_ours_tells_nobody_more(desk: Desk, mail: dict[str, Any]) -> None:
    """And the other way round: a letter of a human changes nothing of what an event raises."""
    found = parse_event(document(mail=mail)).data
    silent = replace(desk, event=replace(desk.event, data={**desk.event.data, "mail": None}))
    made = replace(desk, event=replace(desk.event, data={**desk.event.data, "mail": found["mail"]})).plan()
    said = cause(replace(desk.event, data=found), OURS)
    event(f"quiet: {said.quiet.reason if said.quiet else ''}, robot: {bool(said.robot)}")
    assert told(made) <= told(silent.plan())
    if said.quiet is not None:
        assert (made.taken, [card.reason for card in made.decisions]) == ((), [said.quiet.reason])
    elif said.robot:
        assert told(made) == {who for who in told(silent.plan()) if who != (Channel.EMAIL, said.robot)}
    else:
        assert made == silent.plan()


def muting(kind: MuteKind, key: str) -> Mutes:
    """One mute, in force at any time a desk may be at."""
    return Mutes([Mute(1, kind, key, EPOCH, FAR, "works on the line", "olga")])


@given(desks())
def test_a_muted_object_tells_nobody_and_says_whom_it_would_have_told(desk: Desk) -> None:
    before, made = desk.plan(), desk.plan(mutes=muting(MuteKind.OBJECT, desk.event.object_number.lower()))
    assert made.taken == ()
    channels = {rule.code: rule.channel for rule in desk.rules}
    counted = [
        (channels[card.rule_code], mailbox(card.recipient))
        for card in made.decisions
        if card.reason == MUTED and "again" not in card.params
    ]
    assert len(counted) == len(set(counted))
    assert {one for one in counted if "@" in one[1]} == {one for one in told(before) if one[1]}


@given(desks(), st.sampled_from((*STAFF, *STRANGERS)))
def test_a_muted_person_is_told_nothing_and_nobody_else_less(desk: Desk, address: str) -> None:
    before, made = desk.plan(), desk.plan(mutes=muting(MuteKind.PERSON, address))
    assert told(made) == {one for one in told(before) if one[1] != mailbox(address)}


@given(desks(), st.data())
def test_a_muted_rule_is_as_if_it_were_not_there(desk: Desk, data: st.DataObject) -> None:
    assume(desk.matching)
    code = data.draw(st.sampled_from(desk.matching)).code
    made = desk.plan(mutes=muting(MuteKind.RULE, code))
    assert made.taken == desk.plan(tuple(rule for rule in desk.rules if rule.code != code)).taken
