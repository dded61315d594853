"""The journal of deliveries: a row is durable before the first octet leaves for a device.

After a crash, the rows that have no end are reconciled with their devices; where a device cannot tell, the
outcome is `unknown` and the owner is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

import msgspec

from server.errors import NotStoredError
from server.storage.scope import Scope, Text, from_us, to_us

_SELECT: Final = (
    "SELECT id, job_id, device, worker, started_us, remote_job, finished_us, outcome, sealed FROM deliveries"
    " WHERE tenant = :tenant AND "
)


class Outcome(Enum):
    """How a delivery ended. UNKNOWN: octets left, and nobody can say whether they were printed."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to bring a job to a device; `outcome` and `finished` are None while it lasts.

    `worker` names the process and start that attempts it; `remote_job` is what the device calls the job.
    """

    id: int
    job_id: int
    device: str
    worker: str
    started: datetime
    remote_job: str | None = None
    finished: datetime | None = None
    outcome: Outcome | None = None
    detail: str = ""


class _Row(msgspec.Struct, array_like=True, frozen=True):
    id: int
    job_id: int
    device: str
    worker: str
    started_us: int
    remote_job: str | None
    finished_us: int | None
    outcome: str | None
    sealed: bytes | None


class _Private(msgspec.Struct, array_like=True, frozen=True):
    detail: Text


class _Id(msgspec.Struct, array_like=True, frozen=True):
    id: int


class DeliveryRows:
    """The deliveries of one tenant's jobs, within one transaction."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def start(self, job_id: int, device: str, worker: str, at: datetime) -> Delivery:
        """Journal that a delivery begins; the first octet may leave once this is committed."""
        sql = (
            "INSERT INTO deliveries (tenant, job_id, device, worker, started_us)"
            " VALUES (:tenant, :job_id, :device, :worker, :started_us) RETURNING id"
        )
        bindings = {"job_id": job_id, "device": device, "worker": worker, "started_us": to_us(at)}
        (row,) = self._scope.fetch(sql, bindings, _Id)
        return Delivery(row.id, job_id, device, worker, at)

    def note_remote_job(self, delivery_id: int, remote_job: str) -> None:
        """Keep what the device calls the job, by which it can be asked after a crash."""
        sql = "UPDATE deliveries SET remote_job = :remote_job WHERE tenant = :tenant AND id = :id"
        self._scope.change(sql, {"id": delivery_id, "remote_job": remote_job})

    def finish(self, delivery_id: int, outcome: Outcome, at: datetime, detail: str = "") -> None:
        """Journal how a delivery ended; `detail` is what the device said, and is sealed.

        Raises:
            NotStoredError: there is no such delivery, or it ended already.
        """
        sql = (
            "UPDATE deliveries SET finished_us = :finished_us, outcome = :outcome, sealed = :sealed"
            " WHERE tenant = :tenant AND id = :id AND finished_us IS NULL"
        )
        sealed = self._scope.seal(_Private(Text.of(detail)), "delivery", str(delivery_id))
        bindings = {"id": delivery_id, "finished_us": to_us(at), "outcome": outcome.value, "sealed": sealed}
        if not self._scope.change(sql, bindings):
            raise NotStoredError(f"there is no delivery {delivery_id} that lasts")

    def of(self, job_id: int) -> list[Delivery]:
        """Every attempt to deliver a job, oldest first."""
        rows = self._scope.fetch(_SELECT + "job_id = :job_id ORDER BY id", {"job_id": job_id}, _Row)
        return [self._delivery(row) for row in rows]

    def is_under_way(self, job_id: int) -> bool:
        """Whether an attempt to deliver a job has no end yet."""
        sql = "SELECT id FROM deliveries WHERE tenant = :tenant AND job_id = :job_id AND finished_us IS NULL"
        return bool(self._scope.fetch(sql, {"job_id": job_id}, _Id))

    def unfinished(self) -> list[Delivery]:
        """Every delivery that has no end: under way, or cut short by a crash; oldest first."""
        rows = self._scope.fetch(_SELECT + "finished_us IS NULL ORDER BY id", {}, _Row)
        return [self._delivery(row) for row in rows]

    def _delivery(self, row: _Row) -> Delivery:
        detail = ""
        if row.sealed is not None:
            detail = self._scope.open(row.sealed, "delivery", str(row.id), _Private).detail.text
        return Delivery(
            row.id,
            row.job_id,
            row.device,
            row.worker,
            from_us(row.started_us),
            row.remote_job,
            from_us(row.finished_us),
            None if row.outcome is None else Outcome(row.outcome),
            detail,
        )
