"""The dispatcher: what is released comes out, once; what does not is parked again, with the reason."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from ipp import Attributes, JobState, RemoteProtocolError, Status
from ipp.job import Event
from ipp.spool import DocumentTicket, Ticket, utc_now
from server.delivery import open_transport
from server.delivery.journal import Journal
from server.delivery.transport import (
    NotDeliveredError,
    OutcomeUnknownError,
    Progress,
    Receipt,
    Shipment,
)
from server.errors import NotStoredError, StorageFullError
from server.jobs.spool import QueueSpool
from server.release import Policy
from server.storage import ledger
from server.storage.deliveries import Outcome
from server.storage.index import Transaction
from tests.ipp.asking import stream
from tests.server.releasing import ANNA, PDF, QUICK, Rooms, open_rooms, running

T = TypeVar("T")


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A hold queue `park`, a direct queue `desk`, and the device `tray` of both, which is a folder."""
    async with open_rooms(tmp_path / "data") as rooms:
        (tmp_path / "tray").mkdir()
        await rooms.add_printer("tray", (tmp_path / "tray").as_uri())
        await rooms.add_queue("park", "hold")
        await rooms.add_queue("desk", "direct", "tray")
        yield rooms


def printed(tmp_path: Path) -> list[bytes]:
    """What lies in the tray."""
    return [path.read_bytes() for path in sorted((tmp_path / "tray").iterdir())]


