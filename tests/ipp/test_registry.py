"""What registered names may hold, and attributes made from names and Python values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipp import (
    Attribute,
    Collection,
    DateTime,
    LanguageString,
    LocalProtocolError,
    OutOfBand,
    Range,
    Resolution,
    Tag,
    Value,
    decode,
    encode,
    registry,
)
from ipp.message import Group, Message
from ipp.registry import MAX, MIN, Definition, attribute, collection, lookup, member_paths
from ipp.vocabulary.attributes import ATTRIBUTES, MEMBERS, MEMBERS_LIKE


def definition(name: str, path: str = "") -> Definition:
    found = lookup(name, path)
    assert found is not None
    return found


class TestLookup:
    def test_a_name_nobody_registered_has_no_definition(self) -> None:
        assert lookup("x-vendor-thing") is None
        assert lookup("x-vendor-thing", "media-col") is None

    def test_bounds_are_those_of_the_registration(self) -> None:
        assert definition("copies").bounds == {Tag.INTEGER: (1, MAX)}
        assert definition("job-priority").bounds == {Tag.INTEGER: (1, 100)}
        assert definition("page-ranges").bounds == {Tag.RANGE_OF_INTEGER: (1, MAX)}
        assert definition("system-config-changes").bounds == {Tag.INTEGER: (0, MAX)}
        assert definition("media-top-offset", "media-col").bounds == {Tag.INTEGER: (MIN, MAX)}

    def test_strings_have_the_lengths_of_their_syntax_or_of_their_registration(self) -> None:
        assert definition("job-name").bounds == {Tag.NAME: (0, 255)}
        assert definition("document-format-version").bounds == {Tag.TEXT: (0, 127)}
        assert definition("printer-info").bounds[Tag.TEXT] == (0, 127)
        assert definition("printer-uri").bounds == {Tag.URI: (0, 1023)}
        assert definition("attributes-charset").bounds == {Tag.CHARSET: (0, 63)}

    def test_sets_and_out_of_band_values_are_told(self) -> None:
        assert definition("sides-supported").is_set
        assert not definition("sides").is_set
        assert definition("media-default").out_of_band == {OutOfBand.NO_VALUE}

    def test_a_name_of_several_groups_may_hold_what_any_of_them_allows(self) -> None:
        assert definition("printer-geo-location").out_of_band == {OutOfBand.UNKNOWN}
        assert definition("job-state").out_of_band == {OutOfBand.UNKNOWN}
        assert definition("job-hold-until-time-supported").bounds.keys() == {
            Tag.RANGE_OF_INTEGER,
            Tag.BOOLEAN,
        }

    @pytest.mark.parametrize(
        ("path", "name", "words"),
        [
            ("media-col", "media-size", "collection"),
            ("media-col/media-size", "x-dimension", "integer(1:MAX)"),
            ("media-col-default/media-size", "x-dimension", "integer(1:MAX)"),
            ("media-col-database/media-size", "x-dimension", "integer(1:MAX) | rangeOfInteger(1:MAX)"),
            ("media-size-supported", "x-dimension", "integer(1:MAX) | rangeOfInteger(1:MAX)"),
            ("media-col-ready", "media-type", "type2 keyword | name(MAX)"),
            ("media-col-ready/media-size", "x-dimension", "integer(1:MAX) | rangeOfInteger(1:MAX)"),
            ("cover-back/media-col/media-size", "x-dimension", "integer(1:MAX)"),
            ("cover-back-actual/media-col", "media-type", "type2 keyword | name(MAX)"),
            ("job-presets-supported", "copies", "integer(1:MAX)"),
            ("overrides", "media-col", "collection"),
            ("overrides-actual/media-col/media-size", "y-dimension", "integer(1:MAX)"),
        ],
    )
    def test_members_are_found_by_their_path(self, path: str, name: str, words: str) -> None:
        assert definition(name, path).words == words

    def test_a_path_that_nobody_registered_leads_nowhere(self) -> None:
        assert member_paths("no/such/path") == ()
        assert lookup("copies", "no/such/path") == lookup("copies")

    @pytest.mark.parametrize("table", [ATTRIBUTES, MEMBERS])
    def test_every_registered_syntax_is_understood(self, table: dict[str, dict[str, str]]) -> None:
        for place, names in table.items():
            for name in names:
                found = definition(name, place if table is MEMBERS else "")
                assert found.bounds, (place, name, found.words)
                assert all(lower <= upper for lower, upper in found.bounds.values()), (place, name)

    def test_no_collection_is_like_itself_in_the_end(self) -> None:
        for path in MEMBERS_LIKE:
            seen = set()
            while path in MEMBERS_LIKE:
                assert path not in seen
                seen.add(path)
                path = MEMBERS_LIKE[path]


VIOLATIONS: list[tuple[str, str, int, Value, str | None]] = [
    ("copies", "", Tag.INTEGER, 1, None),
    ("copies", "", Tag.INTEGER, 0, "not within 1 to"),
    ("copies", "", Tag.ENUM, 1, "enum where integer"),
    ("copies", "", Tag.KEYWORD, "one", "keyword where integer"),
    ("copies", "", Tag.NO_VALUE, OutOfBand.NO_VALUE, "no-value is not allowed"),
    ("media-default", "", Tag.NO_VALUE, OutOfBand.NO_VALUE, None),
    ("page-ranges", "", Tag.RANGE_OF_INTEGER, Range(1, 1), None),
    ("page-ranges", "", Tag.RANGE_OF_INTEGER, Range(0, 1), "not within"),
    ("page-ranges", "", Tag.RANGE_OF_INTEGER, Range(2, 1), "not within"),
    ("job-name", "", Tag.NAME, "x" * 255, None),
    ("job-name", "", Tag.NAME, "x" * 256, "256 octets where 255"),
    ("job-name", "", Tag.NAME, "ß" * 128, "256 octets where 255"),
    ("job-name", "", Tag.NAME_WITH_LANGUAGE, LanguageString("eins", "de"), None),
    ("job-name", "", Tag.NAME_WITH_LANGUAGE, LanguageString("x" * 256, "de"), "256 octets"),
    ("job-name", "", Tag.TEXT, "x", "text where name"),
    ("sides", "", Tag.KEYWORD, "six-sided", None),  # keywords are open: what a printer supports decides
    ("print-quality", "", Tag.ENUM, 99, None),
    ("job-password", "", Tag.OCTET_STRING, bytes(255), None),
    ("job-password", "", Tag.OCTET_STRING, bytes(256), "256 octets where 255"),
    ("printer-resolution", "", Tag.RESOLUTION, Resolution(1, 1), None),
    ("last-document", "", Tag.BOOLEAN, True, None),
    ("media-col", "", Tag.BEG_COLLECTION, Collection(), None),
    ("printer-current-time", "", Tag.DATE_TIME, DateTime(2026, 1, 1, 0, 0, 0, 0, "+", 0, 0), None),
    ("printer-current-time", "", Tag.DATE_TIME, DateTime(2026, 2, 30, 0, 0, 0, 0, "+", 0, 0), "is no date"),
    ("x-dimension", "media-col/media-size", Tag.INTEGER, 0, "not within 1 to"),
    ("job-name", "", 0x99, b"x", "0x0099 where name"),
]


@pytest.mark.parametrize(("name", "path", "tag", "value", "words"), VIOLATIONS)
def test_a_violation_is_told_in_words(
    name: str, path: str, tag: int, value: Value, words: str | None
) -> None:
    said = definition(name, path).violation(tag, value)
    assert (said is None) if words is None else (said is not None and words in said)


class TestAttribute:
    @pytest.mark.parametrize(
        ("name", "values", "tags"),
        [
            ("copies", (2,), [Tag.INTEGER]),
            ("print-quality", (5,), [Tag.ENUM]),
            ("last-document", (True,), [Tag.BOOLEAN]),
            ("media", ("iso_a4_210x297mm", "My Paper"), [Tag.KEYWORD, Tag.NAME]),
            ("sides", ("Not A Keyword",), [Tag.KEYWORD]),
            ("job-name", ("plain", LanguageString("eins", "de")), [Tag.NAME, Tag.NAME_WITH_LANGUAGE]),
            ("printer-info", (LanguageString("eins", "de"),), [Tag.TEXT_WITH_LANGUAGE]),
            ("media-default", (OutOfBand.NO_VALUE,), [Tag.NO_VALUE]),
            ("printer-resolution", (Resolution(600, 600),), [Tag.RESOLUTION]),
            ("copies-supported", (Range(1, 99),), [Tag.RANGE_OF_INTEGER]),
            ("job-password", (b"1234",), [Tag.OCTET_STRING]),
            ("printer-uri", ("ipp://h/",), [Tag.URI]),
            ("document-format", ("application/pdf",), [Tag.MIME_MEDIA_TYPE]),
            ("printer-current-time", (datetime(2026, 1, 2, tzinfo=UTC),), [Tag.DATE_TIME]),
        ],
    )
    def test_a_value_stands_under_the_tag_of_its_name_and_type(
        self, name: str, values: tuple[Value, ...], tags: list[int]
    ) -> None:
        assert attribute(name, *values).tags == bytes(tags)

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("nobody-registered-this", 1, "not registered"),
            ("copies", 0, "copies: 0 is not within"),
            ("copies", "1", "copies: "),
            ("copies", True, "copies: "),
            ("last-document", 1, "last-document: "),
            ("sides", b"one-sided", "sides: "),
            ("copies", LanguageString("1", "en"), "copies: "),
            ("copies", 1.5, "copies: "),
            ("media-col", {"media-size": {"x-dimension": 0}}, "media-col/media-size/x-dimension: 0 is not"),
            ("media-col", {"never-heard-of": 1}, "not registered as a member of media-col"),
        ],
    )
    def test_what_a_name_cannot_hold_is_our_mistake(self, name: str, value: Value, words: str) -> None:
        with pytest.raises(LocalProtocolError, match=words):
            attribute(name, value)

    def test_mappings_become_collections_and_tuples_their_sets(self) -> None:
        made = attribute(
            "media-col-default",
            {
                "media-size": {"x-dimension": 21000, "y-dimension": 29700},
                "media-source": "main",
                "media-type": "Fine Paper",
            },
        )
        assert made == Attribute.of(
            "media-col-default",
            Tag.BEG_COLLECTION,
            Collection(
                [
                    Attribute.of(
                        "media-size",
                        Tag.BEG_COLLECTION,
                        Collection(
                            [
                                Attribute.of("x-dimension", Tag.INTEGER, 21000),
                                Attribute.of("y-dimension", Tag.INTEGER, 29700),
                            ]
                        ),
                    ),
                    Attribute.of("media-source", Tag.KEYWORD, "main"),
                    Attribute.of("media-type", Tag.NAME, "Fine Paper"),
                ]
            ),
        )

    def test_a_tuple_is_a_set_but_a_range_is_one_value(self) -> None:
        made = collection("overrides", {"pages": (Range(1, 2), Range(4, 4))})
        assert made["pages"].values == (Range(1, 2), Range(4, 4))
        assert collection("overrides", {"pages": Range(1, 2)})["pages"].values == (Range(1, 2),)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_made_from_a_definition_fits_it_and_crosses_the_wire(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["copies", "job-name", "media", "page-ranges", "printer-info", "sides"]))
    kinds = {
        "copies": st.integers(1, MAX),
        "job-name": st.text(max_size=60),
        "media": st.text(max_size=60),
        "page-ranges": st.integers(1, MAX).flatmap(
            lambda low: st.builds(Range, st.just(low), st.integers(low, MAX))
        ),
        "printer-info": st.text(max_size=30),
        "sides": st.sampled_from(["one-sided", "two-sided-long-edge"]),
    }
    made = attribute(name, data.draw(kinds[name]))
    assert definition(name).violation(made.tag, made.value) is None
    assert decode(encode(Message(2, 1, [Group(2, [made])]))).groups[0][name] == made


@pytest.mark.parametrize("path", ["media-col", "media-col-ready", "media-col-database", "media-col-default"])
def test_collections_that_are_like_another_have_its_members_besides_their_own(path: str) -> None:
    found = lookup("media-top-margin", path)
    assert found is not None
    assert found.words == "integer(0:MAX)"
    assert lookup("x-dimension", f"{path}/media-size") is not None


def test_names_and_paths_of_a_peer_are_not_kept() -> None:
    kept = registry._lookup.cache_info().currsize
    for number in range(50):
        assert lookup(f"x-{number}" * 100) is None
        assert lookup("x-dimension", f"x-{number}/" * 100 + "media-col/media-size") is not None
    assert registry._lookup.cache_info().currsize == kept
