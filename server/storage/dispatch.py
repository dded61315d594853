"""The questions of who delivers: which job is next at each device, and what a dead worker left behind."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from ipp import JobState
from server.storage.deliveries import Delivery, DeliveryRows
from server.storage.scope import Scope, from_us, to_us

# Both are asked at each event of the ledger. The terms of the partial index jobs_to_deliver stand in them as
# they are there: without it they would read every parked job. Public for the test that reads their plans.

# Pending or stopped, whole, nobody's, of a queue that is not paused; the first for each device that is free.
WAITING: Final = """
SELECT id, device, state, processing_us, tried_us, attempts FROM (
    SELECT id, output_device AS device, state, processing_us,
        (SELECT max(finished_us) FROM deliveries WHERE job_id = jobs.id) AS tried_us,
        (SELECT count(*) FROM deliveries
            WHERE job_id = jobs.id AND started_us >= jobs.processing_us) AS attempts,
        row_number() OVER (PARTITION BY output_device ORDER BY rank DESC, position, id) AS place
    FROM jobs
    WHERE tenant = :tenant AND state IN (3, 6) AND output_device NOT NULL
        AND instr(reasons, 'job-incoming ') = 0 AND instr(reasons, 'job-suspended') = 0
        AND (claimed_by IS NULL OR claimed_until_us <= :now)
        AND NOT EXISTS (SELECT 1 FROM deliveries AS lasting
            WHERE lasting.tenant = jobs.tenant AND lasting.finished_us IS NULL
            AND (lasting.job_id = jobs.id OR lasting.device = jobs.output_device))
        AND NOT EXISTS (SELECT 1 FROM queues
            WHERE queues.tenant = jobs.tenant AND queues.name = jobs.printer AND queues.paused))
WHERE place = 1
"""
_ABANDONED: Final = """
SELECT deliveries.id FROM deliveries JOIN jobs ON jobs.id = deliveries.job_id
WHERE deliveries.tenant = :tenant AND deliveries.finished_us IS NULL
    AND (jobs.claimed_by IS NULL OR jobs.claimed_until_us <= :now)
"""
# Released where it was parked, and nothing happened since.
LATE: Final = """
SELECT id FROM jobs
WHERE tenant = :tenant AND state IN (3, 6) AND output_device NOT NULL
    AND instr(reasons, 'job-incoming ') = 0 AND instr(reasons, 'job-suspended') = 0
    AND (claimed_by IS NULL OR claimed_until_us <= :now)
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE job_id = jobs.id AND finished_us IS NULL)
    AND (password NOT NULL OR NOT EXISTS (SELECT 1 FROM queues
        WHERE queues.tenant = jobs.tenant AND queues.name = jobs.printer AND queues.kind != 'hold'))
    AND (SELECT time_us FROM ledger WHERE ledger.tenant = jobs.tenant AND ledger.job_id = jobs.id
        ORDER BY seq DESC LIMIT 1) < :before
"""
_BUSY: Final = (
    "SELECT id FROM deliveries WHERE tenant = :tenant AND device = :device AND finished_us IS NULL LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The job that is next at a device: its id, state, when its first attempt began, when the last one
    ended, and how many there were since it was last submitted."""

    job_id: int
    device: str
    state: JobState
    first: datetime | None
    tried: datetime | None
    attempts: int


class _Row(msgspec.Struct, array_like=True, frozen=True):
    id: int
    device: str
    state: int
    processing_us: int | None
    tried_us: int | None
    attempts: int


class _Id(msgspec.Struct, array_like=True, frozen=True):
    id: int


class DispatchRows:
    """Jobs and deliveries of one tenant as the dispatcher sees them, within one transaction."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def waiting(self, now: datetime) -> list[Waiting]:
        """For each device that no delivery goes to, the job that is to come out of it next, if any."""
        return [
            Waiting(
                row.id,
                row.device,
                JobState(row.state),
                from_us(row.processing_us),
                from_us(row.tried_us),
                row.attempts,
            )
            for row in self._scope.fetch(WAITING, {"now": to_us(now)}, _Row)
        ]

    def late(self, now: datetime, lasts: timedelta) -> list[int]:
        """Parked jobs whose release is longer ago than that and which did not come out."""
        bindings = {"now": to_us(now), "before": to_us(now - lasts)}
        return [row.id for row in self._scope.fetch(LATE, bindings, _Id)]

    def under_way(self, job_ids: Collection[int]) -> set[int]:
        """Those of these jobs that are processing, or stopped while they were."""
        sql = (
            "SELECT id FROM jobs WHERE tenant = :tenant AND state IN (5, 6)"
            " AND id IN (SELECT value FROM json_each(:ids))"
        )
        ids = msgspec.json.encode(sorted(job_ids)).decode()
        return {row.id for row in self._scope.fetch(sql, {"ids": ids}, _Id)}

    def is_busy(self, device: str) -> bool:
        """Whether a delivery to that device has no end yet: another one must wait for it."""
        return bool(self._scope.fetch(_BUSY, {"device": device}, _Id))

    def abandoned(self, now: datetime) -> list[Delivery]:
        """The deliveries that have no end and whose worker does not renew its claim any more."""
        ids = {row.id for row in self._scope.fetch(_ABANDONED, {"now": to_us(now)}, _Id)}
        return [each for each in DeliveryRows(self._scope).unfinished() if each.id in ids] if ids else []
