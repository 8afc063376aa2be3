"""What `make tools` installs for the tests of the page."""

from pathlib import Path

TOOLS = Path(__file__).parent / "npm" / "node_modules"
AXE = TOOLS / "axe-core" / "axe.min.js"
