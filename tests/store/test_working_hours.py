"""Working hours: what they may look like."""

import pytest

from store.errors import SettingsError
from store.working_hours import check_working_hours


@pytest.mark.parametrize(
    ("hours", "path"),
    [
        ({"monday": "09:00-18:00"}, "h"),
        ({"mon": "9-18"}, "h.mon"),
        ({"mon": "18:00-09:00"}, "h.mon"),
        ({"mon": "09:00-09:00"}, "h.mon"),
        ({"mon": "09:00-24:30"}, "h.mon"),
        ({"mon": "09:60-18:00"}, "h.mon"),
    ],
)
def test_hours_that_are_none_are_refused(hours: dict[str, str], path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_working_hours(hours, "h")
    assert caught.value.path == path