@pytest.fixture
def nowhere() -> str:
    """A URI where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"socket://127.0.0.1:{taken.getsockname()[1]}"


async def test_a_parked_job_stays_until_it_is_released_and_then_comes_out(
    rooms: Rooms, tmp_path: Path
) -> None:
    parked, released = await rooms.park(b"stays"), await rooms.park(PDF, b"second")
    async with running(rooms.releaser()):
        await rooms.service.release(released, "tray", ANNA)
        job = await rooms.finished(released)
    assert job.state is JobState.COMPLETED
    assert job.reasons == {"job-completed-successfully"}
    assert printed(tmp_path) == [PDF, b"second"]
    assert (await rooms.job(parked)).state is JobState.PENDING_HELD


async def test_key_and_ciphertext_of_what_came_out_are_destroyed(rooms: Rooms) -> None:
    job_id = await rooms.park(PDF * 100)
    async with running(rooms.releaser()):
        await rooms.service.release(job_id, "tray", ANNA)
        await rooms.finished(job_id)
    assert await rooms.index.read(lambda t: t.documents.of(job_id)) == []
    assert [path for path in (rooms.folder / "blobs").rglob("*") if path.is_file()] == []


async def test_a_job_for_a_direct_queue_comes_out_at_once(rooms: Rooms, tmp_path: Path) -> None:
    async with running(rooms.releaser()):
        await rooms.finished(await rooms.park(queue="desk"))
    assert printed(tmp_path) == [PDF]


async def test_a_job_that_was_released_before_the_start_comes_out(rooms: Rooms, tmp_path: Path) -> None:
    job_id = await rooms.park()
    await rooms.service.release(job_id, "tray", ANNA)
    async with running(rooms.releaser()):
        await rooms.finished(job_id)
    assert printed(tmp_path) == [PDF]


async def test_the_journal_and_the_ledger_tell_of_it_without_a_title(rooms: Rooms) -> None:
    job_id = await rooms.park(name="Gehälter")
    async with running(rooms.releaser()):
        await rooms.service.release(job_id, "tray", ANNA)
        await rooms.finished(job_id)
    (delivery,) = await rooms.deliveries(job_id)
    assert (delivery.device, delivery.outcome) == ("tray", Outcome.DELIVERED)
    told = await rooms.ledger.events(kinds=["delivery-started", "delivery-finished"])
    assert [each.event.kind for each in told] == ["delivery-started", "delivery-finished"]
    assert [each.event.payload["device"] for each in told] == ["tray", "tray"]
    assert told[1].event.payload["outcome"] == "delivered"
    assert all("Geh" not in repr(each) for each in await rooms.ledger.events())


async def test_a_job_whose_documents_still_come_waits_for_them(rooms: Rooms, tmp_path: Path) -> None:
    job = await rooms.service.accept("desk", Ticket(ANNA, "slow", Attributes()))
    document = DocumentTicket("a.pdf", "application/pdf")
    async with running(rooms.releaser()):
        await rooms.finished(await rooms.park(b"overtakes", queue="desk"))
        await rooms.service.receive(job.id, document, stream(b"slow"), last=True, user=ANNA)
        await rooms.finished(job.id)
    assert sorted(printed(tmp_path)) == [b"overtakes", b"slow"]


async def test_nothing_leaves_a_paused_queue_until_it_is_resumed(rooms: Rooms, tmp_path: Path) -> None:
    await rooms.add_queue("desk", "direct", "tray", paused=True)
    async with running(rooms.releaser()):
        job_id = await rooms.park(queue="desk")
        await rooms.finished(await _released(rooms, b"other"))
        assert (await rooms.job(job_id)).state is JobState.PENDING
        await rooms.add_queue("desk", "direct", "tray")
        await rooms.finished(await _released(rooms, b"wakes it"))
        await rooms.finished(job_id)
    assert len(printed(tmp_path)) == 3


async def _released(rooms: Rooms, *documents: bytes, device: str = "tray") -> int:
    job_id = await rooms.park(*documents)
    await rooms.service.release(job_id, device, ANNA)
    return job_id


async def test_jobs_of_one_device_come_out_one_after_the_other_and_devices_do_not_wait_for_each_other(
    rooms: Rooms,
) -> None:
    class Counting:
        """A device that notes how many jobs it has at a time."""

        now: dict[str, int]
        most: dict[str, int]
        order: list[int]

        def __init__(self) -> None:
            self.now, self.most, self.order = {}, {}, []
            self.both = asyncio.Event()

        def at(self, name: str) -> "Counter":
            return Counter(self, name)

    class Counter:
        def __init__(self, all_: Counting, name: str) -> None:
            self.all, self.name = all_, name

        async def deliver(self, shipment: Shipment) -> Receipt:
            now = self.all.now
            now[self.name] = now.get(self.name, 0) + 1
            self.all.most[self.name] = max(self.all.most.get(self.name, 0), now[self.name])
            if len([name for name in now if now[name]]) == 2:
                self.all.both.set()
            await self.all.both.wait()
            self.all.order.append(shipment.job.id)
            now[self.name] -= 1
            return Receipt()

    counting = Counting()
    await rooms.add_printer("other", "file:///")
    ids = [await _released(rooms) for _ in range(3)]
    others = [await _released(rooms, device="other") for _ in range(3)]
    transports = lambda device: counting.at(device.name)  # noqa: E731
    async with running(rooms.releaser(transports=transports)):  # type: ignore[arg-type]
        for job_id in ids + others:
            await rooms.finished(job_id)
    assert counting.most == {"tray": 1, "other": 1}
    assert [each for each in counting.order if each in ids] == ids


async def test_what_cannot_be_delivered_is_parked_again_and_says_why(rooms: Rooms, nowhere: str) -> None:
    await rooms.add_printer("label", nowhere)
    async with running(rooms.releaser()):
        job_id = await _released(rooms, device="label")
        job = await rooms.parked(job_id)
    assert job.reasons == {"job-release-wait"}
    assert "label cannot be reached" in job.message
    assert "release it once more, here or at another printer" in job.message
    attempts = await rooms.deliveries(job_id)
    assert len(attempts) > 1  # somebody stands there: it was tried for a while
    assert {each.outcome for each in attempts} == {Outcome.FAILED}
    async with running(rooms.releaser()):
        await rooms.service.release(job_id, "tray", ANNA)
        assert (await rooms.finished(job_id)).message == ""


async def test_a_direct_queue_tries_again_and_gives_up_in_the_end(rooms: Rooms, nowhere: str) -> None:
    await rooms.add_printer("label", nowhere)
    await rooms.add_queue("labels", "direct", "label")
    async with running(rooms.releaser()):
        job_id = await rooms.park(queue="labels")
        stopped = await rooms.until(lambda job: job.state is JobState.PROCESSING_STOPPED, job_id)
        assert stopped.reasons == {"printer-stopped"}
        assert "It is tried again." in stopped.message
        job = await rooms.finished(job_id)
    assert job.state is JobState.ABORTED
    assert job.reasons == {"aborted-by-system"}
    assert "label cannot be reached" in job.message
    assert len(await rooms.deliveries(job_id)) > 2


async def test_a_direct_queue_delivers_once_its_device_is_back(rooms: Rooms, tmp_path: Path) -> None:
    (tmp_path / "tray").rename(tmp_path / "gone")
    policy = Policy(lease_s=2.0, retry_s=0.02, direct_patience=timedelta(seconds=60))
    async with running(rooms.releaser(policy)):
        job_id = await rooms.park(queue="desk")
        await rooms.until(lambda job: job.state is JobState.PROCESSING_STOPPED, job_id)
        (tmp_path / "gone").rename(tmp_path / "tray")
        await rooms.finished(job_id)
    assert printed(tmp_path) == [PDF]


async def test_a_job_without_documents_is_completed_and_prints_nothing(rooms: Rooms, tmp_path: Path) -> None:
    async with running(rooms.releaser()):
        job = await rooms.service.accept("desk", Ticket(ANNA, "nothing", Attributes()))
        await rooms.service.change(job.id, Event.CLOSED, ANNA)
        assert (await rooms.finished(job.id)).state is JobState.COMPLETED
    assert printed(tmp_path) == []


async def test_a_look_that_comes_late_cancels_nothing_that_began_meanwhile(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, looks = Patient(), 0
    read, write = rooms.index.read, rooms.index.write
    looked = asyncio.Event()

    async def begin_after_the_second_look(change: Callable[[Transaction], T]) -> T:
        await looked.wait()
        return await write(change)

    async def tell_of_the_second_look_late(question: Callable[[Transaction], T]) -> T:
        nonlocal looks
        answer = await read(question)
        looks += 1
        if looks == 2:
            looked.set()
            await device.began.wait()
        return answer

    job_id = await _released(rooms)
    monkeypatch.setattr(rooms.index, "read", tell_of_the_second_look_late)
    monkeypatch.setattr(rooms.index, "write", begin_after_the_second_look)
    releaser = rooms.releaser(transports=lambda _: device)  # type: ignore[arg-type,return-value]
    async with running(releaser):
        await write(lambda t: t.record(ledger.Event("printer-state-changed", utc_now(), "system")))
        await device.began.wait()
        device.may_end.set()
        await rooms.finished(job_id)
    assert device.canceled == []


async def test_what_nobody_waits_for_any_more_is_parked_again(rooms: Rooms, tmp_path: Path) -> None:
    held, direct = await _released(rooms), await rooms.park(queue="desk")
    policy = replace(QUICK, release_lasts=timedelta(seconds=-1))  # as if the daemon had been down for long
    async with running(rooms.releaser(policy)):
        job = await rooms.parked(held)
        await rooms.finished(direct)
    assert job.reasons == {"job-release-wait"}
    assert "Release it again when you are at the printer" in job.message
    assert printed(tmp_path) == [PDF]


async def test_documents_that_go_with_a_canceled_job_are_no_defect(
    rooms: Rooms, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(Patient):
        async def deliver(self, shipment: Shipment) -> Receipt:
            await rooms.service.change(shipment.job.id, Event.CANCELED, ANNA)
            raise NotStoredError("the document was destroyed")

    device = Slow()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job_id = await _released(rooms)
        await rooms.finished(job_id)
    assert device.canceled == [job_id]
    assert "Traceback" not in caplog.text


async def test_a_device_that_was_removed_is_told(rooms: Rooms) -> None:
    async with running(rooms.releaser()):
        job = await rooms.parked(await _released(rooms, device="sold"))
    assert "sold is no printer here any more" in job.message


async def test_where_nobody_knows_the_owner_is_asked_and_nothing_is_printed_twice(
    rooms: Rooms, tmp_path: Path
) -> None:
    class Mute:
        async def deliver(self, shipment: Shipment) -> Receipt:
            raise OutcomeUnknownError("Nobody can say whether tray printed the job.")

    async with running(rooms.releaser(transports=lambda device: Mute())):  # type: ignore[arg-type,return-value]
        held, direct = await _released(rooms), await rooms.park(queue="desk")
        parked = await rooms.parked(held)
        stopped = await rooms.parked(direct)
    assert parked.reasons == {"job-release-wait", "job-held-for-review"}
    assert stopped.reasons == {"job-held-for-review"}
    assert "Nobody can say" in parked.message
    assert [each.outcome for each in await rooms.deliveries(held)] == [Outcome.UNKNOWN]
    async with running(rooms.releaser()):
        await rooms.service.change(direct, Event.RELEASED, ANNA)
        await rooms.finished(direct)  # because its owner looked, and said so
    assert printed(tmp_path) == [PDF]
    assert (await rooms.job(held)).state is JobState.PENDING_HELD


class Patient:
    """A device that prints until it is told to stop."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()
        self.cut = asyncio.Event()
        self.canceled: list[int] = []
        self.settled: list[str | None] = []

    async def deliver(self, shipment: Shipment) -> Receipt:
        await shipment.note("begun")
        self.began.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cut.set()
            raise
        return Receipt(impressions=4)

    async def cancel(self, shipment: Shipment) -> Receipt:
        self.canceled.append(shipment.job.id)
        raise NotDeliveredError("tray canceled the job.")

    async def settle(self, shipment: Shipment) -> Receipt:
        self.settled.append(shipment.remote_job)
        await self.may_end.wait()
        return Receipt()


