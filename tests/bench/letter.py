"""The letter that all peers send: a comment of 1 KB in a frame, Cyrillic, as text and as HTML (5.5 KB in base64).

The words are those of Vestnik's letter. Imports nothing heavy: peers import it.
"""

from email.message import EmailMessage
from email.policy import SMTP

TEXT = "Заявка принята в работу, специалист уже занимается вопросом. " * 9
OBJECTS = 1_000
"""Distinct objects the letters are about."""
SENDER, RECIPIENT = "robot@example.org", "olga@example.org"
SIGNATURE = "С уважением, служба поддержки"
FROM, TO = f"Служба поддержки <{SENDER}>", f"Ольга Смирнова <{RECIPIENT}>"


_GREETING = "Здравствуйте, Ольга Смирнова!"
_REPLY = "Чтобы ответить, просто ответьте на это письмо."
_PARAGRAPH = '<p style="margin:0 0 1em">'


def subject(number: int) -> str:
    """The subject of a letter."""
    return f"RP-{number % OBJECTS}: комментарий — Не печатает принтер [этаж 3]"


def text(number: int) -> str:
    """The body as text, as Vestnik's template says it."""
    link = f"https://desk.example.org/RP-{number % OBJECTS}"
    return "\n\n".join(
        (_GREETING, _news(number), f"> {TEXT}", _REPLY, f"Посмотреть обращение: {link}", "-- \n" + SIGNATURE, "")
    )


def html(number: int) -> str:
    """The body as HTML, as Vestnik's template says it."""
    link = f"https://desk.example.org/RP-{number % OBJECTS}"
    frame = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:15px;line-height:1.5"
    quoted = '<blockquote style="margin:0 0 1em;padding:0 0 0 .9em;border-left:3px solid #9ab">'
    return (
        f'<!DOCTYPE html><html><body><div style="{frame};max-width:40em">{_PARAGRAPH}{_GREETING}</p>'
        f"{_PARAGRAPH}{_news(number)}</p>{quoted}{TEXT}</blockquote>{_PARAGRAPH}{_REPLY}</p>"
        f'{_PARAGRAPH}Посмотреть обращение: <a href="{link}">{link}</a></p>'
        f'<div style="margin-top:1.6em;padding-top:.7em;border-top:1px solid #9ab;opacity:.8">{SIGNATURE}</div>'
        "</div></body></html>"
    )


def _news(number: int) -> str:
    return f"Новый комментарий по вашему обращению RP-{number % OBJECTS} «Не печатает принтер [этаж 3]»."


def ready(number: int) -> bytes:
    """A letter as it goes over the wire, without a Message-ID: put one in front."""
    letter = EmailMessage(policy=SMTP)
    letter["From"], letter["To"], letter["Subject"] = FROM, TO, subject(number)
    letter["Reply-To"], letter["Date"] = "help@example.org", "Mon, 23 Nov 2026 12:00:00 +0000"
    letter["Auto-Submitted"], letter["X-Auto-Response-Suppress"] = "auto-generated", "All"
    letter.set_content(text(number), cte="base64")
    letter.add_alternative(html(number), subtype="html", cte="base64")
    return letter.as_bytes()
