"""PCL XL: what is counted, what is refused and where; one stream, any chunking, one report."""

from typing import Any

import pytest

from pcl import Orientation, Report, Sides
from pcl.pclxl import new_pclxl_analyzer

from .chunks import report_of, report_of_any_chunking
from .xl import XL

UEL = b"\x1b%-12345X"


def analyzed(stream: XL | bytes, **environment: str) -> Report:
    octets = bytes(stream.octets) if isinstance(stream, XL) else stream
    return report_of_any_chunking(lambda: new_pclxl_analyzer(environment), octets)


def codes(report: Report) -> list[str]:
    return [warning.code for warning in report.warnings]


def test_a_page_says_its_size_orientation_source_and_resolution() -> None:
    stream = XL().session().page(orientation=1, media_size=2, media_source=3, simplex_page_mode=0).end()
    report = analyzed(stream)
    (page,) = report.each_page()
    assert (report.format, report.version) == ("application/vnd.hp-PCLXL", "2.0")
    assert (report.pages, report.impressions, report.sheets) == (1, 1, 1)
    assert (page.media, page.width_hmm, page.height_hmm) == ("iso_a4_210x297mm", 21000, 29700)
    assert page.orientation is Orientation.LANDSCAPE
    assert (page.media_source, page.sides, page.resolution) == ("by-pass-tray", Sides.ONE_SIDED, (600, 600))
    assert report.application == "by hand"
    assert not report.warnings


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", ["1;1", "2;0", "2;1", "3;0"])
def test_every_protocol_class_is_read_in_both_octet_orders(order: str, version: str) -> None:
    stream = XL(order, version).session().page(copies=258).page().end()
    report = analyzed(stream)
    assert report.version == version.replace(";", ".")
    assert (report.pages, report.impressions) == (2, 259)
    assert not report.warnings


def test_a_stream_cut_at_any_octet_says_so_and_keeps_what_came_before() -> None:
    stream = bytes(XL().session().page().page().page().end().octets)
    whole = report_of(new_pclxl_analyzer, [stream])
    assert whole.pages == 3
    last = 0
    for cut in range(len(stream)):
        report = report_of(new_pclxl_analyzer, [stream[:cut]])
        assert report.pages is not None
        assert last <= report.pages <= 3
        assert report.warnings or cut <= len(b") HP-PCL XL;2;0;Comment by hand\n")
        last = report.pages


def test_copies_count_as_impressions_and_not_as_pages() -> None:
    report = analyzed(XL().session().page(copies=3).page(copies=1).end())
    assert (report.pages, report.impressions, report.copies) == (2, 4, None)


def test_the_copies_of_pjl_hold_where_a_page_names_none() -> None:
    report = analyzed(XL().session().page().page(copies=1).end(), COPIES="5")
    assert (report.pages, report.impressions) == (2, 6)


def test_duplex_pages_share_sheets() -> None:
    two_sided: dict[str, Any] = {"orientation": 0, "media_size": 0, "duplex_page_mode": 1}
    stream = XL().session()
    for _ in range(3):
        stream.page(**two_sided)
    report = analyzed(stream.end())
    assert (report.pages, report.impressions, report.sheets) == (3, 3, 2)
    assert {page.sides for page in report.each_page()} == {Sides.LONG_EDGE}


def test_a_page_that_must_be_a_front_starts_a_sheet() -> None:
    two_sided: dict[str, Any] = {"orientation": 0, "media_size": 0, "duplex_page_mode": 0}
    stream = XL().session().page(**two_sided, duplex_page_side=0).page(**two_sided, duplex_page_side=0).end()
    report = analyzed(stream)
    assert (report.pages, report.sheets) == (2, 2)
    assert next(report.each_page()).sides is Sides.SHORT_EDGE


def test_a_begin_page_without_attributes_keeps_the_page_description() -> None:
    stream = XL(version="2;1").session().page(orientation=1, media_size=5)
    stream.do("begin_page").do("rectangle", bounding_box=("H", (1, 1, 9, 9))).do("end_page").end()
    report = analyzed(stream)
    assert [run.count for run in report.page_runs] == [2]
    assert report.page_runs[0].page.media == "iso_a3_297x420mm"


def test_a_custom_size_is_measured_in_its_own_units() -> None:
    stream = (
        XL().session().page(orientation=0, custom_media_size=("H", (2100, 2970)), custom_media_size_units=2)
    )
    assert next(analyzed(stream.end()).each_page()).media == "iso_a4_210x297mm"