async def test_a_job_that_is_canceled_while_it_prints_is_canceled_at_the_device(rooms: Rooms) -> None:
    device = Patient()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job_id = await _released(rooms)
        await device.began.wait()
        await rooms.service.change(job_id, Event.CANCELED, ANNA)
    job = await rooms.job(job_id)
    assert job.state is JobState.CANCELED
    assert job.reasons == {"job-canceled-by-user"}
    assert device.canceled == [job_id]
    assert [each.outcome for each in await rooms.deliveries(job_id)] == [Outcome.FAILED]


async def test_a_job_that_stopped_at_a_device_is_released_nowhere_else_meanwhile(rooms: Rooms) -> None:
    class Stopping(Patient):
        async def deliver(self, shipment: Shipment) -> Receipt:
            await shipment.report(Progress(True, "no paper"))
            return await super().deliver(shipment)

        async def cancel(self, shipment: Shipment) -> Receipt:
            return Receipt(impressions=4)  # it had printed the whole of it before it ran out

    device = Stopping()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job_id = await _released(rooms)
        await device.began.wait()
        assert (await rooms.job(job_id)).state is JobState.PROCESSING_STOPPED
        with pytest.raises(RemoteProtocolError) as raised:
            await rooms.service.release(job_id, "other", ANNA)
        device.may_end.set()
        job = await rooms.finished(job_id)
    assert raised.value.status is Status.CLIENT_ERROR_NOT_POSSIBLE
    assert job.state is JobState.COMPLETED
    assert [each.outcome for each in await rooms.deliveries(job_id)] == [Outcome.DELIVERED]


