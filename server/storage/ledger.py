"""The ledger: what happened, append-only, in order, each event bound to all before it by its hash.

`append` runs inside the change that the event tells of, so neither is kept without the other. Notifications,
live updates, the audit trail and reports all read it. It holds no secret, no title and no user's name: an
actor is `person:7`, `user:` and a blind index digest, `device:3`, `system`; what a person may read besides is
looked up.

The hash of an event is SHA-256 over the hash of the one before it and the event's octets: every field with
its length (4 octets) before it, in the order of the table's columns. Somebody who can write to the database
and knows this can make a whole new chain: what a chain cannot forge is a head that was noted elsewhere, which
`verify` takes.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import struct
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias, cast

import apsw
import msgspec

from server.errors import StorageError
from server.storage.database import Database, fetch

Json: TypeAlias = "str | int | bool | Sequence[Json] | Mapping[str, Json] | None"

PAYLOAD_OCTETS_MAX: Final = 16 * 1024
PAGE_EVENTS: Final = 1000
FAULTS_MAX: Final = 100
FIRST_HASH: Final = bytes(32)

_KEYWORD: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_NAME: Final = re.compile(r"[\x21-\x7e]{1,128}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_DOMAIN: Final = b"pullprint ledger 1"
_SELECT: Final = "SELECT seq, time_us, tenant, kind, actor, job_id, subject, payload, hash FROM ledger WHERE "
_INSERT: Final = (
    "INSERT INTO ledger (seq, time_us, tenant, kind, actor, job_id, subject, payload, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class _Row(msgspec.Struct, array_like=True, frozen=True):
    seq: int
    time_us: int
    tenant: str
    kind: str
    actor: str
    job_id: int | None
    subject: str
    payload: str
    hash: bytes

    def digest_after(self, previous: bytes) -> bytes:
        """The hash that this row ought to have."""
        fields = (self.time_us, self.tenant, self.kind, self.actor, self.job_id, self.subject, self.payload)
        return _hash(previous, self.seq, *fields)


class _Head(msgspec.Struct, array_like=True, frozen=True):
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: a keyword, by whom, to what. `payload` is a JSON object of up to 16 KiB.

    Neither `actor` nor `subject` nor `payload` may hold a secret, a title or a user's name.
    """

    kind: str
    at: datetime
    actor: str
    tenant: str = "default"
    job_id: int | None = None
    subject: str = ""
    payload: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event in its place in the ledger: its number (from 1, without gaps) and its hash (32 octets)."""

    seq: int
    event: Event
    hash: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where the ledger is not what was written."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `Ledger.verify` found: events read, the newest one's number and hash, and at most 100 faults."""

    events: int
    head_seq: int
    head_hash: bytes
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        """Whether there are no faults."""
        return not self.faults


def append(connection: apsw.Connection, event: Event) -> Recorded:
    """Add an event, within the change that it tells of; call it in `Database.write` only.

    Raises:
        ValueError: a field is not of its form, or the payload is too long.
    """
    if not _KEYWORD.fullmatch(event.kind):
        raise ValueError(f"the kind of an event is a keyword, not {event.kind!r}")
    if not _NAME.fullmatch(event.actor) or not _NAME.fullmatch(event.tenant):
        raise ValueError("the actor and the tenant of an event are 1 to 128 visible ASCII characters")
    if event.subject and not _NAME.fullmatch(event.subject):
        raise ValueError("the subject of an event is at most 128 visible ASCII characters")
    payload = msgspec.json.encode(event.payload, order="sorted").decode()
    if len(payload) > PAYLOAD_OCTETS_MAX:
        raise ValueError(f"the payload of an event has at most {PAYLOAD_OCTETS_MAX} octets")
    last_seq, last_hash = _read_head(connection)
    time_us = (event.at - _EPOCH) // _MICROSECOND
    fields = (
        last_seq + 1,
        time_us,
        event.tenant,
        event.kind,
        event.actor,
        event.job_id,
        event.subject,
        payload,
    )
    digest = _hash(last_hash, *fields)
    connection.execute(_INSERT, (*fields, digest)).close()
    connection.execute("UPDATE ledger_head SET seq = ?, hash = ?", (last_seq + 1, digest))
    return Recorded(last_seq + 1, event, digest)


