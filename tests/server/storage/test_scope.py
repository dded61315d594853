"""The small forms in which rows are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import apsw
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipp import Attribute, Attributes, LanguageString, Tag
from server.errors import DatabaseError, SealBrokenError
from server.storage.scope import Scope, Text, decode_attributes, encode_attributes, from_us, to_us
from server.storage.seal import BlindIndex, FieldSealer


class Private(msgspec.Struct, array_like=True, frozen=True):
    name: Text


class Number(msgspec.Struct, array_like=True, frozen=True):
    number: int


@pytest.fixture
def scope() -> Scope:
    return Scope(apsw.Connection(":memory:"), "acme", FieldSealer(bytes(32)), BlindIndex(bytes(32)))


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-720, 720))
def test_times_survive_to_the_microsecond_in_any_zone(at: datetime, minutes: int) -> None:
    aware = at.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert from_us(to_us(aware)) == aware
    assert from_us(to_us(aware)).tzinfo is UTC


def test_no_time_is_none() -> None:
    assert to_us(None) is None
    assert from_us(None) is None


@given(st.text(), st.none() | st.sampled_from(["de", "zh-Hant"]))
def test_text_survives_with_its_language(characters: str, language: str | None) -> None:
    text = characters if language is None else LanguageString(characters, language)
    back = msgspec.msgpack.decode(msgspec.msgpack.encode(Text.of(text)), type=Text).text
    assert back == text
    assert getattr(back, "language", None) == language


def test_attributes_survive_and_none_cost_nothing() -> None:
    attributes = Attributes([Attribute.of("copies", Tag.INTEGER, 2)])
    assert decode_attributes(encode_attributes(attributes)) == attributes
    assert encode_attributes(Attributes()) == b""
    assert decode_attributes(b"") == Attributes()


def test_the_private_part_of_a_row_opens_for_its_tenant_table_and_identity_only(scope: Scope) -> None:
    private = Private(Text.of("Ada"))
    sealed = scope.seal(private, "person", "7")
    assert scope.open(sealed, "person", "7", Private) == private
    other = Scope(scope.connection, "other", scope.fields, scope.blind)
    with pytest.raises(SealBrokenError, match="acme/person/8"):
        scope.open(sealed, "person", "8", Private)
    with pytest.raises(SealBrokenError, match="acme/printer/7"):
        scope.open(sealed, "printer", "7", Private)
    with pytest.raises(SealBrokenError, match="other/person/7"):
        other.open(sealed, "person", "7", Private)


def test_a_row_of_another_shape_is_told(scope: Scope) -> None:
    assert scope.fetch("SELECT 7 WHERE :tenant = 'acme'", {}, Number) == [Number(7)]
    with pytest.raises(DatabaseError, match="a row is not of its shape"):
        scope.fetch("SELECT 'seven' WHERE :tenant = 'acme'", {}, Number)
