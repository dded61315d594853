"""Media names and the sizes they tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipp import media
from ipp.vocabulary.keywords import KEYWORDS

A4 = media.registered("iso_a4")
LETTER = media.registered("na_letter")
DIMENSIONS = st.integers(1, media._MOST)


@pytest.mark.parametrize(
    ("name", "x_dimension", "y_dimension"),
    [
        ("iso_a4_210x297mm", 21000, 29700),
        ("na_letter_8.5x11in", 21590, 27940),
        ("iso_a4-extra_235.5x322.3mm", 23550, 32230),
        ("na_number-10_4.125x9.5in", 10477, 24130),
        ("custom_min_76.2x127mm", 7620, 12700),
        ("custom_max_8.5x14in", 21590, 35560),
        ("custom_210.5x300mm_210.5x300mm", 21050, 30000),
        ("roll_max_36.1025x3622.0472in", 91700, 9199999),
        ("roll_current_36x0in", 91440, 0),
        ("asme_f_28x40in", 71120, 101600),
    ],
)
def test_a_name_tells_its_size(name: str, x_dimension: int, y_dimension: int) -> None:
    assert media.parse(name) == media.MediaSize(name, x_dimension, y_dimension)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "iso_a4",
        "iso_a4_210x297in",
        "na_letter_8.5x11mm",
        "iso_a4_210x297mm ",
        "ISO_A4_210x297mm",
        "iso_a4_210x297mm\n",
        "iso_a4_0210x297mm",
        "iso_a4_210.0x297mm",
        "iso_a4_-210x297mm",
        "iso_a4_0x297mm",
        "custom_x_100x0mm",
        "custom_x_0.001x100mm",
        "custom_x_2000000x100mm",
        "custom_x_" + "9" * 300 + "x1mm",
        "custom_x_\N{ARABIC-INDIC DIGIT ONE}x1mm",
        "vendor_a4_210x297mm",
        "choice_iso_a4_210x297mm_na_letter_8.5x11in",
        "custom_" + "a" * 250 + "_1x1mm",
    ],
)
def test_what_is_not_a_self_describing_name_tells_no_size(name: str) -> None:
    assert media.parse(name) is None


def test_every_registered_size_is_in_the_table_and_finds_its_own_name() -> None:
    described = {
        name for name in KEYWORDS["media"] if name[-2:] in ("mm", "in") and not name.startswith("choice")
    }
    assert {size.name for size in media.REGISTERED} == described - {"main"}
    for size in media.REGISTERED:
        assert media.name_of(size.x_dimension, size.y_dimension) == size.name
        assert media.resolve(size.name) == size
        assert not size.is_custom
        assert not size.is_roll


def test_the_registered_choice_leaves_it_between_its_sizes() -> None:
    [choice] = [name for name in KEYWORDS["media"] if name.startswith("choice")]
    assert media.parse_choice(choice) == (A4, LETTER)
    assert media.resolve(choice) == A4


@pytest.mark.parametrize(
    "name",
    [
        "choice",
        "choice_",
        "choice_iso_a4_210x297mm",
        "choice_iso_a4_210x297mm_",
        "choice_iso_a4_210x297mm_na_letter_8.5x11mm",
        "choice_iso_a4_210x297mm_letter",
        "iso_a4_210x297mm_na_letter_8.5x11in",
    ],
)
def test_a_choice_of_less_than_two_whole_names_is_none(name: str) -> None:
    assert media.parse_choice(name) == ()


@pytest.mark.parametrize(
    ("alias", "label"),
    [
        ("iso-a4", "iso_a4"),
        ("iso-a4-white", "iso_a4"),
        ("na-letter", "na_letter"),
        ("na-letter-transparent", "na_letter"),
        ("jis-b5", "jis_b5"),
        ("iso-b5-envelope", "iso_b5"),
        ("na-number-10-envelope", "na_number-10"),
        ("iso-designated-long-envelope", "iso_dl"),
        ("executive", "na_executive"),
        ("arch-c", "na_arch-c"),
        ("c", "na_c"),
        ("b", "na_ledger"),
        ("tabloid", "na_ledger"),
        ("A4", "iso_a4"),
        ("Letter", "na_letter"),
        ("Env10", "na_number-10"),
        ("EnvC5", "iso_c5"),
        ("A4.Fullbleed", "iso_a4"),
    ],
)
def test_older_names_are_understood(alias: str, label: str) -> None:
    assert media.resolve(alias) == media.registered(label)


@pytest.mark.parametrize(
    "name", ["main", "auto", "envelope", "default", "manual", "", "-", "my paper", "iso-"]
)
def test_names_without_a_size_resolve_to_nothing(name: str) -> None:
    assert media.resolve(name) is None


def test_every_registered_alias_of_a_size_is_understood() -> None:
    sizeless = ("auto", "synchro", "main", "manual", "default", "envelope", "large-capacity")
    places = {"top", "middle", "bottom", "side"}
    # 10 by 15 inches is the one old name that no self-describing name replaced.
    unknown = {
        name
        for name in KEYWORDS["media"]
        if media.resolve(name) is None and not any(word in name for word in sizeless) and name not in places
    }
    assert unknown == {"na-10x15"}


@pytest.mark.parametrize(("x_dimension", "y_dimension"), [(21000, 29700), (20990, 29704), (21024, 29704)])
def test_a_size_rounded_to_points_is_the_size_it_was(x_dimension: int, y_dimension: int) -> None:
    assert media.nearest(x_dimension, y_dimension) == A4


def test_a_size_far_from_all_is_nobodys() -> None:
    assert media.nearest(10000, 20050 + media.TOLERANCE, among=[A4, LETTER]) is None
    assert media.nearest(1, 1, among=[]) is None


def test_the_first_of_equally_near_sizes_is_taken() -> None:
    left, right = media.custom(10000, 10000), media.custom(10100, 10000)
    assert media.nearest(10050, 10000, among=[left, right]) == left
    assert media.nearest(10050, 10000, among=[right, left]) == right


def test_a_size_is_not_turned() -> None:
    assert media.nearest(29700, 21000, among=[A4]) is None


@pytest.mark.parametrize(("x_dimension", "y_dimension"), [(0, 1), (1, 0), (-1, 5)])
def test_a_medium_without_extent_has_no_name(x_dimension: int, y_dimension: int) -> None:
    with pytest.raises(ValueError, match="hundredths of a millimetre"):
        media.name_of(x_dimension, y_dimension)


@given(DIMENSIONS, DIMENSIONS)
def test_every_size_has_a_name_that_tells_it_back(x_dimension: int, y_dimension: int) -> None:
    read = media.parse(media.name_of(x_dimension, y_dimension))
    assert read is not None
    assert (read.x_dimension, read.y_dimension) == (x_dimension, y_dimension)


@given(st.text(max_size=300) | st.from_regex(media._NAME, fullmatch=True))
def test_no_name_whatever_breaks_the_reader(name: str) -> None:
    size = media.resolve(name)
    if size is not None:
        assert 1 <= size.x_dimension <= media._MOST
        assert 0 <= size.y_dimension <= media._MOST