def test_a_size_may_be_a_name() -> None:
    report = analyzed(XL().session().page(orientation=0, media_size=b"LETTER", media_type=b"Plain").end())
    page = next(report.each_page())
    assert (page.media, page.media_type) == ("na_letter_8.5x11in", "Plain")


def test_embedded_data_is_skipped_by_both_forms_of_its_length() -> None:
    trap = bytes([0x44, 0x42]) + UEL + bytes([0x43, 0x44]) * 40 + b"\x44"
    stream = (
        XL().session().do("begin_page", orientation=0, media_size=2).at().do("set_color_space", color_space=1)
    )
    image = {
        "color_mapping": 0,
        "color_depth": 2,
        "source_width": ("H", len(trap)),
        "source_height": ("H", 1),
    }
    for long in (False, True):
        stream.do("begin_image", **image, destination_size=("H", (9, 9)))
        stream.do("read_image", start_line=("H", 0), block_height=("H", 1), compress_mode=0)
        stream.data(trap, long=long).do("end_image")
    report = analyzed(stream.do("end_page").end())
    assert report.pages == 1
    assert not report.warnings


def test_text_that_looks_like_operators_is_text() -> None:
    stream = XL().session().do("begin_page", orientation=0, media_size=2).at().font()
    for length in (1, 63, 64, 65, 200, 300):
        stream.do("text", text_data=(b"\x44\x43" * 200)[:length])
    report = analyzed(stream.do("end_page").end())
    assert report.pages == 1
    assert not report.warnings


def test_vendor_unique_data_follows_without_a_tag() -> None:
    stream = XL().session().do("begin_page", orientation=0, media_size=2)
    stream.do("vendor_unique", vu_extension=("I", 7), vu_data_length=("I", 6))
    stream.octets += b"\x44" * 6
    assert analyzed(stream.do("end_page").end()).pages == 1


def test_sessions_follow_each_other() -> None:
    stream = XL().session().page().end().session().page().page().end()
    report = analyzed(stream)
    assert report.pages == 3
    assert not report.warnings


@pytest.mark.parametrize(
    ("paint", "colour"),
    [
        ({"rgb_color": b"\x10\x10\x10"}, False),
        ({"rgb_color": b"\x10\x10\x11"}, True),
        ({"gray_level": 77}, False),
    ],
)
def test_a_page_is_in_colour_when_a_colour_is_set(paint: dict[str, object], colour: bool) -> None:
    box = ("H", (1, 1, 9, 9))
    stream = XL().session().do("begin_page", orientation=0, media_size=2).do("rectangle", bounding_box=box)
    space = 1 if "gray_level" in paint else 2
    stream.do("set_color_space", color_space=space).do("set_brush_source", **paint).do(
        "rectangle", bounding_box=box
    )
    report = analyzed(stream.do("end_page").page().end())
    assert (report.colour_pages, report.monochrome_pages) == ((1, 1) if colour else (0, 2))
    assert report.certainty("colour_pages") == "exact"


@pytest.mark.parametrize(("space", "colour"), [(1, 0), (2, 1), (6, 1), (None, 1)])
def test_an_image_is_colour_by_the_word_of_its_space_which_is_rgb_unless_said(
    space: int | None, colour: int
) -> None:
    stream = XL().session().do("begin_page", orientation=0, media_size=2).at()
    if space is not None:
        stream.do("set_color_space", color_space=space)
    size = {"source_width": ("H", 1), "source_height": ("H", 1), "destination_size": ("H", (1, 1))}
    stream.do("begin_image", color_mapping=0, color_depth=2, **size)
    stream.do("read_image", start_line=("H", 0), block_height=("H", 1), compress_mode=0).data(
        b"\x01\x02\x03\x00"
    )
    report = analyzed(stream.do("end_image").do("end_page").end())
    assert report.colour_pages == colour
    assert report.certainty("colour_pages") == ("declared" if colour else "exact")


def test_an_indexed_image_is_colour_when_its_palette_is() -> None:
    size = {"source_width": ("H", 1), "source_height": ("H", 1), "destination_size": ("H", (1, 1))}
    for palette, colour in ((b"\0\0\0\xff\xff\xff", 0), (b"\0\0\0\xff\0\0", 1)):
        stream = XL().session().do("begin_page", orientation=0, media_size=2).at()
        stream.do("set_color_space", color_space=2, palette_depth=0, palette_data=palette)
        stream.do("begin_image", color_mapping=1, color_depth=0, **size).do("end_image").do("end_page")
        assert analyzed(stream.end()).colour_pages == colour


