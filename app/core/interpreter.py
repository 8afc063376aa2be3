"""Interpreter settings for processes that answer requests.

A collection that scans the 200,000 permanent objects stops all requests for a tenth of a second. A
shorter switch interval makes scans wait a third less beside exports and uploads.
"""

import gc
import sys

YOUNG, MIDDLE, OLD = 20_000, 20, 20
HAND_ON_SECONDS = 0.0005


def tune_interpreter() -> None:
    """Freeze permanent objects and tune collection; call once after start-up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    sys.setswitchinterval(HAND_ON_SECONDS)
