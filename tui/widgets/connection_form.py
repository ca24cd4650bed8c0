"""The form of a connection for outgoing mail. Its fields follow the protocol and the flags."""

from dataclasses import replace
from datetime import date, datetime
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from store.cards import MailConnection
from store.connection_checks import DEFAULT_PORTS, MAX_PRIORITY, check_connection, is_exchange_online
from store.errors import SettingsError
from store.settings import connection_secret, save_connection, secret_of, sending
from store.vocabulary import Encryption, Protocol, SecretName, TokenSource
from tui.operator import operator
from tui.spoken import binding
from tui.widgets.connection_check import CheckRequest, ConnectionCheck
from tui.widgets.form import Field, Form, Say, Value, choice_field, flag_field, secret_field, text_field

DAY_FORMAT = "%d.%m.%Y"
_SMTP_ONLY = ("port", "encryption", "authentication")
_APPLICATION = ("application_id", "directory_id", "client_secret", "secret_expires")
"""What tokens are got with."""
_MORE = ("ca_file", "client_cert", "client_key", "insecure", "authority", "priority")
"""What most connections do without; shown on demand, and where one of them is set."""
_ENCRYPTED = ("ca_file", "client_cert", "client_key", "insecure")


class ConnectionForm(Form):
    """Edits a connection, or makes one; checks what stands in the form without saving it."""

    FOOTER = ("form.save", "connection.check", "connection.more", "form.cancel")
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("f5", "check", "connection.check"),
        binding("f6", "details", "connection.details"),
        binding("f7", "check_with_letter", "connection.letter"),
        binding("f8", "more", "connection.more"),
    ]

    def __init__(self, say: Say, card: MailConnection, fault: tuple[str, str] = ("", "")) -> None:
        """`fault` is the field a check found at fault, and what to do about it."""
        title = say("mail.connection_to", server=card.server) if card.id else say("mail.new_connection")
        super().__init__(say, title)
        self.card = card
        self._fault = fault
        usual = MailConnection(card.name, card.server)
        self._more = any(getattr(card, name) != getattr(usual, name) for name in _MORE)

    def on_mount(self) -> None:
        if self._fault[0]:
            self.call_after_refresh(self.refuse, *self._fault)

    def fields(self) -> list[Field]:
        card, say = self.card, self.say
        kept = say("mail.secret_kept")
        protocols = [
            ("SMTP", Protocol.SMTP.value),
            ("EWS", Protocol.EWS.value),
            ("Microsoft Graph", Protocol.GRAPH.value),
        ]
        sources = [(say(f"mail.token_{source.value}"), source.value) for source in TokenSource]
        expires = card.secret_expires.strftime(DAY_FORMAT) if card.secret_expires else ""
        encryptions = [(say(f"mail.encryption_{kind.value}"), kind.value) for kind in Encryption]
        return [
            text_field("server", say("mail.server"), card.server, hint=say("mail.server_hint")),
            choice_field("protocol", say("mail.protocol"), card.protocol.value, protocols),
            text_field("port", say("mail.port"), "" if card.port is None else str(card.port)),
            choice_field("encryption", say("mail.encryption"), card.encryption.value, encryptions),
            flag_field("authentication", say("mail.authentication"), card.authentication, say),
            flag_field("oauth2", say("mail.oauth2"), card.oauth2, say),
            choice_field("token_source", say("mail.token_source"), card.token_source.value, sources),
            secret_field("access_token", say("mail.access_token"), hint=kept if card.has_access_token else ""),
            text_field("application_id", say("mail.application_id"), card.application_id),
            text_field("directory_id", say("mail.directory_id"), card.directory_id),
            secret_field("client_secret", say("mail.client_secret"), hint=kept if card.has_client_secret else ""),
            text_field("secret_expires", say("mail.secret_expires"), expires, hint=say("mail.secret_expires_hint")),
            text_field("login", say("mail.login"), card.login),
            secret_field("password", say("mail.password"), hint=kept if card.has_password else ""),
            text_field("name", say("mail.name"), card.name, hint=say("mail.name_hint")),
            text_field("ca_file", say("mail.ca_file"), card.ca_file, hint=say("mail.ca_file_hint")),
            text_field("client_cert", say("mail.client_cert"), card.client_cert, hint=say("mail.client_cert_hint")),
            text_field("client_key", say("mail.client_key"), card.client_key, hint=say("mail.client_key_hint")),
            flag_field("insecure", say("mail.insecure"), card.insecure, say, yes=say("mail.insecure_yes")),
            text_field("authority", say("mail.authority"), card.authority, hint=say("mail.authority_hint")),
            text_field("priority", say("mail.priority"), str(card.priority), hint=say("mail.priority_hint")),
        ]

    def buttons(self) -> list[Button]:
        words = {"check": "mail.check", "letter": "mail.letter", "more": "mail.more"}
        return [Button(Content(self.say(key)), id=name, compact=True) for name, key in words.items()]

    def below(self) -> list[Widget]:
        note = Static(Content(self.say("mail.ews_retired")), id="ews-note")
        return [note, ConnectionCheck(self.say, "F6")]

    def follow(self) -> None:
        smtp = self.text("protocol") == Protocol.SMTP.value
        graph = self.text("protocol") == Protocol.GRAPH.value
        oauth2 = graph or self.flag("oauth2")
        pasted = oauth2 and smtp and self.text("token_source") == TokenSource.PASTED.value
        encrypted = not smtp or self.text("encryption") != Encryption.NONE.value
        ews_online = not smtp and not graph and is_exchange_online(self.text("server"))
        self.query_one("#ews-note").display = ews_online
        self.field("oauth2").display = not graph
        for name in _SMTP_ONLY:
            self.field(name).display = smtp
        self.field("token_source").display = oauth2 and smtp
        self.field("access_token").display = pasted
        for name in _APPLICATION:
            self.field(name).display = oauth2 and not pasted
        for name in _MORE:
            needed = encrypted if name in _ENCRYPTED else oauth2 and not pasted if name == "authority" else True
            self.field(name).display = self._more and needed
        self.query_one("#more", Button).label = Content(self.say("mail.less" if self._more else "mail.more"))
        self.field("password").display = not oauth2
        used = not smtp or oauth2 or self.flag("authentication")
        self.field("login").use(used=used)
        self.field("password").use(used=used)

    @on(Select.Changed, "#field-encryption")
    def _offer_port(self) -> None:
        field = self.field("port")
        known = {str(port) for port in DEFAULT_PORTS.values()}
        if self._before and (not field.value or field.value in known):
            field.value = str(DEFAULT_PORTS[Encryption(self.text("encryption"))])

    def read(self, values: dict[str, Value]) -> MailConnection:
        """The connection as it stands in the form.

        Raises:
            SettingsError: A value is wrong.
        """
        texts = {name: str(value) for name, value in values.items()}
        protocol = Protocol(texts["protocol"])
        smtp = protocol is Protocol.SMTP
        card = replace(
            self.card,
            name=texts["name"] or texts["server"],
            server=texts["server"],
            protocol=protocol,
            port=self._whole("port", texts["port"], "port") if smtp else None,
            encryption=Encryption(texts["encryption"]),
            authentication=values["authentication"] is True and smtp,
            login=texts["login"],
            oauth2=values["oauth2"] is True or protocol is Protocol.GRAPH,
            application_id=texts["application_id"],
            directory_id=texts["directory_id"],
            secret_expires=self._day(texts["secret_expires"]),
            token_source=TokenSource(texts["token_source"]) if smtp else TokenSource.APPLICATION,
            authority=texts["authority"],
            ca_file=texts["ca_file"],
            client_cert=texts["client_cert"],
            client_key=texts["client_key"],
            insecure=values["insecure"] is True,
            priority=self._whole("priority", texts["priority"], "range", least=0, most=MAX_PRIORITY),
        )
        if not card.server:
            raise SettingsError("server", self.say("problem.server"))
        check_connection(card)
        return card

    def _whole(self, name: str, text: str, problem: str, **params: int) -> int:
        if not text.isascii() or not text.isdigit():
            raise SettingsError(name, self.say(f"problem.{problem}", **params))
        return int(text)

    def _day(self, text: str) -> date | None:
        try:
            return datetime.strptime(text, DAY_FORMAT).date() if text else None  # noqa: DTZ007 - a day has no zone
        except ValueError as error:
            raise SettingsError("secret_expires", self.say("problem.day", value=text)) from error

    def save(self, values: dict[str, Value]) -> None:
        save_connection(
            self.store,
            self.read(values),
            password=_typed(values, "password"),
            client_secret=_typed(values, "client_secret"),
            access_token=_typed(values, "access_token"),
            who=operator(),
        )

    @on(Button.Pressed, "#check")
    def action_check(self) -> None:
        """Try the connection as it stands in the form; nothing is saved."""
        self._check(letter=False)

    @on(Button.Pressed, "#letter")
    def action_check_with_letter(self) -> None:
        """Try the connection as it stands in the form, and send a test letter."""
        self._check(letter=True)

    def _check(self, *, letter: bool) -> None:
        values = self.values
        try:
            card = self.read(values)
        except SettingsError as error:
            self.refuse(error.path, self.problem(error))
            return
        name = secret_of(card)
        typed = _typed(values, name)

        def gather() -> CheckRequest:
            secret = typed or (connection_secret(self.store, card.id, name) if card.id else "")
            return CheckRequest(card, secret, sending(self.store))

        self.query_one(ConnectionCheck).start(gather, letter=letter)

    def action_details(self) -> None:
        """Show or hide what went over the wire."""
        self.query_one(ConnectionCheck).toggle_details()

    @on(Button.Pressed, "#more")
    def action_more(self) -> None:
        """Show or hide what most connections do without."""
        self._more = not self._more
        self.follow()
        if self._more:
            next(field for field in self.query(Field) if field.display and field.field_name in _MORE).control.focus()

    def refuse(self, path: str, problem: str) -> None:
        if path.rsplit(".", 1)[-1] in _MORE and not self._more:
            self.action_more()
        super().refuse(path, problem)

    @on(ConnectionCheck.Finished)
    def _go_to_fault(self, event: ConnectionCheck.Finished) -> None:
        if event.field in _MORE and not self._more:
            self.action_more()
        names = {field.field_name for field in self.query(Field) if field.display}
        if event.field in names:
            self.refuse(event.field, event.remedy)
        else:
            self.call_after_refresh(event.control.scroll_visible, animate=False)

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()


def _typed(values: dict[str, Value], name: SecretName) -> str | None:
    """A secret as it was typed or pasted; `None` when the field was left empty, which keeps what is stored."""
    text = str(values[name])
    return (text if name == "password" else text.strip()) or None
