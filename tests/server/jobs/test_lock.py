"""The lock of a job with a job-password: it comes out with that only, and nobody guesses it."""

import asyncio
from datetime import timedelta

import pytest

from ipp import Attributes, JobState, RemoteProtocolError, Status
from ipp.exchange import User
from ipp.job import Event, Job
from ipp.registry import attribute
from ipp.spool import Ticket
from server.jobs.actors import SYSTEM
from server.jobs.lock import LOCKED, PARKED, RATES
from server.jobs.service import Keeping
from server.storage.fleet import Queue
from tests.ipp.asking import ANNA, OPERATOR, stream
from tests.server.jobs.conftest import DOCUMENT, House

PIN = b"4711"


async def park_locked(house: House, user: User = ANNA) -> int:
    spool = house.spool("park")
    job = await spool.create(Ticket(user, "minutes", Attributes(), password=PIN))
    await spool.receive(job.id, DOCUMENT, stream(b"%PDF-1.7"), last=True, user=user)
    return job.id


async def release(
    house: House, job_id: int, password: bytes | None, user: User = ANNA, peer: str = "192.0.2.7"
) -> Job:
    return await house.service.release(job_id, "laser", user, password=password, peer=peer)


async def refused(house: House, job_id: int, password: bytes | None, peer: str = "192.0.2.7") -> str:
    with pytest.raises(RemoteProtocolError) as raised:
        await release(house, job_id, password, peer=peer)
    assert raised.value.status is Status.CLIENT_ERROR_NOT_AUTHORIZED
    job = await house.service.get(job_id)
    assert job is not None
    assert job.state is JobState.PENDING_HELD
    return str(raised.value)


async def test_a_locked_job_comes_out_with_its_password(house: House) -> None:
    job = await release(house, await park_locked(house), PIN)
    assert (job.state, job.output_device) == (JobState.PENDING, "laser")
    assert LOCKED not in job.reasons


@pytest.mark.parametrize("password", [b"4712", b"471", b"47110", b"", b"\0" * 255])
async def test_a_locked_job_stays_with_any_other(house: House, password: bytes) -> None:
    assert await refused(house, await park_locked(house), password) == "that is not its job-password"


async def test_nobody_is_let_off_the_password(house: House) -> None:
    job_id = await park_locked(house)
    for user in (ANNA, OPERATOR, SYSTEM):
        with pytest.raises(RemoteProtocolError, match="with its job-password only"):
            await release(house, job_id, None, user)
    with pytest.raises(RemoteProtocolError, match="at a printer"):
        await house.service.change(job_id, Event.RELEASED, OPERATOR)


async def test_a_job_without_a_password_asks_for_none(house: House) -> None:
    job = await release(house, await house.park(), b"0000")
    assert job.state is JobState.PENDING


async def test_a_job_that_did_not_come_out_is_locked_again(house: House) -> None:
    job_id = await park_locked(house)
    await release(house, job_id, PIN)
    await house.service.change(job_id, Event.STARTED, SYSTEM)
    await house.service.change(job_id, Event.PARKED, SYSTEM, add={PARKED, LOCKED})
    await refused(house, job_id, None)
    assert (await release(house, job_id, PIN)).state is JobState.PENDING


async def test_who_has_not_the_password_sends_a_job_on_its_way_out_nowhere_else(house: House) -> None:
    job_id = await park_locked(house)
    await release(house, job_id, PIN)
    for password in (None, b"4712"):
        with pytest.raises(RemoteProtocolError, match="its job-password"):
            await house.service.release(job_id, "other", OPERATOR, password=password)
    job = await house.service.release(job_id, "other", ANNA, password=PIN)
    assert job.output_device == "other"