def test_grey_rendering_makes_no_colour_page() -> None:
    stream = XL().session().do("begin_page", orientation=0, media_size=2)
    stream.do("set_brush_source", rgb_color=b"\xff\x00\x00").do("end_page").end()
    assert analyzed(stream).colour_pages == 1
    assert analyzed(stream, RENDERMODE="GRAYSCALE").colour_pages == 0


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (XL().session().page().do("end_page"), "EndPage"),
        (XL().session().page().do("begin_page").do("begin_page"), "BeginPage"),
        (XL().session().page().session(), "BeginSession"),
        (XL().session().page().do("rectangle", bounding_box=("H", (1, 1, 2, 2))), "RECTANGLE"),
        (XL().session().page().page(copies=1, media_size=2, custom_media_size=("H", (9, 9))), "both"),
        (XL().session().page().do("begin_page").do("end_page", page_copies=1), "type"),
        (XL().session().page().do("begin_page", measure=1), "takes no"),
        (XL().session().page().do("exec_stream", stream_name=b"gone"), "not defined"),
    ],
)
def test_what_an_interpreter_refuses_ends_the_job_there(broken: XL, word: str) -> None:
    stream = bytes(broken.octets)
    report = analyzed(stream + bytes(XL().session().page().end().octets))
    assert report.pages == 1
    assert codes(report) == ["corrupt"]
    assert word in report.warnings[0].message
    assert report.warnings[0].offset is not None
    assert report.warnings[0].offset <= len(stream)


@pytest.mark.parametrize(
    "octets", [b"\x01", b"\xc6", b"\xc0\x01\x44", b"\xf8\x25", b"\x1bE", b"\xfb\x01x", b"\xff"]
)
def test_an_unknown_tag_is_reported_where_it_stands(octets: bytes) -> None:
    stream = bytes(XL().session().page().octets)
    report = analyzed(stream + octets + b"." * 9 + UEL)
    assert report.pages == 1
    assert codes(report) == ["corrupt"]
    assert report.warnings[0].offset == len(stream)


def test_a_page_that_is_not_ended_is_not_counted() -> None:
    report = analyzed(XL().session().page().do("begin_page"))
    assert report.pages == 1
    assert codes(report) == ["truncated"]


def test_a_wrong_header_is_said_and_nothing_is_counted() -> None:
    report = analyzed(b"' HP-PCL XL;2;0\nATTRIBUTES")
    assert report.pages == 0
    assert codes(report) == ["not-pcl-xl", "error-page"]


def test_an_error_page_is_an_impression_where_the_session_asks_for_one() -> None:
    quiet = analyzed(bytes(XL().session(error_report=1).page().octets) + b"\x01")
    assert (quiet.pages, quiet.impressions, codes(quiet)) == (1, 1, ["corrupt"])
    loud = analyzed(bytes(XL().session(error_report=2).page().octets) + b"\x01")
    assert (loud.pages, loud.impressions, loud.sheets) == (1, 2, 2)
    assert codes(loud) == ["corrupt", "error-page"]


def test_attributes_that_only_make_warnings_print_them_at_the_end_of_the_session() -> None:
    stream = XL().session(error_report=2).page(orientation=9, media_size=99).end()
    report = analyzed(stream)
    assert (report.pages, report.impressions) == (1, 2)
    assert codes(report) == ["page-attributes", "error-page"]
    assert next(report.each_page()).orientation is Orientation.PORTRAIT


def font(stream: XL, name: bytes) -> XL:
    stream.do("begin_font_header", font_name=name, font_format=0)
    return stream.do("read_font_header", font_header_length=("H", 9)).data(bytes(9)).do("end_font_header")


def character(stream: XL, name: bytes, size: int) -> XL:
    stream.do("begin_char", font_name=name)
    stream.do("read_char", char_code=("H", 65), char_data_size=("H", size)).data(bytes(size))
    return stream.do("end_char")


@pytest.mark.parametrize("size", [12, 300])
@pytest.mark.parametrize("painted", [False, True])
def test_characters_need_a_font_that_is_defined(size: int, painted: bool) -> None:
    stream = font(XL().session(), b"own").page().do("begin_page", orientation=0, media_size=2)
    if painted:
        stream.do("rectangle", bounding_box=("H", (1, 2, 3, 4)))
    right = bytes(character(stream, b"own", size).octets)
    report = analyzed(right + b"\x44\x49\x42")
    assert (report.pages, codes(report)) == (2, [])
    wrong = bytes(character(stream, b"gone", size).do("end_page").end().octets)
    report = analyzed(wrong)
    assert (report.pages, codes(report)) == (1, ["corrupt"])
    assert "font" in report.warnings[0].message