async def test_a_person_cannot_suspend_what_a_device_has_begun(rooms: Rooms) -> None:
    device = Patient()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job_id = await _released(rooms)
        await device.began.wait()
        spool = QueueSpool("park", rooms.service, rooms.index, rooms.ledger, utc_now)
        with pytest.raises(RemoteProtocolError) as raised:
            await spool.change(job_id, Event.STOPPED, ANNA)
        assert (await rooms.job(job_id)).state is JobState.PROCESSING
        device.may_end.set()
        await rooms.finished(job_id)
    assert raised.value.status is Status.CLIENT_ERROR_NOT_POSSIBLE


async def test_what_the_device_counted_is_kept(rooms: Rooms) -> None:
    device = Patient()
    device.may_end.set()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        assert (await rooms.finished(await _released(rooms))).impressions_completed == 4


async def test_a_stop_waits_for_what_is_under_way(rooms: Rooms) -> None:
    device = Patient()
    releaser = rooms.releaser(Policy(grace_s=20), transports=lambda _: device)  # type: ignore[arg-type,return-value]
    async with running(releaser):
        job_id = await _released(rooms)
        await device.began.wait()
        later = await rooms.park()
        releaser.stop()
        await rooms.service.release(later, "tray", ANNA)
        device.may_end.set()
    assert (await rooms.job(job_id)).state is JobState.COMPLETED
    assert (await rooms.job(later)).state is JobState.PENDING


