"""What the daemon learns of a document on its way in, and that learning never stops it."""

import asyncio
import io
import threading

import pikepdf
import pytest

from ipp import Attributes
from ipp.spool import DocumentTicket, Ticket
from pcl.worker import WorkerPool
from server.jobs.analysis import StreamAnalyser
from server.jobs.intake import Analysis, Intake
from server.jobs.service import JobService
from tests.ipp.asking import ANNA, stream
from tests.server.jobs.conftest import House


def pdf(pages: int) -> bytes:
    """A PDF of blank pages."""
    document, file = pikepdf.new(), io.BytesIO()
    for _ in range(pages):
        document.add_blank_page()
    document.save(file)
    return file.getvalue()


def learn(claimed: str, data: bytes, pool: WorkerPool | None = None) -> Analysis:
    analyser = StreamAnalyser(claimed, pool)
    for start in range(0, len(data), 700):
        analyser.feed(data[start : start + 700])
    return analyser.finish()


def test_a_pdf_is_known_and_counted_whatever_it_is_called() -> None:
    assert learn("application/octet-stream", pdf(3)) == Analysis("application/pdf", 3)
    assert learn("image/jpeg", pdf(2)) == Analysis("application/pdf", 2)


@pytest.mark.parametrize("data", [b"", b"\0\1\2\3" * 99], ids=["empty", "noise"])
def test_of_what_nobody_knows_nothing_is_said(data: bytes) -> None:
    assert learn("application/octet-stream", data).impressions in (None, 0)


def test_a_reader_that_cannot_work_says_nothing_and_raises_nothing() -> None:
    pool = WorkerPool(1)
    pool.close()
    assert learn("application/pdf", pdf(2), pool) == Analysis("application/pdf", None)


async def test_a_parked_job_tells_its_impressions(house: House) -> None:
    intake = Intake(house.vault, analyse=StreamAnalyser)
    house.service = JobService(house.index, house.vault, intake, house.clock, house.lock)
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))
    for last in (False, True):
        ticket = DocumentTicket("", "application/octet-stream")
        job = await spool.receive(job.id, ticket, stream(pdf(4)), last=last, user=ANNA)
    assert job.impressions == 8
    assert {document.format for document in job.documents} == {"application/pdf"}


async def test_analyses_that_take_long_keep_nobody_elses_threads(house: House) -> None:
    may_end, begun, loop = threading.Event(), asyncio.Semaphore(0), asyncio.get_running_loop()

    class Slow:
        def feed(self, chunk: bytes) -> None: ...

        def finish(self) -> Analysis:
            loop.call_soon_threadsafe(begun.release)
            may_end.wait()
            return Analysis()

        def close(self) -> None: ...

    intake = Intake(house.vault, analyse=lambda claimed: Slow())
    house.service = JobService(house.index, house.vault, intake, house.clock, house.lock)
    slow = [asyncio.create_task(house.park()) for _ in range(40)]
    try:
        async with asyncio.timeout(20):
            for _ in range(40):
                await begun.acquire()
    finally:
        may_end.set()
    await asyncio.gather(*slow)
    intake.close()
