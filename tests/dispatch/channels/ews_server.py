"""Exchange's endpoint as Microsoft's schema (messages.xsd, types.xsd) has it: CreateItem with a MIME letter, GetFolder.

Written from the published schema and the references of the operations, not from what our program happens to send:
learn.microsoft.com/exchange/client-developer/web-service-reference/createitem-operation-email-message
learn.microsoft.com/exchange/client-developer/web-service-reference/getfolder-operation
"""

import base64
import binascii
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import spnego
from spnego.exceptions import SpnegoError

from tests.dispatch.channels.https_server import Answer, Hit, HttpsServer
from tests.mail_server import Letter

SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
VERSIONS = {
    "Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2", "Exchange2013",
    "Exchange2013_SP1", "Exchange2015", "Exchange2016",
}  # fmt: skip
"""ExchangeVersionType."""
ORDER = (
    # ItemType
    "MimeContent", "ItemId", "ParentFolderId", "ItemClass", "Subject", "Sensitivity", "Body", "Attachments",
    "DateTimeReceived", "Size", "Categories", "Importance", "InReplyTo", "IsSubmitted", "IsDraft", "IsFromMe",
    "IsResend", "IsUnmodified", "InternetMessageHeaders", "DateTimeSent", "DateTimeCreated", "ResponseObjects",
    "ReminderDueBy", "ReminderIsSet", "ReminderNextTime", "ReminderMinutesBeforeStart", "DisplayCc", "DisplayTo",
    "HasAttachments", "ExtendedProperty", "Culture", "EffectiveRights", "LastModifiedName", "LastModifiedTime",
    "IsAssociated", "WebClientReadFormQueryString", "WebClientEditFormQueryString", "ConversationId", "UniqueBody",
    "Flag", "StoreEntryId", "InstanceKey", "NormalizedBody", "EntityExtractionResult", "PolicyTag", "ArchiveTag",
    "RetentionDate", "Preview", "RightsManagementLicenseData",
    # MessageType
    "Sender", "ToRecipients", "CcRecipients", "BccRecipients", "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested", "ConversationIndex", "ConversationTopic", "From", "InternetMessageId", "IsRead",
    "IsResponseRequested", "References", "ReplyTo", "ReceivedBy", "ReceivedRepresenting",
)  # fmt: skip
"""The children of t:Message, in the schema's sequence."""
XML = (("Content-Type", "text/xml; charset=utf-8"),)


class SchemaError(Exception):
    """What came is not what the schema says."""


