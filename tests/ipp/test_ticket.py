"""What is asked of a job, held against registrations and against what the printer supports."""

from uuid import UUID

import pytest

from ipp import Attribute, Attributes, OutOfBand, Range, RemoteProtocolError, Resolution, Status, Tag
from ipp.everywhere import Capabilities, attributes
from ipp.registry import attribute, collection
from ipp.ticket import check_value, sort_out, supports

PRINTER = attributes(Capabilities("Hall", UUID(int=1), number_up=(1, 2, 4)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("copies", 1),
        ("copies", 999),
        ("sides", "two-sided-long-edge"),
        ("media", "iso_a4_210x297mm"),
        ("print-quality", 4),
        ("number-up", 4),
        ("orientation-requested", 3),
        ("printer-resolution", Resolution(600, 600)),
        ("page-ranges", Range(2, 9)),
        ("job-priority", 100),
        ("media-col", collection("media-col", {"media-size": {"x-dimension": 21000, "y-dimension": 29700}})),
        ("media-col", collection("media-col", {"media-size": {"x-dimension": 21050, "y-dimension": 29650}})),
        ("media-col", collection("media-col", {"media-type": "stationery", "media-source": "auto"})),
    ],
)
def test_supported_values_are_accepted(name: str, value: object) -> None:
    asked = attribute(name, value)  # type: ignore[arg-type]
    accepted, unsupported = sort_out([asked], PRINTER)
    assert (list(accepted), unsupported) == ([asked], [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("copies", 1000),
        ("sides", "three-sided"),
        ("media", "iso_a0_841x1189mm"),
        ("number-up", 3),
        ("printer-resolution", Resolution(123, 123)),
        ("job-priority", 101),
        ("media-col", collection("media-col", {"media-size": {"x-dimension": 21051, "y-dimension": 29700}})),
        ("media-col", collection("media-col", {"media-size": {"x-dimension": 21000}})),
        ("media-col", collection("media-col", {"media-type": "parchment"})),
        ("media-col", collection("media-col", {"media-tooth": "fine"})),
    ],
)
def test_values_that_are_not_supported_go_back_as_they_came(name: str, value: object) -> None:
    asked = Attribute.of(name, attribute("copies", 1).tag, 0)
    if not (isinstance(value, int) and name == "job-priority"):
        asked = attribute(name, value)  # type: ignore[arg-type]
    else:
        asked = Attribute.of(name, Tag.INTEGER, value)
    accepted, unsupported = sort_out([asked], PRINTER)
    assert (list(accepted), unsupported) == ([], [asked])


def test_an_attribute_the_printer_has_not_goes_back_as_unsupported() -> None:
    accepted, unsupported = sort_out([Attribute.of("x-glitter", Tag.KEYWORD, "much")], PRINTER)
    assert not len(accepted)
    assert unsupported == [Attribute.of("x-glitter", Tag.UNSUPPORTED, OutOfBand.UNSUPPORTED)]


def test_of_several_values_the_good_ones_stay() -> None:
    finishings = Attribute.of("finishings", Tag.ENUM, 3, 99)
    accepted, unsupported = sort_out([finishings], PRINTER)
    assert accepted.integers("finishings") == (3,)
    assert unsupported == [Attribute.of("finishings", Tag.ENUM, 99)]


def test_an_out_of_band_value_is_never_supported() -> None:
    assert not supports("sides", OutOfBand.NO_VALUE, PRINTER)


def test_nothing_asked_is_nothing_refused() -> None:
    assert sort_out([], Attributes()) == (Attributes(), [])


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (Attribute.of("job-name", Tag.NAME, "n" * 256), Status.CLIENT_ERROR_REQUEST_VALUE_TOO_LONG),
        (Attribute.of("sides", Tag.KEYWORD, "k" * 256), Status.CLIENT_ERROR_REQUEST_VALUE_TOO_LONG),
        (Attribute.of("copies", Tag.INTEGER, 0), Status.CLIENT_ERROR_BAD_REQUEST),
        (Attribute.of("copies", Tag.KEYWORD, "two"), Status.CLIENT_ERROR_BAD_REQUEST),
        (Attribute.of("page-ranges", Tag.RANGE_OF_INTEGER, Range(9, 2)), Status.CLIENT_ERROR_BAD_REQUEST),
        (Attribute.of("job-name", Tag.NAME, "\udc80"), Status.CLIENT_ERROR_BAD_REQUEST),
    ],
)
def test_a_value_against_its_registration_is_told(made: Attribute, status: Status) -> None:
    with pytest.raises(RemoteProtocolError) as raised:
        check_value(made)
    assert raised.value.status is status


def test_members_of_collections_are_held_against_theirs() -> None:
    inner = collection("media-col", {"media-type": "stationery"})
    inner.add(Attribute.of("media-top-margin", Tag.KEYWORD, "wide"))
    with pytest.raises(RemoteProtocolError, match="media-col/media-top-margin"):
        check_value(Attribute.of("media-col", Tag.BEG_COLLECTION, inner))


def test_names_nobody_registered_pass() -> None:
    check_value(Attribute.of("x-anything", Tag.INTEGER, -5))


def test_what_a_printer_says_it_does_not_support_is_not_taken() -> None:
    printer = attributes(Capabilities("Hall", UUID(int=1), document_formats=("image/pwg-raster",)))
    accepted, unsupported = sort_out([attribute("page-ranges", Range(1, 2))], printer)
    assert list(accepted) == []
    assert unsupported == [Attribute.of("page-ranges", Tag.UNSUPPORTED, OutOfBand.UNSUPPORTED)]
    assert "page-ranges" not in printer.strings("job-creation-attributes-supported")


def test_many_values_are_held_against_the_printer_one_by_one_and_keep_their_order() -> None:
    compared = 0

    class Counted(int):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return int.__eq__(self, other)

        __hash__ = int.__hash__

    values = [3 + number % 2 for number in range(400)]
    asked = Attribute.of("finishings", Tag.ENUM, *map(Counted, values))
    (accepted,), (refused,) = sort_out([asked], PRINTER)
    assert [int(value) for value in accepted.values if isinstance(value, int)] == [3] * 200
    assert [int(value) for value in refused.values if isinstance(value, int)] == [4] * 200
    assert compared <= len(values) * len(PRINTER["finishings-supported"].values)
