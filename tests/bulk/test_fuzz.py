"""Any bytes are read as a list or clearly refused, never a 500."""

import json
import zipfile
from dataclasses import asdict
from datetime import date, time
from io import BytesIO
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.bulk.errors import problem_of
from app.bulk.faults import UnreadableWorkbook
from app.bulk.marking import marked
from app.bulk.rows import read_rows
from app.bulk.workbook import read_list
from tests.bulk.files import HEADER, packed, row, shared, upload, workbook
from tests.support.api import Api

COMMON: dict[str, Any] = {"visit_date": date(2026, 11, 23), "visit_time": time(10), "site": None}
VALID = [workbook([row(1), row(2, "x")], [*HEADER, "Visit Time"])]
VALID.append(shared(VALID[0]))
PARTS = []
for _data in VALID:
    with zipfile.ZipFile(BytesIO(_data)) as _file:
        PARTS.append({name: _file.read(name) for name in _file.namelist()})
SOURCES = {f"{place}:{name}": (place, name) for place, held in enumerate(PARTS) for name in held}

Change = tuple[float, int, bytes]
changes = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=20)), min_size=1, max_size=8
)
# Fragments of XML, so that mutations get past the parser.
WORDS = (
    b"< </c> <f>1</f> t='s' s='9' r='A1048576' &amp; <v>-1</v> <v>1e999</v> <row> <!-- ]]>".split()
)
pieces = st.sampled_from([*WORDS, b'<c r="A2">', b'<mergeCell ref="A1:F9"/>', b"\0"])
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), pieces), min_size=1, max_size=4)


def changed(data: bytes, where: list[Change]) -> bytes:
    for share, cut, put in where:
        begin = int(share * len(data))
        data = data[:begin] + put + data[begin + cut :]
    return data


def survives(data: bytes) -> None:
    """Read, judge and mark it as a request would."""
    try:
        rows = read_rows(read_list(data, 20), COMMON)
    except UnreadableWorkbook as verdict:
        problem_of(verdict)
        return
    assert rows.candidates or rows.faults
    json.dumps([asdict(fault) for fault in rows.faults]).encode()
    if rows.faults:
        assert marked(rows.found, rows.faults)


@given(st.binary(max_size=400))
@example(b"PK\x05\x06" + b"\0" * 18)
def test_random_bytes(data: bytes):
    survives(data)
    survives(b"PK\x03\x04" + data)
    survives(bytes.fromhex("D0CF11E0A1B11AE1") + data)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(VALID), changes)
def test_random_mutations_of_the_file(data: bytes, where: list[Change]):
    survives(changed(data, where))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(SOURCES)), st.one_of(changes, edits))
def test_random_mutations_of_the_parts(source: str, where: list[Change]):
    place, name = SOURCES[source]
    survives(packed(PARTS[place] | {name: changed(PARTS[place][name], where)}))


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(-(10**20), 10**20),
                st.floats(allow_nan=False, allow_infinity=False),
                st.dates(min_value=date(1901, 1, 1)),
                st.times(),
                st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=20),
            ),
            max_size=8,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_random_cells(lines: list[list[Any]]):
    survives(workbook(lines, [*HEADER, "Visit Date", "Visit Time"]))


async def test_mutated_files_are_answered_with_a_clear_refusal(
    api: Api, app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.state.settings, "upload_limit_per_account", "10000/minute")
    admin = await api.admin()
    for place in range(0, len(VALID[1]), 97):
        data = VALID[1][:place] + bytes([VALID[1][place] ^ 0x55]) + VALID[1][place + 1 :]
        answer = await upload(admin, data, query="?dry_run=true")
        assert answer.status_code in {200, 422}, place
