"""The form of a connection for outgoing mail. Its fields follow the protocol and the flags."""

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from store.cards import MailConnection
from store.connection_checks import MAX_PORT, check_connection, is_exchange_online
from store.errors import SettingsError
from store.settings import connection_secret, save_connection, secret_of, sending
from store.vocabulary import Encryption, Protocol
from tui.operator import operator
from tui.spoken import binding
from tui.widgets.connection_check import CheckRequest, ConnectionCheck
from tui.widgets.form import Field, Form, Say, Value, choice_field, flag_field, secret_field, text_field

DEFAULT_PORTS = {Encryption.SSL: 465, Encryption.TLS: 587, Encryption.NONE: 25}
"""Submission over TLS and STARTTLS (RFC 8314), and plain relay (RFC 5321)."""

_SMTP_ONLY = ("port", "encryption", "authentication")
_OAUTH2 = ("application_id", "directory_id", "client_secret")


class ConnectionForm(Form):
    """Edits a connection, or makes one; checks what stands in the form without saving it."""

    FOOTER = ("form.save", "connection.check", "form.cancel")
    BINDINGS: ClassVar[list[BindingType]] = [
        binding("f5", "check", "connection.check"),
        binding("f6", "details", "connection.details"),
        binding("f7", "check_with_letter", "connection.letter"),
    ]

    def __init__(self, say: Say, card: MailConnection, fault: tuple[str, str] = ("", "")) -> None:
        """`fault` is the field a check found at fault, and what to do about it."""
        title = say("mail.connection_to", server=card.server) if card.id else say("mail.new_connection")
        super().__init__(say, title)
        self.card = card
        self._fault = fault

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
        encryptions = [(say(f"mail.encryption_{kind.value}"), kind.value) for kind in Encryption]
        return [
            text_field("server", say("mail.server"), card.server, hint=say("mail.server_hint")),
            choice_field("protocol", say("mail.protocol"), card.protocol.value, protocols),
            text_field("port", say("mail.port"), "" if card.port is None else str(card.port)),
            choice_field("encryption", say("mail.encryption"), card.encryption.value, encryptions),
            flag_field("authentication", say("mail.authentication"), card.authentication, say),
            flag_field("oauth2", say("mail.oauth2"), card.oauth2, say),
            text_field("application_id", say("mail.application_id"), card.application_id),
            text_field("directory_id", say("mail.directory_id"), card.directory_id),
            secret_field("client_secret", say("mail.client_secret"), hint=kept if card.has_client_secret else ""),
            text_field("login", say("mail.login"), card.login),
            secret_field("password", say("mail.password"), hint=kept if card.has_password else ""),
            text_field("ca_file", say("mail.ca_file"), card.ca_file, hint=say("mail.ca_file_hint")),
            text_field("name", say("mail.name"), card.name, hint=say("mail.name_hint")),
        ]

    def buttons(self) -> list[Button]:
        words = {"check": "mail.check", "letter": "mail.check_with_letter"}
        return [Button(Content(self.say(key)), id=name, compact=True) for name, key in words.items()]

    def below(self) -> list[Widget]:
        note = Static(Content(self.say("mail.ews_retired")), id="ews-note")
        return [note, ConnectionCheck(self.say, "F6")]

    def follow(self) -> None:
        smtp = self.text("protocol") == Protocol.SMTP.value
        graph = self.text("protocol") == Protocol.GRAPH.value
        oauth2 = graph or self.flag("oauth2")
        ews_online = not smtp and not graph and is_exchange_online(self.text("server"))
        self.query_one("#ews-note").display = ews_online
        self.field("oauth2").display = not graph
        for name in _SMTP_ONLY:
            self.field(name).display = smtp
        for name in _OAUTH2:
            self.field(name).display = oauth2
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
        if not texts["server"]:
            raise SettingsError("server", self.say("problem.server"))
        port: int | None = None
        if protocol is Protocol.SMTP:
            if not texts["port"].isascii() or not texts["port"].isdigit() or not 1 <= int(texts["port"]) <= MAX_PORT:
                raise SettingsError("port", self.say("problem.port"))
            port = int(texts["port"])
        card = replace(
            self.card,
            name=texts["name"] or texts["server"],
            server=texts["server"],
            protocol=protocol,
            port=port,
            encryption=Encryption(texts["encryption"]),
            authentication=values["authentication"] is True and protocol is Protocol.SMTP,
            login=texts["login"],
            oauth2=values["oauth2"] is True or protocol is Protocol.GRAPH,
            application_id=texts["application_id"],
            directory_id=texts["directory_id"],
            ca_file=texts["ca_file"],
        )
        needs_login = card.authentication or (card.oauth2 if protocol is Protocol.SMTP else not card.oauth2)
        if needs_login and not card.login:
            raise SettingsError("login", self.say("problem.login"))
        for name in ("application_id", "directory_id"):
            if card.oauth2 and not texts[name]:
                raise SettingsError(name, self.say("problem.required"))
        check_connection(card)
        return card

    def save(self, values: dict[str, Value]) -> None:
        card = self.read(values)
        try:
            save_connection(
                self.store,
                card,
                password=str(values["password"]) or None,
                client_secret=str(values["client_secret"]) or None,
                who=operator(),
            )
        except SettingsError as error:
            if error.path == "name":
                raise SettingsError("name", self.say("problem.name_taken")) from error
            raise

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
            self.refuse(error.path, error.problem)
            return
        secret_name = secret_of(card)
        typed = str(values[secret_name])

        def gather() -> CheckRequest:
            secret = typed or (connection_secret(self.store, card.id, secret_name) if card.id else "")
            return CheckRequest(card, secret, sending(self.store))

        self.query_one(ConnectionCheck).start(gather, letter=letter)

    def action_details(self) -> None:
        """Show or hide what went over the wire."""
        self.query_one(ConnectionCheck).toggle_details()

    @on(ConnectionCheck.Finished)
    def _go_to_fault(self, event: ConnectionCheck.Finished) -> None:
        names = {field.field_name for field in self.query(Field) if field.display}
        if event.field in names:
            self.refuse(event.field, event.remedy)
        else:
            self.call_after_refresh(event.control.scroll_visible, animate=False)

    @on(Input.Submitted)
    def _next_field(self) -> None:
        self.focus_next()
