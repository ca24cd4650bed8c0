"""The narrator says over the live pane what there is to see."""

import pytest

from store.engine import Store
from tests.tui.waiting import until
from tui.app import ConsoleApp
from tui.demo import narrator
from tui.demo.activity import SwitchedOff
from tui.demo.narrator import TIPS, Narrator
from tui.demo.story import SWITCHED_OFF

EFFECT = SwitchedOff(SWITCHED_OFF, "demo-4", "RP-1042", ("rule_off",), 0)


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_it_welcomes_tells_the_effect_then_gives_hints(
    store: Store, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrator, "EFFECT_S", 0.3)
    monkeypatch.setattr(narrator, "TIP_S", 0.05)
    app = ConsoleApp(store, language=language, start_dispatcher=False)
    told = Narrator(app)
    said: list[str] = [app.notice]
    monkeypatch.setattr(app, "show_notice", said.append)
    async with app.run_test(size=(80, 24)) as pilot:
        told.start()
        told.switched(EFFECT)
        await until(pilot, lambda: len(said) > len(TIPS) + 1)
        told.stop()
    assert said[0] == app.texts("demo.welcome")
    assert "RP-1042" in said[1]
    assert {"ru": "Новый комментарий → контактному лицу", "en": "Comment added → client"}[language] in said[1]
    assert said[2 : 2 + len(TIPS)] == [app.texts(tip) for tip in TIPS]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_notice_fits_two_lines_at_80_columns(store: Store, language: str) -> None:
    app = ConsoleApp(store, language=language, start_dispatcher=False)
    told = Narrator(app)
    title = told._title(SWITCHED_OFF)
    notices = [app.texts("demo.welcome"), app.texts("demo.effect", title=title, number="RP-1042")]
    for notice in (*notices, *(app.texts(tip) for tip in TIPS)):
        assert len(notice) <= 2 * 62 - 8, notice  # a line that wraps between words loses some cells


async def test_it_can_be_stopped_before_anything_was_switched(store: Store) -> None:
    app = ConsoleApp(store, language="ru", start_dispatcher=False)
    told = Narrator(app)
    async with app.run_test(size=(80, 24)):
        told.start()
        told.stop()
    assert not told._thread.is_alive()
