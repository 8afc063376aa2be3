"""Metrics of sign-ins."""

from prometheus_client import Counter

_sign_ins = Counter("vms_sign_ins", "Password checks of sign-ins and password changes", ["result"])
PASSED = _sign_ins.labels("passed")
FAILED = _sign_ins.labels("failed")
_second_factors = Counter("vms_second_factors", "Checks of codes and passkeys", ["result"])
FACTOR_PASSED = _second_factors.labels("passed")
FACTOR_FAILED = _second_factors.labels("failed")
