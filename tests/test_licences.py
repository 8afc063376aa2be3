"""The list of licences of dependencies."""

from email.message import Message
from pathlib import Path
from typing import cast

import pytest

from tools.write_licences import LOCK, Part, licence, parts, refused, vendored
from tools.write_sbom import bill


def said(**fields: str) -> str:
    message = Message()
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    return licence(cast("object", message))  # type: ignore[arg-type] # read like metadata


@pytest.mark.parametrize("lock", [LOCK, LOCK.with_name("requirements-all.lock")])
def test_every_part_of_the_service_is_allowed(lock: Path):
    found = [*parts(lock.read_text(encoding="utf-8")), *vendored()]
    assert len(found) > 50
    assert refused(found) == []


@pytest.mark.parametrize(
    "text",
    ["GPL-3.0-only", "MIT AND GPL-2.0-only", "AGPL-3.0", "unknown", "Proprietary", "NOT MIT"],
)
def test_a_licence_that_is_not_on_the_list_is_refused(text: str):
    assert refused([Part("part", "1", text)]) == [f"part: {text} is not allowed"]


@pytest.mark.parametrize("text", ["MIT", "MIT OR Apache-2.0", "(MIT AND PSF-2.0) OR ISC"])
def test_a_licence_may_be_one_of_several(text: str):
    assert refused([Part("part", "1", text)]) == []


def test_the_bill_of_materials_has_every_part_with_its_files():
    document = bill()
    found = {part["purl"]: part for part in document["components"]}
    assert len(found) == len(document["components"]) > 50
    for part in parts(LOCK.read_text(encoding="utf-8")):
        properties = found[f"pkg:pypi/{part.name}@{part.version}"]["properties"]
        assert properties, part.name
        assert len({each["value"] for each in properties}) == len(properties)
    assert "pkg:npm/zxing-wasm@3.1.4" in found
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")


def test_an_expression_is_believed_before_the_words_of_before():
    assert said(License_Expression="MIT", License="BSD") == "MIT"
    assert said(License="ISC License") == "ISC"
    assert said(Classifier="License :: OSI Approved :: BSD License") == "BSD"
    assert said(License="Whatever\nof many lines") == "Whatever"
    assert said() == "unknown"


def test_a_part_that_is_not_installed_is_refused():
    assert refused(list(parts("no-such-part==1.0 \\\n"))) == [
        "no-such-part: not installed is not allowed"
    ]


@pytest.mark.parametrize(
    ("marker", "is_listed"),
    [
        ("sys_platform == 'emscripten'", False),
        ("python_full_version >= '3.12' and sys_platform == 'emscripten'", False),
        ("python_full_version < '3.8'", False),
        ("platform_python_implementation == 'PyPy'", False),
        ("sys_platform == 'win32'", True),
        ("python_full_version < '3.11.3'", True),
        ("sys_platform != 'emscripten'", True),
        ("implementation_name != 'PyPy' and platform_python_implementation != 'PyPy'", True),
    ],
)
def test_what_is_installed_nowhere_is_not_listed(marker: str, is_listed: bool):
    lock = f"colorama==0.4.6 ; {marker} \\\n    --hash=sha256:00\nidna==3.20 \\\n"
    names = [part.name for part in parts(lock)]
    assert names == (["colorama", "idna"] if is_listed else ["idna"])