class Ledger:
    """Reads the ledger: pages, a wait for what is new, and the proof that nothing was changed."""

    def __init__(self, database: Database, head: int) -> None:
        """Use `Ledger.open`."""
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._head = self._committed = head
        self._waiters: set[asyncio.Future[None]] = set()

    @classmethod
    async def open(cls, database: Database) -> Ledger:
        """A reader of the ledger in `database`; it lives as long as the database is open."""
        ledger = cls(database, 0)
        database.on_commit(ledger._see_commit)
        await database.write(lambda connection: None)  # its commit tells where the ledger stands
        return ledger

    @property
    def head(self) -> int:
        """Number of the newest event that is committed; 0 where there is none."""
        return self._head

    async def events(
        self,
        after_seq: int = 0,
        *,
        limit: int = PAGE_EVENTS,
        tenant: str | None = None,
        job_id: int | None = None,
        kinds: Collection[str] = (),
    ) -> list[Recorded]:
        """At most `limit` events after that number, oldest first, of this tenant, job and these kinds."""
        where = ["seq > ?"]
        bindings: list[int | str] = [after_seq]
        if tenant is not None:
            where.append("tenant = ?")
            bindings.append(tenant)
        if job_id is not None:
            where.append("job_id = ?")
            bindings.append(job_id)
        if kinds:
            where.append(f"kind IN ({','.join('?' * len(kinds))})")
            bindings.extend(kinds)
        bindings.append(limit)
        sql = f"{_SELECT}{' AND '.join(where)} ORDER BY seq LIMIT ?"
        rows = await self._database.read(lambda connection: fetch(connection, sql, bindings, _Row))
        return [_recorded(row) for row in rows]

    async def wait(self, after_seq: int) -> int:
        """Wait until an event after that number is committed; return the newest one's number. No polling."""
        while self._head <= after_seq:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self._head

    async def follow(self, after_seq: int, *, tenant: str | None = None) -> AsyncGenerator[Recorded, None]:
        """Every event after that number, as it is committed, for ever."""
        while True:
            head = await self.wait(after_seq)
            while after_seq < head:
                page = await self.events(after_seq, tenant=tenant)
                for recorded in page:
                    yield recorded
                last_seq = page[-1].seq if page else after_seq
                after_seq = last_seq if len(page) == PAGE_EVENTS else max(head, last_seq)

    async def verify(self, anchor: tuple[int, bytes] | None = None) -> Verdict:
        """Read the whole ledger and check every hash; `anchor` is a head noted elsewhere, number and hash.

        Without an anchor this finds every row that was changed, removed, inserted or reordered, short of a
        chain made anew from that row to the end.
        """
        head_seq, head_hash, last_seq = await self._database.read(_read_ends)
        walk = _Walk(anchor)
        while walk.seq < head_seq:
            rows = await self._database.read(lambda connection: _read_page(connection, walk.seq, head_seq))
            if not rows:
                break
            walk.check(rows)
        if walk.seq < head_seq:
            walk.fault(walk.seq + 1, f"{_rows(walk.seq + 1, head_seq)} missing at the end")
        elif walk.hash != head_hash:
            walk.fault(head_seq, "the newest row is not the one that was written last")
        if last_seq > head_seq:
            walk.fault(head_seq + 1, "a row follows the newest one")
        if anchor is not None and anchor[0] > head_seq:
            walk.fault(anchor[0], "the row of the noted head is missing")
        return Verdict(walk.events, head_seq, head_hash, tuple(walk.faults))

    def _see_commit(self, connection: apsw.Connection) -> None:
        seq, _ = _read_head(connection)
        if seq != self._committed:
            self._committed = seq
            self._loop.call_soon_threadsafe(self._publish, seq)

    def _publish(self, seq: int) -> None:
        self._head = seq
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class _Walk:
    """One pass over the rows, in order of their numbers, that checks each against the one before it."""

    def __init__(self, anchor: tuple[int, bytes] | None) -> None:
        self.seq = 0
        self.hash = FIRST_HASH
        self.events = 0
        self.faults: list[Fault] = []
        self._anchor = anchor

    def fault(self, seq: int, what: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(seq, what))

    def check(self, rows: list[_Row]) -> None:
        for row in rows:
            seq = row.seq
            if seq != self.seq + 1:
                self.fault(self.seq + 1, f"{_rows(self.seq + 1, seq - 1)} missing")
            elif row.digest_after(self.hash) != row.hash:
                self.fault(seq, "the row was changed, or the row before it was replaced")
            if self._anchor is not None and self._anchor[0] == seq and self._anchor[1] != row.hash:
                self.fault(seq, "the row is not the one whose hash was noted: the ledger was written anew")
            self.seq, self.hash = seq, row.hash
            self.events += 1


def _rows(first: int, last: int) -> str:
    return f"row {first} is" if first == last else f"rows {first} to {last} are"


def _hash(previous: bytes, *fields: int | str | None) -> bytes:
    parts = [_DOMAIN, previous]
    for value in fields:
        octets = b"" if value is None else str(value).encode()
        parts += (struct.pack(">I", len(octets)), octets)
    return hashlib.sha256(b"".join(parts)).digest()


def _recorded(row: _Row) -> Recorded:
    at = _EPOCH + timedelta(microseconds=row.time_us)
    try:
        payload = cast("dict[str, Json]", msgspec.json.decode(row.payload, type=dict[str, object]))
    except msgspec.MsgspecError:
        raise StorageError(f"row {row.seq} of the ledger is damaged: run `pullprint ledger verify`") from None
    event = Event(row.kind, at, row.actor, row.tenant, row.job_id, row.subject, payload)
    return Recorded(row.seq, event, row.hash)


def _read_head(connection: apsw.Connection) -> tuple[int, bytes]:
    (head,) = fetch(connection, "SELECT seq, hash FROM ledger_head", (), _Head)
    return head.seq, head.hash


def _read_ends(connection: apsw.Connection) -> tuple[int, bytes, int]:
    """The head's number and hash, and the greatest number that a row has."""
    last = connection.execute("SELECT coalesce(max(seq), 0) FROM ledger").fetchall()[0][0]
    return *_read_head(connection), msgspec.convert(last, int)


def _read_page(connection: apsw.Connection, after_seq: int, last_seq: int) -> list[_Row]:
    sql = f"{_SELECT} seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
    return fetch(connection, sql, (after_seq, last_seq, PAGE_EVENTS), _Row)
