"""Figures of passwords that were tried."""

from prometheus_client import Counter

_sign_ins = Counter("vms_sign_ins", "Passwords tried, of sign-ins and changes", ["result"])
PASSED = _sign_ins.labels("passed")
FAILED = _sign_ins.labels("failed")
