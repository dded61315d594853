"""What operators take: the tables are whole, and damaged streams end where the interpreter ends them."""

import csv
from pathlib import Path

import pytest

import pcl
from pcl.pclxl import new_pclxl_analyzer
from pcl.pclxl_signatures import FORMS, VALUES, fault_of, limits_of
from pcl.tables import Attribute, DataTag, Operator

from .chunks import report_of_any_chunking
from .xl import XL

DATA = Path(__file__).parent.parent / "data" / "pcl"


def pages_in_the_interpreter(octets: bytes) -> int:
    """Our pages, and the error page, which is one to the interpreter."""
    report = pcl.analyze(octets)
    return (report.pages or 0) + sum(warning.code == "error-page" for warning in report.warnings)


def damaged() -> list[tuple[str, int, int, bytes, int]]:
    with (DATA / "damage.csv").open(newline="") as rows:
        return [
            (name, int(at), int(taken), bytes.fromhex(put), int(pages))
            for name, at, taken, put, pages in csv.reader(rows)
        ]


# What is not looked at: two broken headers of fonts, a picture's data.
KNOWN = {
    ("gs-pxlcolor-duplex-copies.pxl", 287),
    ("gs-pxlcolor-duplex-copies.pxl", 296),
    ("gs-drawing.pxl", 3847),
}


def test_damaged_streams_end_where_the_interpreter_ends_them() -> None:
    differing = set()
    for name, at, taken, put, pages in damaged():
        stream = (DATA / name).read_bytes()
        if pages_in_the_interpreter(stream[:at] + put + stream[at + taken :]) != pages:
            differing.add((name, at))
    assert differing == KNOWN


def test_every_operator_has_its_forms_and_every_attribute_of_them_its_values() -> None:
    assert set(FORMS) == set(Operator)
    named = {name for forms in FORMS.values() for form in forms for name in form.required + form.optional}
    assert named <= set(VALUES)


def test_types_and_limits_are_those_of_the_attribute() -> None:
    assert fault_of(Operator.SET_PEN_WIDTH, ((Attribute.PEN_WIDTH, DataTag.UINT16),)) is None
    assert "type" in str(fault_of(Operator.SET_PEN_WIDTH, ((Attribute.PEN_WIDTH, DataTag.SINT16),)))
    grey = ((Attribute.GRAY_LEVEL, DataTag.REAL32),)
    assert limits_of(grey) == ((Attribute.GRAY_LEVEL, 0, 1),)
    assert limits_of(((Attribute.GRAY_LEVEL, DataTag.UBYTE),)) == ()


def on_a_page(*, painted: bool) -> XL:
    stream = XL().session().page().do("begin_page", orientation=0, media_size=2).at()
    return stream.do("rectangle", bounding_box=("H", (1, 2, 3, 4))) if painted else stream


# Each counted by the interpreter as well: one page, the second ends in an error.
REFUSED: list[tuple[XL, str]] = [
    (XL().do("set_cursor"), "lacks"),
    (XL().do("set_cursor", point=("I", (1, 2))), "type"),
    (XL().do("rectangle", bounding_box=("H", (1, 2, 3, 4)), point=("H", (1, 2))), "takes no"),
    (XL().do("set_clip_replace", clip_region=2), "range"),
    (XL().do("line_path", end_point=("h", (1, 2)), number_of_points=1, point_type=3), "together"),
    (XL().do("line_path", number_of_points=2, point_type=3).data(b"1234"), "shorter"),
    (XL().do("line_path", number_of_points=2, point_type=3).data(b"1234567890"), "longer"),
    (XL().do("line_path", end_point=("h", (1, 2))).data(b"1"), "no operator takes it"),
    (XL().do("bezier_path", number_of_points=2, point_type=3).data(b"12345678"), "no curves"),
    (XL().do("bezier_path", control_point_1=("h", (1, 2))), "lacks"),
    (XL().do("set_line_dash", line_dash_style=bytes(21)), "1 to 20"),
    (XL().do("set_line_dash"), "lacks"),
    (XL().do("set_brush_source", rgb_color=b"12"), "three parts"),
    (XL().do("text", text_data=b"123", x_spacing_data=b"12"), "spacings"),
    (XL().do("new_path").do("line_path", end_point=("h", (1, 2))), "current point"),
    (XL().do("set_color_space", color_space=2, palette_depth=2, palette_data=b"12345"), "PaletteData"),
    (XL().do("begin_char", font_name=b"unheard-of"), "not defined"),
]


@pytest.mark.parametrize("painted", [False, True])
@pytest.mark.parametrize(("wrong", "word"), REFUSED)
def test_a_list_that_an_operator_does_not_take_ends_the_job(wrong: XL, word: str, painted: bool) -> None:
    stream = on_a_page(painted=painted)
    stream.octets += wrong.octets[len(XL().octets) :]
    octets = bytes(stream.do("end_page").end().octets)
    report = report_of_any_chunking(new_pclxl_analyzer, octets)
    assert report.pages == 1
    assert word in report.warnings[0].message


TAKEN: list[XL] = [
    XL().do("line_path", end_point=("B", (1, 2))),
    XL().do("line_path", point_type=3, number_of_points=2).data(b"12345678"),
    XL().do("line_path", number_of_points=0, point_type=3),
    XL().do("line_path", number_of_points=("H", 70), point_type=2).data(bytes(280)),
    XL().do("bezier_path", number_of_points=6, point_type=1).data(bytes(12)),
    XL().do("set_line_dash", solid_line=0),
    XL().do("set_page_scale"),
    XL().do("pop_gs"),
    XL().do("new_path").do("push_gs").at().do("line_path", end_point=("h", (1, 2))),
    XL().do("set_color_space", color_space=1, palette_depth=0, palette_data=b"12"),
]


@pytest.mark.parametrize("painted", [False, True])
@pytest.mark.parametrize("right", TAKEN)
def test_a_list_that_an_operator_takes_is_no_matter(right: XL, painted: bool) -> None:
    stream = on_a_page(painted=painted)
    stream.octets += right.octets[len(XL().octets) :]
    report = report_of_any_chunking(new_pclxl_analyzer, bytes(stream.do("end_page").end().octets))
    assert (report.pages, report.warnings) == (2, ())
