"""Metrics of scans; forged codes leave no row and are counted only here."""

from prometheus_client import Counter

from app.scans.errors import REFUSALS
from app.scans.models import OPENED, Scan, ScanVerdict

_scans = Counter(
    "vms_scans", "Scanned QR codes, by verdict and code of the refusal", ["verdict", "code"]
)
FORGED = _scans.labels("forged", "")
REPLAYED = _scans.labels("replayed", "")
for _verdict in OPENED:
    _scans.labels(_verdict, "")
for _code in REFUSALS:
    for _verdict in (ScanVerdict.REFUSED, ScanVerdict.CONFLICT):
        _scans.labels(_verdict, _code)


def scans_like(scan: Scan, *, replayed: bool = False) -> Counter:
    return REPLAYED if replayed else _scans.labels(scan.verdict, scan.code or "")
