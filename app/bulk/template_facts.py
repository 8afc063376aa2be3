"""What the template says of the service and its site. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.slots.rules import OpeningRules


@dataclass(frozen=True, slots=True)
class TemplateFacts:
    max_rows: int
    max_bytes: int
    site_name: str
    opening: OpeningRules
    hosts: Sequence[tuple[str, str]]
    """Names and e-mail addresses."""
