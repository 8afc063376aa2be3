"""Detect names with which an account could imitate a host.

Follows Unicode Technical Standard 39, for scripts close to Latin.
"""

import re
import unicodedata

LATIN = str.maketrans(
    # Cyrillic
    "АВЕКМНОРСТУХЅІЈԚԜҮӀаеорсухѕіјһԁԛԝкүӏ"
    # Greek
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿαικνορυγχϲϳηω"
    # Armenian and Cherokee
    "ՕՏՍօոսհᎪᏴᏟᎠᎬᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ"
    # Latin letters and digits that look alike
    "ıɑɡIl1|0",
    "ABEKMHOPCTYXSlJQWYlaeopcyxsijhdqwkyl"
    "ABEZHlKMNOPTYXCJaikvopuyxcjnw"
    "OSUonuhABCDEHJKLMPRSTVWZ"
    "iagllllO",
)
# Pairs that look like one letter in small print.
PAIRS = (("rn", "m"), ("vv", "w"))
MARKS = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("’‘ʼ′`´", "'"))
WORD = re.compile(r"[^\W\d_]+")
SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})


def mixes_scripts(name: str) -> bool:
    """Return whether a word mixes scripts that look alike."""
    words = WORD.findall(unicodedata.normalize("NFKC", name))
    return any(len({*map(_script, word)} & SCRIPTS) > 1 for word in words)


def looks_like(name: str, other: str) -> bool:
    """Return whether different names look alike; namesakes are allowed."""
    return _skeleton(name) == _skeleton(other) and _written(name) != _written(other)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _written(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).translate(MARKS).casefold().split())


def _skeleton(name: str) -> str:
    text = unicodedata.normalize("NFKD", name).translate(MARKS).translate(LATIN).casefold()
    for pair, letter in PAIRS:
        text = text.replace(pair, letter)
    return " ".join(text.split())