async def test_what_a_device_still_prints_at_the_stop_is_asked_for_at_the_next_start(rooms: Rooms) -> None:
    device = Patient()
    policy = Policy(grace_s=0.05, settle_s=0.05)
    async with running(rooms.releaser(policy, transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job_id = await _released(rooms)
        await device.began.wait()
    assert (await rooms.job(job_id)).state is JobState.PROCESSING
    device.may_end.set()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        await rooms.finished(job_id)
    assert device.settled == ["begun", "begun"]
    (delivery,) = await rooms.deliveries(job_id)
    assert delivery.outcome is Outcome.DELIVERED


async def test_a_worker_that_is_gone_is_waited_for_and_then_its_delivery_is_settled(rooms: Rooms) -> None:
    device = Patient()
    dead = asyncio.create_task(rooms.releaser(transports=lambda _: device).run())  # type: ignore[arg-type,return-value]
    job_id = await _released(rooms)
    await device.began.wait()
    dead.cancel()  # nothing is written: as if it had been killed
    await asyncio.wait({dead})
    assert [each.outcome for each in await rooms.deliveries(job_id)] == [None]
    device.may_end.set()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        await rooms.finished(job_id)
    assert device.settled == ["begun"]
    assert len(await rooms.deliveries(job_id)) == 1


async def test_a_job_that_was_canceled_while_nobody_ran_is_canceled_at_the_device(rooms: Rooms) -> None:
    device = Patient()
    dead = asyncio.create_task(rooms.releaser(transports=lambda _: device).run())  # type: ignore[arg-type,return-value]
    job_id = await _released(rooms)
    await device.began.wait()
    dead.cancel()
    await asyncio.wait({dead})
    await rooms.service.change(job_id, Event.CANCELED, ANNA)
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        await rooms.told("delivery-finished")
    assert (device.canceled, device.settled) == ([job_id], [])
    assert (await rooms.job(job_id)).state is JobState.CANCELED


async def test_a_worker_whose_claim_another_one_took_lets_go_of_the_job(rooms: Rooms) -> None:
    device = Patient()
    policy = replace(QUICK, lease_s=0.3)
    async with running(rooms.releaser(policy, transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job_id = await _released(rooms)
        await device.began.wait()
        (delivery,) = await rooms.deliveries(job_id)

        def take(t: Transaction) -> bool:
            t.jobs.give_up_claim(job_id, delivery.worker)
            return t.jobs.claim(job_id, "another", 60, utc_now())

        assert await rooms.index.write(take)
        await device.cut.wait()
    assert (device.canceled, device.settled) == ([], [])
    assert [each.outcome for each in await rooms.deliveries(job_id)] == [None]  # it is the other one's to end


@pytest.mark.parametrize("goes_on", [True, False], ids=["goes-on", "ends-at-once"])
async def test_a_device_that_stops_in_the_middle_is_told_until_it_goes_on(
    rooms: Rooms, goes_on: bool
) -> None:
    class Jammed(Patient):
        async def deliver(self, shipment: Shipment) -> Receipt:
            await shipment.report(Progress(True, "tray has no paper."))
            await self.may_end.wait()
            if goes_on:
                await shipment.report(Progress())
            return Receipt()

    device = Jammed()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job_id = await _released(rooms)
        stopped = await rooms.until(lambda job: job.state is JobState.PROCESSING_STOPPED, job_id)
        assert stopped.reasons == {"printer-stopped"}
        assert stopped.message == "tray has no paper."
        device.may_end.set()
        job = await rooms.finished(job_id)
    assert job.reasons == {"job-completed-successfully"}
    assert job.message == ""


async def test_a_disk_that_is_full_takes_no_job_from_the_device_that_prints_it(
    rooms: Rooms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> None:
        raise StorageFullError("the disk is full")

    class Jammed(Patient):
        async def deliver(self, shipment: Shipment) -> Receipt:
            await shipment.report(Progress(True, "tray has no paper."))
            await shipment.report(Progress())
            return Receipt()

    monkeypatch.setattr(Journal, "stop", full)
    device = Jammed()
    async with running(rooms.releaser(transports=lambda _: device)):  # type: ignore[arg-type,return-value]
        job = await rooms.finished(await _released(rooms))
    assert job.state is JobState.COMPLETED
    assert device.canceled == []
    assert "the disk is full" in caplog.text


async def test_a_clock_that_is_put_back_lets_nobody_wait_for_it(rooms: Rooms, nowhere: str) -> None:
    await rooms.add_printer("away", nowhere)
    await rooms.add_queue("far", "direct", "away")
    job_id = await rooms.park(queue="far")
    policy = replace(QUICK, direct_patience=timedelta(days=1))
    async with running(rooms.releaser(policy)):
        await rooms.until(lambda job: job.state is JobState.PROCESSING_STOPPED, job_id)
    tried = len(await rooms.deliveries(job_id))
    late = rooms.releaser(policy)
    late._clock = lambda: utc_now() - timedelta(days=365)
    async with running(late):
        async with asyncio.timeout(10):
            while len(await rooms.deliveries(job_id)) == tried:
                await rooms.ledger.wait(rooms.ledger.head)


async def test_two_dispatchers_on_one_database_deliver_each_job_once(rooms: Rooms, tmp_path: Path) -> None:
    async with open_rooms(rooms.folder) as other, running(rooms.releaser()), running(other.releaser()):
        jobs = [await _released(rooms, b"job %d" % number) for number in range(12)]
        for job_id in jobs:
            await rooms.finished(job_id)
    assert sorted(printed(tmp_path)) == sorted(b"job %d" % number for number in range(12))
    for job_id in jobs:
        assert [each.outcome for each in await rooms.deliveries(job_id)] == [Outcome.DELIVERED]


async def test_a_defect_of_a_transport_ends_one_delivery_and_not_the_dispatcher(
    rooms: Rooms, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Patient):
        async def deliver(self, shipment: Shipment) -> Receipt:
            raise ZeroDivisionError

    def transports(device):  # type: ignore[no-untyped-def]
        return Broken() if device.name == "broken" else open_transport(device)

    await rooms.add_printer("broken", "file:///")
    async with running(rooms.releaser(transports=transports)):
        job = await rooms.parked(await _released(rooms, device="broken"))
        await rooms.finished(await _released(rooms))
    assert "ZeroDivisionError" in caplog.text
    assert "a defect" in job.message
    assert printed(tmp_path) == [PDF]
