"""Rendering templates, and plain text as HTML."""

from dataclasses import dataclass

import pytest

from dispatch.compose import MAX_SUBJECT, ComposeError, render, to_html, with_signature
from store.template_language import quote


@dataclass(frozen=True)
class Parts:
    """A template."""

    subject: str = "s"
    short: str = "s"
    body: str = "b"


def test_values_are_data_not_templates() -> None:
    made = render(Parts("{{ title }}", "{{ title }}", "{{ title }}"), {"title": "{{ 7 * 7 }} {% if %}"})
    assert made.subject == made.short == made.text == "{{ 7 * 7 }} {% if %}"


def test_a_subject_is_one_clean_line() -> None:
    made = render(Parts("{{ t }}", "{{ t }}"), {"t": "a\r\nBcc: x\x1b[31m" + "б" * 400})
    assert "\n" not in made.subject
    assert "\x1b" not in made.subject
    assert len(made.subject) == MAX_SUBJECT


@pytest.mark.parametrize(
    "body",
    ["{{ missing }}", "{% if %}", "{{ 1 / 0 }}", "{{ ''.__class__.__mro__ }}", "{{ t.x.y }}", "{{ range(10) }}"],
)
def test_a_broken_or_prying_template_is_an_error(body: str) -> None:
    with pytest.raises(ComposeError):
        render(Parts(body=body), {"t": "x"})


def test_html_is_escaped_and_shows_links_quotes_and_signature() -> None:
    text = "Hello <b>[/b]\nsecond\n\n> quoted\n> more\n\nSee https://desk.example.org/1?a=1&b=2."
    html = to_html(text, "Support\nACME <x>")
    assert "&lt;b&gt;[/b]<br>\nsecond" in html
    assert "<blockquote" in html
    assert "quoted<br>\nmore" in html
    assert '<a href="https://desk.example.org/1?a=1&amp;b=2">' in html
    assert html.count("ACME &lt;x&gt;") == 1
    assert "<script" not in to_html("<script>alert(1)</script>", "")


def test_a_signature_in_html_stands_as_it_is_in_place_of_its_text() -> None:
    made = to_html("a < b", "ACME & Co", "<b>ACME &amp; Co</b>\n")
    assert "a &lt; b" in made
    assert "<b>ACME &amp; Co</b></div>" in made
    assert made.count("ACME") == 1


def test_the_signature_stands_under_its_mark() -> None:
    assert with_signature("text", "ACME") == "text\n\n-- \nACME\n"
    assert with_signature("text", "  ") == "text\n"


def test_quote() -> None:
    assert quote("a\n\nb\n") == "> a\n>\n> b"
