"""The demo's story and people."""

import json
from datetime import UTC, datetime
from itertools import islice

import pytest

from dispatch.cloudevents import Incoming, read_events
from store.vocabulary import Language
from tui.demo import people, story

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("language", list(Language))
def test_every_beat_of_two_rounds_is_a_well_formed_event(language: Language) -> None:
    beats = list(islice(story.tell(language), 2 * len(story.tell_round(0, language))))
    text = "\n".join(story.to_text(beat, number, NOW) for number, beat in enumerate(beats, 1))
    read = read_events(text)
    assert len(read) == len(beats)
    assert all(isinstance(one, Incoming) for one in read), read


def test_rounds_tell_about_different_objects() -> None:
    first = {beat.number for beat in story.tell_round(0, Language.RU)}
    second = {beat.number for beat in story.tell_round(1, Language.RU)}
    assert len(first) > 10
    assert not first & second


def test_the_first_event_comes_at_once_and_the_pace_can_be_watched() -> None:
    pauses = [beat.after_s for beat in story.tell_round(0, Language.RU)]
    assert pauses[0] == 0
    assert max(pauses) <= 1.5
    assert 0.6 < sum(pauses) / len(pauses) < 1.2


def test_the_story_shows_the_life_of_a_service_desk() -> None:
    beats = story.tell_round(0, Language.RU)
    types = {beat.type for beat in beats}
    assert {"request.added", "task.added", "approval.added", "request.comment_added"} <= types
    assert {"request.status_changed", "request.responsible_changed", "request.mentioned"} <= types
    statuses = {beat.object.get("status") for beat in beats}
    assert {"in_progress", "waiting_client", "resolved", "closed", "deferred"} <= statuses
    assert any("[/b]" in (beat.comment or {}).get("text", "") for beat in beats)
    assert any("\x1b" in beat.object.get("title", "") for beat in beats)


def test_everybody_in_the_story_is_in_the_directory_but_the_stranger() -> None:
    known = {person.email for person in people.demo_people(Language.RU)}
    text = json.dumps([story.to_event(beat, 1, NOW) for beat in story.tell_round(0, Language.RU)])
    named = {word for word in text.replace('"', " ").split() if "@" in word}
    assert named - known == {people.UNREGISTERED_ADDRESS}


@pytest.mark.parametrize("language", list(Language))
def test_leaders_heads_and_teams_exist(language: Language) -> None:
    known = {person.email: person for person in people.demo_people(language)}
    codes = {team.code for team in people.demo_teams(language)}
    assert all(team.leader in known for team in people.demo_teams(language))
    assert all(person.head is None or person.head in known for person in known.values())
    assert all(set(person.teams) <= codes for person in known.values())
