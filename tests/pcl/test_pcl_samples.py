"""Streams of programs that we did not write; the page counts are GhostPDL's (tests/data/pcl/README.md)."""

from pathlib import Path

import pytest

import pcl
from pcl import Sides

from .chunks import report_of_any_chunking

DATA = Path(__file__).parent.parent / "data" / "pcl"
PXL, PCL = "application/vnd.hp-PCLXL", "application/vnd.hp-PCL"

# file -> format, pages, impressions, sheets, colour pages (None: a guess of the raster's word)
SAMPLES: dict[str, tuple[str, int, int, int, int | None]] = {
    "gs-pxlmono.pxl": (PXL, 3, 3, 3, 0),
    "gs-pxlcolor.pxl": (PXL, 3, 3, 3, 1),
    "gs-pxlcolor-duplex-copies.pxl": (PXL, 3, 9, 6, 1),
    "gs-drawing.pxl": (PXL, 3, 3, 3, 3),
    "gs-ljet4.pcl": (PCL, 3, 3, 3, 0),
    "gs-ljet4d.pcl": (PCL, 3, 3, 2, 0),
    "gs-laserjet.pcl": (PCL, 3, 3, 3, 0),
    "gs-ljet3d.pcl": (PCL, 3, 3, 2, 0),
    "gs-cljet5c.pcl": (PCL, 3, 3, 3, None),
    "gs-cdj550.pcl": (PCL, 3, 3, 3, None),
    "cups-filters-rastertopclx.pcl": (PCL, 3, 3, 3, 0),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_counted_as_the_interpreter_does(name: str) -> None:
    form, pages, impressions, sheets, colour_pages = SAMPLES[name]
    report = report_of_any_chunking(pcl.new_analyzer, (DATA / name).read_bytes())
    assert (report.format, report.pages, report.impressions, report.sheets) == (
        form,
        pages,
        impressions,
        sheets,
    )
    if colour_pages is None:
        assert report.certainty("colour_pages") == "declared"
    else:
        assert (report.colour_pages, report.certainty("colour_pages")) == (colour_pages, "exact")
    assert not report.warnings


def test_every_sample_is_described() -> None:
    others = {"README.md", "damage.csv", "damage.py", "drawing.ps"}
    assert {path.name for path in DATA.iterdir()} == {*SAMPLES, *others}


def test_the_duplex_sample_says_how_it_is_bound() -> None:
    report = pcl.analyze((DATA / "gs-pxlcolor-duplex-copies.pxl").read_bytes())
    assert {page.sides for page in report.each_page()} == {Sides.LONG_EDGE}
    assert {page.media for page in report.each_page()} == {"iso_a6_105x148mm"}


def test_samples_after_each_other_add_up() -> None:
    stream = b"".join((DATA / name).read_bytes() + b"\x1b%-12345X" for name in SAMPLES)
    report = pcl.analyze(stream)
    assert report.pages == sum(sample[1] for sample in SAMPLES.values())
    assert report.impressions == sum(sample[2] for sample in SAMPLES.values())
