"""Reads untrusted XML: unwanted elements create no objects, document types are refused."""

from collections.abc import Iterable
from typing import Protocol
from xml.parsers import expat

from app.bulk.faults import Damaged, TooComplex, Unsafe

MAX_ELEMENTS = 100_000


class Reader(Protocol):
    """Receives the elements of a part, without prefixes."""

    def start(self, name: str, attributes: dict[str, str], /) -> None: ...
    def text(self, data: str) -> None: ...
    def end(self, name: str) -> None: ...


class XmlBudget:
    """The number of elements that may still be read from a workbook."""

    def __init__(self) -> None:
        self._left = MAX_ELEMENTS

    def read(self, pieces: Iterable[bytes], reader: Reader) -> None:
        """Parse a part; raise `UnreadableWorkbook`."""
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
