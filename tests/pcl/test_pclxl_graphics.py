"""The graphics state of PCL XL; the interpreter counts the cases as well (tests/data/pcl/README.md)."""

import pytest

from pcl.pclxl import new_pclxl_analyzer
from pcl.pclxl_graphics import MAX_STACK, UNKNOWN, Graphics

from .chunks import report_of_any_chunking
from .xl import XL


def body(stream: XL) -> bytes:
    return bytes(stream.octets[len(XL().octets) :])


def gray() -> XL:
    return XL().do("set_color_space", color_space=1)


def picture(stream: XL, octets: bytes, *, rows: int = 4, mode: int = 0, width: int = 4, **more: object) -> XL:
    size = {"source_width": ("H", width), "source_height": ("H", 4), "destination_size": ("H", (4, 4))}
    stream.do("begin_image", **{"color_mapping": 0, "color_depth": 2, **size, **more})
    stream.do("read_image", start_line=("H", 0), block_height=("H", rows), compress_mode=mode)
    return stream.data(octets).do("end_image")


def pattern(stream: XL, persistence: int, *, octets: int = 48) -> XL:
    size = {"source_width": ("H", 4), "source_height": ("H", 4), "destination_size": ("H", (4, 4))}
    name = {"pattern_define_id": ("h", 1), "pattern_persistence": persistence}
    stream.do("begin_rast_pattern", color_mapping=0, color_depth=2, **size, **name)
    stream.do("read_rast_pattern", start_line=("H", 0), block_height=("H", 4), compress_mode=0)
    return stream.data(bytes(octets)).do("end_rast_pattern")


def select(stream: XL) -> XL:
    return stream.do("set_brush_source", pattern_select_id=("h", 1))


def arc(operator: str, box: tuple[int, ...], start: tuple[int, int] = (1, 1)) -> XL:
    return XL().do(operator, bounding_box=("h", box), start_point=("h", start), end_point=("h", (9, 9)))


def indexed(palette: int, depth: int, *, space: int = 2) -> XL:
    stream = XL().do("set_color_space", color_space=space, palette_depth=2, palette_data=bytes(palette))
    return picture(stream, bytes(16), color_mapping=1, color_depth=depth)


def text(stream: XL) -> XL:
    return stream.do("text", text_data=b"abc")


RGB = {"rgb_color": b"\1\2\3"}
REFUSED: list[tuple[XL, str]] = [
    (XL().do("set_brush_source", gray_level=0), "not grey"),
    (gray().do("set_brush_source", rgb_color=b"\1\1\1"), "without RGB"),
    (
        XL()
        .do("push_gs")
        .do("set_color_space", color_space=1)
        .do("pop_gs")
        .do("set_brush_source", gray_level=0),
        "",
    ),
    (gray().do("set_default_gs").at().do("set_brush_source", gray_level=0), "not grey"),
    (XL().do("set_color_space", color_space=5).do("set_brush_source", gray_level=0), "not grey"),
    (picture(XL().do("set_color_space", color_space=5), bytes(48)), "no pictures"),
    (XL().do("set_clip_replace", clip_region=1), "even-odd"),
    (
        XL().do("set_clip_mode", clip_mode=1).do("set_default_gs").do("set_clip_replace", clip_region=1),
        "even-odd",
    ),
    (select(XL()), "not defined"),
    (text(XL()), "font"),
    (text(XL().do("push_gs").font().do("pop_gs").at()), "font"),
    (select(pattern(XL().do("push_gs"), 0).do("pop_gs")), "not defined"),
    (pattern(XL(), 2, octets=40), "shorter"),
    (arc("pie", (5, 0, 5, 10)), "no size"),
    (arc("pie", (0, 0, 10, 10), (5, 5)), "centre"),
    (arc("chord", (0, 0, 10, 10), (5, 5)), "centre"),
    (arc("arc_path", (0, 0, 10, 10), (5, 5)), "centre"),
    (picture(gray(), bytes(15)), "shorter"),
    (picture(gray(), bytes(20)), "longer"),
    (picture(gray(), bytes(8)).data(bytes(8)), "shorter"),
    (picture(gray(), b"\xfd\0" * 2, mode=1).data(b"\xfd\0" * 2), "stands where"),
    (picture(XL(), bytes(16), color_mapping=1), "palette"),
    (indexed(6, 2), "palette"),
    (XL().do("line_path", number_of_points=2, point_type=3).data(b"1234").data(b"5678"), "shorter"),
]
TAKEN: list[XL] = [
    text(XL().font()),
    text(XL().font().do("set_default_gs").at()),
    text(XL().do("push_gs").font().at()),
    gray().do("set_brush_source", gray_level=0),
    gray().do("set_default_gs").at().do("set_brush_source", **RGB),
    gray().do("pop_gs").do("set_brush_source", gray_level=1),
    XL().do("push_gs").do("set_color_space", color_space=1).do("pop_gs").do("set_brush_source", **RGB),
    XL().do("set_color_space", color_space=6).do("set_brush_source", **RGB),
    XL().do("set_clip_mode", clip_mode=1).do("set_clip_replace", clip_region=1),
    select(pattern(XL(), 0).do("push_gs")),
    select(pattern(XL().do("push_gs"), 1).do("pop_gs")),
    select(pattern(XL(), 2).do("end_page").do("begin_page")),
    arc("chord", (5, 0, 5, 10), (5, 5)),
    arc("arc_path", (5, 5, 5, 5)),
    picture(gray(), bytes(16)),
    picture(gray(), bytes(16), width=3),
    picture(gray(), bytes(8), rows=2),
    picture(XL(), bytes(48)),
    indexed(6, 0),
    indexed(800, 2),
    indexed(16, 1, space=1),
    XL().do("line_path", number_of_points=2, point_type=3).data(b"").data(b"12345678").data(b""),
]


