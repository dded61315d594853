"""PDF, PostScript and image documents for the tests, made in memory."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pikepdf
from PIL import Image

A4 = (595.276, 841.89)
BLACK_INK = b"0 g 100 100 200 50 re f"
RED_INK = b"1 0 0 rg 100 100 200 50 re f"


def make_pdf(
    pages: int = 1,
    *,
    contents: Sequence[bytes] = (BLACK_INK,),
    size: tuple[float, float] = A4,
    entries: Mapping[str, Any] | None = None,
    info: Mapping[str, str] | None = None,
    **save: Any,
) -> bytes:
    """A PDF of so many pages with these contents in turn, each page with these further entries."""
    with pikepdf.new() as pdf:
        for number in range(pages):
            pdf.add_blank_page(page_size=size)
            page = pdf.pages[-1]
            page.Contents = pdf.make_stream(contents[number % len(contents)])
            for name, value in (entries or {}).items():
                page.obj[name] = value
        for name, value in (info or {}).items():
            pdf.docinfo[name] = value
        out = io.BytesIO()
        pdf.save(out, **save)
        return out.getvalue()


PAPER: Mapping[str, Any] = {
    "1": 1,
    "L": 255,
    "P": 0,
    "RGB": (255, 255, 255),
    "RGBA": (255, 255, 255, 255),
    "CMYK": (0, 0, 0, 0),
}


def make_image(
    format_name: str,
    *,
    mode: str = "RGB",
    ink: Any = (0, 0, 0),
    size: tuple[int, int] = (300, 400),
    **save: Any,
) -> bytes:
    """A white image with an inked square."""
    image = Image.new(mode, size, PAPER[mode])
    image.paste(ink, (50, 50, 150, 150))
    out = io.BytesIO()
    image.save(out, format_name, **save)
    return out.getvalue()