def soap(body: str, status: int = 200) -> Answer:
    """An answer in its envelope."""
    text = (
        '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
        '<s:Header><h:ServerVersionInfo MajorVersion="15" MinorVersion="1" MajorBuildNumber="2507"'
        ' MinorBuildNumber="6" xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/></s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    )
    return Answer(status, text.encode(), XML)


def response(code: str = "NoError", text: str = "") -> Answer:
    """The answer to CreateItem."""
    kind = "Success" if code == "NoError" else "Error"
    said = "" if code == "NoError" else f"<m:MessageText>{escape(text or code)}</m:MessageText>"
    tail = "" if code == "NoError" else "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
    return soap(
        '<m:CreateItemResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><m:ResponseMessages>'
        f'<m:CreateItemResponseMessage ResponseClass="{kind}">{said}<m:ResponseCode>{code}</m:ResponseCode>{tail}'
        "<m:Items/></m:CreateItemResponseMessage></m:ResponseMessages></m:CreateItemResponse>"
    )


FOLDER = soap(
    '<m:GetFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>'
    '<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders>'
    '<t:Folder><t:FolderId Id="AAMkAD" ChangeKey="AQAAAB"/></t:Folder>'
    "</m:Folders></m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>"
)
"""The answer to GetFolder."""


def folder_refusal(code: str) -> Answer:
    """A refusal of GetFolder."""
    return soap(
        '<m:GetFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><m:ResponseMessages>'
        f'<m:GetFolderResponseMessage ResponseClass="Error"><m:MessageText>{code}</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Folders/>"
        "</m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>"
    )


def fault(code: str, text: str = "", back_off_ms: int | None = None) -> Answer:
    """A SOAP fault, as Exchange sends it: with status 500."""
    xml = ""
    if back_off_ms is not None:
        xml = (
            '<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">'
            f'<t:Value Name="BackOffMilliseconds">{back_off_ms}</t:Value></t:MessageXml>'
        )
    return soap(
        "<s:Fault><faultcode>a:" + code + "</faultcode><faultstring>" + escape(text or code) + "</faultstring><detail>"
        '<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">'
        f"{code}</e:ResponseCode>"
        '<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">'
        f"{escape(text or code)}</e:Message>{xml}</detail></s:Fault>",
        status=500,
    )


@dataclass
class EwsServer(HttpsServer):
    """Exchange for letters.

    Attributes:
        schemes: What WWW-Authenticate offers, each a line of its own: `Basic realm=…`, `NTLM`, `Negotiate`, `Bearer`.
        login: With `password`, who may send. For NTLM, NTLM_USER_FILE must say the same.
        tokens: The tokens it takes, with their scopes.
        impersonated: The mailboxes letters were sent as, `""` for the account itself.
        looked: The folders asked for by GetFolder.
    """

    schemes: tuple[str, ...] = ('Basic realm="localhost"',)
    login: str = "robot@example.org"
    password: str = "password-canary"
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    letters: list[Letter] = field(default_factory=list[Letter])
    impersonated: list[str] = field(default_factory=list[str])
    looked: list[str] = field(default_factory=list[str])
    faults: list[str] = field(default_factory=list[str])

    def respond(self, hit: Hit) -> Answer:
        if not hit.path.lower().startswith("/ews/exchange.asmx"):
            return Answer(404, b"<html>not here</html>")
        refused = self._login(hit)
        if refused is not None:
            return refused
        if hit.method != "POST":
            return Answer(302, b"", (("Location", "/owa/"),))
        self.reading.set()
        if self.answers:
            return self.answers.pop(0)
        try:
            return self._operation(hit)
        except SchemaError as error:
            self.faults.append(str(error))
            return fault("ErrorSchemaValidation", str(error))

    def _login(self, hit: Hit) -> Answer | None:
        """`None` when the request may pass."""
        kind, _, value = hit.headers.get("Authorization", "").partition(" ")
        offered = {scheme.split(" ")[0] for scheme in self.schemes}
        passed: bool = hit.connection.get("ntlm") is True  # NTLM opens a connection, not a request
        if kind == "Basic" and kind in offered:
            passed = base64.b64decode(value).decode() == f"{self.login}:{self.password}"
        elif kind == "Bearer" and kind in offered:
            passed = self.tokens.get(value) == f"{self.url}/.default"
        elif kind in {"NTLM", "Negotiate"} and kind in offered:
            return self._ntlm(hit, kind, value)
        return None if passed else self._refuse()

    def _refuse(self) -> Answer:
        return Answer(401, b"", tuple(("WWW-Authenticate", scheme) for scheme in self.schemes))

    def _ntlm(self, hit: Hit, kind: str, value: str) -> Answer | None:
        context: Any = hit.connection.setdefault("context", spnego.server(protocol="ntlm"))
        try:
            token = context.step(base64.b64decode(value))
        except SpnegoError:
            return self._refuse()
        if context.complete:
            hit.connection["ntlm"] = True
            return None
        challenge = base64.b64encode(token or b"").decode()
        return Answer(401, b"", (("WWW-Authenticate", f"{kind} {challenge}"),))

    def _operation(self, hit: Hit) -> Answer:
        kind = hit.headers.get("Content-Type", "")
        if not kind.startswith("text/xml"):
            raise SchemaError(f"Content-Type {kind}")
        root = ET.fromstring(hit.body)
        header, body = root.find(f"{SOAP}Header"), root.find(f"{SOAP}Body")
        if root.tag != f"{SOAP}Envelope" or body is None or len(body) != 1:
            raise SchemaError("no envelope with one operation")
        impersonated = self._header(header)
        if body[0].tag == f"{MESSAGES}GetFolder":
            self.looked.append(_folder(body[0]))
            return FOLDER
        content = _letter(body[0])
        letter = Letter(self.login, "", content)
        to = letter.message["To"]
        if to is None or not to.addresses:
            return response("ErrorInvalidRecipients", "At least one recipient isn't valid.")
        self.letters.append(Letter(impersonated or self.login, to.addresses[0].addr_spec, content))
        self.impersonated.append(impersonated)
        return response()

    def _header(self, header: ET.Element | None) -> str:
        """Checks the header; gives the mailbox that is impersonated."""
        version = header.find(f"{TYPES}RequestServerVersion") if header is not None else None
        if header is None or version is None or version.get("Version") not in VERSIONS:
            raise SchemaError("RequestServerVersion")
        identity = header.find(f"{TYPES}ExchangeImpersonation")
        if identity is None:
            return ""
        sid = identity.find(f"{TYPES}ConnectingSID")
        if sid is None or len(sid) != 1 or sid[0].tag != f"{TYPES}PrimarySmtpAddress" or not sid[0].text:
            raise SchemaError("ConnectingSID")
        return sid[0].text


def _folder(operation: ET.Element) -> str:
    """Checks GetFolder; gives the well-known name of its one folder."""
    if [child.tag for child in operation] != [f"{MESSAGES}FolderShape", f"{MESSAGES}FolderIds"]:
        raise SchemaError("GetFolder has a shape and ids")
    shape, ids = operation
    if [child.tag for child in shape] != [f"{TYPES}BaseShape"] or shape[0].text not in {"IdOnly", "Default"}:
        raise SchemaError("FolderShape")
    if [child.tag for child in ids] != [f"{TYPES}DistinguishedFolderId"]:
        raise SchemaError("FolderIds")
    return str(ids[0].get("Id"))


def _letter(operation: ET.Element) -> bytes:
    """Checks CreateItem; gives the MIME of its one letter."""
    if operation.tag != f"{MESSAGES}CreateItem":
        raise SchemaError(operation.tag)
    if operation.get("MessageDisposition") != "SendOnly":
        raise SchemaError(f"MessageDisposition {operation.get('MessageDisposition')}")
    if [child.tag for child in operation] != [f"{MESSAGES}Items"] or len(operation[0]) != 1:
        raise SchemaError("Items")
    message = operation[0][0]
    if message.tag != f"{TYPES}Message":
        raise SchemaError(message.tag)
    places: list[int] = []
    for child in message:
        name = child.tag.removeprefix(TYPES)
        if child.tag == name or name not in ORDER:
            raise SchemaError(f"t:Message has no {child.tag}")
        places.append(ORDER.index(name))
    if any(second <= first for first, second in pairwise(places)):
        raise SchemaError(f"wrong order: {[ORDER[place] for place in places]}")
    mime = message.find(f"{TYPES}MimeContent")
    if mime is None or mime.get("CharacterSet", "UTF-8") != "UTF-8":
        raise SchemaError("MimeContent")
    try:
        return base64.b64decode("".join((mime.text or "").split()), validate=True)
    except binascii.Error as error:
        raise SchemaError("MimeContent is no base64") from error
