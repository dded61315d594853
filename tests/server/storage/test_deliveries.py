"""The journal of deliveries: what began is known after a crash, and ends once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from server.errors import DatabaseError, NotStoredError
from server.storage.deliveries import Delivery, Outcome
from server.storage.index import Index, Transaction
from tests.server.storage.conftest import NOW, make_job


def start(t: Transaction) -> Delivery:
    t.jobs.add(make_job())
    return t.deliveries.start(1, "third floor", "worker-1", NOW)


async def test_a_delivery_is_unfinished_until_it_is_told_how_it_ended(index: Index) -> None:
    delivery = await index.write(start)
    assert delivery == Delivery(1, 1, "third floor", "worker-1", NOW)
    assert await index.read(lambda t: t.deliveries.unfinished()) == [delivery]
    await index.write(lambda t: t.deliveries.note_remote_job(1, "ipp://device/jobs/7"))
    (noted,) = await index.read(lambda t: t.deliveries.unfinished())
    assert noted.remote_job == "ipp://device/jobs/7"
    end = NOW + timedelta(seconds=9)
    await index.write(lambda t: t.deliveries.finish(1, Outcome.DELIVERED, end, "gedruckt: Gehälter"))
    assert await index.read(lambda t: t.deliveries.unfinished()) == []
    (ended,) = await index.read(lambda t: t.deliveries.of(1))
    assert (ended.finished, ended.outcome, ended.detail) == (end, Outcome.DELIVERED, "gedruckt: Gehälter")


async def test_a_delivery_ends_once(index: Index) -> None:
    await index.write(start)
    await index.write(lambda t: t.deliveries.finish(1, Outcome.UNKNOWN, NOW))
    with pytest.raises(NotStoredError, match="no delivery 1 that lasts"):
        await index.write(lambda t: t.deliveries.finish(1, Outcome.DELIVERED, NOW))
    with pytest.raises(NotStoredError, match="no delivery 2 that lasts"):
        await index.write(lambda t: t.deliveries.finish(2, Outcome.DELIVERED, NOW))
    (ended,) = await index.read(lambda t: t.deliveries.of(1))
    assert ended.outcome is Outcome.UNKNOWN


async def test_every_attempt_is_kept_until_its_job_is_forgotten(index: Index) -> None:
    await index.write(start)
    await index.write(lambda t: t.deliveries.finish(1, Outcome.FAILED, NOW))
    await index.write(lambda t: t.deliveries.start(1, "first floor", "worker-1", NOW))
    attempts = await index.read(lambda t: t.deliveries.of(1))
    assert [(each.device, each.outcome) for each in attempts] == [
        ("third floor", Outcome.FAILED),
        ("first floor", None),
    ]
    await index.write(lambda t: t.jobs.forget(1))
    assert await index.read(lambda t: t.deliveries.of(1)) == []
    assert await index.read(lambda t: t.deliveries.unfinished()) == []


async def test_only_a_job_is_delivered(index: Index) -> None:
    with pytest.raises(DatabaseError, match="FOREIGN KEY"):
        await index.write(lambda t: t.deliveries.start(9, "device", "worker", NOW))
