"""Documents for the conformance suites, which Debian ships without any: made here, by other people's writers.

The names are those that the `.test` files open: `document-a4.pdf`, `color.jpg`,
`pwg-raster-samples-300dpi/srgb-8/onepage-letter-srgb-8-300dpi.pwg` and so on.
"""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from tests.peers.process import clean_environment, find_program, run_program

MEDIA_POINTS = {"a4": (595, 842), "letter": (612, 792), "4x6": (288, 432)}
PAGES = {"document": 4, "onepage": 1, "color.jpg": 1, "gray.jpg": 1}

# cupsColorSpace (PWG 5102.4 4.3.3.1.6), bits per colour, bits per pixel, colours
RASTER_TYPES = {
    "black-1": (3, 1, 1, 1),
    "sgray-8": (18, 8, 8, 1),
    "srgb-8": (19, 8, 24, 3),
    "srgb-16": (19, 16, 48, 3),
    "cmyk-8": (6, 8, 32, 4),
}

_DOCUMENT = r"""%!PS-Adobe-3.0
%%Pages: {pages}
%%EndComments
1 1 {pages} {{
  /page exch def
  /Helvetica findfont 24 scalefont setfont
  36 36 moveto (Page ) show page 10 string cvs show ( of {pages}) show
  0 1 9 {{
    /band exch def
    {colour}
    36 {height} 72 sub {height} 200 sub 10 div band mul sub {width} 72 sub 12 rectfill
  }} for
  showpage
}} for
"""
_COLOURS = {
    "color": "band 10 div page 10 div 1 band 10 div sub setrgbcolor",
    "gray": "band 11 div setgray",
}

_RASTER_NAME = re.compile(
    r"(?P<pages>document|onepage|color\.jpg|gray\.jpg)-(?P<media>a4|letter|4x6)"
    r"-(?P<type>[a-z]+-\d+)-(?P<resolution>\d+)dpi\.pwg"
)


def write_postscript(pages: int, media: str, colours: str = "color") -> str:
    """PostScript source of a document: coloured bands and the page's number."""
    width, height = MEDIA_POINTS[media]
    return _DOCUMENT.format(pages=pages, width=width, height=height, colour=_COLOURS[colours])


def _run_ghostscript(source: str, media: str, output: Path, *options: str) -> None:
    width, height = MEDIA_POINTS[media]
    size = (f"-dDEVICEWIDTHPOINTS={width}", f"-dDEVICEHEIGHTPOINTS={height}", "-dFIXEDMEDIA")
    run_program(
        [find_program("gs"), "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", *size, *options, "-o", output, "-"],
        environment=clean_environment(output.parent),
        stdin=source.encode(),
    )


def make_pdf(output: Path, *, pages: int = 1, media: str = "a4", colours: str = "color") -> Path:
    """Write a PDF by Ghostscript."""
    _run_ghostscript(write_postscript(pages, media, colours), media, output, "-sDEVICE=pdfwrite")
    return output


def make_postscript(output: Path, *, pages: int = 1, media: str = "a4") -> Path:
    """Write a PostScript file by Ghostscript."""
    _run_ghostscript(write_postscript(pages, media), media, output, "-sDEVICE=ps2write")
    return output


def make_jpeg(output: Path, *, colours: str = "color") -> Path:
    """Write a small photograph-shaped JPEG by Pillow."""
    gradient = Image.linear_gradient("L").resize((600, 400))
    if colours == "color":
        turned = gradient.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        gradient = Image.merge("RGB", (gradient, turned, Image.new("L", gradient.size, 96)))
    gradient.save(output, "JPEG", quality=85)
    return output


def make_raster(
    output: Path,
    *,
    raster_type: str,
    resolution_dpi: int,
    pages: int = 1,
    media: str = "a4",
    colours: str = "color",
) -> Path:
    """Write PWG Raster by Ghostscript's own writer (PWG 5102.4)."""
    space, bits, depth, count = RASTER_TYPES[raster_type]
    _run_ghostscript(
        write_postscript(pages, media, colours),
        media,
        output,
        "-sDEVICE=pwgraster",
        f"-r{resolution_dpi}",
        f"-dcupsColorSpace={space}",
        f"-dcupsBitsPerColor={bits}",
        f"-dcupsBitsPerPixel={depth}",
        f"-dcupsNumColors={count}",
        "-dcupsColorOrder=0",
    )
    return output


def make_document(folder: Path, name: str) -> Path | None:
    """Make the document of this name below `folder`; None for a name that is no document of the suites."""
    output = folder / name
    output.parent.mkdir(parents=True, exist_ok=True)
    plain = re.fullmatch(r"(document|onepage)-(a4|letter)\.(pdf|ps)", name)
    if plain:
        make = make_pdf if plain[3] == "pdf" else make_postscript
        return make(output, pages=PAGES[plain[1]], media=plain[2])
    if name in ("color.jpg", "gray.jpg"):
        return make_jpeg(output, colours=name.removesuffix(".jpg"))
    raster = _RASTER_NAME.fullmatch(output.name)
    if raster:
        return make_raster(
            output,
            raster_type=raster["type"],
            resolution_dpi=int(raster["resolution"]),
            pages=PAGES[raster["pages"]],
            media=raster["media"],
            colours="gray" if raster["pages"] == "gray.jpg" else "color",
        )
    return None


def documents_named_by(suite: Path) -> set[str]:
    """Names of all files that a `.test` file, and those it includes, send.

    All of them must be there: ipptool ends at the first that is missing, even in a step it would skip.
    """
    opened = re.compile(r'^\s*(FILE|INCLUDE)\s+"?([^"\s$]+)', re.MULTILINE)
    names: set[str] = set()
    unread = [suite]
    while unread:
        for word, name in opened.findall(unread.pop().read_text()):
            if word == "INCLUDE":
                unread.append(suite.parent / name)
            else:
                names.add(name)
    return names
