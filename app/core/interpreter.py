"""Interpreter settings against long garbage collections and long turns of export threads.

Scanning the 200,000 permanent objects would stop all requests for a tenth of a second.
"""

import gc
import sys

YOUNG, MIDDLE, OLD = 20_000, 20, 20
SWITCH_SECONDS = 0.0005


def tune_interpreter() -> None:
    """Freeze permanent objects and tune collection; call once after start-up."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    sys.setswitchinterval(SWITCH_SECONDS)
