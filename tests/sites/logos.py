"""Images to send as logos."""

from io import BytesIO
from typing import Any

import httpx
from PIL import Image

from tests.support.api import Client


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 20), colour: Any = None) -> Image.Image:
    return Image.new(mode, size, colour) if colour is not None else Image.new(mode, size)


LOGO = encoded(picture(colour=(200, 30, 60), size=(120, 40)))


async def put_logo(
    client: Client, site: str, data: bytes = LOGO, media_type: str = "image/png"
) -> httpx.Response:
    headers = client.headers | {"Content-Type": media_type}
    path = f"/api/sites/{site}/logo/"
    return await client._http.put(path, content=data, headers=headers)
