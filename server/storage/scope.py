"""What every table's rows are read and written with: a connection, a tenant, and the tenant's keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, overload

import apsw
import msgspec

from ipp import Attributes, Group, GroupTag, LanguageString, Message, decode, encode
from server.storage.database import Row, fetch
from server.storage.seal import BlindIndex, FieldSealer

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_ESCAPED: Final = "surrogateescape"  # what a client sent that is not UTF-8 survives

S = TypeVar("S", bound=msgspec.Struct)


class Text(msgspec.Struct, array_like=True, frozen=True):
    """Text as it is stored: octets, and the natural language where it has its own."""

    octets: bytes
    language: str | None = None

    @classmethod
    def of(cls, text: str) -> Text:
        """The stored form of `text`."""
        language = text.language if isinstance(text, LanguageString) else None
        return cls(text.encode(errors=_ESCAPED), language)

    @property
    def text(self) -> str:
        """What it is the stored form of."""
        text = self.octets.decode(errors=_ESCAPED)
        return text if self.language is None else LanguageString(text, self.language)


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant's rows, on one connection, within one transaction."""

    connection: apsw.Connection
    tenant: str
    fields: FieldSealer
    blind: BlindIndex

    def fetch(self, sql: str, bindings: Mapping[str, apsw.SQLiteValue], shape: type[Row]) -> list[Row]:
        """Every row of the answer; `:tenant` is bound to the tenant."""
        return fetch(self.connection, sql, {**bindings, "tenant": self.tenant}, shape)

    def change(self, sql: str, bindings: Mapping[str, apsw.SQLiteValue]) -> int:
        """Run a statement that changes rows; return how many. `:tenant` is bound to the tenant."""
        self.connection.execute(sql, {**bindings, "tenant": self.tenant}).close()
        return self.connection.changes()

    def seal(self, private: msgspec.Struct, table: str, identity: str) -> bytes:
        """The sealed form of a row's private part; `identity` is what the row is found by."""
        return self.fields.seal(msgspec.msgpack.encode(private), self._context(table, identity))

    def open(self, sealed: bytes, table: str, identity: str, shape: type[S]) -> S:
        """The private part of a row.

        Raises:
            SealBrokenError: it was altered, or it is another row's.
        """
        return msgspec.msgpack.decode(self.fields.open(sealed, self._context(table, identity)), type=shape)

    def digest(self, name: str, purpose: str) -> bytes:
        """The blind index digest of a name: 16 octets."""
        return self.blind.digest(name, purpose)

    def _context(self, table: str, identity: str) -> bytes:
        return f"{self.tenant}/{table}/{identity}".encode()


@overload
def to_us(at: datetime) -> int: ...
@overload
def to_us(at: datetime | None) -> int | None: ...
def to_us(at: datetime | None) -> int | None:
    """Microseconds since the epoch of an aware datetime."""
    return None if at is None else (at - _EPOCH) // _MICROSECOND


@overload
def from_us(time_us: int) -> datetime: ...
@overload
def from_us(time_us: int | None) -> datetime | None: ...
def from_us(time_us: int | None) -> datetime | None:
    """The datetime, in UTC, of microseconds since the epoch."""
    return None if time_us is None else _EPOCH + time_us * _MICROSECOND


def encode_attributes(attributes: Attributes) -> bytes:
    """Attributes as the octets of an IPP message (RFC 8010 3.1), empty for none."""
    return encode(Message(0, groups=[Group(GroupTag.JOB, attributes)])) if len(attributes) else b""


def decode_attributes(octets: bytes) -> Attributes:
    """Attributes from what `encode_attributes` made of them."""
    return Attributes(decode(octets).groups[0]) if octets else Attributes()


def checked_phc(password: str) -> str:
    """The PHC string as it came.

    Raises:
        ValueError: it is not one of Argon2id; the text does not show it.
    """
    if not password.startswith("$argon2id$"):
        raise ValueError("a password is stored as an Argon2id PHC string only")
    return password
