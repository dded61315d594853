import io
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pcl.image import ImageAnalyzer, measure_image
from pcl.report import Orientation, Report
from pcl.worker import WorkerPool

from .documents import make_image


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


def measure(document: bytes) -> Report:
    *_, last = measure_image(io.BytesIO(document), {})
    return last


def codes(report: Report) -> list[str]:
    return [warning.code for warning in report.warnings]


@pytest.mark.parametrize(
    ("format_name", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("TIFF", "image/tiff")]
)
def test_an_image_is_one_page_of_its_format(pool: WorkerPool, format_name: str, media_type: str) -> None:
    document = make_image(format_name, ink=(200, 0, 0), dpi=(300, 300))
    analyser = ImageAnalyzer(media_type, pool=pool)
    for start in range(0, len(document), 1000):
        analyser.feed(document[start : start + 1000])
    report = analyser.finish()
    assert (report.format, report.octets) == (media_type, len(document))
    assert (report.pages, report.impressions, report.sheets) == (1, 1, 1)
    assert (report.colour_pages, report.monochrome_pages) == (1, 0)
    [page] = report.each_page()
    assert (page.resolution, page.orientation, page.media) == ((300, 300), Orientation.PORTRAIT, None)


@pytest.mark.parametrize(
    ("format_name", "mode", "ink", "colour"),
    [
        ("JPEG", "RGB", (0, 0, 0), False),
        ("JPEG", "RGB", (90, 90, 90), False),
        ("JPEG", "RGB", (200, 90, 90), True),
        ("JPEG", "L", 90, False),
        ("JPEG", "CMYK", (0, 0, 0, 200), False),
        ("JPEG", "CMYK", (200, 0, 0, 0), True),
        ("PNG", "1", 0, False),
        ("PNG", "L", 90, False),
        ("PNG", "RGBA", (0, 90, 200, 255), True),
        ("PNG", "RGBA", (0, 0, 0, 255), False),
        ("PNG", "P", 1, False),
        ("TIFF", "1", 0, False),
        ("TIFF", "RGB", (0, 200, 0), True),
        ("TIFF", "CMYK", (0, 0, 200, 0), True),
    ],
)
def test_an_image_is_coloured_when_a_dot_of_it_is(
    format_name: str, mode: str, ink: Any, colour: bool
) -> None:
    report = measure(make_image(format_name, mode=mode, ink=ink))
    assert (report.colour_pages, report.monochrome_pages) == (int(colour), int(not colour))
    assert codes(report) == []


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits"])
def test_every_page_of_a_tiff_is_counted_and_looked_at(compression: str) -> None:
    pages = [Image.new("RGB", (60, 40), colour) for colour in ("white", "red", "gray", "blue")]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:], compression=compression)
    report = measure(out.getvalue())
    assert [page.colour for page in report.each_page()] == [False, True, False, True]
    assert {page.orientation for page in report.each_page()} == {Orientation.LANDSCAPE}


def test_a_fax_of_many_pages_is_counted() -> None:
    pages = [Image.new("1", (200, 300), 1)] * 30
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:], compression="group4")
    report = measure(out.getvalue())
    assert (report.pages, report.monochrome_pages) == (30, 30)


def test_a_moving_png_is_one_page() -> None:
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("white", "red")]
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    assert measure(out.getvalue()).pages == 1


@pytest.mark.parametrize(
    "document", [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", bytes(500)]
)
def test_what_is_no_image_has_unknown_pages(document: bytes) -> None:
    report = measure(document)
    assert (report.pages, codes(report)) == (None, ["corrupt"])


@pytest.mark.parametrize("format_name", ["JPEG", "PNG"])
def test_an_image_without_its_end_is_a_page_whose_colour_is_unknown(format_name: str) -> None:
    document = make_image(format_name, ink=(9, 99, 200))
    report = measure(document[: len(document) - 200])
    assert report.pages == 1
    assert codes(report) in (["colour-unknown"], [])


def test_a_tiff_whose_directories_run_in_a_ring_ends() -> None:
    out = io.BytesIO()
    pages = [Image.new("L", (8, 8))] * 2
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    document = bytearray(out.getvalue())
    first = int.from_bytes(document[4:8], "little")
    entries = int.from_bytes(document[first : first + 2], "little")
    second_at = first + 2 + 12 * entries
    second = int.from_bytes(document[second_at : second_at + 4], "little")
    entries = int.from_bytes(document[second : second + 2], "little")
    next_at = second + 2 + 12 * entries
    document[next_at : next_at + 4] = first.to_bytes(4, "little")
    assert measure(bytes(document)).pages == 2


# Pillow warns of what it reads over; in the worker nobody listens.
@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["JPEG", "PNG", "TIFF"]), st.data())
def test_damage_makes_warnings_and_no_exception_of_ours(format_name: str, data: st.DataObject) -> None:
    document = bytearray(make_image(format_name, ink=(9, 99, 200), size=(40, 30)))
    for _ in range(data.draw(st.integers(1, 10))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    report = measure(bytes(document[: data.draw(st.integers(0, len(document)))]))
    assert report.pages is None or report.pages >= 1
