"""The settings of a running `vms dev`, for commands beside it."""

import json
from collections.abc import Mapping
from pathlib import Path

from devserver.disk import write_durably
from devserver.process import EmbeddedError

FILE = "environment.json"


def keep(data_dir: Path, environment: Mapping[str, str], inherited: Mapping[str, str]) -> None:
    """Store the settings that differ from those of the terminal."""
    own = {name: value for name, value in environment.items() if inherited.get(name) != value}
    write_durably(data_dir / FILE, json.dumps(own).encode(), mode=0o600)


def forget(data_dir: Path) -> None:
    (data_dir / FILE).unlink(missing_ok=True)


def read(data_dir: Path) -> dict[str, str]:
    """Return the settings; raise EmbeddedError if no `vms dev` runs with the directory."""
    try:
        found: dict[str, str] = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
    except OSError:
        message = f"No vms dev runs with the data directory {data_dir}: start it first."
        raise EmbeddedError(message) from None
    return found
