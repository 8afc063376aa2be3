"""Figures of scans. Forged codes leave no row behind: they are counted here alone."""

from prometheus_client import Counter

from app.scans.errors import REFUSALS
from app.scans.models import OPENED, Scan, ScanVerdict

_scans = Counter("vms_scans", "Codes scanned, with the code of a refusal", ["verdict", "code"])
FORGED = _scans.labels("forged", "")
REPLAYED = _scans.labels("replayed", "")
for _verdict in OPENED:
    _scans.labels(_verdict, "")
for _code in REFUSALS:
    for _verdict in (ScanVerdict.REFUSED, ScanVerdict.CONFLICT):
        _scans.labels(_verdict, _code)
    _scans.labels(ScanVerdict.CONFLICT, _code)


def scans_like(scan: Scan, *, replayed: bool = False) -> Counter:
    """Where a kept scan is counted; a repeat is not counted as what it repeats."""
    return REPLAYED if replayed else _scans.labels(scan.verdict, scan.code or "")
