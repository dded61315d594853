"""Hypothesis strategies: any attribute and message that has a form on the wire, and any way to cut it."""

from __future__ import annotations

from hypothesis import strategies as st

from ipp import Attribute, Collection, DateTime, Group, LanguageString, Message, OutOfBand, Range, Resolution

INT = st.integers(-(2**31), 2**31 - 1)
OCTET = st.integers(0, 255)
CHARACTERS = st.text(max_size=12)
NAMES = st.one_of(
    st.sampled_from(["job-id", "media-col", "media-size", "sides", "x-dimension", "attributes-charset"]),
    st.text(min_size=1, max_size=12),
    st.just("long-" * 52),
)

date_times = st.builds(
    DateTime, st.integers(0, 0xFFFF), OCTET, OCTET, OCTET, OCTET, OCTET, OCTET, OCTET.map(chr), OCTET, OCTET
)


def _of(
    tags: st.SearchStrategy[int], values: st.SearchStrategy[object]
) -> st.SearchStrategy[tuple[int, object]]:
    return st.tuples(tags, values)


simple_values: st.SearchStrategy[tuple[int, object]] = st.one_of(
    _of(st.sampled_from([0x21, 0x23]), INT),
    _of(st.just(0x22), st.booleans()),
    _of(st.just(0x31), date_times),
    _of(st.just(0x32), st.builds(Resolution, INT, INT, st.integers(-128, 127))),
    _of(st.just(0x33), st.builds(Range, INT, INT)),
    _of(st.sampled_from([0x35, 0x36]), st.builds(LanguageString, CHARACTERS, CHARACTERS)),
    _of(st.sampled_from([tag for tag in range(0x40, 0x60) if tag != 0x4A]), CHARACTERS),
    _of(st.just(0x41), st.just("long " * 60)),
    _of(
        st.sampled_from([0x30, *range(0x24, 0x30), *range(0x38, 0x40), *range(0x60, 0x100)]),
        st.binary(max_size=12),
    ),
    st.sampled_from(OutOfBand).map(lambda value: (value.value, value)),
)


def _attributes(values: st.SearchStrategy[tuple[int, object]]) -> st.SearchStrategy[Attribute]:
    def make(name: str, pairs: list[tuple[int, object]]) -> Attribute:
        tags, made = zip(*pairs, strict=True)
        return Attribute(name, bytes(tags), made)

    return st.builds(make, NAMES, st.lists(values, min_size=1, max_size=4))


def _collections(values: st.SearchStrategy[tuple[int, object]]) -> st.SearchStrategy[tuple[int, object]]:
    return st.lists(_attributes(values), max_size=3).map(lambda members: (0x34, Collection(members)))


values = st.recursive(simple_values, lambda inner: st.one_of(inner, _collections(inner)), max_leaves=8)
attributes = _attributes(values)
groups = st.builds(
    Group, st.sampled_from([tag for tag in range(1, 16) if tag != 3]), st.lists(attributes, max_size=4)
)


def messages() -> st.SearchStrategy[Message]:
    """Any message."""
    return st.builds(
        Message,
        st.integers(0, 0xFFFF),
        INT,
        st.lists(groups, max_size=4),
        st.tuples(OCTET, OCTET),
    )


@st.composite
def pieces(draw: st.DrawFn, octets: bytes) -> list[bytes]:
    """The octets cut anywhere, empty pieces among them."""
    cuts = sorted(draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    return [octets[start:end] for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True)]
