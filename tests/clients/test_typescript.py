"""The TypeScript client, and with it the guide for front ends, against a running service."""

import json
import re
import shutil
from pathlib import Path

from tests.clients.tools import ROOT, run, typescript_package

GUIDE = ROOT / "docs" / "frontend.md"
HERE = Path(__file__).parent
SNIPPET = re.compile(r"^```ts\n(.*?)^```", re.DOTALL | re.MULTILINE)
OPTIONS = {
    "target": "ES2022",
    "module": "NodeNext",
    "lib": ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    "types": ["node"],
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "noUnusedLocals": True,
    "skipLibCheck": True,
}


async def test_the_guides_module_compiles_strictly_and_drives_the_service(
    service: str, workbooks: Path, tmp_path: Path
):
    package = typescript_package(tmp_path)
    program = package / "program"
    program.mkdir()
    (program / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    (program / "guide.ts").write_text("\n".join(SNIPPET.findall(GUIDE.read_text(encoding="utf-8"))))
    for name in ("drive.ts", "storage.ts"):
        shutil.copy(HERE / name, program)
    await run("npm", "run", "build", cwd=package)
    await run(package / "node_modules" / ".bin" / "tsc", cwd=program)
    assert "driven" in await run("node", "drive.js", service, workbooks, cwd=program)