def test_a_font_is_defined_once_and_forgotten_with_its_session() -> None:
    twice = font(font(XL().session().page(), b"own"), b"own").page()
    assert (analyzed(twice).pages, codes(analyzed(twice))) == (1, ["corrupt"])
    removed = font(font(XL().session(), b"own").do("remove_font", font_name=b"own"), b"own").page().end()
    assert (analyzed(removed).pages, codes(analyzed(removed))) == (1, [])
    anew = font(font(XL().session(), b"own").end().session(), b"own").page().end()
    assert (analyzed(anew).pages, codes(analyzed(anew))) == (1, [])


def test_a_font_that_cannot_be_removed_makes_a_page_of_warnings() -> None:
    stream = XL().session(error_report=2).page().do("remove_font", font_name=b"gone").end()
    report = analyzed(stream)
    assert (report.pages, report.impressions, codes(report)) == (1, 2, ["font", "error-page"])


def test_beyond_the_bound_every_font_counts_as_defined() -> None:
    stream = XL().session()
    for number in range(1100):
        font(stream, b"own %d" % number)
    character(stream, b"gone", 12)
    assert codes(analyzed(stream.page().end())) == []


def test_a_data_source_must_be_open_for_data() -> None:
    line = XL().session().do("close_data_source").do("begin_page").at()
    line.do("line_path", number_of_points=("H", 1), point_type=3).data(b"\1\0\1\0")
    assert "data source" in analyzed(line).warnings[0].message
    assert (
        "data source"
        in analyzed(XL().session().do("open_data_source", source_type=0, data_org=1)).warnings[0].message
    )
    assert (
        "lacks"
        in analyzed(XL().session().end().session().do("open_data_source", data_org=1)).warnings[0].message
    )


@pytest.mark.parametrize(
    ("passed", "painted", "pages"),
    [
        (b"x\n", False, 1),
        (b"x\f", False, 2),
        (b"x\x1bE", False, 2),
        (b"x\f", True, 1),
        (b"x\n" * 70, False, 2),
    ],
)
def test_pcl_5_that_is_passed_through_ejects_pages_of_its_own(
    passed: bytes, painted: bool, pages: int
) -> None:
    # Counts of GhostPDL's interpreter: inside a painted page nothing ejects it.
    stream = XL().session().do("begin_page", orientation=0, media_size=2)
    if painted:
        stream.do("rectangle", bounding_box=("H", (10, 10, 300, 300)))
    stream.do("pass_through").data(passed).do("end_page").end()
    report = analyzed(stream)
    assert report.pages == pages
    assert not report.warnings


def macro(name: bytes, body: bytes, stream: XL) -> XL:
    """Define a user-defined stream whose operators are `body`."""
    header = bytes(XL(stream.order, "2;1").octets)
    stream.do("begin_stream", stream_name=name)
    stream.do("read_stream", stream_data_length=("I", len(header + body))).data(header + body)
    return stream.do("end_stream")


def operators(stream: XL) -> bytes:
    return bytes(stream.octets[len(XL().octets) :])


def test_a_user_defined_stream_that_holds_a_page_prints_it_at_each_run() -> None:
    stream = macro(b"page", operators(XL().page(copies=2)), XL(version="2;1").session())
    for _ in range(3):
        stream.do("exec_stream", stream_name=b"page")
    report = analyzed(stream.end())
    assert (report.pages, report.impressions) == (3, 6)
    assert not report.warnings


def test_a_form_makes_each_page_that_runs_it_a_colour_page() -> None:
    form = (
        XL()
        .do("set_brush_source", rgb_color=b"\xff\x00\x00")
        .do("rectangle", bounding_box=("H", (1, 1, 9, 9)))
    )
    stream = macro(b"form", operators(form), XL(version="2;1").session())
    for number in range(4):
        stream.do("begin_page", orientation=0, media_size=2)
        if number % 2:
            stream.do("exec_stream", stream_name=b"form")
        stream.do("end_page")
    report = analyzed(stream.end())
    assert (report.pages, report.colour_pages, report.monochrome_pages) == (4, 2, 2)


