"""Files that are no workbooks, are inconsistent, or are attacks."""

import struct
import zipfile
from pathlib import Path

import pytest

from app.bulk import archive, faults, xml
from app.bulk.faults import UnreadableWorkbook
from app.bulk.workbook import read_list
from tests.bulk.files import packed, part, repacked, row, rows, shared, upload, workbook
from tests.support.api import Api
from tests.support.problems import problem

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
PARTS = [SHEET, STRINGS, "xl/workbook.xml", "xl/styles.xml", "_rels/.rels"]
ODS = b"application/vnd.oasis.opendocument.spreadsheet"
OLE = archive.OLE_MAGIC + b"\0" * 504


def refused(data: bytes) -> type[UnreadableWorkbook]:
    with pytest.raises(UnreadableWorkbook) as caught:
        read_list(data, 20)
    return caught.type


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (b"", faults.NotAWorkbook),
        (b"Name,Email\nAda,ada@example.com\n", faults.NotAWorkbook),
        (b"%PDF-1.7", faults.NotAWorkbook),
        (b"PK\x03\x04", faults.Damaged),
        (b"PK" + b"\0" * 1000, faults.Damaged),
        (OLE + "Workbook".encode("utf-16-le"), faults.OldFormat),
        (OLE + "EncryptedPackage".encode("utf-16-le"), faults.Protected),
        (
            packed({"mimetype": ODS}),
            faults.NotAWorkbook,
        ),
        (packed({"xl/workbook.bin": b"\0", "_rels/.rels": b"<a/>"}), faults.NotAWorkbook),
        (packed({"xl/workbook.xml": b"<workbook/>"}), faults.NoList),
        (packed({"xl/workbook.xml": b"no xml"}), faults.Damaged),
        (workbook([["a", "b"]], ["First", "Second"]), faults.NoList),
    ],
)
def test_a_file_without_a_list_is_named_as_what_it_is(
    data: bytes, verdict: type[UnreadableWorkbook]
):
    assert refused(data) is verdict
    assert verdict.message.endswith(".")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_damaged(share: float):
    data = workbook(rows(20))
    assert refused(data[: int(len(data) * share)]) is faults.Damaged


def test_a_password_of_the_zip_is_reported():
    data = bytearray(workbook(rows(1)))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    assert refused(bytes(data)) is faults.Protected


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(monkeypatch: pytest.MonkeyPatch):
    def unpack(*_: object) -> None:
        raise AssertionError("unpacked")

    zeros = [{"xl/media/image.png": b"\0" * (size << 20)} for size in (5, 19, 100)]
    many = {f"xl/worksheets/sheet{number}.xml": b"" for number in range(201)}
    bombs = [packed({"xl/workbook.xml": b"<a/>"} | parts) for parts in (*zeros, many)]
    monkeypatch.setattr(zipfile.ZipFile, "open", unpack)
    assert [refused(bomb) for bomb in bombs] == [faults.TooComplex] * len(bombs)


def test_a_directory_that_lies_about_a_size_is_found_out():
    data = repacked(workbook(rows(1)), {SHEET: b"<a>" + b" " * (9 << 20) + b"</a>"})
    entry = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02"))
    while data[entry + 46 :].find(SHEET.encode()) != 0:
        entry = data.index(b"PK\x01\x02", entry + 4)
    lying = data[: entry + 24] + struct.pack("<I", 100) + data[entry + 28 :]
    assert refused(lying) in {faults.Damaged, faults.TooComplex}


def test_what_is_unpacked_is_counted_whatever_the_directory_says(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive, "MAX_READ", 1000)
    assert refused(workbook(rows(20))) is faults.TooComplex


def test_a_sheet_that_claims_a_million_rows_is_read_as_it_is():
    data = workbook(rows(2))
    claiming = part(data, SHEET).replace('<dimension ref="A1:F3"', '<dimension ref="A1:XFD1048576"')
    assert "XFD1048576" in claiming
    assert len(read_list(repacked(data, {SHEET: claiming.encode()}), 20).rows) == 2


def test_a_sheet_that_holds_a_million_rows_is_refused():
    data = workbook(rows(2))
    empty = "".join(f'<row r="{number}"/>' for number in range(4, 300_000))
    filled = part(data, SHEET).replace("</sheetData>", f"{empty}</sheetData>")
    assert refused(repacked(data, {SHEET: filled.encode()})) is faults.TooComplex