def page_with(stream: XL, *, painted: bool) -> bytes:
    page = XL().session().page().do("begin_page", orientation=0, media_size=2).at()
    if painted:
        page.do("rectangle", bounding_box=("H", (1, 2, 3, 4)))
    page.octets += body(stream)
    return bytes(page.do("end_page").end().octets)


@pytest.mark.parametrize("painted", [False, True])
@pytest.mark.parametrize(("wrong", "word"), REFUSED)
def test_what_does_not_fit_the_graphics_state_ends_the_job(wrong: XL, word: str, painted: bool) -> None:
    report = report_of_any_chunking(new_pclxl_analyzer, page_with(wrong, painted=painted))
    assert report.pages == 1
    assert word in report.warnings[0].message


@pytest.mark.parametrize("painted", [False, True])
@pytest.mark.parametrize("right", TAKEN)
def test_what_fits_the_graphics_state_is_no_matter(right: XL, painted: bool) -> None:
    report = report_of_any_chunking(new_pclxl_analyzer, page_with(right, painted=painted))
    assert report.pages in (2, 3)
    assert not report.warnings


def test_patterns_of_a_page_end_with_it() -> None:
    ended = pattern(XL(), 1).do("end_page").do("begin_page")
    assert report_of_any_chunking(new_pclxl_analyzer, page_with(select(ended), painted=False)).pages == 2


def test_a_font_is_set_for_a_page() -> None:
    ended = XL().font().do("end_page").do("begin_page").at()
    assert report_of_any_chunking(new_pclxl_analyzer, page_with(text(ended), painted=True)).pages == 2


def test_a_form_leaves_its_colour_space_each_time_it_runs() -> None:
    octets = XL(version="2;0", comment="x").octets + body(gray())
    stream = XL().session().do("begin_stream", stream_name=b"A")
    stream.do("read_stream", stream_data_length=("I", len(octets))).data(bytes(octets)).do("end_stream")
    for _ in range(3):
        stream.do("begin_page", orientation=0, media_size=2).do("exec_stream", stream_name=b"A")
        stream.do("set_brush_source", gray_level=1).do("end_page")
    report = report_of_any_chunking(new_pclxl_analyzer, bytes(stream.end().octets))
    assert (report.pages, report.warnings) == (3, ())


def test_beyond_the_bound_every_pattern_counts_as_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pcl.pclxl_graphics.MAX_PATTERNS", 1)
    other = pattern(XL(), 2).do("set_brush_source", pattern_select_id=("h", 2))
    assert report_of_any_chunking(new_pclxl_analyzer, page_with(other, painted=True)).pages == 2


def test_of_a_deep_stack_only_the_upper_part_is_known() -> None:
    graphics = Graphics()
    for _ in range(MAX_STACK + 5):
        graphics.push()
    for _ in range(MAX_STACK):
        graphics.pop()
    assert graphics.state.space == 2
    graphics.pop()
    assert graphics.state == UNKNOWN
    graphics.begin_page()
    assert graphics.state.space == 2
