"""The values an attribute can hold (RFC 8010 3.9), as Python values.

| syntax                                    | Python                                  |
|-------------------------------------------|-----------------------------------------|
| integer, enum                             | `int`                                   |
| boolean                                   | `bool`                                  |
| text, name, keyword, uri ... (one charset)| `str`                                   |
| textWithLanguage, nameWithLanguage        | `LanguageString`, a `str` with a language |
| octetString, unknown syntaxes             | `bytes`                                 |
| dateTime                                  | `DateTime`                              |
| resolution                                | `Resolution`                            |
| rangeOfInteger                            | `Range`                                 |
| collection                                | `ipp.message.Collection`                |
| unknown, no-value ... (out-of-band)       | `OutOfBand`                             |
"""

from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import NamedTuple, Self

from .enums import OpenEnum


class OutOfBand(Enum):
    """A value that says why there is no value (RFC 8010 3.5.2, RFC 3380 8); `value` is its tag.

    Not an integer, so that it is never taken for one. Tags that are reserved have members too: they survive.
    """

    UNSUPPORTED = 0x10
    DEFAULT = 0x11
    UNKNOWN = 0x12
    NO_VALUE = 0x13
    RESERVED_14 = 0x14
    NOT_SETTABLE = 0x15
    DELETE_ATTRIBUTE = 0x16
    ADMIN_DEFINE = 0x17
    RESERVED_18 = 0x18
    RESERVED_19 = 0x19
    RESERVED_1A = 0x1A
    RESERVED_1B = 0x1B
    RESERVED_1C = 0x1C
    RESERVED_1D = 0x1D
    RESERVED_1E = 0x1E
    RESERVED_1F = 0x1F

    @property
    def keyword(self) -> str:
        """`no-value`, `unknown` ..."""
        return self.name.lower().replace("_", "-")


class LanguageString(str):
    """Text that names its own natural language (RFC 8010 3.9 textWithLanguage, nameWithLanguage).

    It is equal to a plain string of the same characters; two of different languages are not equal.
    """

    __slots__ = ("language",)
    language: str

    def __new__(cls, text: str, language: str) -> Self:
        string = super().__new__(cls, text)
        string.language = language
        return string

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True and getattr(other, "language", self.language) == self.language

    def __ne__(self, other: object) -> bool:  # `str` has one of its own
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __repr__(self) -> str:
        return f"LanguageString({str(self)!r}, {self.language!r})"


class Range(NamedTuple):
    """rangeOfInteger: both bounds belong to the range (RFC 8011 5.1.14)."""

    lower: int
    upper: int

    def __str__(self) -> str:
        return f"{self.lower}-{self.upper}"


class ResolutionUnits(OpenEnum):
    """RFC 8011 5.1.16."""

    DOTS_PER_INCH = 3
    DOTS_PER_CM = 4


class Resolution(NamedTuple):
    """Dots across the feed and along it (RFC 8011 5.1.16); `units` is a `ResolutionUnits`."""

    cross_feed: int
    feed: int
    units: int = ResolutionUnits.DOTS_PER_INCH

    def __str__(self) -> str:
        unit = {3: "dpi", 4: "dpcm"}.get(self.units, f"units-{self.units}")
        return (
            f"{self.cross_feed}{unit}"
            if self.cross_feed == self.feed
            else f"{self.cross_feed}x{self.feed}{unit}"
        )


class DateTime(NamedTuple):
    """dateTime, field by field as on the wire (RFC 2579 DateAndTime), so that any eleven octets survive.

    Years are full, `deciseconds` 0 to 9, `direction` "+" or "-" from UTC. A second may be 60. A printer whose
    clock was never set may send fields out of bounds, even a direction that is no sign.
    `to_datetime` gives the instant, `of` makes one from an aware datetime.
    """

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    deciseconds: int
    direction: str
    utc_hours: int
    utc_minutes: int

    @classmethod
    def of(cls, when: datetime) -> Self:
        """The wire form of an aware datetime, to the tenth of a second. Raises ValueError for a naive one."""
        offset = when.utcoffset()
        if offset is None:
            raise ValueError("a dateTime needs a time zone: pass an aware datetime")
        direction = "-" if offset < timedelta(0) else "+"
        hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
        return cls(
            when.year,
            when.month,
            when.day,
            when.hour,
            when.minute,
            when.second,
            when.microsecond // 100_000,
            direction,
            hours,
            minutes,
        )

    def to_datetime(self) -> datetime:
        """The instant as an aware datetime; a leap second becomes the second before it.

        Raises ValueError where the fields name no real date, as the clocks of some printers do.
        """
        if self.direction not in ("+", "-"):
            raise ValueError(f"{self.direction!r} is no direction from UTC")
        offset = timedelta(hours=self.utc_hours, minutes=self.utc_minutes)
        zone = timezone(-offset if self.direction == "-" else offset) if offset else UTC
        return datetime(
            self.year,
            self.month,
            self.day,
            self.hour,
            self.minute,
            min(self.second, 59),
            self.deciseconds * 100_000,
            zone,
        )

    def __str__(self) -> str:
        return (
            f"{self.year:04}-{self.month:02}-{self.day:02}T{self.hour:02}:{self.minute:02}:{self.second:02}"
            f".{self.deciseconds}{self.direction}{self.utc_hours:02}:{self.utc_minutes:02}"
        )
