"""PDF documents from templates of Typst."""

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from app.core.threads import Threads

if TYPE_CHECKING:
    import typst

FONT_PACKAGES = ("manimgx_fonts", "noto_cjk_sans_otc")

# The typesetter runs outside of the interpreter's lock, so that gates do not wait for it.
in_thread = Threads("documents", 2).run


async def typeset(template: Path, content: Mapping[str, Any]) -> bytes:
    """Return a PDF, made in a thread."""
    return await in_thread(compiled, template, content)


def compiled(
    template: Path, content: Mapping[str, Any], form: Literal["pdf", "png"] = "pdf"
) -> bytes:
    """Return a PDF, or a picture of 300 dots an inch.

    The template reads `content` as JSON, so that no word of it is markup.
    """
    import typst  # 60 MB that most processes never need

    made = typst.compile(
        str(template),
        root=str(template.parent),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"content": json.dumps(content)},
        format=form,
        ppi=300 if form == "png" else None,
    )
    if not isinstance(made, bytes):
        raise TypeError("A picture has one page")
    return made


@lru_cache(maxsize=1)
def _fonts() -> "typst.Fonts":
    import typst

    return typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[_folder(package) for package in FONT_PACKAGES],
    )


def _folder(package: str) -> str:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return str(Path(spec.origin).parent)
