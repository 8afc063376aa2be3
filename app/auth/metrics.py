"""Metrics of sign-ins."""

from prometheus_client import Counter

_sign_ins = Counter("vms_sign_ins", "Password checks of sign-ins and password changes", ["result"])
PASSED = _sign_ins.labels("passed")
FAILED = _sign_ins.labels("failed")
