"""What is taken for a CSV of people: the habits of spreadsheets and of several languages."""

import pytest

from store.errors import SettingsError
from store.people_csv import MAX_BYTES, read_sheet

ANNA = {"email": "anna@example.org", "name": "Анна Орлова"}
PLAIN = "почта;ФИО\nanna@example.org;Анна Орлова\n"


def cells(content: bytes | str) -> list[dict[str, str]]:
    return [line.cells for line in read_sheet(content.encode() if isinstance(content, str) else content).lines]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PLAIN.encode(), "utf-8"),
        (PLAIN.encode("utf-8-sig"), "utf-8"),
        (PLAIN.encode("cp1251"), "cp1251"),
        (PLAIN.replace(";", "\t").encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + PLAIN.encode("utf-16-be"), "utf-16"),
    ],
    ids=["utf-8", "with a mark", "windows-1251", "unicode text", "big endian"],
)
def test_the_encoding_is_found_out(content: bytes, encoding: str) -> None:
    sheet = read_sheet(content)
    assert (sheet.encoding, [line.cells for line in sheet.lines]) == (encoding, [ANNA])


@pytest.mark.parametrize("mark", [";", ",", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_the_delimiter_is_found_out(mark: str, end: str) -> None:
    text = PLAIN.replace(";", mark).replace("\n", end)
    assert (read_sheet(text.encode()).delimiter, cells(text)) == (mark, [ANNA])


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("E-Mail", "email"), ("Почта *", "email"), ("Электронная почта:", "email"), ("ИМЯ", "name"),
        ("Full Name", "name"), ("Учётная запись", "login"), ("sAMAccountName", "login"), ("Рабочая группа", "teams"),
        ("Команды", "teams"), ("Manager", "head"), ("Руководитель", "head"), ("Язык", "language"),
        ("preferred_language", "language"), ("Активен", "active"), ("Enabled", "active"),
    ],
)  # fmt: skip
def test_headings_of_both_languages_are_known(heading: str, field: str) -> None:
    text = f"{heading}\nx\n" if field == "email" else f"email;{heading}\na@b.ru;x\n"
    assert cells(text)[0][field] == "x"


def test_a_name_in_several_columns_is_put_together() -> None:
    assert cells("mail;Имя;Отчество;Фамилия\na@b.ru;Анна;Петровна;Орлова\n")[0]["name"] == "Орлова Анна Петровна"
    assert cells("mail,displayName,givenName,sn\na@b.ru,Anna Orlova,Anna,Orlova\n")[0]["name"] == "Anna Orlova"


def test_quotes_hold_delimiters_quotes_and_line_breaks_and_lines_are_counted_as_an_editor_does() -> None:
    sheet = read_sheet('email;name;teams\na@b.ru;"ООО ""Ромашка""; отдел";"net\napps"\n\n;;\nc@d.ru;В;\n'.encode())
    assert [(line.number, line.cells) for line in sheet.lines] == [
        (2, {"email": "a@b.ru", "name": 'ООО "Ромашка"; отдел', "teams": "net\napps"}),
        (6, {"email": "c@d.ru", "name": "В", "teams": ""}),
    ]


def test_what_spreadsheets_add_is_taken_off() -> None:
    sheet = read_sheet('sep=;\r\n"Почта";"Логин";"Отдел";\r\n\xa0a@b.ru ;"=""007""";Склад;\r\n'.encode())
    assert (sheet.lines[0].cells, sheet.lines[0].number) == ({"email": "a@b.ru", "login": "007"}, 3)
    assert (sheet.fields, sheet.unread) == (("email", "login"), ("Отдел",))


def test_a_short_line_leaves_the_rest_as_it_is() -> None:
    assert cells("email;name;login\na@b.ru;А\n") == [{"email": "a@b.ru", "name": "А"}]


@pytest.mark.parametrize(
    ("content", "key", "path"),
    [
        (b"", "csv_empty", ""),
        (b"\n\n;;\n", "csv_empty", ""),
        ("фамилия;телефон\nА;1\n".encode(), "csv_no_email", "1"),
        (b"email;mail\na@b.ru;c@d.ru\n", "csv_column_twice", "1"),
        (b"email;name\na@b.ru;\x98\xff\n", "csv_encoding", ""),
        (b"email\na@b.ru\0\n", "csv_encoding", ""),
        (b"email\n" + b'"' + b"x" * 200_000, "csv_line", "2"),
        (b"x" * (MAX_BYTES + 1), "csv_large", ""),
    ],
    ids=["empty", "blank", "no address", "twice", "neither encoding", "a NUL", "an endless quote", "large"],
)
def test_what_is_no_csv_of_people_is_refused_with_the_reason(content: bytes, key: str, path: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_sheet(content)
    assert (caught.value.key, caught.value.path) == (key, path)
