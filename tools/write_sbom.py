"""Writes `sbom.cdx.json` (CycloneDX 1.6) for vulnerability scanners."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from tools.write_licences import LOCK, ROOT, Part, parts, vendored

FILE = ROOT / "sbom.cdx.json"
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill() -> dict[str, Any]:
    lock = LOCK.read_text(encoding="utf-8")
    ours = {"type": "application", "bom-ref": "vms", "name": "vms", "version": version("vms")}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": ours},
        "components": [*_pinned(lock), *(_component(part, "npm") for part in vendored())],
    }


def _pinned(lock: str) -> Iterator[dict[str, Any]]:
    for part in parts(lock):
        pin = f"{part.name}=={part.version}"
        entry = lock[lock.index(pin) :].partition("\n    #")[0]
        # A component's hash would be that of one file, but it has one per system.
        files = HASH.findall(entry)
        properties = [{"name": "vms:file", "value": f"sha256:{file}"} for file in files]
        yield {**_component(part, "pypi"), "properties": properties}


def _component(part: Part, kind: str) -> dict[str, Any]:
    reference = f"pkg:{kind}/{part.name}@{part.version}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": part.name,
        "version": part.version,
        "purl": reference,
        "licenses": [_licence(part.licence)],
    }


def _licence(text: str) -> dict[str, Any]:
    if text == "BSD":  # used by some packages, but not an SPDX name
        return {"license": {"name": text}}
    return {"expression": text}


def main() -> None:
    FILE.write_text(json.dumps(bill(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
