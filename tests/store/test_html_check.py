"""HTML of the company's own: what belongs in a letter is taken as it is, all else is named."""

import pytest

from store.errors import SettingsError
from store.html_check import check_html


@pytest.mark.parametrize(
    "html",
    [
        "",
        "С уважением,<br>служба поддержки",
        '<p style="color:#345">ACME &amp; Co</p><a href="https://acme.example/?a=1&amp;b=2">acme.example</a>',
        '<table width="400"><tr><td><img src="https://acme.example/logo.png" alt="ACME"/></td></tr></table>',
        '<A HREF="mailto:help@example.org">help</A> <a href="tel:+7000">+7 000</a>',
        "5 > 3 &lt; 4",
    ],
)
def test_what_mail_programs_show_is_taken(html: str) -> None:
    check_html(html, "company.signature_html")


@pytest.mark.parametrize(
    ("html", "key", "value"),
    [
        ("<script>alert(1)</script>", "html_tag", "script"),
        ("<style>p{}</style>", "html_tag", "style"),
        ("<iframe src='https://x.example'></iframe>", "html_tag", "iframe"),
        ("</div></body>", "html_unopened", "div"),
        ("<p><b>x</p></b>", "html_unopened", "p"),
        ("<div>x", "html_unclosed", "div"),
        ("<div/>x", "html_unclosed", "div"),
        ("<a onclick='x()' href='https://x.example'>x</a>", "html_attribute", "onclick"),
        ("<a href='java\tscript:alert(1)'>x</a>", "html_address", "java script:alert(1)"),
        ("<a href='&#106;avascript:alert(1)'>x</a>", "html_address", "javascript:alert(1)"),
        ("<img src='cid:logo'>", "html_address", "cid:logo"),
        ("<a href>x</a>", "html_address", ""),
        ("<p style='width:expression(alert(1))'>x</p>", "html_attribute", "style=width:expression(alert(1))"),
        ("<!-- x -->", "html_tag", "!-- x "),
        ("<!DOCTYPE html>x", "html_tag", "!DOCTYPE html"),
        ("<![CDATA[x]]>", "html_tag", "![CDATA[x"),
        ("<?php x ?>", "html_tag", "?php x ?"),
        ("x\n3 < 5", "html_stray", "2"),
        ("<b>x</b><a href='https://x.example", "html_stray", "1"),
    ],
)
def test_what_does_not_belong_in_a_letter_is_named(html: str, key: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_html(html, "company.signature_html")
    assert (caught.value.path, caught.value.key, caught.value.params["value"]) == ("company.signature_html", key, value)