def test_a_stream_that_runs_itself_ends_the_job_as_in_an_interpreter() -> None:
    loop = XL().do("exec_stream", stream_name=b"loop")
    stream = macro(b"loop", operators(loop), XL(version="2;1").session().page())
    report = analyzed(stream.do("exec_stream", stream_name=b"loop").page().end())
    assert report.pages == 1
    assert "deep" in report.warnings[0].message


def test_streams_that_double_each_other_stop_at_the_bound() -> None:
    stream = macro(b"0", operators(XL().page()), XL(version="2;1").session())
    for level in range(1, 31):
        twice = XL()
        for _ in range(2):
            twice.do("exec_stream", stream_name=str(level - 1).encode())
        macro(str(level).encode(), operators(twice), stream)
    stream.do("exec_stream", stream_name=b"30").end()
    report = report_of(new_pclxl_analyzer, [bytes(stream.octets)])
    assert report.pages is not None
    assert report.pages > 200
    assert codes(report) == ["macro-bound"]
    assert report.certainty("pages") == "declared"


def test_empty_forms_that_double_each_other_are_run_once_each() -> None:
    stream = macro(b"0", operators(XL().do("new_path")), XL(version="2;1").session())
    for level in range(1, 31):
        twice = XL()
        for _ in range(2):
            twice.do("exec_stream", stream_name=str(level - 1).encode())
        macro(str(level).encode(), operators(twice), stream)
    stream.do("begin_page", orientation=0, media_size=2).do("exec_stream", stream_name=b"30")
    report = report_of(new_pclxl_analyzer, [bytes(stream.do("end_page").end().octets)])
    assert report.pages == 1
    assert not report.warnings


def test_the_stream_ends_before_the_uel() -> None:
    stream = bytes(XL().session().page().end().octets)
    report = analyzed(stream + UEL + b"@PJL EOJ\r\n")
    assert (report.pages, report.octets) == (1, len(stream))
    assert not report.warnings


def test_a_uel_ends_the_language_after_a_dangling_attribute() -> None:
    stream = bytes(XL().session().page().attributes(measure=0).octets)
    assert analyzed(stream + UEL + b"x").octets == len(stream)


def test_an_unknown_attribute_is_refused_wherever_the_chunks_are_cut() -> None:
    stream = (
        XL()
        .session()
        .do("begin_page", orientation=0, media_size=2)
        .do("rectangle", bounding_box=("H", (1, 1, 9, 9)))
    )
    report = analyzed(bytes(stream.octets) + b"\xd3\1\0\1\0\xf8\xb2\x6b" + b"\x85" * 9)
    assert "attribute 178" in report.warnings[0].message


def test_streams_are_forgotten_with_their_session_and_when_they_are_removed() -> None:
    stream = macro(b"page", operators(XL().page()), XL(version="2;1").session())
    stream.do("exec_stream", stream_name=b"page").do("remove_stream", stream_name=b"page")
    assert analyzed(stream).pages == 1
    assert "RemoveStream" in analyzed(stream.do("remove_stream", stream_name=b"page")).warnings[0].message
    kept = macro(b"page", operators(XL().page()), XL(version="2;1").session()).end().session()
    assert "not defined" in analyzed(kept.do("exec_stream", stream_name=b"page")).warnings[0].message


def test_a_stream_without_a_header_of_its_own_is_refused() -> None:
    for body in (b"", b"page", b") HP-PCL XL;9;0\n", b") HP-PCL XL;2;0 and no line feed"):
        stream = XL(version="2;1").session().do("begin_stream", stream_name=b"x")
        stream.do("read_stream", stream_data_length=("I", len(body))).data(body).do("end_stream")
        assert "header" in analyzed(stream.do("exec_stream", stream_name=b"x")).warnings[0].message


def test_streams_beyond_the_bound_are_not_kept_and_that_is_said() -> None:
    body = operators(XL().page()) + b"\x00" * (5 << 20)
    stream = macro(b"one", body, XL(version="2;1").session())
    macro(b"two", body, stream)
    for name in (b"one", b"two", b"one"):
        stream.do("exec_stream", stream_name=name)
    report = report_of(new_pclxl_analyzer, [bytes(stream.end().octets)])
    assert codes(report) == ["macro-bound"]
    assert report.certainty("pages") == "declared"


def test_a_huge_attribute_list_is_refused() -> None:
    stream = XL().session().do("begin_page", orientation=0, media_size=2)
    for _ in range(30):
        stream.attributes(text_data=b"x" * 60000)
    report = report_of(new_pclxl_analyzer, [bytes(stream.octets)])
    assert "longer" in report.warnings[0].message
