"""Write the results into docs/performance.md."""

from pathlib import Path

from bench.results import Results
from bench.tables import report

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- results: python -m bench --report -->", "<!-- end of results -->"


def write_report(results: Results, document: Path = DOCUMENT) -> None:
    """Replace the text between the two markers."""
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LookupError(f"{document} lacks {BEGIN} or {END}")
    document.write_text(f"{before}{BEGIN}\n\n{report(results)}\n\n{END}{after}", encoding="utf-8")
