"""What the dispatcher asks of the index: who is next at each device, and what a dead worker left behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ipp import JobState
from server.storage.deliveries import Outcome
from server.storage.dispatch import Waiting
from server.storage.fleet import Queue
from server.storage.index import Index, Transaction
from server.storage.ledger import Event
from tests.server.storage.conftest import NOW, make_job

LATER = NOW + timedelta(minutes=1)


def add(t: Transaction, number: int, device: str = "laser", /, **changes: object) -> int:
    """A job that waits for a device; its id."""
    fields: dict[str, object] = {"state": JobState.PENDING, "reasons": frozenset(), "output_device": device}
    password = "$argon2id$" if changes.pop("locked", False) else None
    return t.jobs.add(make_job(number, **(fields | changes)), password=password).id


async def waiting(index: Index) -> dict[str, int]:
    return {each.device: each.job_id for each in await index.read(lambda t: t.dispatch.waiting(NOW))}


async def test_the_first_of_each_device_is_next(index: Index) -> None:
    def fill(t: Transaction) -> None:
        for number, device in enumerate(["laser", "laser", "label", "laser"], 1):
            add(t, number, device)
        add(t, 5, "label", priority=60)

    await index.write(fill)
    assert await waiting(index) == {"laser": 1, "label": 5}


@pytest.mark.parametrize(
    "changes",
    [
        {"output_device": None},
        {"state": JobState.PENDING_HELD},
        {"state": JobState.PROCESSING},
        {"state": JobState.COMPLETED},
        {"reasons": frozenset({"job-incoming"})},
        {"state": JobState.PROCESSING_STOPPED, "reasons": frozenset({"job-suspended"})},
        {"printer": "paused"},
    ],
    ids=str,
)
async def test_a_job_that_may_not_come_out_is_not_next(index: Index, changes: dict[str, object]) -> None:
    def fill(t: Transaction) -> None:
        t.queues.put(Queue("paused", "direct", NOW, paused=True))
        add(t, 1, **changes)
        add(t, 2, priority=1)

    await index.write(fill)
    assert await waiting(index) == {"laser": 2}


async def test_a_claimed_job_is_not_next_until_its_lease_ran_out(index: Index) -> None:
    await index.write(lambda t: t.jobs.claim(add(t, 1), "worker", 30, NOW))
    assert await waiting(index) == {}
    (next_,) = await index.read(lambda t: t.dispatch.waiting(LATER))
    assert next_ == Waiting(1, "laser", JobState.PENDING, None, None, 0)


async def test_a_device_is_busy_until_its_delivery_has_an_end(index: Index) -> None:
    def begin(t: Transaction) -> None:
        t.deliveries.start(add(t, 1), "laser", "worker", NOW)
        add(t, 2)

    await index.write(begin)
    assert await index.read(lambda t: t.dispatch.is_busy("laser"))
    assert await index.read(lambda t: t.dispatch.is_busy("label")) is False
    assert await waiting(index) == {}
    await index.write(lambda t: t.deliveries.finish(1, Outcome.FAILED, NOW))
    assert await waiting(index) == {"laser": 1}


async def test_attempts_are_counted_since_the_job_began_anew(index: Index) -> None:
    def fill(t: Transaction) -> None:
        job_id = add(t, 1, state=JobState.PROCESSING_STOPPED, processing=NOW)
        for minutes in (-60, 0, 1):
            begun = NOW + timedelta(minutes=minutes)
            delivery = t.deliveries.start(job_id, "laser", "worker", begun)
            t.deliveries.finish(delivery.id, Outcome.FAILED, begun + timedelta(seconds=1))

    await index.write(fill)
    (next_,) = await index.read(lambda t: t.dispatch.waiting(NOW))
    tried = LATER + timedelta(seconds=1)
    assert next_ == Waiting(1, "laser", JobState.PROCESSING_STOPPED, NOW, tried, 2)


async def test_a_delivery_is_abandoned_when_nobody_renews_its_claim(index: Index) -> None:
    def begin(t: Transaction) -> None:
        t.jobs.claim(add(t, 1), "worker", 30, NOW)
        t.deliveries.start(1, "laser", "worker", NOW)
        t.deliveries.start(add(t, 2), "label", "worker", NOW)
        ended = t.deliveries.start(add(t, 3), "other", "worker", NOW)
        t.deliveries.finish(ended.id, Outcome.DELIVERED, NOW)

    await index.write(begin)
    assert [each.job_id for each in await index.read(lambda t: t.dispatch.abandoned(NOW))] == [2]
    assert [each.job_id for each in await index.read(lambda t: t.dispatch.abandoned(LATER))] == [1, 2]


async def test_a_release_that_is_long_ago_is_told_of_jobs_that_a_queue_parked(index: Index) -> None:
    def fill(t: Transaction) -> None:
        t.queues.put(Queue("park", "hold", NOW))
        t.queues.put(Queue("desk", "direct", NOW))
        jobs: list[dict[str, object]] = [
            {},
            {"printer": "desk"},
            {"state": JobState.PENDING_HELD},
            {"state": JobState.PROCESSING_STOPPED},
            {"printer": "desk", "locked": True},  # parked by a queue that parked then
            {"printer": "gone"},
        ]
        for number, changes in enumerate(jobs, 1):
            job_id = add(t, number, **changes)
            t.record(Event("job-state-changed", NOW, "system", job_id=job_id))

    await index.write(fill)
    hour = timedelta(hours=1)
    assert await index.read(lambda t: t.dispatch.late(NOW + hour, hour)) == []
    assert await index.read(lambda t: t.dispatch.late(NOW + hour + timedelta(seconds=1), hour)) == [
        1,
        4,
        5,
        6,
    ]


async def test_only_jobs_under_way_are_under_way(index: Index) -> None:
    def fill(t: Transaction) -> list[int]:
        return [add(t, 10 + int(state), state=state) for state in JobState]

    ids = await index.write(fill)
    under_way = await index.read(lambda t: t.dispatch.under_way([*ids, 99]))
    states = await index.read(lambda t: {t.jobs.get(job_id).state for job_id in under_way})
    assert states == {JobState.PROCESSING, JobState.PROCESSING_STOPPED}
    assert await index.read(lambda t: t.dispatch.under_way([])) == set()
