"""The rows of jobs. Who a job is of and what it holds is sealed; what it is found and ordered by is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import apsw
import msgspec

from ipp import JobState
from ipp.job import FINISHED, Document, Job
from ipp.spool import Query
from ipp.vocabulary.enums import DocumentState
from server.errors import AlreadyStoredError, NotStoredError, VersionConflictError
from server.storage.documents import DocumentRows
from server.storage.scope import (
    Scope,
    Text,
    checked_phc,
    decode_attributes,
    encode_attributes,
    from_us,
    to_us,
)

_SELECT: Final = (
    "SELECT id, uuid, printer, state, reasons, priority, created_us, processing_us, completed_us,"
    " impressions, impressions_completed, output_device, version, sealed"
    " FROM jobs WHERE tenant = :tenant AND "
)
# Positions are a job's id or lie between two; so what is added later comes later.
_INSERT: Final = (
    "INSERT INTO jobs (tenant, uuid, printer, owner_digest, state, reasons, priority, rank, position,"
    " created_us, processing_us, completed_us, expires_us, impressions, impressions_completed, output_device,"
    " version, sealed, password)"
    " VALUES (:tenant, :uuid, :printer, :owner_digest, :state, :reasons, :priority, :priority,"
    " (SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'jobs'),"
    " :created_us, :processing_us, :completed_us, :expires_us, :impressions, :impressions_completed,"
    " :output_device, :version, :sealed, :password) RETURNING id"
)
# A job that is restarted goes to the end of those that wait.
_UPDATE: Final = (
    "UPDATE jobs SET printer = :printer, owner_digest = :owner_digest, state = :state, reasons = :reasons,"
    " rank = CASE WHEN priority = :priority THEN rank ELSE :priority END, priority = :priority,"
    " position = CASE WHEN state >= 7 AND :state < 7"
    " THEN (SELECT seq + 0.5 FROM sqlite_sequence WHERE name = 'jobs') ELSE position END,"
    " processing_us = :processing_us, completed_us = :completed_us, impressions = :impressions,"
    " impressions_completed = :impressions_completed, output_device = :output_device, version = :version,"
    " sealed = :sealed WHERE tenant = :tenant AND id = :id AND version = :expected_version"
)
# Kept by triggers in the transaction that changes a job: counting rows would make every Print-Job the dearer
# the more jobs wait. Public for the test that reads their query plans.
COUNT_BY_OWNER: Final = (
    "SELECT jobs FROM active_by_owner WHERE tenant = :tenant AND owner_digest = :owner_digest"
)
COUNT_BY_QUEUE: Final = (
    "SELECT state, jobs FROM active_by_queue WHERE tenant = :tenant AND printer = :printer"
)
_ORDER_ACTIVE: Final = " ORDER BY rank DESC, position, id"
_ORDER_MIXED: Final = (
    " ORDER BY state >= 7, CASE WHEN state < 7 THEN rank END DESC, CASE WHEN state < 7 THEN position END, id"
)
_ORDER_NEWEST: Final = " ORDER BY coalesce(completed_us, created_us) DESC, id DESC"


class _Row(msgspec.Struct, array_like=True, frozen=True):
    id: int
    uuid: bytes
    printer: str
    state: int
    reasons: str
    priority: int
    created_us: int
    processing_us: int | None
    completed_us: int | None
    impressions: int | None
    impressions_completed: int
    output_device: str | None
    version: int
    sealed: bytes


class _Document(msgspec.Struct, array_like=True, frozen=True):
    number: int
    name: Text
    format: Text
    octets: int
    created_us: int
    impressions: int | None
    state: int
    attributes: bytes


class _Private(msgspec.Struct, array_like=True, frozen=True):
    """What nobody sees without the key. Later versions add fields at the end, with a default."""

    owner: Text
    name: Text
    message: Text
    attributes: bytes
    documents: tuple[_Document, ...]


class _Password(msgspec.Struct, array_like=True, frozen=True):
    phc: str


class _PasswordRow(msgspec.Struct, array_like=True, frozen=True):
    uuid: bytes
    password: bytes | None


class _Place(msgspec.Struct, array_like=True, frozen=True):
    """Between two jobs in the order of printing."""

    rank: int
    position: float
    next_position: float

    @property
    def middle(self) -> float:
        return (self.position + self.next_position) / 2


class _Id(msgspec.Struct, array_like=True, frozen=True):
    id: int


class _Count(msgspec.Struct, array_like=True, frozen=True):
    state: int
    jobs: int


class JobRows:
    """The jobs of one tenant, within one transaction."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(self, job: Job, *, expires: datetime | None = None, password: str | None = None) -> Job:
        """Store a new job; return it with the id it was given (its own is ignored).

        `password` is the Argon2id PHC string of its job-password. It is sealed too: a PIN has too few digits
        for a slow hash to be enough.

        Raises:
            AlreadyStoredError: its UUID is in use.
        """
        bindings = self._bindings(job) | {"created_us": to_us(job.created), "expires_us": to_us(expires)}
        bindings["password"] = None
        if password is not None:
            private = _Password(checked_phc(password))
            bindings["password"] = self._scope.seal(private, "job password", str(job.uuid))
        try:
            (row,) = self._scope.fetch(_INSERT, bindings, _Id)
        except apsw.ConstraintError:
            raise AlreadyStoredError(f"job {job.uuid} is stored already") from None
        return replace(job, id=row.id)

    def get(self, job_id: int) -> Job:
        """The job with that id.

        Raises:
            NotStoredError: there is none.
        """
        for row in self._scope.fetch(_SELECT + "id = :id", {"id": job_id}, _Row):
            return self._job(row)
        raise NotStoredError(f"there is no job {job_id}")

    def get_by_uuid(self, uuid: UUID) -> Job:
        """The job with that UUID.

        Raises:
            NotStoredError: there is none.
        """
        for row in self._scope.fetch(_SELECT + "uuid = :uuid", {"uuid": uuid.bytes}, _Row):
            return self._job(row)
        raise NotStoredError(f"there is no job {uuid}")

    def password(self, job_id: int) -> str | None:
        """The Argon2id PHC string of a job's job-password, or None.

        Raises:
            NotStoredError: there is no such job.
        """
        sql = "SELECT uuid, password FROM jobs WHERE tenant = :tenant AND id = :id"
        for row in self._scope.fetch(sql, {"id": job_id}, _PasswordRow):
            if row.password is None:
                return None
            return self._scope.open(row.password, "job password", str(UUID(bytes=row.uuid)), _Password).phc
        raise NotStoredError(f"there is no job {job_id}")

    def find(self, query: Query, *, printer: str | None = None) -> list[Job]:
        """The jobs that `query` asks for, of that printer or of all; in the order that `Query` documents."""
        where, bindings = self._where(query.states, printer)
        if query.owner is not None:
            where += " AND owner_digest = :owner_digest"
            bindings["owner_digest"] = self._scope.digest(query.owner, "owner")
        if query.ids is not None:
            where += " AND id IN (SELECT value FROM json_each(:ids))"
            bindings["ids"] = msgspec.json.encode(sorted(query.ids)).decode()
        if query.newest_first:
            order = _ORDER_NEWEST
        else:
            order = _ORDER_MIXED if query.states & FINISHED else _ORDER_ACTIVE
        bindings["limit"] = -1 if query.limit is None else query.limit
        bindings["skipped"] = query.first_index - 1
        sql = _SELECT + where + order + " LIMIT :limit OFFSET :skipped"
        return [self._job(row) for row in self._scope.fetch(sql, bindings, _Row)]

    def count_active(self, printer: str) -> Counter[JobState]:
        """How many jobs of that printer are in each state, of those that are not finished."""
        rows = self._scope.fetch(COUNT_BY_QUEUE, {"printer": printer}, _Count)
        return Counter({JobState(row.state): row.jobs for row in rows})

    def count_active_of(self, owner: str) -> int:
        """How many jobs of an owner are not finished."""
        digest = self._scope.digest(owner, "owner")
        return sum(row.id for row in self._scope.fetch(COUNT_BY_OWNER, {"owner_digest": digest}, _Id))

    def update(self, job: Job, expected_version: int) -> Job:
        """Store `job` in place of its row, which must still be at the version that the caller read.

        Its UUID and time of creation stay as they were added. The version becomes the job's own, or one more
        than expected where the job was not advanced.

        Raises:
            VersionConflictError: somebody else changed the row since.
            NotStoredError: there is no such job.
        """
        if job.version <= expected_version:
            job = replace(job, version=expected_version + 1)
        bindings = self._bindings(job) | {"id": job.id, "expected_version": expected_version}
        del bindings["uuid"]
        if not self._scope.change(_UPDATE, bindings):
            stored = self.get(job.id)
            raise VersionConflictError(
                f"job {job.id} is at version {stored.version}, not {expected_version}: read it again"
            )
        return job

    def forget(self, job_id: int) -> list[str]:
        """Remove a job with its documents and deliveries; return what `DocumentRows.destroy` does."""
        blobs = DocumentRows(self._scope).destroy(job_id)
        self._scope.change("DELETE FROM jobs WHERE tenant = :tenant AND id = :id", {"id": job_id})
        return blobs

    def expire_at(self, job_id: int, expires: datetime | None) -> None:
        """Set when the job expires, or (None) that it does not."""
        sql = "UPDATE jobs SET expires_us = :expires_us WHERE tenant = :tenant AND id = :id"
        self._scope.change(sql, {"id": job_id, "expires_us": to_us(expires)})

    def expired(self, now: datetime, *, limit: int = 100) -> list[Job]:
        """At most `limit` unfinished jobs whose time is over and that no device has in hand, the longest ago
        first."""
        sql = (
            "expires_us <= :now AND state < 7 AND NOT EXISTS (SELECT 1 FROM deliveries"
            " WHERE deliveries.job_id = jobs.id AND finished_us IS NULL) ORDER BY expires_us LIMIT :limit"
        )
        return [
            self._job(row)
            for row in self._scope.fetch(_SELECT + sql, {"now": to_us(now), "limit": limit}, _Row)
        ]

    def incoming(self) -> list[Job]:
        """The jobs that expect documents yet."""
        sql = "state IN (3, 4) AND state < 7 AND instr(reasons, 'job-incoming ') > 0"
        return [self._job(row) for row in self._scope.fetch(_SELECT + sql, {}, _Row)]

    def finished_before(self, at: datetime, *, limit: int = 100) -> list[int]:
        """Ids of at most `limit` jobs that finished before `at`, the longest ago first: history to forget."""
        sql = (
            "SELECT id FROM jobs"
            " WHERE tenant = :tenant AND state >= 7 AND coalesce(completed_us, created_us) < :at"
            " ORDER BY coalesce(completed_us, created_us), id LIMIT :limit"
        )
        return self._ids(sql, {"at": to_us(at), "limit": limit})

    def claim(self, job_id: int, worker: str, lease_s: float, now: datetime) -> bool:
        """Take or renew the right to deliver a job, until `now` and `lease_s`; False where another has it.

        `worker` names one process and start of it, so that what a dead one held runs out and is not taken for
        ours.
        """
        sql = (
            "UPDATE jobs SET claimed_by = :worker, claimed_until_us = :until"
            " WHERE tenant = :tenant AND id = :id"
            " AND (claimed_by IS NULL OR claimed_by = :worker OR claimed_until_us <= :now)"
        )
        until = now + timedelta(seconds=lease_s)
        bindings = {"id": job_id, "worker": worker, "until": to_us(until), "now": to_us(now)}
        return self._scope.change(sql, bindings) == 1

    def claim_next(self, printer: str, worker: str, lease_s: float, now: datetime) -> Job | None:
        """Claim the job that is to print next: pending, whole, and nobody's; None where there is none."""
        sql = (
            "SELECT id FROM jobs WHERE tenant = :tenant AND state = 3 AND printer = :printer"
            " AND instr(reasons, 'job-incoming ') = 0 AND (claimed_by IS NULL OR claimed_until_us <= :now)"
            " ORDER BY rank DESC, position, id LIMIT 1"
        )
        for job_id in self._ids(sql, {"printer": printer, "now": to_us(now)}):
            self.claim(job_id, worker, lease_s, now)
            return self.get(job_id)
        return None

    def give_up_claim(self, job_id: int, worker: str) -> None:
        """End a claim that `worker` holds; any other stays."""
        sql = (
            "UPDATE jobs SET claimed_by = NULL, claimed_until_us = NULL"
            " WHERE tenant = :tenant AND id = :id AND claimed_by = :worker"
        )
        self._scope.change(sql, {"id": job_id, "worker": worker})

    def give_up_all_claims(self) -> None:
        """End every claim: for a process that knows itself to be the only one, whose past ones are dead."""
        self._scope.change(
            "UPDATE jobs SET claimed_by = NULL, claimed_until_us = NULL"
            " WHERE tenant = :tenant AND claimed_by IS NOT NULL",
            {},
        )

    def schedule(self, job_id: int, after: int | None) -> None:
        """Place a job right behind another one in the order of printing, or (None) before all others.

        Raises:
            NotStoredError: one of the two is not there.
        """
        self.get(job_id)
        if after is None:
            place = self._place_before_all(job_id)
        else:
            place = self._place_behind(job_id, after)
            if not place.position < place.middle < place.next_position:  # halved too often for a float
                self._renumber(place.rank)
                place = self._place_behind(job_id, after)
        sql = "UPDATE jobs SET rank = :rank, position = :position WHERE tenant = :tenant AND id = :id"
        self._scope.change(sql, {"id": job_id, "rank": place.rank, "position": place.middle})

    def _place_before_all(self, job_id: int) -> _Place:
        sql = (
            "SELECT rank, position - 2, position FROM jobs WHERE tenant = :tenant AND state < 7 AND id != :id"
            " ORDER BY rank DESC, position, id LIMIT 1"
        )
        places = self._scope.fetch(sql, {"id": job_id}, _Place)
        return places[0] if places else _Place(0, 0, 2)

    def _place_behind(self, job_id: int, after: int) -> _Place:
        sql = (
            "SELECT rank, position, coalesce((SELECT min(position) FROM jobs AS next WHERE tenant = :tenant"
            " AND state < 7 AND next.rank = jobs.rank AND next.id != :id"
            " AND (next.position, next.id) > (jobs.position, jobs.id)), position + 1)"
            " FROM jobs WHERE tenant = :tenant AND id = :after AND state < 7"
        )
        for place in self._scope.fetch(sql, {"id": job_id, "after": after}, _Place):
            return place
        raise NotStoredError(f"there is no job {after} that waits")

    def _renumber(self, rank: int) -> None:
        """Whole numbers again for the positions of one rank; they stay below those of jobs to come."""
        self._scope.change(
            "UPDATE jobs SET position = numbered.place FROM (SELECT id AS numbered_id,"
            " row_number() OVER (ORDER BY position, id) AS place FROM jobs"
            " WHERE tenant = :tenant AND rank = :rank AND state < 7) AS numbered WHERE id = numbered_id",
            {"rank": rank},
        )

    def _where(
        self, states: Collection[JobState], printer: str | None
    ) -> tuple[str, dict[str, apsw.SQLiteValue]]:
        wanted = msgspec.json.encode(sorted(states)).decode()
        where = "state IN (SELECT value FROM json_each(:states))"
        if not FINISHED.intersection(states):
            where += " AND state < 7"  # lets the index of active jobs be used
        elif FINISHED.issuperset(states):
            where += " AND state >= 7"
        if printer is None:
            return where, {"states": wanted}
        return where + " AND printer = :printer", {"states": wanted, "printer": printer}

    def _ids(self, sql: str, bindings: dict[str, apsw.SQLiteValue]) -> list[int]:
        return [row.id for row in self._scope.fetch(sql, bindings, _Id)]

    def _bindings(self, job: Job) -> dict[str, apsw.SQLiteValue]:
        return {
            "uuid": job.uuid.bytes,
            "printer": job.printer,
            "owner_digest": self._scope.digest(job.owner, "owner"),
            "state": int(job.state),
            "reasons": "".join(f"{reason} " for reason in sorted(job.reasons)),
            "priority": job.priority,
            "processing_us": to_us(job.processing),
            "completed_us": to_us(job.completed),
            "impressions": job.impressions,
            "impressions_completed": job.impressions_completed,
            "output_device": job.output_device,
            "version": job.version,
            "sealed": self._scope.seal(_private(job), "job", f"{job.uuid}/{job.version}"),
        }

    def _job(self, row: _Row) -> Job:
        uuid = UUID(bytes=row.uuid)
        private = self._scope.open(row.sealed, "job", f"{uuid}/{row.version}", _Private)
        return Job(
            id=row.id,
            uuid=uuid,
            printer=row.printer,
            owner=private.owner.text,
            name=private.name.text,
            created=from_us(row.created_us),
            state=JobState(row.state),
            reasons=frozenset(row.reasons.split()),
            message=private.message.text,
            processing=from_us(row.processing_us),
            completed=from_us(row.completed_us),
            attributes=decode_attributes(private.attributes),
            documents=tuple(map(_document, private.documents)),
            priority=row.priority,
            impressions=row.impressions,
            impressions_completed=row.impressions_completed,
            output_device=row.output_device,
            version=row.version,
        )


def _private(job: Job) -> _Private:
    return _Private(
        owner=Text.of(job.owner),
        name=Text.of(job.name),
        message=Text.of(job.message),
        attributes=encode_attributes(job.attributes),
        documents=tuple(
            _Document(
                number=document.number,
                name=Text.of(document.name),
                format=Text.of(document.format),
                octets=document.octets,
                created_us=to_us(document.created),
                impressions=document.impressions,
                state=int(document.state),
                attributes=encode_attributes(document.attributes),
            )
            for document in job.documents
        ),
    )


def _document(stored: _Document) -> Document:
    return Document(
        number=stored.number,
        name=stored.name.text,
        format=stored.format.text,
        octets=stored.octets,
        created=from_us(stored.created_us),
        impressions=stored.impressions,
        state=DocumentState(stored.state),
        attributes=decode_attributes(stored.attributes),
    )
