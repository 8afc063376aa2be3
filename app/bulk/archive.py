"""The zip archive of an untrusted workbook.

The directory is checked first; since it may lie, unpacked bytes are counted as well.
"""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from app.bulk.faults import Damaged, NotAWorkbook, OldFormat, Protected, TooComplex

MAX_ENTRIES = 200
MAX_UNPACKED = 20 * 1024 * 1024
MAX_RATIO = 250  # of parts above 1 MiB
MAX_READ = 6 * 1024 * 1024  # unpacked XML, without images and macros
CHUNK = 512 * 1024  # with small pieces the parser restarts long tokens again and again

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
    """The parts of a workbook; raises `UnreadableWorkbook` for an unsafe one."""

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
            raise Damaged  # office programs use no others, and some need large windows
        if entry.file_size > max(MAX_RATIO * entry.compress_size, 1024 * 1024):
            raise TooComplex
