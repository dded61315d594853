"""The values of attributes as Python values: dates, ranges, resolutions, text with a language ..."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipp import DateTime, LanguageString, OutOfBand, Range, Resolution, ResolutionUnits, Tag


class TestDateTime:
    def test_of_and_back_is_the_instant_to_a_tenth_of_a_second(self) -> None:
        when = datetime(2026, 11, 21, 20, 39, 4, 987_654, timezone(timedelta(hours=5, minutes=45)))
        made = DateTime.of(when)
        assert made == DateTime(2026, 11, 21, 20, 39, 4, 9, "+", 5, 45)
        assert made.to_datetime() == when.replace(microsecond=900_000)

    def test_west_of_utc_is_minus(self) -> None:
        made = DateTime.of(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=3, minutes=30))))
        assert made[7:] == ("-", 3, 30)
        assert made.to_datetime().utcoffset() == -timedelta(hours=3, minutes=30)

    def test_a_naive_datetime_names_no_instant(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            DateTime.of(datetime(2026, 1, 1))

    def test_a_leap_second_is_the_second_before_it(self) -> None:
        leap = DateTime(2016, 12, 31, 23, 59, 60, 5, "+", 0, 0)
        assert leap.to_datetime() == datetime(2016, 12, 31, 23, 59, 59, 500_000, UTC)

    @pytest.mark.parametrize(
        "fields",
        [
            DateTime(0, 0, 0, 0, 0, 0, 0, "\x00", 0, 0),
            DateTime(0, 1, 1, 0, 0, 0, 0, "+", 0, 0),
            DateTime(2026, 13, 1, 0, 0, 0, 0, "+", 0, 0),
            DateTime(2026, 2, 30, 0, 0, 0, 0, "+", 0, 0),
            DateTime(2026, 1, 1, 24, 0, 0, 0, "+", 0, 0),
            DateTime(2026, 1, 1, 0, 0, 0, 10, "+", 0, 0),
            DateTime(2026, 1, 1, 0, 0, 0, 0, "*", 0, 0),
            DateTime(2026, 1, 1, 0, 0, 0, 0, "-", 24, 0),
        ],
    )
    def test_fields_that_name_no_date_are_no_instant(self, fields: DateTime) -> None:
        with pytest.raises(ValueError, match=r"\w"):
            fields.to_datetime()

    def test_it_reads_as_iso_8601(self) -> None:
        assert str(DateTime(2026, 1, 2, 3, 4, 5, 6, "-", 7, 30)) == "2026-01-02T03:04:05.6-07:30"

    @given(
        st.datetimes(
            min_value=datetime(1, 1, 3),  # the strategy adds the zone
            timezones=st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
                lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
            ),
        )
    )
    def test_any_instant_survives_to_a_tenth_of_a_second(self, when: datetime) -> None:
        there = DateTime.of(when)
        assert timedelta(0) <= when - there.to_datetime() < timedelta(milliseconds=100)
        assert DateTime.of(there.to_datetime()) == there


class TestLanguageString:
    def test_it_is_equal_to_the_same_characters_without_a_language(self) -> None:
        assert LanguageString("eins", "de") == "eins"
        plain = "eins"
        assert plain == LanguageString("eins", "de")
        assert hash(LanguageString("eins", "de")) == hash("eins")

    def test_two_of_different_languages_differ(self) -> None:
        assert LanguageString("Chef", "de") != LanguageString("Chef", "fr")
        assert LanguageString("Chef", "de") == LanguageString("Chef", "de")

    def test_it_is_not_equal_to_what_is_no_string(self) -> None:
        assert LanguageString("1", "en") != 1

    def test_it_shows_its_language(self) -> None:
        assert repr(LanguageString("eins", "de")) == "LanguageString('eins', 'de')"


def test_out_of_band_values_are_no_integers_and_have_their_tags() -> None:
    assert OutOfBand.NO_VALUE != 0x13
    assert not isinstance(OutOfBand.NO_VALUE, int)
    for tag in (
        Tag.UNSUPPORTED,
        Tag.DEFAULT,
        Tag.UNKNOWN,
        Tag.NO_VALUE,
        Tag.NOT_SETTABLE,
        Tag.DELETE_ATTRIBUTE,
    ):
        assert OutOfBand(tag.value).keyword == tag.keyword


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Range(1, 99), "1-99"),
        (Range(-5, -1), "-5--1"),
        (Resolution(600, 600), "600dpi"),
        (Resolution(600, 1200, ResolutionUnits.DOTS_PER_INCH), "600x1200dpi"),
        (Resolution(120, 120, ResolutionUnits.DOTS_PER_CM), "120dpcm"),
        (Resolution(1, 1, 9), "1units-9"),
    ],
)
def test_values_read_as_people_write_them(value: object, words: str) -> None:
    assert str(value) == words