def test_a_row_far_below_counts_as_a_row():
    data = workbook(rows(2))
    far = '<row r="1048576"><c r="A1048576" t="inlineStr"><is><t>X</t></is></c></row></sheetData>'
    filled = part(data, SHEET).replace("</sheetData>", far)
    found = read_list(repacked(data, {SHEET: filled.encode()}), 20)
    assert [line.number for line in found.rows] == [2, 3, 1048576]


@pytest.mark.parametrize(
    "name", [SHEET, STRINGS, "xl/workbook.xml", "xl/styles.xml", "_rels/.rels"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_neither_expanded_nor_fetched(name: str, encoding: str, tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    for entities, used in (
        (f'<!ENTITY l0 "ha">{laughs}', "&l9;"),
        (f'<!ENTITY x SYSTEM "{secret.as_uri()}">', "&x;"),
        ('<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;', ""),
        ("", ""),
    ):
        text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [{entities}]><a>{used}</a>'
        data = repacked(shared(workbook(rows(1))), {name: text.encode(encoding)})
        assert refused(data) is faults.Unsafe


def test_an_entity_without_a_document_type_is_no_xml():
    data = shared(workbook([row()]))
    used = part(data, STRINGS).replace("Guest 1", "&x;")
    assert refused(repacked(data, {STRINGS: used.encode()})) is faults.Damaged


@pytest.mark.parametrize(
    ("name", "element", "root"),
    [
        (STRINGS, "<si/>", "sst"),
        ("xl/styles.xml", "<xf/>", "cellXfs"),
        (SHEET, "<c/>", "row"),
        (SHEET, '<mergeCell ref="A1:XFD1048576"/>', "mergeCells"),
        (SHEET, "<c><f/></c>", "sheetData"),
    ],
)
def test_too_many_elements_are_refused(name: str, element: str, root: str):
    text = f"<{root}>{element * (xml.MAX_ELEMENTS + 1)}</{root}>"
    data = repacked(shared(workbook(rows(1))), {name: text.encode()})
    assert refused(data) is faults.TooComplex


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A0"/>',
        '<c r="AAAA1"/>',
        '<c r="XFE1"/>',
        '<c r="A1048577"/>',
        '<c r="1A"/>',
        '<c r="A2" s="-1"/>',
        '<c r="A2" s="99999999999999999999"/>',
        '<row r="x"/>',
        '<mergeCell ref="nowhere"/>',
        "<unclosed>",
    ],
)
def test_what_no_program_writes_is_damaged(cell: str):
    data = workbook(rows(1))
    odd = part(data, SHEET).replace("</sheetData>", f"{cell}</sheetData>")
    assert refused(repacked(data, {SHEET: odd.encode()})) is faults.Damaged


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A2" t="s"><v>999999</v></c>',
        '<c r="A2" t="s"><v>-1</v></c>',
        '<c r="A2" t="s"><v>one</v></c>',
        '<c r="A2"><v>1e999</v></c>',
        '<c r="A2"><v>nan</v></c>',
        '<c r="A2"><v>1e300</v></c>',
        '<c r="A2" s="1"><v>1e300</v></c>',
        '<c r="A2" t="d"><v>never</v></c>',
        '<c r="A2" t="b"><v>2</v></c>',
        '<c r="A2" t="what"><v>2</v></c>',
        '<c r="A2" t="n"><v>' + "9" * 5000 + "</v></c>",
        '<c r="A2" s="99"><v>2</v></c>',
    ],
)
def test_a_cell_of_odd_contents_is_read_as_something(cell: str):
    data = workbook(rows(1))
    odd = part(data, SHEET).replace("</sheetData>", f'<row r="2">{cell}</row></sheetData>')
    assert read_list(repacked(data, {SHEET: odd.encode()}), 20).rows


def test_macros_are_accepted_and_never_looked_at():
    data = repacked(workbook(rows(1)), {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 macro"})
    assert len(read_list(data, 20).rows) == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Name,Email\n", "invalid_workbook"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "password_protected"),
        (OLE, "old_excel_format"),
        (packed({"xl/workbook.xml": b"<!DOCTYPE a []><a/>"}), "unsafe_workbook"),
        (packed({"xl/workbook.xml": b"<a/>", "x": b"\0" * (5 << 20)}), "workbook_too_complex"),
        (workbook([], ["What"]), "no_visitor_list"),
    ],
)
async def test_a_refused_file_is_a_problem_with_a_sentence(api: Api, data: bytes, code: str):
    refusal = problem(await upload(await api.admin(), data), 422, code)
    assert len(refusal["detail"]) > 40
