"""The patterns of runs: they swallow what changes nothing, and nothing else."""

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.language import ByteOrder
from pcl.pclxl import new_pclxl_analyzer
from pcl.pclxl_patterns import Paint, Watch, character_pattern, run_pattern, swallowed_spaces
from pcl.tables import Operator

from .chunks import report_of
from .xl import XL

DATA = Path(__file__).parent.parent / "data" / "pcl"
ORDERS: tuple[ByteOrder, ByteOrder] = ("little", "big")


def octets_of(stream: XL) -> bytes:
    return bytes(stream.octets[len(XL(stream.order).octets) :])


def matched(
    octets: bytes, order: ByteOrder = "little", watch: Watch = Watch.GRAY, paint: Paint = Paint.ANY
) -> int:
    run = run_pattern(order, watch, paint).match(octets)
    assert run is not None
    return run.end()


@pytest.mark.parametrize("order", ORDERS)
def test_a_run_goes_over_operators_with_attributes_and_short_data(order: ByteOrder) -> None:
    stream = (
        XL("<" if order == "little" else ">").do("new_path").do("rectangle", bounding_box=("H", (1, 2, 3, 4)))
    )
    stream.do("text", text_data=b"\x44" * 64).do("line_path", number_of_points=("H", 2), point_type=3).data(
        b"\x44" * 8
    )
    stream.data(b"").do("paint_path")
    octets = octets_of(stream)
    whole = octets.replace(b"\xfb\x00", b"")
    assert matched(whole, order) == len(whole)


@pytest.mark.parametrize(
    "operator",
    [
        "begin_session",
        "begin_page",
        "end_page",
        "exec_stream",
        "begin_image",
        "end_image",
        "pass_through",
        "vendor_unique",
    ],
)
def test_a_run_ends_before_what_must_be_looked_at(operator: str) -> None:
    before = octets_of(XL().do("new_path").do("rectangle", bounding_box=("H", (1, 2, 3, 4))))
    for watch in Watch:
        assert matched(before + octets_of(XL().do(operator)) + before, watch=watch) == len(before)


def test_greys_are_swallowed_and_colours_are_not_until_the_page_is_in_colour() -> None:
    grey = octets_of(XL().do("set_brush_source", gray_level=9).do("set_brush_source", rgb_color=b"\7\7\7"))
    colour = octets_of(XL().do("set_brush_source", rgb_color=b"\7\7\x08"))
    assert matched(grey + colour) == len(grey)
    assert matched(grey + colour, watch=Watch.RGB) == len(grey)
    assert matched(grey + colour, watch=Watch.NOTHING) == len(grey + colour)
    assert matched(grey, paint=Paint.NONE) == matched(grey, paint=Paint.RGB) == 0
    assert matched(grey, paint=Paint.GRAY) == len(octets_of(XL().do("set_brush_source", gray_level=9)))
    spaces = {watch: sorted(space[0] for space in swallowed_spaces(watch)) for watch in Watch}
    assert (spaces[Watch.UNSAID], spaces[Watch.GRAY], spaces[Watch.RGB]) == ([], [1], [1, 2, 6])


def test_a_cut_operator_is_left() -> None:
    octets = octets_of(XL().do("close_sub_path").do("rectangle", bounding_box=("H", (1, 2, 3, 4))))
    assert {matched(octets[:cut]) for cut in range(1, len(octets))} == {1}


def test_a_path_is_begun_in_a_run_only_where_it_gets_a_point() -> None:
    line = octets_of(XL().do("line_path", end_point=("h", (5, 5))))
    begun = octets_of(XL().do("new_path"))
    point = octets_of(XL().do("close_sub_path").at())
    assert matched(line + begun + line) == len(line)
    assert matched(line + begun + point + line) == len(line + begun + point + line)
    assert matched(line + begun) == len(line)


@pytest.mark.parametrize("order", ORDERS)
def test_a_character_is_found_up_to_its_data(order: ByteOrder) -> None:
    for size, length in ((7, b"\xfb\x07"), (700, b"\xfa" + (700).to_bytes(4, order))):
        head = (
            b"\xc8\xc0\x01A\xf8\xa8\x52\xc1\x00\x01\xf8\xa2\xc1" + size.to_bytes(2, order) + b"\xf8\xa3\x53"
        )
        found = character_pattern(order).match(head + length + b"....")
        assert found is not None
        assert found.end() == len(head + length)
        assert int.from_bytes(found["size"], order) == size
        assert int.from_bytes(found["long"] or found["short"], order) == size


def test_every_operator_is_swallowed_or_looked_at_by_name() -> None:
    pattern = run_pattern("little", Watch.NOTHING, Paint.ANY)
    swallowed = {octet for octet in range(256) if pattern.fullmatch(bytes([octet]))}
    assert swallowed <= {operator.value for operator in Operator}


def without_runs(stream: bytes) -> object:
    with patch("pcl.pclxl.run_dull", lambda data, position, *_: position):
        return report_of(new_pclxl_analyzer, [stream])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_runs_change_the_time_and_nothing_else(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["gs-pxlmono.pxl", "gs-pxlcolor-duplex-copies.pxl", "gs-drawing.pxl"]))
    stream = (DATA / name).read_bytes()
    octets = bytearray(stream[stream.index(b") HP-PCL XL") :])
    for _ in range(data.draw(st.integers(0, 3))):
        octets[data.draw(st.integers(60, len(octets) - 1))] = data.draw(st.integers(0, 255))
    assert report_of(new_pclxl_analyzer, [bytes(octets)]) == without_runs(bytes(octets))
