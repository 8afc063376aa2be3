"""The Python client of openapi-python-client against a running service."""

from pathlib import Path

from tests.clients.tools import PYTHON, require, run, write_document

HERE = Path(__file__).parent


async def test_a_generated_client_drives_the_service(service: str, workbooks: Path, tmp_path: Path):
    """The generator must leave nothing out: a warning fails, too."""
    tools = require(PYTHON / ".venv" / "bin")
    write_document(tmp_path / "openapi.json")
    generate = ("--path", "openapi.json", "--config", PYTHON / "config.yaml", "--meta", "none")
    package = ("--output-path", "visitor_management", "--fail-on-warning")
    await run(tools / "openapi-python-client", "generate", *generate, *package, cwd=tmp_path)
    program = tmp_path / "drive.py"
    program.write_text((HERE / "drive.py").read_text(encoding="utf-8"), encoding="utf-8")
    assert "driven" in await run(tools / "python", program, service, workbooks, cwd=tmp_path)
