"""Decisions go into the store and come back as they were made, whichever of them share a row."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from store import decisions, tables
from store.cards import DecisionCard
from store.engine import Store
from tests.store.letters import Letter, clear, write

CARDS = st.builds(
    DecisionCard,
    rule_code=st.sampled_from(("", "a", "b c", "request.added.client.email")),
    recipient=st.sampled_from(("", "", "", "olga@example.org")),
    taken=st.sampled_from((False, False, False, True)),
    reason=st.sampled_from(("rule_off", "condition")),
    params=st.sampled_from(({}, {}, {}, {"role": "client"})),
)
MADE = st.lists(st.tuples(st.integers(1, 3), CARDS), max_size=30).map(lambda made: sorted(made, key=lambda one: one[0]))


def put(store: Store, made: list[tuple[int, DecisionCard]]) -> None:
    """Three events, and what was decided of them."""
    store.write(clear)
    store.write(lambda connection: write(connection, [Letter()] * 3))
    store.write(lambda connection: decisions.record_in(connection, made))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(MADE)
def test_what_was_decided_comes_back_in_its_order(store: Store, made: list[tuple[int, DecisionCard]]) -> None:
    put(store, made)
    with store.read() as connection:
        found = decisions.of_events(connection, [1, 2, 3])
        counts = decisions.counted(connection)
    assert [(event, card) for event in (1, 2, 3) for card in found[event]] == made
    assert counts == Counter((card.taken, card.reason) for _, card in made)


def test_rules_left_out_for_one_reason_share_a_row(store: Store) -> None:
    off = [DecisionCard(code, "", taken=False, reason="rule_off") for code in ("a", "b", "c")]
    told = DecisionCard("d", "olga@example.org", taken=True, reason="told")
    put(store, [*((1, card) for card in off), (1, told), *((1, card) for card in off), *((2, card) for card in off)])
    with store.read() as connection:
        rows = connection.execute(select(func.count()).select_from(tables.decision)).scalar_one()
        assert [len(of_it) for of_it in decisions.of_events(connection, [1, 2]).values()] == [7, 3]
    assert rows == 4
