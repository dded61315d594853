"""Whether a picture is coloured: asked in the worker of pages and images that were made small."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["COLOUR_MARGIN", "shows_colour"]

# Levels of 255 between two primaries. The black of CMYK is not quite neutral in RGB, nor is grey behind JPEG.
COLOUR_MARGIN = 12


def shows_colour(image: Image.Image) -> bool:
    """Whether the primaries of one dot of an RGB image differ by more than the margin."""
    from PIL import ImageChops

    red, green, blue = image.split()[:3]
    for one, other in ((red, green), (green, blue), (red, blue)):
        _, most = cast("tuple[int, int]", ImageChops.difference(one, other).getextrema())
        if most > COLOUR_MARGIN:
            return True
    return False
