"""How the interpreter is set for a process that answers requests.

What such a process is made of (modules, routes, schemas, mappers) lives as long as it does: 200,000
objects that every full collection would look through again, while all requests wait for a tenth of
a second. And a request makes some thousand objects that die by themselves: to look for cycles
among each 700 of them finds next to nothing.

A thread that reads a workbook or writes an export hands the interpreter on when it is asked to, by
default after five milliseconds. A scan asks for it half a dozen times: with 0.5 ms the gate waits
two thirds as long beside exports and uploads, which are not slower for it.
"""

import gc
import sys

YOUNG, MIDDLE, OLD = 20_000, 20, 20
HAND_ON_SECONDS = 0.0005


def settle() -> None:
    """To be called once, when all that stays has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    sys.setswitchinterval(HAND_ON_SECONDS)
