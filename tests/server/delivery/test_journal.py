"""The journal: each step is taken once, by one worker, and with the job or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ipp import JobState
from ipp.job import Event
from ipp.spool import utc_now
from server.delivery.journal import Ending, Journal, TakenError
from server.storage.deliveries import Outcome
from tests.server.releasing import ANNA, Rooms, open_rooms

DONE = Ending(Outcome.DELIVERED, Event.COMPLETED)


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A hold queue `park` and the device `tray`."""
    async with open_rooms(tmp_path / "data") as rooms:
        await rooms.add_printer("tray", tmp_path.as_uri())
        await rooms.add_queue("park", "hold")
        yield rooms


def journal(rooms: Rooms, worker: str = "one", lease_s: float = 60) -> Journal:
    return Journal(rooms.index, rooms.service, worker, lease_s, utc_now)


async def released(rooms: Rooms) -> int:
    job_id = await rooms.park()
    await rooms.service.release(job_id, "tray", ANNA)
    return job_id


async def test_what_has_begun_is_journaled_with_all_that_it_needs(rooms: Rooms) -> None:
    job_id = await released(rooms)
    begun = await journal(rooms).begin(job_id)
    assert begun.job.state is JobState.PROCESSING
    assert begun.device is not None
    assert begun.device.name == "tray"
    assert begun.holds
    assert len(begun.stored) == 1
    assert await rooms.deliveries(job_id) == [begun.delivery]


async def test_a_job_begins_once(rooms: Rooms) -> None:
    job_id = await released(rooms)
    await journal(rooms).begin(job_id)
    with pytest.raises(TakenError):
        await journal(rooms, "two").begin(job_id)
    assert len(await rooms.deliveries(job_id)) == 1


async def test_a_device_has_one_delivery_at_a_time(rooms: Rooms) -> None:
    first, second = await released(rooms), await released(rooms)
    begun = await journal(rooms).begin(first)
    with pytest.raises(TakenError, match="device"):
        await journal(rooms, "two").begin(second)
    assert (await rooms.job(second)).state is JobState.PENDING  # nothing of it was kept
    await journal(rooms).finish(begun, DONE)
    await journal(rooms, "two").begin(second)


async def test_a_claimed_job_does_not_begin(rooms: Rooms) -> None:
    job_id = await released(rooms)
    await rooms.index.write(lambda t: t.jobs.claim(job_id, "two", 60, utc_now()))
    with pytest.raises(TakenError, match="is taken"):
        await journal(rooms).begin(job_id)


@pytest.mark.parametrize("event", [Event.PARKED, Event.CANCELED])
async def test_what_does_not_wait_any_more_does_not_begin(rooms: Rooms, event: Event) -> None:
    job_id = await released(rooms)
    await rooms.service.change(job_id, event, ANNA)
    with pytest.raises(TakenError):
        await journal(rooms).begin(job_id)
    assert await rooms.deliveries(job_id) == []


async def test_a_delivery_is_taken_over_once_its_lease_ran_out(rooms: Rooms) -> None:
    job_id = await released(rooms)
    begun = await journal(rooms, lease_s=60).begin(job_id)
    with pytest.raises(TakenError):
        await journal(rooms, "two").take_over(begun.delivery)
    await journal(rooms).let_go([job_id])
    taken = await journal(rooms, "two").take_over(begun.delivery)
    assert taken.delivery == begun.delivery
    assert await journal(rooms).renew([job_id]) == {job_id}
    assert await journal(rooms, "two").renew([job_id]) == set()


async def test_a_delivery_ends_once(rooms: Rooms) -> None:
    job_id = await released(rooms)
    begun = await journal(rooms).begin(job_id)
    await journal(rooms).let_go([job_id])
    taken = await journal(rooms, "two").take_over(begun.delivery)
    await journal(rooms, "two").finish(taken, Ending(Outcome.UNKNOWN, Event.PARKED, {"job-held-for-review"}))
    await rooms.service.release(job_id, "tray", ANNA)
    with pytest.raises(TakenError):
        await journal(rooms).finish(begun, DONE)  # the first one comes late: nothing of it counts
    assert (await rooms.job(job_id)).state is JobState.PENDING
    with pytest.raises(TakenError):
        await journal(rooms).take_over(begun.delivery)


async def test_the_end_of_a_delivery_changes_no_job_that_has_ended(rooms: Rooms) -> None:
    job_id = await released(rooms)
    begun = await journal(rooms).begin(job_id)
    await rooms.service.change(job_id, Event.CANCELED, ANNA)
    await journal(rooms).finish(begun, DONE)
    assert (await rooms.job(job_id)).state is JobState.CANCELED
    assert [each.outcome for each in await rooms.deliveries(job_id)] == [Outcome.DELIVERED]


async def test_the_end_of_a_delivery_whose_job_was_purged_is_nothing(rooms: Rooms) -> None:
    job_id = await released(rooms)
    begun = await journal(rooms).begin(job_id)
    await rooms.service.forget([job_id], ANNA)
    await journal(rooms).finish(begun, DONE)
    assert await rooms.deliveries(job_id) == []


async def test_a_job_is_parked_that_waits_and_no_other(rooms: Rooms) -> None:
    waits, ended = await released(rooms), await released(rooms)
    await rooms.service.change(ended, Event.CANCELED, ANNA)
    for job_id in (waits, ended):
        await journal(rooms).park(job_id, "Nobody stands there.")
    assert (await rooms.job(waits)).message == "Nobody stands there."
    assert (await rooms.job(waits)).reasons == {"job-release-wait"}
    assert (await rooms.job(ended)).state is JobState.CANCELED


async def test_a_job_of_a_queue_that_was_removed_is_held_like_one_that_parks(rooms: Rooms) -> None:
    job_id = await released(rooms)
    await rooms.index.write(lambda t: t.queues.remove("park"))
    assert (await journal(rooms).begin(job_id)).holds


async def test_a_device_that_was_removed_is_not_there(rooms: Rooms) -> None:
    job_id = await released(rooms)
    await rooms.index.write(lambda t: t.printers.remove("tray"))
    assert (await journal(rooms).begin(job_id)).device is None


async def test_a_pinned_certificate_is_kept_and_told(rooms: Rooms) -> None:
    await journal(rooms).pin("tray", "ab" * 32)
    assert (await rooms.index.read(lambda t: t.printers.get("tray"))).certificate == "ab" * 32
    (told,) = await rooms.ledger.events(kinds=["printer-certificate-pinned"])
    assert told.event.payload == {"device": "tray", "certificate": "ab" * 32}
