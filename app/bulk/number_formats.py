"""Numbers as displayed by formats of zeros (ECMA-376, part 1, 18.8.31)."""

import re
from collections.abc import Iterator

# Quoted text, an escaped character, a space, a filler, a colour or a country.
TOKEN = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[(?![<>=])[^\]]*\]|(.)', re.DOTALL)
PLACES = frozenset("0#?")
# A point would begin the decimals, and a slash a fraction.
PLAIN = frozenset("+-() 123456789")
LITERAL = PLAIN | frozenset(".0")

Token = tuple[bool, str]
"""Whether it is a digit placeholder, and the character."""


def digits_shown(number: int, number_format: str) -> str | None:
    """Return a whole number as shown by a format of zeros, else None."""
    tokens = list(_tokens(number_format))
    places = sum(is_place for is_place, _ in tokens)
    sound = all(is_place or character in LITERAL for is_place, character in tokens)
    return _filled(tokens, str(number), places) if number >= 0 and places and sound else None


def _tokens(number_format: str) -> Iterator[Token]:
    for quoted, escaped, plain in TOKEN.findall(number_format):
        if plain == ";":
            return
        if plain:
            known = plain in PLACES or plain in PLAIN
            yield plain in PLACES, plain if known else "unknown"
        yield from ((False, character) for character in quoted + escaped)


def _filled(tokens: list[Token], digits: str, places: int) -> str:
    """Fill the digits in from the right; the first placeholder takes all that remain."""
    shown = []
    for is_place, character in reversed(tokens):
        if not is_place:
            shown.append(character)
            continue
        places -= 1
        cut = max(len(digits) - 1, 0) if places else 0
        digits, digit = digits[:cut], digits[cut:]
        shown.append(digit or ("0" if character == "0" else ""))
    return "".join(reversed(shown)).strip()
