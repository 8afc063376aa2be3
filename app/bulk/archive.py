"""The zip archive around a workbook, opened with distrust. Pure.

The directory is judged before anything is unpacked. As it may lie, what is unpacked is counted
as well, in small pieces that are never held together.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from app.bulk.faults import Damaged, NotAWorkbook, OldFormat, Protected, TooComplex

MAX_ENTRIES = 200
MAX_UNPACKED = 20 * 1024 * 1024
MAX_RATIO = 250  # unpacked bytes for each packed one, of parts of more than a mebibyte
MAX_READ = 6 * 1024 * 1024  # unpacked XML that is looked at, pictures and macros aside
CHUNK = 512 * 1024  # small ones have the XML parser begin a long token over and over

ZIP_MAGIC = b"PK"
OLE_MAGIC = bytes.fromhex("D0CF11E0A1B11AE1")
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
ENCRYPTED_FLAG = 0x1
ZIP_FAULTS = (
    BadZipFile,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
    zlib.error,
)


class Archive:
    """The parts of a workbook file. Raises `UnreadableWorkbook` for one that is not safe."""

    def __init__(self, data: bytes) -> None:
        _refuse_other_formats(data)
        try:
            self._zip = ZipFile(BytesIO(data))
            entries = self._zip.infolist()
        except ZIP_FAULTS:
            raise Damaged from None
        _refuse_bombs(entries)
        self._entries = {entry.filename: entry for entry in entries}
        self._left = MAX_READ

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def pieces(self, name: str) -> Iterator[bytes]:
        """A part, unpacked in small pieces."""
        try:
            with self._zip.open(self._entries[name]) as part:
                while piece := part.read(CHUNK):
                    self._count(piece)
                    yield piece
        except ZIP_FAULTS:
            raise Damaged from None

    def _count(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            raise TooComplex


def _refuse_other_formats(data: bytes) -> None:
    if data.startswith(OLE_MAGIC):
        raise Protected if ENCRYPTED_STREAM in data else OldFormat
    if not data.startswith(ZIP_MAGIC):
        raise NotAWorkbook


def _refuse_bombs(entries: list[ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise TooComplex
    for entry in entries:
        if entry.flag_bits & ENCRYPTED_FLAG:
            raise Protected
        if entry.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
            raise Damaged  # no office program writes others, and some unpack into big windows
        if entry.file_size > max(MAX_RATIO * entry.compress_size, 1024 * 1024):
            raise TooComplex
