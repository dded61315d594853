"""PCL 5: pages as a real interpreter ejects them.

The counts of PAGES are those of GhostPDL's interpreter for the same octets (see tests/data/pcl/README.md),
except where a line says otherwise.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl import Orientation, Report, Sides
from pcl.language import LanguageAnalyzer
from pcl.pcl5 import Pcl5, new_hpgl, new_pcl5_analyzer
from pcl.pcl5_macros import CALL_OCTETS, FREE_OCTETS, OCTETS_EACH, MacroStore
from pcl.report import Tally

from .chunks import in_blocks_of, report_of, report_of_any_chunking

E = b"\x1bE"
UEL = b"\x1b%-12345X"
PEN = b"\x1b%0BIN;SP1;PU0,0;"


def analyzed(stream: bytes, **environment: str) -> Report:
    return report_of_any_chunking(lambda: new_pcl5_analyzer(environment), stream)


PAGES = {
    # What makes a page
    b"": 0,
    E + E: 0,
    b"x": 1,
    E + b"x" + E: 1,
    E + b"   " + E: 0,
    b"\x01": 1,
    b"\x00\x07\x0b\x0e\x0f": 0,
    b"\x80": 1,
    b"\n" * 59: 0,
    # A form feed ejects whatever is there, a reset only what is marked
    b"\f": 1,
    b"\f\f": 2,
    E + b"x\f" + E: 1,
    E + b"x\f" + E + E: 1,
    # The bottom of the page: sixty lines fit on Letter
    b"x\r\n" * 59: 1,
    b"x\n" * 60: 1,
    b"x\r\n" * 61: 2,
    b"x\r\n" * 120: 2,
    b"\n" * 70: 1,
    b"\x1b&l1O" + b"x\r\n" * 45: 1,
    b"\x1b&l1O" + b"x\r\n" * 46: 2,
    b"\x1b&l8D" + b"x\r\n" * 80: 1,
    b"\x1b&l0L" + b"x\r\n" * 66: 2,
    b"x\x1b&a+70Rx": 2,
    b"x\x1b&a+200Rx": 3,
    b"x\x1b&a70Rx": 1,
    b"\x1b*p4000Yx": 1,
    b"\x1b*p4000Xx": 0,
    # Long lines
    b"x" * 80 * 66: 1,
    b"\x1b&s0C" + b"x" * 80 * 66: 2,
    b"\x1b&k2G" + b"x\n" * 61: 2,
    # Commands that want another sheet
    b"x\x1b&l26Ax": 2,
    b"\x1b&l26Ax": 1,
    b"x\x1b&l1Ox": 2,
    b"x\x1b&l0Ox": 1,
    b"x\x1b&l1Hx": 2,
    b"x\x1b&l1Sx": 2,
    b"x\x1b&a0Gx": 2,
    b"x\x1b&l0Mx": 2,
    # Data is stepped over
    b"\x1b(s3W\f\f\f": 0,
    b"\x1b*b3W\f\f\f": 1,
    b"\x1b*b2m3v\f\f\f2W\f\f": 1,
    b"\x1b&p2X\f\f": 1,
    b"\x1bYab\f\x1bZ": 1,
    # Graphics
    b"\x1b*r0A\x1b*rB": 1,
    b"\x1b*b0W": 1,
    b"\x1b*c100a100b0P": 1,
    b"\x1b*c0a100b0P": 0,
    b"\x1b*c0P": 0,
    b"\x1b&a200C\x1b*c100a50b0P": 0,
    b"\x08\x1b&a180Px": 1,
    PEN + b"PD1000,1000;\x1b%0A": 1,
    PEN + b"\x1b%0A": 0,
    PEN + b"PD;\x1b%0A": 1,
    PEN + b"LBhi\x03;\x1b%0A": 1,
    PEN + b"LB\f\f\x03;\x1b%0A": 0,
    PEN + b"PD1,1;PG;PD2,2;PG1;\x1b%0A": 1,
    PEN + b"PU100000,100000;PD110000,110000;\x1b%0A": 0,
    b"\x1b%0BSP1;PA1000,1000;CI100;\x1b%0A": 1,
    b"\x1b%0BSP1;PA0,0;RA100,100;\x1b%0A": 1,
    # Macros
    b"\x1b&f1Y\x1b&f0Xhello\f\x1b&f1X": 0,
    b"\x1b&f1Y\x1b&f0Xhello\f\x1b&f1X\x1b&f2X\x1b&f3X": 2,
    b"\x1b&f1y0Xhello\f\x1b&f1x2x2X": 2,
    b"\x1b&f1Y\x1b&f0Xhello\x1b&f1X\x1b&f4Xx\f\f": 2,
    b"\x1b&f9Y\x1b&f2X": 0,
    # Overlays: run on each page at its end, off with another size; the cursor stays where they leave it
    b"\x1b&f1y0Xx\fy\x1b&f1x4Xq\f": 2,
    b"\x1b&f1y0X\f\x1b&f1x4X": 0,
    b"\x1b&f1y0X\f\x1b&f1x4Xx\x1b&f5Xy\fz": 2,
    b"\x1b&f1y0X\f\x1b&f1x4Xq\x1b&l26Ar": 3,
    b"\x1b&f1y0X\f\x1b&f1x4Xq\x1b&l1Or\x1bEz": 4,
    b"\x1b&f1y0Xhello\x1b&f1x4X" + b"a\n" * 130: 3,
    b"\x1b&f1y0X\x1b&f4X\f\x1b&f1x4Xx\f\f": 4,
    b"\x1b&f1y0X\x1b%0BPD1,1;PG;\x1b&f1x4Xx\fy": 2,
    b"\x1b&f1y0X\x1b&l2Hq\x1b&f1x4Xx\f\f": 3,
    # More of plotting, units, spacing, margins, directions, control codes, rasters and macros
    PEN + b"PE<=00=00;\x1b%0A": 0,
    PEN + b"PE=AB=CD;\x1b%0A": 0,
    PEN + b'CO"PD1,1;";\x1b%0A': 0,
    PEN + b"DT|;LBab|;PU;\x1b%0A": 1,
    PEN + b"DT|;LB\x03|;PU;\x1b%0A": 0,
    PEN + b"SM*;PA100,100;\x1b%0A": 1,
    PEN + b"PM0;PD100,100,200,300;PM2;\x1b%0A": 0,
    PEN + b"PM0;PD100,100,200,300;PM2;EP;\x1b%0A": 1,
    PEN + b"PM0;PD100,100,200,300;PM2;FP;\x1b%0A": 1,
    PEN + b"PA10,10;AA50,50,90;\x1b%0A": 0,
    PEN + b"PD;AA50,50,90;\x1b%0A": 1,
    PEN + b"BZ10,10,20,20,30,30;\x1b%0A": 0,
    PEN + b"PD;BZ10,10,20,20,30,30;\x1b%0A": 1,
    PEN + b"WG100,0,90;\x1b%0A": 1,
    PEN + b"EW100,0,90;\x1b%0A": 1,
    PEN + b"EA100,100;\x1b%0A": 1,
    PEN + b"RR50,50;\x1b%0A": 1,
    PEN + b"SP0;PD100,100;\x1b%0A": 1,
    PEN + b"SP;PD100,100;\x1b%0A": 1,
    PEN + b"PD100,100;IN;\x1b%0A": 1,
    PEN + b"LB   \x03;\x1b%0A": 1,
    b"\x1b%0BIN;SP1;PA100,100;LBab\x1bEcd\x03;\x1b%0A": 1,
    b"\x1b%0BPD1,1\x1bEx": 2,
    b"\x1b%1Bxyz\x1b%1Ax": 1,
    b"\x1b&u1200D\x1b*p12000Yx": 1,
    b"\x1b&u7D\x1b*p300Yx\n\n": 1,
    b"\x1b&l6C" + b"x\n" * 70: 1,
    b"\x1b&l12D" + b"x\n" * 125: 1,
    b"\x1b&l7D" + b"x\n" * 61: 2,
    b"\x1b&l3D" + b"x\n" * 31: 2,
    b"\x1b&k12H\x1b&s0C" + b"x" * 79 * 60 + b"x" * 300: 2,
    b"\x1b&k2S\x1b&s0C" + b"x" * 132 * 60: 1,
    b"\x1b(s20H\x1b&s0C" + b"x" * 160 * 60 + b"y" * 1: 2,
    b"\x1b&a10L\x1b&a20M\x1b&s0C" + b"x" * 11 * 61: 2,
    b"\x1b&a20M\x1b9\x1b&s0C" + b"x" * 80 * 61: 2,
    b"\x1b&f0S" + b"\n" * 30 + b"\x1b&f1S" + b"x\n" * 60: 1,
    b"\n" * 30 + b"\x1b&f0S\x1b&f1S" + b"x\n" * 40: 2,
    b"\x1b&a90P" + b"x\n" * 50: 1,
    b"\x1b&a180P" + b"x\n" * 61: 2,
    b"\x1b&a270P" + b"x\n" * 46: 2,
    b"\n" * 55 + b"\x1b&a180P" + b"x\n" * 58: 1,
    b"\x1b&l10E" + b"x\n" * 55: 2,
    b"\x1b&l20F" + b"x\n" * 21: 2,
    b"\x1b&l2e10F" + b"x\n" * 11: 2,
    b"\x1b&l20F\x1b&l0F" + b"x\n" * 60: 1,
    b"\x1b&f5000I\x1b&f3600J\x1b&l101A" + b"x\n" * 30: 2,
    b"\x1b&l1A" + b"x\n" * 58: 2,
    b"\x1b&l3A" + b"x\n" * 78: 1,
    b"\x1b&l27A" + b"x\n" * 94: 2,
    b"\x1b=" * 121 + b"x": 2,
    b"\x1b&k1G" + b"x\r" * 61: 2,
    b"\x1b&k3G" + b"x\r" * 61: 2,
    b"\t" * 30 + b"x": 0,
    b"x\x08\x08\x08y": 1,
    b"\x1b&a79Cxy": 1,
    b"\x1b&a80Cx": 0,
    b"\x1b*b10Yx": 1,
    b"\x1b*t300R\x1b*r1A\x1b*b3000Y\x1b*b1W\xff\x1b*rB" + b"x\n" * 5: 2,
    b"\x1b*t75R\x1b*r1A" + b"\x1b*b1W\xff" * 800 + b"\x1b*rC" + b"x\n" * 3: 2,
    b"\x1b*r1A\x1b*b1W\xff\x1b*rB" + b"x\n" * 59: 1,
    b"\x1b*t150R\x1b*r1A" + b"\x1b*b1W\xff" * 1500 + b"\x1b*rC\n": 1,
    b"\x1b&f3Y\x1b&f0X\f\x1b&f1X\x1b&f8X\x1b&f2X": 0,
    b"\x1b&f3Y\x1b&f0X\f\x1b&f1X\x1b&f10X\x1bE\x1b&f3Y\x1b&f2X": 1,
    b"\x1b&f3Y\x1b&f0X\f\x1b&f1X\x1bE\x1b&f3Y\x1b&f2X": 0,
    b"\x1b&f3Y\x1b&f0X\f\x1b&f1X\x1b&f10X\x1b&f9X\x1b&f7X\x1b&f2X": 0,
    b"\x1b&f3Y\x1b&f0X\f\x1b&f1X\x1b&f6X\x1b&f2X": 0,
    b"\x1b&f3Y\x1b&f0X\x1b&l0L\x1b&f1X\x1b&f3X" + b"x\n" * 61: 2,
    b"\x1b&f3Y\x1b&f0X\x1b&l2D\x1b&f1X\x1b&f2X" + b"x\n" * 61: 4,
    b"\x1b&f3Y\x1b&f0X\x1b&l2D\x1b&f1X\x1b&f3X" + b"x\n" * 61: 2,
    b"\x1b&f3Y\x1b&f0X\x1bE\x1b&f1Xx\x1b&f2Xx": 1,
    b"\x1b&l1S" + b"x\f" * 3 + b"\x1b&a1Gx\x1b&a2Gy": 5,
    b"\x1b&p0Xx\x1b&p1X\f": 1,
    b"\x1bY\rx\ny\x1bEz\x1bZ\f": 1,
    b"\x1b&l\x1bEx": 1,
    b"\x1b&lxx": 0,
    b"\x1b(10Ux": 1,
    b"\x1b(3@x": 1,
    b"\x1b*c1E\x1b*c0Dx": 1,
    b"\x1b&d0Dx\x1b&d@": 1,
    b"\x1b&l1.5Xx": 1,
    b"\x1b&l +1Xx": 1,
    b"\x1b&l0H": 0,
    b"x\x1b&l0H": 1,
}


@pytest.mark.parametrize(("stream", "pages"), PAGES.items(), ids=[repr(key)[:50] for key in PAGES])
def test_pages_are_those_of_an_interpreter(stream: bytes, pages: int) -> None:
    report = analyzed(stream)
    assert report.pages == pages
    assert not report.warnings


def test_a_plot_that_nothing_ends_is_a_page() -> None:
    # The interpreter drops what it has not flushed; a printer prints it when the job times out.
    assert analyzed(PEN + b"PD1000,1000;").pages == 1


def test_an_encoded_line_draws_when_it_goes_somewhere() -> None:
    assert analyzed(PEN + b"PE=AB\xbfCD\xc0;").pages == 1
    assert analyzed(PEN + b"PE7=A_B_;").pages == 1
    assert analyzed(PEN + b"PE:;").pages == 0


def test_pens_in_colour_make_a_colour_page() -> None:
    assert analyzed(PEN + b"PD9,9;").colour_pages == 0
    assert analyzed(b"\x1b%0BIN;NP8;SP2;PD9,9;").colour_pages == 1
    assert analyzed(b"\x1b%0BIN;PC2,255,0,0;SP2;PD9,9;").colour_pages == 1
    assert analyzed(b"\x1b%0BIN;PC2,9,9,9;SP2;PD9,9;").colour_pages == 0


@pytest.mark.parametrize("code", [b"SP", b"PD", b"PC", b"NP", b"PM", b"PG"])
def test_numbers_of_any_length_are_read(code: bytes) -> None:
    assert analyzed(PEN + code + b"9" * 500 + b",-." + b"9" * 500 + b";PD1,1;").pages is not None


def test_data_of_an_unknown_command_is_stepped_over() -> None:
    # The interpreter prints it as text; the language says that W is followed by data.
    assert analyzed(b"\x1b*y3Wabc").pages == 0


def test_an_a5_page_is_shorter() -> None:
    # The interpreter does not know A5.
    assert analyzed(b"\x1b&l25A" + b"x\r\n" * 50).pages == 2


def test_a_page_says_what_was_asked_for() -> None:
    report = analyzed(E + b"\x1b&l26a1o2h3X\x1b&l2Sx\fy\fz" + E, RESOLUTION="600")
    page = next(report.each_page())
    assert (page.media, page.orientation, page.media_source) == (
        "iso_a4_210x297mm",
        Orientation.LANDSCAPE,
        "manual",
    )
    assert (page.sides, page.copies, page.resolution) == (Sides.SHORT_EDGE, 3, (600, 600))
    assert (report.pages, report.impressions, report.sheets) == (3, 9, 6)
    assert report.certainty("sheets") == "exact"


def test_what_nobody_said_is_not_said() -> None:
    report = analyzed(b"x")
    assert next(report.each_page()).media is None
    assert report.certainty("sheets") == "declared"


def test_pjl_sets_copies_sides_paper_and_lines() -> None:
    report = analyzed(
        b"x\f", COPIES="4", DUPLEX="ON", BINDING="SHORTEDGE", PAPER="A4", ORIENTATION="LANDSCAPE"
    )
    page = next(report.each_page())
    assert (page.copies, page.sides, page.media) == (4, Sides.SHORT_EDGE, "iso_a4_210x297mm")
    assert page.orientation is Orientation.LANDSCAPE
    assert analyzed(b"x\r\n" * 61, FORMLINES="80").pages == 1


def test_a_colour_page_has_a_colour_palette_in_use() -> None:
    assert analyzed(b"x").colour_pages == 0
    assert analyzed(b"\x1b*r3Ux").colour_pages == 0
    report = analyzed(b"\x1b*r3U\x1b*v1Sx\f\x1b*v0Sy")
    assert (report.colour_pages, report.monochrome_pages) == (1, 1)
    assert report.certainty("colour_pages") == "exact"
    raster = analyzed(b"\x1b*r3U\x1b*b1W\x00")
    assert raster.colour_pages == 1
    assert raster.certainty("colour_pages") == "declared"
    assert analyzed(b"\x1b*r3U\x1b*b1W\x00", RENDERMODE="GRAYSCALE").colour_pages == 0


def test_the_uel_ends_the_language_with_its_page() -> None:
    report = analyzed(b"x" + UEL + b"@PJL EOJ\n")
    assert (report.pages, report.octets) == (1, 1)


def test_a_uel_inside_a_picture_is_picture() -> None:
    report = analyzed(b"\x1b*b9W" + UEL + b"\x1b*rB\fx")
    assert report.pages == 2


def test_hpgl_alone_ejects_with_pg() -> None:
    report = report_of_any_chunking(
        lambda: LanguageAnalyzer(new_hpgl({})), b"IN;SP1;PD1000,1000;PG;PU0,0;PG;PD5,5;PG1;PG1;"
    )
    assert report.pages == 3
    assert report.format == "application/vnd.hp-HPGL"


def test_macros_that_call_each_other_go_three_deep() -> None:
    define = b"\x1b&f%dY\x1b&f0X%s\x1b&f1X"
    stream = define % (1, b"\f") + b"".join(
        define % (level, b"\x1b&f%dy2X\f" % (level - 1)) for level in range(2, 6)
    )
    assert analyzed(stream + b"\x1b&f5y2X").pages == 3


def test_a_macro_that_runs_itself_ends() -> None:
    report = analyzed(b"\x1b&f1Y\x1b&f0X\f\x1b&f2X\x1b&f2X\x1b&f1X\x1b&f2X")
    assert report.pages is not None
    assert 1 <= report.pages <= 20


def test_text_marks_the_pages_that_its_letters_are_on_however_it_is_cut() -> None:
    beyond = b"\x1b&l90A" + b" " * 39 + b"A"
    assert analyzed(beyond).pages == 0  # as in the interpreter: the letter is beyond the edge
    assert analyzed(b"\x1b&s0C" + b"A" + b" " * 80 * 70).pages == 1
    red = b"\x1b&s0C\x1b*r3U\x1b*v1S" + b"A" * 80 * 70
    assert analyzed(red).colour_pages == 2


def test_an_overlay_in_colour_makes_each_page_one() -> None:
    overlay = b"\x1b&f1y0X\x1b*r3U\x1b*v1Sletterhead\x1b&f1x4X"
    report = analyzed(overlay + b"x\fy\f\x1b&f5Xz")
    assert (report.colour_pages, report.monochrome_pages) == (2, 1)


def test_an_overlay_that_ends_pages_runs_within_the_bound_of_macros() -> None:
    overlay = b"\x1b&f1y0X\f" + b" " * 100_000 + b"\x1b&f1x4X"
    report = report_of(new_pcl5_analyzer, [overlay + b"\f" * 1000])
    assert report.pages is not None
    assert 1000 < report.pages < 2000
    assert [warning.code for warning in report.warnings] == ["macro-bound"]


def test_a_letterhead_on_many_pages_is_run_once() -> None:
    overlay = b"\x1b&f1y0X\x1b*r3U\x1b*v1Sx" + b" " * 100_000 + b"\x1b&f1x4X"
    report = report_of(new_pcl5_analyzer, [overlay + b"\f" * 1000])
    assert (report.pages, report.colour_pages, report.warnings) == (1000, 1000, ())


CALLS = b"\x1b&f2y0X" + b"\x1b&f1y2X" * 40 + b"\x1b&f1X" + b"\x1b&f2y2X" * 10


@pytest.mark.parametrize("body", [b"\f" * 300, b"\n" * 300, b"\x1b&a" + b"+32767r" * 50 + b"1C"])
def test_a_short_job_of_macros_that_end_pages_runs_so_many_octets_and_no_more(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    allow = MacroStore.allow

    def allowed(store: MacroStore, macro: bytes) -> bool:
        runs.append(len(macro) + CALL_OCTETS if allow(store, macro) else 0)
        return bool(runs[-1])

    monkeypatch.setattr(MacroStore, "allow", allowed)
    stream = b"\x1bE\x1b&f1y0X" + body + b"\x1b&f1X" + CALLS
    report = report_of(new_pcl5_analyzer, [stream])
    assert FREE_OCTETS / 2 < sum(runs) <= FREE_OCTETS + OCTETS_EACH * len(stream)
    assert [warning.code for warning in report.warnings] == ["macro-bound"]
    assert report.certainty("pages") == "declared"


def test_what_is_fed_raises_the_bound_of_macros() -> None:
    stream = b"\x1bE\x1b&f1y0X\f" + b" " * 50_000 + b"\x1b&f1X" + (b"x" * 20_000 + b"\x1b&f1y2X") * 100
    report = report_of(new_pcl5_analyzer, [stream])
    assert (report.pages, report.warnings) == (100, ())


@pytest.mark.parametrize("code", [2, 3])
def test_a_form_that_is_called_at_the_top_of_each_page_is_run_once_or_twice(code: int) -> None:
    form = b"\x1b*p10x10Ylogo\x1b*b100W" + bytes(100)
    page = b"\x1b&f1y%dX\x1b*p300x300Yhello\r\n" % code + b"\x1b*b2900W" + bytes(2900) + b"\f"
    stream = b"\x1bE\x1b&f1y0X" + form * 800 + b"\x1b&f1X" + page * 500
    report = report_of(new_pcl5_analyzer, [stream])
    assert (report.pages, report.warnings) == (500, ())


MACRO_PIECES = [b"A\n", b"\t", b"\x1b&a5C", b"\x1b&f0S", b"\x1b&f1S", b"\x1b*r3U\x1b*v1S", b"\x1b&l6D", b"\f"]
MACRO_PIECES += [b"\x1b%0BPD;PU5,5;SP2;", b"\x1b%0A", b"\x1b&f1y2X", b"\x1b&f2y3X", b"\x1b&f9Y", b"\x1b&l1O"]
MACRO_PIECES += [b"\x1b*c50a50b0P", b"\x1b&s0C", b"\x1b*r1A", b"\x1b*b3y1Wx", b"\x1b&f3y4X", b"\x1b&a90P"]


@settings(max_examples=300)
@given(
    st.lists(st.lists(st.sampled_from(MACRO_PIECES)), min_size=3, max_size=3),
    st.lists(st.sampled_from(MACRO_PIECES)),
)
def test_what_a_macro_did_before_it_does_again(macros: list[list[bytes]], job: list[bytes]) -> None:
    defined = [b"\x1b&f%dy0X%b\x1b&f1X" % (name, b"".join(body)) for name, body in enumerate(macros, 1)]
    stream = b"\x1bE" + b"".join(defined) + b"".join(job) * 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pcl.pcl5_macros.FREE_OCTETS", 1 << 30)
        report = report_of(new_pcl5_analyzer, [stream])
        patch.setattr(MacroStore, "effect", lambda store, found: None)
        assert report_of(new_pcl5_analyzer, [stream]) == report


def test_macros_beyond_the_bound_are_not_kept_and_that_is_said() -> None:
    stream = b"".join(b"\x1b&f%dY\x1b&f0X\f%s\x1b&f1X\x1b&f2X" % (name, b" " * (3 << 20)) for name in (1, 2))
    report = report_of(new_pcl5_analyzer, [stream])
    assert report.pages == 1
    assert [warning.code for warning in report.warnings] == ["macro-bound"]
    assert report.certainty("pages") == "declared"


def test_a_language_inside_another_counts_into_its_tally() -> None:
    tally = Tally()
    language = Pcl5({}, tally)
    for octet in b"x\fy\f":
        language.take(bytes([octet]))
    assert tally.pages == 2


@pytest.mark.parametrize(
    "octets", [b"\x1b", b"\x1b&", b"\x1b&l", b"\x1b&l" + b"1" * 9000, b"\x1b%-1234", b"\x1b*b99999999W"]
)
def test_a_stream_that_stops_inside_a_command_is_read_to_its_end(octets: bytes) -> None:
    report = report_of(new_pcl5_analyzer, [b"x" + octets])
    assert report.pages == 1
    assert report.octets == 1 + len(octets)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(sorted(PAGES)) | st.binary(max_size=12), max_size=8), st.integers(1, 50))
def test_commands_in_any_order_and_chunks_give_one_report(pieces: list[bytes], size: int) -> None:
    stream = b"".join(pieces)
    whole = report_of(new_pcl5_analyzer, [stream])
    with in_blocks_of(size):
        chunks = (stream[at : at + size] for at in range(0, len(stream), size))
        assert report_of(new_pcl5_analyzer, chunks) == whole
    assert whole.octets <= len(stream)
