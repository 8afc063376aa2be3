"""Names that look alike: whoever picks a host from a list must not get another one's letters.

After Unicode Technical Standard 39: no word of letters from several scripts, and no name that has
the look of another one's. The table has the letters of the scripts that are most like Latin ones.
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
    # Latin letters and digits that pass for others
    "ıɑɡIl1|0",
    "ABEKMHOPCTYXSlJQWYlaeopcyxsijhdqwkyl"
    "ABEZHlKMNOPTYXCJaikvopuyxcjnw"
    "OSUonuhABCDEHJKLMPRSTVWZ"
    "iagllllO",
)
# What looks like one letter where the print is small.
PAIRS = (("rn", "m"), ("vv", "w"))
MARKS = str.maketrans(dict.fromkeys("‐‑‒–—−", "-") | dict.fromkeys("’‘ʼ′`´", "'"))
WORD = re.compile(r"[^\W\d_]+")
SCRIPTS = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})


def mixes_scripts(name: str) -> bool:
    """Whether one word of a name has letters of several scripts that look alike."""
    words = WORD.findall(unicodedata.normalize("NFKC", name))
    return any(len({*map(_script, word)} & SCRIPTS) > 1 for word in words)


def looks_like(name: str, other: str) -> bool:
    """Whether two names look alike and are not the same: namesakes are nobody's fault."""
    return _skeleton(name) == _skeleton(other) and _written(name) != _written(other)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _written(name: str) -> str:
    """A name as far as its letters go, without regard to case, spaces and typography."""
    return " ".join(unicodedata.normalize("NFKC", name).translate(MARKS).casefold().split())


def _skeleton(name: str) -> str:
    """What the eye sees of a name."""
    text = unicodedata.normalize("NFKD", name).translate(MARKS).translate(LATIN).casefold()
    for pair, letter in PAIRS:
        text = text.replace(pair, letter)
    return " ".join(text.split())
