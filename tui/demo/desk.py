"""Fills an empty store with the demo's people and settings."""

from store import directory, settings
from store.cards import Company, MailConnection, Sending
from store.engine import Store
from store.vocabulary import Encryption, Language
from tui.demo.mail_sink import MailSink
from tui.demo.people import SUPPORT_ADDRESS, SYSTEM_ADDRESS, demo_people, demo_teams

WHO = "demo"
"""The name in the history of settings."""

_NAMES = {Language.RU: "ООО «Ромашка»", Language.EN: "Daisy Ltd"}
_SIGNATURES = {
    Language.RU: "С уважением,\nслужба поддержки ООО «Ромашка»\nтел. 12-34",
    Language.EN: "Kind regards,\nDaisy Ltd support\nphone 12-34",
}
_SENDERS = {Language.RU: "Поддержка «Ромашка»", Language.EN: "Daisy Support"}


def furnish(store: Store, sink: MailSink, language: Language) -> None:
    """People, teams, company card, sending parameters, and a connection to the demo's mail server."""
    directory.save_teams(store, demo_teams(language), WHO)
    directory.save_people(store, demo_people(language), WHO)
    card = Company(name=_NAMES[language], signature=_SIGNATURES[language], language=language, timezone="Europe/Moscow")
    settings.save_company(store, card, WHO)
    # A short pause, so that a retry is seen within seconds.
    sending = Sending(SUPPORT_ADDRESS, SYSTEM_ADDRESS, _SENDERS[language], max_attempts=3, pause_s=1)
    settings.save_sending(store, sending, WHO)
    connection = MailConnection(
        name="demo",
        server="127.0.0.1",
        port=sink.port,
        encryption=Encryption.NONE,
        authentication=True,
        login=sink.login,
    )
    settings.save_connection(store, connection, password=sink.password, who=WHO)
