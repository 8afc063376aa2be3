"""The XML parts of a workbook (ECMA-376 part 1)."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from app.reports.cells import HEADER, text_cell
from app.reports.columns import Column

DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"

# Sheets have the default type, since their number is not known yet.
CONTENT_TYPES = (
    f'{DECLARATION}<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{TYPES}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/>'
    "</Types>"
)
ROOT_LINKS = (
    f'{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{LINKS}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)
# Used by index in cells.py: plain, header, text, date, time, instant, local.
STYLES = (
    f'{DECLARATION}<styleSheet xmlns="{MAIN}">'
    '<numFmts count="4"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="hh:mm"/>'
    '<numFmt numFmtId="166" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss\\ &quot;UTC&quot;"/>'
    '<numFmt numFmtId="167" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    "<borders><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    '<cellStyleXfs><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="7">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="166" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="167" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    "</cellXfs>"
    '<cellStyles><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


def sheet_head(columns: Sequence[Column]) -> str:
    """Return the start of a sheet: frozen header, column widths, titles."""
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{column.width}" customWidth="1"/>'
        for n, column in enumerate(columns, 1)
    )
    titles = "".join(text_cell(column.title, HEADER) for column in columns)
    return (
        f'{DECLARATION}<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        f"</sheetView></sheetViews><cols>{widths}</cols><sheetData><row>{titles}</row>"
    )


def sheet_tail(columns: Sequence[Column], rows: int) -> str:
    return f'</sheetData><autoFilter ref="A1:{_last(columns)}{rows}"/></worksheet>'


def workbook(title: str, columns: Sequence[Column], sheets: Sequence[int]) -> str:
    """Return the list of sheets, given their numbers of rows, with filters."""
    names = [escape(_name(title, n)) for n in range(1, len(sheets) + 1)]
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1)
    )
    filters = "".join(
        f'<definedName name="_xlnm._FilterDatabase" localSheetId="{n}" hidden="1">'
        f"'{name}'!$A$1:${_last(columns)}${rows}</definedName>"
        for n, (name, rows) in enumerate(zip(names, sheets, strict=True))
    )
    return (
        f'{DECLARATION}<workbook xmlns="{MAIN}" xmlns:r="{LINKS}">'
        f"<bookViews><workbookView/></bookViews><sheets>{listed}</sheets>"
        f"<definedNames>{filters}</definedNames></workbook>"
    )


def workbook_links(sheets: int) -> str:
    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{LINKS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, sheets + 1)
    )
    return (
        f'{DECLARATION}<Relationships xmlns="{PACKAGE}/relationships">{listed}'
        f'<Relationship Id="styles" Type="{LINKS}/styles" Target="styles.xml"/></Relationships>'
    )


def _name(title: str, number: int) -> str:
    return title if number == 1 else f"{title} {number}"


def _last(columns: Sequence[Column]) -> str:
    """Return the letter of the last column, of at most 26."""
    return chr(ord("A") + len(columns) - 1)
