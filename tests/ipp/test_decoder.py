"""Octets to messages: vectors whole and cut, what is refused and where, limits, properties, real answers."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipp import (
    Attribute,
    Collection,
    Decoder,
    Group,
    Limits,
    LocalProtocolError,
    Message,
    RemoteProtocolError,
    Status,
    decode,
    encode,
)
from tests.ipp.strategies import messages, pieces
from tests.ipp.vectors import BEG, CAPTURED, END, END_COLLECTION, MALFORMED, MEMBER, START, VECTORS

DOCUMENT = b"\x03%PDF-1.7 \x00\x01\x02\x03"
captured = pytest.mark.parametrize(
    "name", sorted(path.name for path in CAPTURED.iterdir() if path.suffix in {".answer", ".request"})
)
vectors = pytest.mark.parametrize("name", VECTORS)
malformed = pytest.mark.parametrize("name", MALFORMED)


def feed(octets: Iterable[bytes], limits: Limits | None = None) -> tuple[Message, bytes]:
    """The message that pieces make, and the octets that are no part of it."""
    decoder = Decoder(limits) if limits else Decoder()
    rest = iter(octets)
    for piece in rest:
        message = decoder.feed(piece)
        if message is not None:
            return message, decoder.trailing + b"".join(rest)
    decoder.finish()
    raise AssertionError("an unfinished decoder raises")


def error_of(octets: Iterable[bytes], limits: Limits | None = None) -> tuple[str, int | None, Status]:
    """What is said of pieces that make no message."""
    with pytest.raises(RemoteProtocolError) as caught:
        feed(octets, limits)
    return str(caught.value), caught.value.offset, caught.value.status


def one_by_one(octets: bytes) -> list[bytes]:
    return [octets[position : position + 1] for position in range(len(octets))]


@vectors
def test_a_message_is_what_its_octets_say(name: str) -> None:
    assert decode(VECTORS[name].octets) == VECTORS[name].message


@vectors
def test_tags_and_types_are_exact(name: str) -> None:
    # `==` takes 1 for True and a plain string for one with a language; `repr` does not.
    assert repr(decode(VECTORS[name].octets)) == repr(VECTORS[name].message)


@vectors
@pytest.mark.parametrize("document", [b"", DOCUMENT, START + END])
def test_the_decoder_stops_exactly_before_the_document(name: str, document: bytes) -> None:
    octets, message = VECTORS[name]
    assert feed([octets + document]) == (message, document)
    assert feed(one_by_one(octets + document)) == (message, document)


@vectors
def test_a_message_cut_anywhere_is_the_same_message(name: str) -> None:
    octets, message = VECTORS[name]
    octets += DOCUMENT
    for cut in cuts(octets):
        assert feed([octets[:cut], octets[cut:]]) == (message, DOCUMENT), cut


@vectors
def test_a_message_that_ends_anywhere_too_early_is_refused_there(name: str) -> None:
    octets = VECTORS[name].octets
    for cut in cuts(octets[:-1]):
        said, offset, status = error_of([octets[:cut]])
        assert (offset, status) == (cut, Status.CLIENT_ERROR_BAD_REQUEST), cut
        assert "before its end-of-attributes-tag" in said
        with pytest.raises(RemoteProtocolError):
            decode(octets[:cut])


def cuts(octets: bytes) -> Iterable[int]:
    """Every offset; of long messages, whose insides are all alike, those at both ends and some between."""
    if len(octets) < 1500:
        return range(len(octets) + 1)
    return [*range(300), *range(300, len(octets) - 60, 997), *range(len(octets) - 60, len(octets) + 1)]


@malformed
def test_what_is_malformed_is_refused_with_its_offset(name: str) -> None:
    octets, offset, word = MALFORMED[name]
    said, at, status = error_of([octets])
    assert (at, status) == (offset, Status.CLIENT_ERROR_BAD_REQUEST)
    assert word in said
    assert said.endswith(f"(octet {offset})")


@malformed
def test_the_error_does_not_depend_on_how_the_octets_were_cut(name: str) -> None:
    octets = MALFORMED[name][0]
    whole = error_of([octets])
    assert error_of(one_by_one(octets)) == whole
    for cut in range(len(octets)):
        assert error_of([octets[:cut], octets[cut:]]) == whole, cut


@malformed
def test_an_error_is_raised_as_soon_as_its_octets_are_there(name: str) -> None:
    octets, offset, _ = MALFORMED[name]
    decoder = Decoder()
    # Of a wrong length both octets are needed, of a wrong value all.
    with pytest.raises(RemoteProtocolError):
        deque(map(decoder.feed, one_by_one(octets[: offset + 12])), maxlen=0)


def test_a_collection_that_never_ends_is_refused_at_the_end_of_the_message() -> None:
    # Were the end-of-attributes-tag taken for the tag of a value, the document would be waited for.
    decoder = Decoder()
    decoder.feed(START + BEG + MEMBER + b"\x13\x00\x00\x00\x00")
    with pytest.raises(RemoteProtocolError) as caught:
        decoder.feed(END)
    assert caught.value.offset == len(START + BEG + MEMBER) + 5


@pytest.mark.parametrize("start", [START, START + b"\x44\x00\x01a\x00\x01k"])
def test_after_an_error_a_decoder_takes_nothing_more(start: bytes) -> None:
    decoder = Decoder()
    with pytest.raises(RemoteProtocolError):
        decoder.feed(start + b"\x00")
    with pytest.raises(LocalProtocolError, match="make a new one"):
        decoder.feed(b"\x03")


def test_after_its_message_a_decoder_takes_nothing_more() -> None:
    decoder = Decoder()
    assert decoder.feed(START + END) is not None
    decoder.finish()
    with pytest.raises(LocalProtocolError, match="make a new one"):
        decoder.feed(b"")


def test_a_decoder_without_octets_has_no_message() -> None:
    decoder = Decoder()
    assert decoder.feed(b"") is None
    with pytest.raises(RemoteProtocolError) as caught:
        decoder.finish()
    assert caught.value.offset == 0


def test_decode_ignores_the_document() -> None:
    assert decode(VECTORS["integer"].octets + DOCUMENT) == VECTORS["integer"].message


class TestLimits:
    @pytest.mark.parametrize("name", ["the usual start", "collection in a collection", "two job groups"])
    def test_octets_are_counted_to_the_last(self, name: str) -> None:
        octets, message = VECTORS[name]
        exact, less = Limits(octets=len(octets)), Limits(octets=len(octets) - 1)
        for cut in range(len(octets)):
            given = [octets[:cut], octets[cut:] + DOCUMENT]
            assert feed(given, exact) == (message, DOCUMENT)
            said, offset, status = error_of(given, less)
            assert status == Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE
            assert offset == len(octets) - 1
            assert f"more than {len(octets) - 1} octets" in said

    def test_octets_beyond_the_limit_are_not_looked_at(self) -> None:
        octets = START + b"\x44\x00\x01a\x00\x01k" + b"\x00wrong"
        limits = Limits(octets=16)
        assert error_of([octets], limits) == error_of(one_by_one(octets), limits)
        assert error_of([octets], limits)[2] == Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE

    def test_the_document_does_not_count(self) -> None:
        octets, message = VECTORS["the usual start"]
        document = bytes(1 << 20)
        assert feed([octets + document], Limits(octets=len(octets))) == (message, document)

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("no groups", 0),
            ("empty groups, some unregistered", 5),
            ("the usual start", 3),
            ("1setOf", 4),
            ("1setOf mixed syntaxes", 8),
            ("collection in a collection", 8),
            ("1setOf collections, within one too", 14),
            ("two job groups", 7),
        ],
    )
    def test_values_are_counted_with_those_in_collections(self, name: str, values: int) -> None:
        octets, message = VECTORS[name]
        for cut in ([octets], one_by_one(octets)):
            assert feed(cut, Limits(values=values))[0] == message
            if values:
                said, _, status = error_of(cut, Limits(values=values - 1))
                assert status == Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE
                assert f"more than {values - 1} values" in said

    def test_the_values_error_does_not_depend_on_how_the_octets_were_cut(self) -> None:
        octets, limits = VECTORS["1setOf collections, within one too"].octets, Limits(values=5)
        assert len({error_of([octets[:cut], octets[cut:]], limits) for cut in range(len(octets))}) == 1

    @pytest.mark.parametrize(
        "wire",
        [
            b"\x02",
            b"\x44\x00\x01a\x00\x00",
            b"\x44\x00\x00\x00\x00",
            b"\x34\x00\x00\x00\x00" + END_COLLECTION,
            MEMBER + b"\x13\x00\x00\x00\x00",
        ],
    )
    def test_many_small_things_are_noticed_before_they_are_all_there(self, wire: bytes) -> None:
        start = START + (BEG if wire.startswith(MEMBER) else b"\x44\x00\x01a\x00\x00")
        decoder = Decoder(Limits(values=1000))
        decoder.feed(start)
        piece = wire * 300
        assert [decoder.feed(piece) for _ in range(3)] == [None] * 3
        with pytest.raises(RemoteProtocolError, match="more than 1000 values") as caught:
            decoder.feed(piece)
        assert caught.value.status == Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE
        assert error_of([start + wire * 1200 + b"\x00"], Limits(values=1000)) == (
            "more than 1000 values",
            None,
            Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE,
        )

    @pytest.mark.parametrize("depth", [0, 1, 16])
    def test_collections_nest_to_the_limit_and_no_deeper(self, depth: int) -> None:
        def nested(levels: int) -> bytes:
            inner = (MEMBER + b"\x34\x00\x00\x00\x00") * (levels - 1)
            return START + (BEG + inner if levels else b"") + END_COLLECTION * levels + END

        limits = Limits(depth=depth)
        feed([nested(depth)], limits)
        said, offset, status = error_of([nested(depth + 1)], limits)
        assert status == Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE
        assert f"deeper than {depth}" in said
        assert error_of(one_by_one(nested(depth + 1)), limits) == (said, offset, status)

    def test_nesting_costs_no_recursion(self) -> None:
        levels = 50_000
        octets = (
            START + BEG + (MEMBER + b"\x34\x00\x00\x00\x00") * levels + END_COLLECTION * (levels + 1) + END
        )
        message = decode(octets, limits=Limits(depth=levels + 1, values=levels + 2))
        assert encode(message) == octets
        # Taken apart from outside in: to free it at once would be a recursion of the interpreter's.
        collection = message.groups[0]["a"].value
        while isinstance(collection, Collection) and len(collection):
            collection = collection["m"].value
        assert collection == Collection()

    def test_an_octet_at_a_time_a_long_value_is_not_read_anew_each_time(self) -> None:
        octets = START + b"\x30\x00\x01a\x7f\xff" + bytes(0x7FFF) + END
        assert feed(one_by_one(octets))[0].groups[0]["a"].value == bytes(0x7FFF)


def test_no_decoder_keeps_what_another_read() -> None:
    first, second = decode(VECTORS["1setOf"].octets), decode(VECTORS["1setOf"].octets)
    first.groups[0].add(Attribute.of("b", 0x44, "k"))
    first.groups.append(Group(2))
    assert second == VECTORS["1setOf"].message
    assert decode(VECTORS["the usual start"].octets) == VECTORS["the usual start"].message


def test_a_decoded_message_is_in_no_reference_cycle() -> None:
    gc.collect()
    decode(VECTORS["collection in a collection"].octets)
    assert gc.collect() == 0


@given(messages(), st.binary(max_size=20), st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_message_comes_back_however_it_is_cut(
    message: Message, document: bytes, data: st.DataObject
) -> None:
    octets = encode(message)
    assert feed(data.draw(pieces(octets + document))) == (message, document)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_any_octets_are_a_message_or_an_error_of_the_peer(data: st.DataObject) -> None:
    octets = data.draw(near_messages)
    outcome = outcome_of([octets])
    if isinstance(outcome[0], Message):
        message, document = outcome
        assert encode(message) == octets[: len(octets) - len(document)]
    else:
        assert 0 <= outcome[1] <= len(octets)
    assert outcome_of(data.draw(pieces(octets))) == outcome


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_limits_say_the_same_however_the_octets_are_cut(data: st.DataObject) -> None:
    octets = data.draw(near_messages)
    limits = Limits(
        data.draw(st.integers(8, 200)), data.draw(st.integers(0, 6)), data.draw(st.integers(0, 2))
    )
    assert outcome_of(data.draw(pieces(octets)), limits) == outcome_of([octets], limits)


def outcome_of(
    octets: list[bytes], limits: Limits | None = None
) -> tuple[Message, bytes] | tuple[str, int, Status]:
    """What pieces come to, an error too."""
    try:
        return feed(octets, limits)
    except RemoteProtocolError as error:
        return str(error), -1 if error.offset is None else error.offset, error.status


@st.composite
def damaged(draw: st.DrawFn, sources: st.SearchStrategy[bytes]) -> bytes:
    """A message with some octets replaced, cut out or put in."""
    octets = bytearray(draw(sources))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(octets)))
        octets[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(octets)


sources = st.one_of(
    st.sampled_from([octets for octets, _ in VECTORS.values() if len(octets) < 300]), messages().map(encode)
)
near_messages = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda octets: START + octets),
    sources,
    damaged(sources),
)


@captured
def test_what_real_programs_sent_comes_back_to_the_octet(name: str) -> None:
    octets = (CAPTURED / name).read_bytes()
    decoder = Decoder()
    message = decoder.feed(octets)
    assert message is not None
    assert encode(message) == octets[: len(octets) - len(decoder.trailing)]
    assert bool(decoder.trailing) == (name == "cups-send_document.request")
    assert feed(one_by_one(octets)) == (message, decoder.trailing)


def test_what_a_real_printer_says_of_itself_can_be_read() -> None:
    message = decode((CAPTURED / "ippeveprinter-get_printer_attributes.answer").read_bytes())
    assert message.status == Status.SUCCESSFUL_OK
    printer = message.printer
    assert printer.integer("printer-state") == 3
    assert printer.boolean("color-supported") is True
    assert "iso_a4_210x297mm" in printer.strings("media-supported")
    assert len(printer.collections("media-col-database")) > 10
    size = printer.collections("media-col-database")[0].collection("media-size")
    assert size is not None
    assert size.integer("x-dimension", 0) > 0


def test_what_a_real_client_prints_stops_before_its_document() -> None:
    octets = (CAPTURED / "cups-send_document.request").read_bytes()
    message, document = feed([octets])
    assert message.operation.keyword == "Send-Document"
    assert document.startswith(b"%PDF-1.")
