"""How a site shows itself at the head of mails and passes. Pure."""

import base64
from dataclasses import dataclass

from app.core.colours import text_on
from app.notifications.payloads import BrandedPayload

SHOWN = (200, 48)
"""The room of a logo in CSS pixels."""


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo with the size at which it is shown, in CSS pixels."""

    png: bytes
    width: int
    height: int

    @classmethod
    def of(cls, png: bytes) -> "Logo":
        """Return a PNG as it is shown; its size is in its header."""
        wide, high = (int.from_bytes(png[at : at + 4]) for at in (16, 20))
        scale = min(SHOWN[0] / wide, SHOWN[1] / high, 1)
        return cls(png, max(1, round(wide * scale)), max(1, round(high * scale)))

    @property
    def data_url(self) -> str:
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True, slots=True)
class Brand:
    """The head of a mail or pass: a logo on white, else a name on a colour, if there is one."""

    name: str
    colour: str | None
    logo: Logo | None

    @property
    def text_colour(self) -> str | None:
        return text_on(self.colour) if self.colour else None


def brand_of(mail: BrandedPayload) -> Brand | None:
    """Return the brand of the site, or None if it has none."""
    if not (mail.brand_name or mail.brand_color or mail.logo):
        return None
    logo = Logo.of(base64.b64decode(mail.logo)) if mail.logo else None
    return Brand(mail.brand_name or mail.site_name, mail.brand_color, logo)
