"""Durable writes: a power cut leaves either the old or the new state."""

import os
from pathlib import Path


def write_durably(file: Path, content: bytes, mode: int = 0o644) -> None:
    """Create or replace a file durably."""
    draft = file.with_name(f".{file.name}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
        output.flush()
        os.fsync(descriptor)
    rename_durably(draft, file)


def rename_durably(old: Path, new: Path) -> None:
    """Rename durably, within a directory."""
    old.rename(new)
    directory = os.open(new.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
