"""The connection doctor: a connection step by step, the setting at fault and the remedy.

Each step is done and timed by itself. A login is tried once, with one mechanism. Nothing is sent unless a recipient
for a test letter is given. Who stops listening ends the check, and its connections are closed.
"""

from collections.abc import AsyncGenerator

from dispatch.doctor.steps import ORDER, WEB_ORDER, Finding, Step
from dispatch.doctor.visit import Limits, Visit
from store.cards import MailConnection, Sending
from store.vocabulary import Protocol

__all__ = ["ORDER", "WEB_ORDER", "Finding", "Limits", "Step", "check"]

USUAL = Limits()


async def check(
    connection: MailConnection, secret: str, sending: Sending, to: str | None = None, limits: Limits = USUAL
) -> AsyncGenerator[Step]:
    """Check a connection; ends with the first step that fails.

    Args:
        connection: As it is stored, or as it stands in a form.
        secret: The password or the client secret, in clear; it appears in no step and no transcript.
        sending: The sending parameters; without them the check ends at the sender.
        to: Who gets a test letter. Without, the server is asked about the support address, and nothing is sent.
        limits: How long to wait.
    """
    # Imported here: the mail client is loaded only when a connection is tried.
    from dispatch.doctor.smtp import SmtpExamination
    from dispatch.doctor.web import WebExamination

    visit = Visit(limits, secret)
    kind = SmtpExamination if connection.protocol is Protocol.SMTP else WebExamination
    examination = kind(visit, connection, secret, sending, to)
    politely = False
    try:
        for name, work in examination.steps():
            step = await visit.step(name, work)
            yield step
            if step.outcome == "failed":
                break
        politely = True
    finally:
        await examination.close(politely=politely)
