"""Images as documents: JPEG, PNG, and TIFF of many pages; read in a confined worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from pcl.colour import shows_colour
from pcl.document import DocumentAnalyzer
from pcl.report import Orientation, Page, Report, Tally, Warnings

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageAnalyzer", "measure_image"]

FORMATS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff"}
MAX_PIXELS = 100_000_000  # beyond it an image is counted and its colour unknown; JPEG is decoded at an eighth
MAX_FRAMES = 10_000
LOOK_DOTS = 512  # colour is looked for in an image reduced to this
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F"})


class ImageAnalyzer(DocumentAnalyzer):
    """Counts the pages of a JPEG, PNG or TIFF and says whether they are coloured (an Analyzer).

    An image has no medium: its size on paper is the printer's choice. `resolution` and orientation are what
    the image says.
    """

    format = "image/jpeg"
    task = "image"

    def __init__(self, media_type: str = "image/jpeg", **settings: Any) -> None:
        super().__init__(**settings)
        self.format = media_type


def measure_image(document: BinaryIO, options: Mapping[str, Any]) -> Iterator[Report]:
    """Yield the report without colour, then with it; runs in the worker.

    The worker's memory limit is what a bomb of pixels meets in the end.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # our own bound below warns, and still counts the page
    warnings = Warnings()
    try:
        image = Image.open(document, formats=["JPEG", "PNG", "TIFF"])
    except MemoryError:
        raise
    except Exception as error:
        # Whatever Pillow's many decoders raise says the same: this is no image that can be printed.
        warnings.add("corrupt", f"no JPEG, PNG or TIFF can be read: {error}")
        yield Report(warnings=warnings.as_tuple())
        return
    report = Report(format=FORMATS[image.format or ""])
    sizes = list(_frames(image, warnings))
    yield _tally(sizes, ()).fill(replace(report, warnings=warnings.as_tuple()))
    colours: list[bool | None] = []
    for number in range(len(sizes)):
        try:
            if image.format == "TIFF":
                image.seek(number)
            colours.append(_look(image))
        except MemoryError:
            raise
        except Exception as error:
            # As above; the page is counted all the same.
            warnings.add("colour-unknown", f"page {number + 1} cannot be decoded: {error}")
            colours.append(None)
    yield _tally(sizes, colours).fill(replace(report, warnings=warnings.as_tuple()))


def _frames(image: Image.Image, warnings: Warnings) -> Iterator[Page]:
    """Yield what each page says of itself: those of a TIFF, or the one that JPEG and PNG have."""
    for number in range(MAX_FRAMES if image.format == "TIFF" else 1):
        try:
            if number:
                image.seek(number)
        except EOFError:
            return
        except Exception as error:
            # As in measure_image(): the pages before this one are counted.
            warnings.add("corrupt", f"page {number + 1} cannot be found: {error}")
            return
        yield Page(
            orientation=Orientation.LANDSCAPE if image.width > image.height else Orientation.PORTRAIT,
            resolution=_resolution(image),
        )
    if image.format == "TIFF":
        warnings.add("pages-over", f"pages behind the {MAX_FRAMES}th are not counted")


def _resolution(image: Image.Image) -> tuple[int, int] | None:
    """Return the dots an inch that the image says, None where it says nothing that can be."""
    try:
        across, along = (round(float(dots)) for dots in image.info["dpi"])
    except (KeyError, TypeError, ValueError, OverflowError, ZeroDivisionError):
        return None
    return (across, along) if 0 < across < 100_000 and 0 < along < 100_000 else None


def _tally(pages: Sequence[Page], colours: Sequence[bool | None]) -> Tally:
    tally = Tally()
    for number, page in enumerate(pages):
        tally.add(replace(page, colour=colours[number] if number < len(colours) else None))
    return tally


def _look(image: Image.Image) -> bool | None:
    """Whether the image is coloured; None when it has too many dots to look at."""
    if image.mode in GREY_MODES:
        return False
    image.draft("RGB", (LOOK_DOTS, LOOK_DOTS))
    if image.width * image.height > MAX_PIXELS:
        return None
    factor = max(1, max(image.size) // LOOK_DOTS)
    small = image.convert("RGB") if image.mode in ("P", "PA") else image
    return shows_colour(small.reduce(factor).convert("RGB"))
