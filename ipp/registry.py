"""What a registered name may hold: IANA's words for a syntax, read once and asked many times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

from .enums import Tag
from .errors import LocalProtocolError
from .message import Attribute, Collection, Value
from .values import DateTime, LanguageString, OutOfBand, Range, Resolution
from .vocabulary.attributes import ATTRIBUTES, MEMBERS, MEMBERS_LIKE

# What a caller may give for a value: a mapping stands for a collection, a datetime for a DateTime.
Given: TypeAlias = "Value | datetime | Mapping[str, Given | tuple[Given, ...]]"

MAX: Final = 2**31 - 1
MIN: Final = -(2**31)

# Octets that a value of the syntax may have where its registration says MAX or nothing (RFC 8011 5.1).
_LONGEST: Final = {
    Tag.TEXT: 1023,
    Tag.NAME: 255,
    Tag.KEYWORD: 255,
    Tag.URI: 1023,
    Tag.URI_SCHEME: 63,
    Tag.CHARSET: 63,
    Tag.NATURAL_LANGUAGE: 63,
    Tag.MIME_MEDIA_TYPE: 255,
    Tag.OCTET_STRING: 1023,
}
_TAGS: Final = {
    "integer": Tag.INTEGER,
    "boolean": Tag.BOOLEAN,
    "enum": Tag.ENUM,
    "octetString": Tag.OCTET_STRING,
    "dateTime": Tag.DATE_TIME,
    "resolution": Tag.RESOLUTION,
    "rangeOfInteger": Tag.RANGE_OF_INTEGER,
    "collection": Tag.BEG_COLLECTION,
    "text": Tag.TEXT,
    "name": Tag.NAME,
    "keyword": Tag.KEYWORD,
    "uri": Tag.URI,
    "uriScheme": Tag.URI_SCHEME,
    "charset": Tag.CHARSET,
    "naturalLanguage": Tag.NATURAL_LANGUAGE,
    "mimeMediaType": Tag.MIME_MEDIA_TYPE,
}
_OUT_OF_BAND: Final = {value.keyword: value for value in OutOfBand}
_WORD: Final = re.compile(r"(?:type[123] )?([-A-Za-z]+) ?(?:\(([^()]*)\))?")
_KEYWORD: Final = re.compile(r"[a-z0-9][-a-z0-9._]*")
_WITH_LANGUAGE: Final = {Tag.TEXT: Tag.TEXT_WITH_LANGUAGE, Tag.NAME: Tag.NAME_WITH_LANGUAGE}
_PLAIN: Final = {later: first for first, later in _WITH_LANGUAGE.items()}


@dataclass(frozen=True, slots=True)
class Definition:
    """What values an attribute may have: by tag the bounds of a number, or the most octets of a string."""

    name: str
    words: str
    is_set: bool
    bounds: Mapping[int, tuple[int, int]]
    out_of_band: frozenset[OutOfBand]

    def violation(self, tag: int, value: Value) -> str | None:
        """Why a value does not fit, or None. Unregistered keywords and enum values do fit: they are open."""
        if isinstance(value, OutOfBand):
            return None if value in self.out_of_band else f"{value.keyword} is not allowed"
        tag = _PLAIN.get(Tag(tag), tag)
        bounds = self.bounds.get(tag)
        if bounds is None:
            given = Tag(tag).keyword if tag else "another kind of value"
            return f"{given} where {self.words} is expected"
        lower, upper = bounds
        if isinstance(value, str | bytes):
            octets = len(value) if isinstance(value, bytes) else len(value.encode("utf-8", "surrogateescape"))
            return f"{octets} octets where {upper} are allowed" if octets > upper else None
        if isinstance(value, DateTime):
            return _date_violation(value)
        if isinstance(value, Range):
            fits = lower <= value.lower <= value.upper <= upper
        elif isinstance(value, int) and not isinstance(value, bool):
            fits = lower <= value <= upper
        else:
            fits = True
        return None if fits else f"{value} is not within {lower} to {upper}"


def _date_violation(value: DateTime) -> str | None:
    try:
        value.to_datetime()
    except ValueError as problem:
        return f"{value} is no date: {problem}"
    return None


# Peers choose the names: only what is registered, and paths no longer than these, are ever kept in a cache.
_REGISTERED: Final = frozenset(
    name for tables in (ATTRIBUTES, MEMBERS) for table in tables.values() for name in table
)
_LONGEST_PATH: Final = 255


def lookup(name: str, path: str = "") -> Definition | None:
    """The definition of a name, or of the member `name` of the collection at `path` (`media-col/media-size`).

    A member that is not registered there (job-presets-supported holds any Job Template attribute) is looked
    up as an attribute of its own. One registered in several groups (printer-geo-location may be unknown in a
    printer, not in a request) may hold what any of them allows. None where nobody registered the name.
    """
    if name not in _REGISTERED:
        return None
    return _lookup(name, path) if len(path) <= _LONGEST_PATH else _lookup.__wrapped__(name, path)


@lru_cache(maxsize=4096)
def _lookup(name: str, path: str) -> Definition | None:
    for place in member_paths(path) if path else ():
        if name in MEMBERS[place]:
            return _parse(name, MEMBERS[place][name])
    found = dict.fromkeys(table[name] for table in ATTRIBUTES.values() if name in table)
    return _parse(name, " | ".join(found)) if found else None


def member_paths(path: str) -> tuple[str, ...]:
    """Where the members of the collection at `path` may be registered, the most particular place first.

    A collection may have members of its own and those of another: media-col-ready has those of media-col.
    """
    bases = [""]
    for part in path.split("/"):
        places: dict[str, None] = {}
        for here in [*(f"{base}/{part}".removeprefix("/") for base in bases), part]:
            while here not in places:
                places[here] = None
                here = MEMBERS_LIKE.get(here, here)
        bases = [place for place in places if place in MEMBERS]
    return tuple(bases)


def _parse(name: str, words: str) -> Definition:
    bounds: dict[int, tuple[int, int]] = {}
    out_of_band = set()
    for word, limits in _WORD.findall(words.replace("1setOf", "")):
        if word in _OUT_OF_BAND:
            out_of_band.add(_OUT_OF_BAND[word])
        elif word in _TAGS:
            tag = _TAGS[word]
            lower, upper = _limits(limits, tag)
            if tag in bounds:  # two registrations: what either allows
                lower, upper = min(lower, bounds[tag][0]), max(upper, bounds[tag][1])
            bounds[tag] = (lower, upper)
    return Definition(name, words, "1setOf" in words, bounds, frozenset(out_of_band))


def _limits(words: str, tag: int) -> tuple[int, int]:
    longest = _LONGEST.get(Tag(tag), MAX)
    shortest = 0 if tag in _LONGEST else MIN
    numbers = [
        {"MAX": longest, "MIN": MIN}.get(word) or int(word) for word in re.findall(r"-?\d+|MAX|MIN", words)
    ]
    if len(numbers) == 2:
        return numbers[0], numbers[1]
    return shortest, numbers[0] if numbers else longest


def attribute(name: str, *values: Given, path: str = "") -> Attribute:
    """An attribute of a registered name, each value under the tag its registration and its type call for.

    A mapping becomes a collection whose members are built in the same way (a tuple for a 1setOf member).
    Where keyword and name are both allowed, a string that looks like a keyword is one.

    Raises `LocalProtocolError` for a name nobody registered (use `Attribute.of` with a tag) and for a value
    outside its bounds.
    """
    definition = lookup(name, path)
    if definition is None:
        raise LocalProtocolError(f"{name}: not registered{f' as a member of {path}' if path else ''}")
    here = f"{path}/{name}" if path else name
    made = [collection(here, value) if isinstance(value, Mapping) else value for value in values]
    ready: list[Value] = [DateTime.of(value) if isinstance(value, datetime) else value for value in made]
    tags = bytes(_tag_for(definition, value) for value in ready)
    for tag, value in zip(tags, ready, strict=True):
        if problem := definition.violation(tag, value):
            raise LocalProtocolError(f"{here}: {problem}")
    return Attribute(name, tags, tuple(ready))


def collection(path: str, members: Mapping[str, Given | tuple[Given, ...]]) -> Collection:
    """The collection that stands at `path` (`media-col`, `media-col/media-size`), from its members."""
    made = Collection()
    for name, given in members.items():
        several = isinstance(given, tuple) and not isinstance(given, Range | Resolution | DateTime)
        values: tuple[Given, ...] = given if several else (given,)  # type: ignore[assignment]  # just told apart
        made.add(attribute(name, *values, path=path))
    return made


def _tag_for(definition: Definition, value: Value) -> int:
    """The tag under which the definition takes a value of this type; 0 where it takes none."""
    allowed = definition.bounds
    if isinstance(value, OutOfBand):
        return value.value
    if isinstance(value, LanguageString):
        candidates = [_WITH_LANGUAGE[tag] for tag in (Tag.TEXT, Tag.NAME) if tag in allowed]
        return candidates[0] if candidates else 0
    if isinstance(value, str):
        if Tag.KEYWORD in allowed and (_KEYWORD.fullmatch(value) or len(allowed) == 1):
            return Tag.KEYWORD
        return next((tag for tag in allowed if 0x40 <= tag < 0x60 and tag != Tag.KEYWORD), 0)
    kinds: list[tuple[type, tuple[Tag, ...]]] = [
        (bool, (Tag.BOOLEAN,)),
        (int, (Tag.ENUM, Tag.INTEGER)),
        (bytes, (Tag.OCTET_STRING,)),
        (DateTime, (Tag.DATE_TIME,)),
        (Resolution, (Tag.RESOLUTION,)),
        (Range, (Tag.RANGE_OF_INTEGER,)),
        (Collection, (Tag.BEG_COLLECTION,)),
    ]
    for kind, tags in kinds:
        if isinstance(value, kind):
            return next((tag for tag in tags if tag in allowed), 0)
    return 0
