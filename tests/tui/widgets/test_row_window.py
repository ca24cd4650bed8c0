"""The window over a long list: the cursor stays on its row, and its row on its line, whatever comes and goes."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.row_window import RowWindow


@dataclass(frozen=True)
class Row:
    """A row of which only the number counts."""

    id: int


def rows(*ids: int) -> list[Row]:
    return [Row(one) for one in ids]


def window(height: int, *ids: int) -> RowWindow[Row]:
    made = RowWindow[Row]()
    made.resize(height)
    made.show(rows(*ids))
    return made


def here(made: RowWindow[Row]) -> tuple[int, list[int]]:
    return (made.current.id if made.current else 0, [row.id for row in made.in_sight])


def test_the_cursor_pulls_what_is_in_sight_along_and_says_what_is_not_at_hand() -> None:
    made = window(3, 9, 8, 7, 6, 5)
    assert here(made) == (9, [9, 8, 7])
    assert made.move(3) == 0
    assert here(made) == (6, [8, 7, 6])
    assert made.move(5) == 4
    assert here(made) == (5, [7, 6, 5])
    assert made.move(-7) == -3
    assert here(made) == (9, [9, 8, 7])


def test_what_arrives_above_moves_nothing_that_is_read() -> None:
    made = window(3, 9, 8, 7, 6, 5)
    made.move(1)
    made.show(rows(12, 11, 10, 9, 8, 7, 6, 5))
    assert here(made) == (8, [9, 8, 7])
    made.show(rows(9, 7, 6, 5))  # 8 is not wanted any more
    assert here(made)[0] in {9, 7}
    made.show([])
    assert here(made) == (0, [])


def test_an_edge_and_a_place_are_gone_to() -> None:
    made = window(3, 9, 8, 7, 6, 5)
    made.show(rows(12, 11, 10, 9, 8), edge=False)
    assert here(made) == (12, [12, 11, 10])
    made.show(rows(1, 2, 3, 4), edge=True)
    assert here(made) == (4, [2, 3, 4])
    made.show(rows(19, 17, 15, 13, 11, 9, 7), near=12)
    assert here(made) == (13, [15, 13, 11])


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("move"), st.integers(-30, 30)),
            st.tuples(st.just("resize"), st.integers(0, 12)),
            st.tuples(st.just("show"), st.integers(0, 40)),
        ),
        max_size=30,
    )
)
def test_the_cursor_is_always_on_a_row_in_sight_and_no_room_is_wasted(deeds: list[tuple[str, int]]) -> None:
    made = window(5, *range(20, 0, -1))
    for deed, number in deeds:
        if deed == "move":
            made.move(number)
        elif deed == "resize":
            made.resize(number)
        else:
            made.show(rows(*range(number, number // 2, -1)))
        assert (made.current in made.in_sight) is bool(made.rows)
        assert len(made.in_sight) == min(made.height, len(made.rows))
