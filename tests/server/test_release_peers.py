"""Released jobs at real printers: octet for octet by IPP and IPPS, and exactly once also across kill -9."""

import asyncio
import hashlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from ipp import Attribute, Attributes, JobState, Tag
from ipp.job import Event
from server.release import Policy
from server.storage.deliveries import Outcome
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.process import Child
from tests.peers.socket_printer import start_socket_printer
from tests.server.releasing import ANNA, PDF, Rooms, open_rooms, running

pytestmark = pytest.mark.peer

LARGE = os.urandom(1 << 20) * 48
LEASE_S = 1.0
Start = Callable[..., IppEvePrinter]


@pytest.fixture
def eve_printer(start_eve_printer: Start) -> IppEvePrinter:
    """A printer for one test alone: what is done to it here may leave it busy for ever."""
    return start_eve_printer()


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    """A hold queue `park`; printers are added by the tests."""
    async with open_rooms(tmp_path / "data") as rooms:
        await rooms.add_queue("park", "hold")
        yield rooms


@contextmanager
def dispatcher(rooms: Rooms) -> Iterator[Child]:
    """A process of its own that delivers."""
    command = [sys.executable, "-m", "tests.server.releasing", str(rooms.folder), str(LEASE_S)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with Child("dispatcher", command, log=rooms.folder / "log", environment=environment) as child:
        yield child


def digests(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


@pytest.mark.parametrize("scheme", ["ipp", "ipps"])
async def test_a_released_job_arrives_octet_for_octet(
    rooms: Rooms, eve_printer: IppEvePrinter, scheme: str
) -> None:
    await rooms.add_printer("laser", eve_printer.uri if scheme == "ipp" else eve_printer.tls_uri)
    asked = Attributes([Attribute.of("sides", Tag.KEYWORD, "two-sided-long-edge")])
    small, large = await rooms.park(PDF, attributes=asked), await rooms.park(LARGE)
    async with running(rooms.releaser()):
        await rooms.service.release(small, "laser", ANNA)
        await rooms.finished(small)
        await rooms.service.release(large, "laser", ANNA)
        job = await rooms.finished(large)
    assert job.state is JobState.COMPLETED
    arrived = await asyncio.to_thread(eve_printer.wait_for_documents, 2)
    assert digests(arrived) == [hashlib.sha256(each).hexdigest() for each in (PDF, LARGE)]
    printer = await rooms.index.read(lambda t: t.printers.get("laser"))
    assert len(printer.certificate) == 64  # pinned, for the next time


async def test_a_printer_that_is_busy_is_waited_for(rooms: Rooms, eve_printer: IppEvePrinter) -> None:
    """It holds one job at a time: two dispatchers, each with a printer of its own name, want it at once."""
    await rooms.add_printer("front", eve_printer.uri)
    await rooms.add_printer("back", eve_printer.uri)
    async with running(rooms.releaser(Policy(retry_s=0.1))):
        jobs = [await rooms.park(LARGE), await rooms.park(PDF)]
        for job_id, device in zip(jobs, ("front", "back"), strict=True):
            await rooms.service.release(job_id, device, ANNA)
        for job_id in jobs:
            assert (await rooms.finished(job_id)).state is JobState.COMPLETED
    assert len(await asyncio.to_thread(eve_printer.wait_for_documents, 2)) == 2


@pytest.fixture
def slow_printer(start_eve_printer: Start, tmp_path: Path) -> IppEvePrinter:
    """A printer that prints for as long as a file is there."""
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\nwhile [ -e {tmp_path}/paper-jam ]; do sleep 0.05; done\n")
    command.chmod(0o755)
    (tmp_path / "paper-jam").touch()
    return start_eve_printer(command=str(command))


async def test_killed_while_the_printer_prints_the_job_comes_out_once(
    rooms: Rooms, slow_printer: IppEvePrinter, tmp_path: Path
) -> None:
    await rooms.add_printer("laser", slow_printer.tls_uri)
    job_id = await rooms.park()
    await rooms.service.release(job_id, "laser", ANNA)
    with dispatcher(rooms) as child:
        await asyncio.to_thread(child.wait_until, lambda: _whole(rooms), "the whole document at the printer")
        child.kill()
    assert (await rooms.job(job_id)).state is JobState.PROCESSING
    with dispatcher(rooms):
        await asyncio.sleep(LEASE_S)  # the dead one's lease
        (tmp_path / "paper-jam").unlink()
        await _settled(rooms, job_id)
    job = await rooms.job(job_id)
    assert job.state is JobState.COMPLETED
    assert len(slow_printer.received()) == 1
    assert [each.outcome for each in await rooms.deliveries(job_id)] == [Outcome.DELIVERED]


async def test_killed_while_the_document_is_sent_nothing_is_lost_and_nothing_printed_twice_unasked(
    rooms: Rooms, eve_printer: IppEvePrinter, start_eve_printer: Start
) -> None:
    await rooms.add_printer("laser", eve_printer.tls_uri)
    job_id = await rooms.park(LARGE)
    await rooms.service.release(job_id, "laser", ANNA)
    with dispatcher(rooms) as child:
        await asyncio.to_thread(child.wait_until, lambda: _arriving(eve_printer), "part of the document")
        eve_printer.child.send_signal(signal.SIGSTOP)  # so that the rest cannot follow before the kill
        child.kill()
        eve_printer.child.send_signal(signal.SIGCONT)
    sent_before = len(list(eve_printer.spool.glob("*.pdf")))
    with dispatcher(rooms):
        await _settled(rooms, job_id)
        await asyncio.sleep(LEASE_S)  # what might be sent again would be by now
    job = await rooms.job(job_id)
    # This printer calls what broke off completed, so that only its owner can tell.
    assert job.state is JobState.PENDING_HELD
    assert {"job-release-wait", "job-held-for-review"} <= job.reasons
    assert "Look at the printer" in job.message
    assert len(list(eve_printer.spool.glob("*.pdf"))) == sent_before == 1
    async with running(rooms.releaser()):
        # The owner looked, and goes elsewhere: this printer may turn in circles now that its sender is gone.
        other = start_eve_printer()
        await rooms.add_printer("other", other.tls_uri)
        await rooms.service.release(job_id, "other", ANNA)
        await rooms.finished(job_id)
    assert digests(other.received()) == [hashlib.sha256(LARGE).hexdigest()]


async def test_killed_behind_a_raw_port_the_owner_is_asked(rooms: Rooms) -> None:
    with start_socket_printer(stall_after_octets=1 << 20) as printer:
        await rooms.add_printer("label", printer.uri)
        job_id = await rooms.park(LARGE)
        await rooms.service.release(job_id, "label", ANNA)
        with dispatcher(rooms) as child:
            await asyncio.to_thread(printer.wait_for_octets, 1 << 20)
            child.kill()
        printer.resume()
        with dispatcher(rooms):
            await _settled(rooms, job_id)
        job = await rooms.job(job_id)
        assert job.state is JobState.PENDING_HELD
        assert "job-held-for-review" in job.reasons
        assert "a raw port does not tell" in job.message
        assert len(printer.transfers) == 1


async def test_killed_again_and_again_every_job_comes_into_the_folder_once(
    rooms: Rooms, tmp_path: Path
) -> None:
    tray = tmp_path / "tray"
    tray.mkdir()
    await rooms.add_printer("tray", tray.as_uri())
    await rooms.add_queue("desk", "direct", "tray")
    jobs = [await rooms.park(os.urandom(1 << 20) * 4, queue="desk") for _ in range(8)]
    for _ in range(4):
        with dispatcher(rooms) as child:
            more = partial(_holds_more, tray, len(list(tray.iterdir())))
            await asyncio.to_thread(child.wait_until, more, "a file")
            child.kill()
    with dispatcher(rooms):
        for job_id in jobs:
            await _settled(rooms, job_id)
    names = sorted(path.name for path in tray.iterdir())
    assert [name.split("-")[1] for name in names] == sorted(str(job_id) for job_id in jobs)
    assert {(await rooms.job(job_id)).state for job_id in jobs} == {JobState.COMPLETED}


async def test_canceled_while_it_is_sent_the_printer_is_free_for_the_next(
    rooms: Rooms, eve_printer: IppEvePrinter
) -> None:
    await rooms.add_printer("laser", eve_printer.tls_uri)
    job_id, following = await rooms.park(LARGE), await rooms.park()
    async with running(rooms.releaser()):
        await rooms.service.release(job_id, "laser", ANNA)
        await rooms.until(lambda job: job.state is JobState.PROCESSING, job_id)
        await rooms.service.change(job_id, Event.CANCELED, ANNA)
        await rooms.service.release(following, "laser", ANNA)
        await rooms.finished(following)
    assert (await rooms.job(job_id)).state is JobState.CANCELED
    assert digests(eve_printer.received())[-1] == hashlib.sha256(PDF).hexdigest()


def _arriving(printer: IppEvePrinter) -> bool:
    return any(path.stat().st_size > 1 << 20 for path in printer.spool.glob("*.pdf"))


def _holds_more(folder: Path, count: int) -> bool:
    return len(list(folder.iterdir())) > count


def _whole(rooms: Rooms) -> bool:
    """Whether a delivery is noted whole, as another process sees the database."""

    with sqlite3.connect(f"file:{rooms.folder}/pullprint.db?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT remote_job FROM deliveries").fetchall()
    connection.close()
    return any(note is not None and note.endswith(" whole") for (note,) in rows)


async def _settled(rooms: Rooms, job_id: int) -> None:
    """Wait for the end of what another process does: its commits do not wake this one."""
    async with asyncio.timeout(90):  # a printer that does not end what was canceled is given 30 s
        while (await rooms.job(job_id)).state not in (  # noqa: ASYNC110  # nothing here tells of it
            JobState.COMPLETED,
            JobState.PENDING_HELD,
            JobState.ABORTED,
        ):
            await asyncio.sleep(0.05)  # a commit of another process is no event here
