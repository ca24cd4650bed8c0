"""Reading people from a CSV file: generous in what is taken for one, since spreadsheets write many kinds.

Whatever the encoding, the delimiter and the language of the headings are, what comes out is lines of texts by field.
Whether these are good is for `store.people_import` to say.
"""

import csv
import io
import re
import unicodedata
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from dataclasses import dataclass

from store.errors import SettingsError
from store.sanitise import clean_line

MAX_BYTES = 64 << 20
MAX_SHOWN = 80
"""Characters of a file's own words in a message."""
DELIMITERS = ";,\t|"
FIELDS = ("email", "name", "login", "teams", "head", "language", "active")

_HEADINGS = {
    "email": "email e-mail mail emailaddress e-mailaddress primarysmtpaddress почта эл.почта электроннаяпочта "
    "адресэлектроннойпочты электронныйадрес имейл",
    "name": "name fullname displayname имя фио ф.и.о. полноеимя сотрудник отображаемоеимя",
    "surname": "surname lastname sn familyname фамилия",
    "given": "givenname firstname",
    "patronymic": "middlename patronymic отчество",
    "login": "login username user samaccountname account логин учетнаязапись имяпользователя",
    "teams": "teams team groups group команды команда группы группа рабочаягруппа рабочиегруппы",
    "head": "head manager boss supervisor руководитель начальник менеджер",
    "language": "language lang preferredlanguage язык",
    "active": "active enabled активен активный активна действует включен работает",
}
_FIELD_OF = {heading: name for name, headings in _HEADINGS.items() for heading in headings.split()}
_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_BETWEEN = re.compile(r"[\s_]+")
_GIVEN_BESIDE_SURNAME = {"имя", "name"}


@dataclass(frozen=True, slots=True)
class Line:
    """One person as the file has them: `number` is the line they begin in, `cells` the texts by field."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that was read.

    Attributes:
        encoding: As Python calls it.
        fields: The fields the file has a column for.
        unread: Headings nobody here has a use for.
    """

    encoding: str
    delimiter: str
    fields: tuple[str, ...]
    unread: tuple[str, ...]
    lines: tuple[Line, ...]


def read_sheet(content: bytes) -> Sheet:
    """Read a file.

    Raises:
        SettingsError: It is no CSV with a column of addresses; the path is the line at fault.
    """
    if len(content) > MAX_BYTES:
        raise SettingsError("", f"the file has more than {MAX_BYTES >> 20} MB", key="csv_large", most=MAX_BYTES >> 20)
    text, encoding = _decoded(content)
    first, delimiter, skipped = _heading(text)
    headings = [_plain(cell) for cell in first]
    columns = [_FIELD_OF.get(heading, "") for heading in headings]
    if "surname" in columns:
        columns = [
            "given" if heading in _GIVEN_BESIDE_SURNAME else name
            for heading, name in zip(headings, columns, strict=True)
        ]
    _check_columns(columns, first)
    lines = tuple(_lines(text, delimiter, columns, skipped))
    given = {"name" if name in {"surname", "given", "patronymic"} else name for name in columns}
    unread = tuple(clean_line(cell).strip() for cell, name in zip(first, columns, strict=True) if not name)
    return Sheet(
        encoding, delimiter, tuple(name for name in FIELDS if name in given), tuple(one for one in unread if one), lines
    )


def _decoded(content: bytes) -> tuple[str, str]:
    # UTF-16 is a spreadsheet's "Unicode text".
    kinds = ("utf-16",) if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else ("utf-8-sig", "cp1251")
    for kind in kinds:
        try:
            text = content.decode(kind)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, kind.removesuffix("-sig")
    problem = "is neither UTF-8 nor windows-1251 text. Save it as CSV (UTF-8)"
    raise SettingsError("", problem, key="csv_encoding")


def _heading(text: str) -> tuple[list[str], str, int]:
    """The cells of the first line that is not empty, the delimiter, and how many lines are before the people."""
    skipped = 0
    for raw in io.StringIO(text, newline=""):
        skipped += 1
        line = raw.strip("\r\n")
        # A first line `sep=;` is how a spreadsheet is told the delimiter.
        if re.fullmatch(r"sep=.", line.strip(), re.IGNORECASE) or not line.strip(f'{DELIMITERS}" '):
            continue
        split = {mark: next(csv.reader([line], delimiter=mark)) for mark in DELIMITERS}
        best = max(DELIMITERS, key=lambda mark: sum(_plain(cell) in _FIELD_OF for cell in split[mark]))
        return [*split[best]], best, skipped
    raise SettingsError("", "the file is empty", key="csv_empty")


def _check_columns(columns: list[str], first: list[str]) -> None:
    shown = clean_line(", ".join(first))[:MAX_SHOWN]
    if "email" not in columns:
        problem = f"the first line ({shown}) names no column «email» or «почта»"
        raise SettingsError("1", problem, key="csv_no_email", shown=shown)
    for name in columns:
        if name and columns.count(name) > 1:
            problem = f"two columns of the first line ({shown}) are {name!r}"
            raise SettingsError("1", problem, key="csv_column_twice", shown=shown, column=name)


def _lines(text: str, delimiter: str, columns: list[str], skipped: int) -> Iterator[Line]:
    rest = io.StringIO(text, newline="")
    for _ in range(skipped):
        rest.readline()
    reader = csv.reader(rest, delimiter=delimiter)
    before = skipped
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            number = skipped + reader.line_num
            raise SettingsError(str(number), f"cannot be read: {error}", key="csv_line", number=number) from None
        if row is None:
            return
        number, before = before + 1, skipped + reader.line_num
        cells = {name: _cell(value) for name, value in zip(columns, row, strict=False) if name}
        if any(cells.values()):
            yield Line(number, _with_name(cells))


def _cell(value: str) -> str:
    """What is meant by a cell: `="007"` is how a spreadsheet is kept from making a number of a text."""
    if value.startswith('="') and (formula := _FORMULA.fullmatch(value)):
        value = formula[1]
    if value.isascii():
        return value.strip()
    return unicodedata.normalize("NFC", value).replace("\u00a0", " ").replace("\u200b", "").strip()


def _with_name(cells: dict[str, str]) -> dict[str, str]:
    """Put a name together that stands in several columns."""
    parts = [cells.pop(name, "") for name in ("surname", "given", "patronymic")]
    whole = " ".join(part for part in parts if part)
    if whole and not cells.get("name"):
        cells["name"] = whole
    elif any(parts):
        cells["name"] = cells.get("name") or whole
    return cells


def _plain(heading: str) -> str:
    """A heading as the table above writes it: `E-mail *` and `Рабочая группа` without case, spaces and marks."""
    word = unicodedata.normalize("NFC", heading).casefold().replace("ё", "е").strip(" \t\u00a0\ufeff*:\"'")
    return _BETWEEN.sub("", word)
