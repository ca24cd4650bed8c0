"""When an operator is called: a burst is one call, calls keep their distance, nothing that is new is left out."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tui.caller import GATHER_S, Call, Caller, Way

EVERY = {Way.BELL: ["dead"], Way.TITLE: ["dead", "mine"], Way.DESKTOP: ["dead", "deadline"]}
KINDS = ["dead", "mine", "deadline", "circuit"]


def test_a_burst_is_one_call_and_the_next_keeps_its_distance() -> None:
    caller = Caller(EVERY, 30)
    assert caller.take({}, 0) is None
    assert caller.take({"dead": 1}, 10) is None, "others may come with it"
    assert caller.take({"dead": 11, "deadline": 1}, 10.5) is None
    expected = {"dead": 12, "deadline": 1}
    assert caller.take({}, 11) == Call(bell=True, title={"dead": 12}, desktop=expected)
    assert caller.take({"dead": 2}, 12) is None
    assert caller.take({}, 40.9) is None
    assert caller.take({}, 41) == Call(bell=True, title={"dead": 14}, desktop={"dead": 2})
    assert caller.take({}, 500) is None


def test_the_title_tells_what_nobody_has_looked_at() -> None:
    caller = Caller(EVERY, 1)
    caller.take({"mine": 2}, 0)
    assert caller.take({}, 2) == Call(title={"mine": 2})
    caller.seen()
    caller.take({"mine": 1}, 5)
    assert caller.take({}, 7) == Call(title={"mine": 1})


def test_what_is_not_wished_for_does_not_call() -> None:
    caller = Caller({way: [] for way in Way}, 5)
    assert caller.take({"dead": 5}, 0) is None
    assert caller.take({}, 100) is None
    caller = Caller({Way.BELL: ["mine"]}, 5)
    caller.take({"dead": 5, "mine": 1}, 200)
    assert caller.take({}, 300) == Call(bell=True)


Looks = st.lists(st.tuples(st.floats(0, 40), st.dictionaries(st.sampled_from(KINDS), st.integers(0, 5))), max_size=40)


@given(Looks, st.integers(1, 60))
def test_every_wish_is_called_once_and_calls_keep_their_distance(
    looks: list[tuple[float, dict[str, int]]], every: int
) -> None:
    caller, now = Caller(EVERY, every), 0.0
    calls: list[tuple[float, Call]] = []
    came = dict.fromkeys(KINDS, 0)
    for wait, news in [*looks, (200.0, {}), (200.0, {})]:
        now += wait
        for kind, count in news.items():
            came[kind] += count
        call = caller.take(news, now)
        if call is not None:
            calls.append((now, call))
    for kind in KINDS:
        told = sum(call.desktop.get(kind, 0) for _, call in calls)
        assert told == (came[kind] if kind in EVERY[Way.DESKTOP] else 0)
    assert all(later - earlier >= every for (earlier, _), (later, _) in pairwise(calls))
    assert any(call.bell for _, call in calls) == bool(came["dead"])
    rung = [call.title for _, call in calls if call.title]
    assert (rung[-1] if rung else {}) == {kind: came[kind] for kind in EVERY[Way.TITLE] if came[kind]}
    assert every > GATHER_S or every == 1
