"""Change and remove the logo of a site."""

from datetime import datetime
from uuid import UUID

from app.core.db.database import WriteSession
from app.core.db.scope import Scope
from app.core.errors import Invalid
from app.core.threads import Threads
from app.sites.logo_repository import LogoRepository
from app.sites.repository import SiteRepository
from app.sites.service import locked_site

# A large image takes 64 MiB while it is made smaller.
in_thread = Threads("logos", 1).run


async def read_logo(data: bytes) -> bytes:
    """Return an uploaded image as the PNG to be stored; raise `Invalid`."""
    from app.sites import logo_image  # reads images, which most processes never need

    try:
        return await in_thread(logo_image.logo_of, data)
    except logo_image.Unreadable:
        raise Invalid.field("body", "unreadable_image", "Not a PNG or JPEG image") from None
    except logo_image.TooWide:
        message = f"The image has more than {logo_image.MOST_PIXELS} pixels a side"
        raise Invalid.field("body", "image_too_large", message) from None


async def put_logo(
    unit: WriteSession, site_id: UUID, png: bytes, now: datetime, scope: Scope
) -> None:
    """Set the logo of a site; raise `NotFound`."""
    site = await locked_site(SiteRepository(unit), site_id, scope)
    await LogoRepository(unit).put(site, png, now)
    site.has_logo, site.updated_at = True, now


async def remove_logo(unit: WriteSession, site_id: UUID, now: datetime, scope: Scope) -> None:
    """Remove the logo of a site; raise `NotFound`."""
    site = await locked_site(SiteRepository(unit), site_id, scope)
    await LogoRepository(unit).remove(site)
    site.has_logo, site.updated_at = False, now
