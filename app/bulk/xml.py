"""Reading the XML of a workbook piece by piece. Pure.

Nothing is built of an element that nobody asked for, and a document type is refused where it
begins, before an entity can be declared in it: no entity is ever expanded or fetched.
"""

from collections.abc import Iterable
from typing import Protocol
from xml.parsers import expat

from app.bulk.faults import Damaged, TooComplex, Unsafe

MAX_ELEMENTS = 100_000


class Reader(Protocol):
    """Gets the elements of a part, names without their prefix."""

    def start(self, name: str, attributes: dict[str, str], /) -> None: ...
    def text(self, data: str) -> None: ...
    def end(self, name: str) -> None: ...


class XmlBudget:
    """How many elements may still be read of one workbook."""

    def __init__(self) -> None:
        self._left = MAX_ELEMENTS

    def read(self, pieces: Iterable[bytes], reader: Reader) -> None:
        """Give a part to `reader`; raises `UnreadableWorkbook`."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype

        def start(name: str, attributes: dict[str, str]) -> None:
            self._left -= 1
            if self._left < 0:
                raise TooComplex
            reader.start(name.rpartition(":")[2], attributes)

        parser.StartElementHandler = start
        parser.EndElementHandler = lambda name: reader.end(name.rpartition(":")[2])
        parser.CharacterDataHandler = reader.text
        try:
            for piece in pieces:
                parser.Parse(piece, False)
            parser.Parse(b"", True)
        except (expat.ExpatError, ValueError, LookupError):
            raise Damaged from None


def _refuse_doctype(*_: object) -> None:
    raise Unsafe
