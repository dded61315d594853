"""Media names of PWG, PCL XL and PJL."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcl.media import (
    MEDIA_BY_NAME,
    MEDIA_SIZES,
    SIZES,
    media_name,
    media_size_of_name,
    media_source_name,
    millimetres,
)


@pytest.mark.parametrize("name", SIZES)
def test_a_size_has_its_name_both_ways_round_and_a_little_off(name: str) -> None:
    width, height = SIZES[name]
    assert media_name(width, height) == name
    assert media_name(height, width) == name
    assert media_name(width + 20, height - 20) == name


@pytest.mark.parametrize("name", SIZES)
def test_a_name_says_its_size(name: str) -> None:
    found = re.fullmatch(r".*_([\d.]+)x([\d.]+)(mm|in)", name)
    assert found
    unit = 100 if found[3] == "mm" else 2540
    for said, size in zip((found[1], found[2]), SIZES[name], strict=True):
        assert abs(float(said) * unit - size) <= 1


def test_another_size_is_custom() -> None:
    assert media_name(12340, 20000) == "custom_123.4x200mm_123.4x200mm"
    assert media_name(12345, 20005) == "custom_123.45x200.05mm_123.45x200.05mm"


@given(st.integers(0, 10**6))
def test_millimetres_are_written_without_loss(hmm: int) -> None:
    written = millimetres(hmm)
    assert round(float(written) * 100) == hmm
    assert not written.endswith((".", "0")) or "." not in written


def test_names_of_pcl_xl_and_pjl_are_read_without_blanks_and_case() -> None:
    assert media_size_of_name("JIS B4") == (25700, 36400)
    assert media_size_of_name("letter\0") == (21590, 27940)
    assert media_size_of_name("nothing") is None


def test_codes_and_names_are_sizes_of_paper() -> None:
    for size in (*MEDIA_SIZES.values(), *MEDIA_BY_NAME.values()):
        assert all(5000 < side < 60000 for side in size)


def test_trays_have_keywords() -> None:
    assert [media_source_name(code) for code in (0, 1, 3, 7, 8, 12)] == [
        None, "auto", "by-pass-tray", "tray-3", "tray-4", "tray-8",
    ]  # fmt: skip
