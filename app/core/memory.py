"""The garbage collector of a process that stays.

What a process is made of (modules, routes, schemas, mappers) lives as long as it does: 200,000
objects that every full collection would look through again, while all requests wait for a tenth of
a second. And a request makes some thousand objects that die by themselves: to look for cycles
among each 700 of them finds next to nothing.
"""

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 20


def settle() -> None:
    """To be called once, when all that stays has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
