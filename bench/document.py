from pathlib import Path

from bench.results import Results
from bench.tables import report

FOLDER = Path(__file__).parent / "results"


def write_report(results: Results, folder: Path = FOLDER) -> Path:
    """Write the tables as Markdown, named after the day and the number of visitors."""
    day, size = results.conditions["date"], max(results.sizes)
    file = folder / f"{day}-{size}.md"
    file.write_text(f"# {size:,} visitors, {day}\n\n{report(results)}\n", encoding="utf-8")
    return file