async def test_a_job_that_is_held_on_its_way_out_is_locked_again(house: House) -> None:
    # Its device was busy. Whoever uses the owner's name could else let it out once the owner has gone.
    job_id = await park_locked(house)
    await release(house, job_id, PIN)
    spool = house.spool("park")
    job = await spool.amend(job_id, [attribute("job-hold-until", "indefinite")], ANNA)
    assert job.reasons >= {PARKED, LOCKED}
    await release(house, job_id, PIN)
    job = await spool.change(job_id, Event.HELD, ANNA)
    assert job.reasons >= {PARKED, LOCKED}
    job = await spool.amend(job_id, [attribute("job-hold-until", "no-hold")], ANNA)
    assert job.state is JobState.PENDING_HELD
    with pytest.raises(RemoteProtocolError, match="at a printer"):
        await spool.release(job_id, ANNA)
    await refused(house, job_id, None)


async def test_a_queue_that_parks_no_more_leaves_its_locked_jobs_locked(house: House) -> None:
    house.service.keeping = Keeping(delivered=timedelta(hours=1))
    job_id = await park_locked(house)
    await house.index.write(lambda t: t.queues.put(Queue("park", "direct", house.clock(), printer="laser")))
    await refused(house, job_id, None)
    with pytest.raises(RemoteProtocolError, match="its job-password"):
        await house.spool("park").release(job_id, ANNA)
    await release(house, job_id, PIN)
    await house.service.change(job_id, Event.STARTED, SYSTEM)
    await house.service.change(job_id, Event.COMPLETED, SYSTEM)
    job = await house.service.restart(job_id, ANNA)
    assert job.reasons >= {PARKED, LOCKED}


async def test_guessing_ends_after_a_few_whoever_guesses_from_wherever(house: House) -> None:
    job_id = await park_locked(house)
    for number in range(RATES.name.burst):
        await refused(house, job_id, b"%04d" % number, peer=f"192.0.2.{number}")
    assert "ten minutes" in await refused(house, job_id, b"0007", peer="198.51.100.1")
    # Nor is the right one looked at: who guesses must not learn it from how the answer differs.
    assert "ten minutes" in await refused(house, job_id, PIN, peer="198.51.100.1")


async def test_a_lockout_ends_by_itself(house: House) -> None:
    job_id = await park_locked(house)
    for _ in range(20):
        await refused(house, job_id, b"0000")
    house.clock.pass_(RATES.name.interval_s)
    assert (await release(house, job_id, PIN)).state is JobState.PENDING


async def test_many_guesses_at_the_same_moment_are_no_more_than_one_after_another(house: House) -> None:
    job_id = await park_locked(house)
    answers = await asyncio.gather(*(refused(house, job_id, b"%04d" % number) for number in range(30)))
    assert answers.count("that is not its job-password") == RATES.name.burst


async def test_one_place_cannot_try_one_pin_on_all_jobs(house: House) -> None:
    jobs = [await park_locked(house) for _ in range(RATES.origin.burst + 5)]
    answers = [await refused(house, job_id, b"1234") for job_id in jobs]
    assert answers.count("that is not its job-password") == RATES.origin.burst


async def test_the_ledger_is_told_of_wrong_passwords_and_of_no_secret(house: House) -> None:
    job_id = await park_locked(house)
    for _ in range(10):
        await refused(house, job_id, b"0815")
    events = await house.ledger.events(job_id=job_id, kinds=["job-password-refused"])
    # As many as were looked at: who hammers does not fill the ledger.
    assert len(events) == RATES.name.burst
    assert all(each.event.subject == "park" for each in events)
    assert not any(secret in repr(events) for secret in ("0815", "4711", "anna", "minutes"))
    assert (await house.ledger.verify()).sound


async def test_a_job_that_is_printed_again_is_locked_again(house: House) -> None:
    house.service.keeping = Keeping(delivered=timedelta(hours=1))
    job_id = await park_locked(house)
    await release(house, job_id, PIN)
    await house.service.change(job_id, Event.STARTED, SYSTEM)
    await house.service.change(job_id, Event.COMPLETED, SYSTEM)
    job = await house.service.restart(job_id, ANNA)
    assert job.reasons >= {PARKED, LOCKED}
    await refused(house, job_id, None)
    assert (await release(house, job_id, PIN)).state is JobState.PENDING
