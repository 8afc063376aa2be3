"""The QR code as an image."""

from io import BytesIO
from xml.etree import ElementTree as ET

import zxingcpp
from PIL import Image, ImageDraw

from tests.support.api import Api
from tests.support.problems import problem

SVG = "{http://www.w3.org/2000/svg}"


async def test_the_png_shows_the_token(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.get(f"visitors/{visitor['id']}/qr.png")
    assert answer.headers["Content-Type"] == "image/png"
    [code] = zxingcpp.read_barcodes(Image.open(BytesIO(answer.content)).convert("L"))
    assert code.text == visitor["qr_code"]


async def test_the_svg_shows_the_token(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.get(f"visitors/{visitor['id']}/qr.svg")
    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    [code] = zxingcpp.read_barcodes(drawn(answer.content))
    assert code.text == visitor["qr_code"]


def drawn(svg: bytes) -> Image.Image:
    """Return the picture of a QR code that is a path of horizontal strokes, as segno writes it."""
    root = ET.fromstring(svg)  # noqa: S314 - our own document
    path = root.findall(f".//{SVG}path")[-1].attrib["d"]
    image = Image.new("L", (37 * 8, 37 * 8), 255)
    pen = ImageDraw.Draw(image)
    x, y = 0.0, 0.0
    for command, (dx, dy) in strokes(path):
        if command == "M":
            x, y = dx, dy
        elif command == "m":
            x, y = x + dx, y + dy
        else:
            pen.rectangle((x * 8, (y - 0.5) * 8, (x + dx) * 8 - 1, (y + 0.5) * 8 - 1), 0)
            x += dx
    return image


def strokes(path: str) -> list[tuple[str, tuple[float, float]]]:
    """Return the commands of a path that knows `M`, `m` and `h`, with their numbers."""
    spaced = path.replace("-", " -")
    for letter in "Mmh":
        spaced = spaced.replace(letter, f"|{letter} ")
    found = []
    for part in spaced.split("|")[1:]:
        letter, *numbers = part.replace(",", " ").split()
        values = [float(number) for number in numbers]
        found.append((letter, (values[0], values[1] if len(values) > 1 else 0.0)))
    return found


async def test_the_picture_changes_with_a_move(api: Api):
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/"
    before = (await admin.get(f"{path}qr.png")).content
    assert (await admin.get(f"{path}qr.png")).content == before
    await admin.patch(path, {"visit_time": "11:00"})
    assert (await admin.get(f"{path}qr.png")).content != before


async def test_no_other_picture_is_there(api: Api):
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/"
    for name in ("qr.gif", "qr", "qr.png.exe"):
        problem(await admin.get(path + name), 404, "not_found")
