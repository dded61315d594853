"""The worker is run as it is run in earnest, in bubblewrap where the machine allows it."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pcl.report import Report
from pcl.spool import Spool
from pcl.worker import Confinement, Limits, WorkerError, WorkerPool, default_pool

from .documents import make_image, make_pdf


def bubblewrap_works() -> bool:
    if shutil.which("bwrap") is None:
        return False
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--", "/bin/true"]
    return subprocess.run(command, capture_output=True).returncode == 0


CONFINEMENTS = [
    pytest.param(
        Confinement.BUBBLEWRAP,
        marks=[
            pytest.mark.peer,
            # A container may forbid user namespaces; the daemon then says so in its log.
            pytest.mark.skipif(not bubblewrap_works(), reason="bubblewrap does not run here"),
        ],
    ),
    Confinement.LIMITS,
]


@pytest.fixture(params=CONFINEMENTS)
def pool(request: pytest.FixtureRequest) -> Iterator[WorkerPool]:
    limits = Limits(time_s=8.0, cpu_s=4, memory_octets=1 << 30, documents=50)
    with WorkerPool(1, limits=limits, confinement=request.param) as pool:
        yield pool


def measure(
    pool: WorkerPool,
    document: bytes,
    task: str = "pdf",
    memory_octets: int = 1 << 20,
    **options: float,
) -> Report:
    with Spool(memory_octets=memory_octets) as spool:
        spool.write(document)
        return pool.measure(task, spool.hand_over(), **options)


def children() -> set[int]:
    """The workers that this process started and that still run; a test run has other children, too."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent, *_ = (process / "stat").read_text().rpartition(")")[2].split()
            worker = b"pcl.confined" in (process / "cmdline").read_bytes()
            if worker and int(parent) == os.getpid() and state != "Z":
                found.add(int(process.name))
    return found


def test_one_worker_serves_many_documents(pool: WorkerPool) -> None:
    before = children()
    for pages in (1, 2, 3):
        assert measure(pool, make_pdf(pages)).pages == pages
    assert len(children() - before) == 1


def test_a_document_on_disk_is_read_through_its_cipher(pool: WorkerPool) -> None:
    assert measure(pool, make_pdf(2), memory_octets=0).pages == 2


def test_a_worker_is_replaced_after_its_share_of_documents(pool: WorkerPool) -> None:
    pool.limits = Limits(documents=2)
    before = children()
    seen = set()
    for _ in range(4):
        assert measure(pool, make_pdf(1)).pages == 1
        seen |= children() - before
    assert len(seen) == 2


def test_a_worker_that_dies_is_replaced(pool: WorkerPool) -> None:
    before = children()
    assert measure(pool, make_pdf(1)).pages == 1
    [process] = children() - before
    os.killpg(process, 9)
    while process in children():
        time.sleep(0.01)
    assert measure(pool, make_pdf(1)).pages == 1


def test_a_death_in_the_middle_is_told_and_the_next_document_is_read(pool: WorkerPool) -> None:
    assert measure(pool, make_pdf(1)).pages == 1
    before = children()
    caught: list[WorkerError] = []

    def hang() -> None:
        try:
            measure(pool, b"%!PS\n{} loop\n", "postscript")
        except WorkerError as error:
            caught.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    time.sleep(0.5)
    for process in before:
        os.killpg(process, 9)
    thread.join()
    assert [error.code for error in caught] in (["crashed"], ["out-of-time"])
    assert measure(pool, make_pdf(1)).pages == 1


def test_a_worker_that_takes_too_long_is_killed_and_nothing_of_it_stays(pool: WorkerPool) -> None:
    before = children()
    assert measure(pool, make_pdf(1)).pages == 1
    pool.limits = Limits(time_s=0.3)
    [worker] = children() - before
    with pytest.raises(WorkerError) as raised:
        measure(pool, b"%!PS\n{} loop\n", "postscript", stop_s=60.0)
    assert raised.value.code == "timed-out"
    assert worker not in children()
    pool.limits = Limits()
    assert measure(pool, make_pdf(1)).pages == 1


def test_a_worker_has_the_memory_it_is_allowed_and_no_more() -> None:
    bomb = make_image("PNG", mode="P", ink=1, size=(9000, 9000), compress_level=1)
    assert len(bomb) < 1 << 20
    with WorkerPool(1, limits=Limits(memory_octets=300 << 20), confinement=Confinement.LIMITS) as pool:
        with pytest.raises(WorkerError) as raised:
            measure(pool, bomb, "image")
        assert raised.value.code == "out-of-memory"
        assert raised.value.report is not None
        assert raised.value.report.pages == 1  # what was learnt before is not lost
        assert measure(pool, make_pdf(1)).pages == 1


def test_a_worker_outlives_the_thread_that_started_it(pool: WorkerPool) -> None:
    before = children()
    thread = threading.Thread(target=measure, args=(pool, make_pdf(1)))
    thread.start()
    thread.join()
    workers = children() - before
    assert measure(pool, make_pdf(1)).pages == 1
    assert children() - before == workers


def test_a_worker_ends_by_itself_when_its_parent_lets_go(pool: WorkerPool) -> None:
    measure(pool, make_pdf(1))
    [worker] = pool._idle
    worker._channel.close()
    assert worker._process.wait(10) == 0


def test_an_unknown_task_kills_only_the_worker(pool: WorkerPool) -> None:
    with pytest.raises(WorkerError) as raised:
        measure(pool, b"x", "format-the-disk")
    assert raised.value.code == "crashed"
    assert measure(pool, make_pdf(1)).pages == 1


def test_many_threads_share_few_workers(pool: WorkerPool) -> None:
    before = children()
    results: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: results.append(measure(pool, make_pdf(2)).pages)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [2] * 8
    assert len(children() - before) == 1


def test_a_document_waits_so_long_for_a_worker_and_no_longer() -> None:
    limits = Limits(wait_s=0.01)
    with WorkerPool(1, limits=limits, confinement=Confinement.LIMITS) as pool:
        with pool._borrow(), pytest.raises(WorkerError) as raised:
            measure(pool, make_pdf(2))
        assert raised.value.code == "busy"
        assert measure(pool, make_pdf(2)).pages == 2


def test_a_closed_pool_has_no_processes_and_takes_no_documents(pool: WorkerPool) -> None:
    before = children()
    measure(pool, make_pdf(1))
    pool.close()
    assert children() == before
    with pytest.raises(WorkerError) as raised:
        measure(pool, make_pdf(1))
    assert raised.value.code == "closed"


def test_bubblewrap_that_is_not_there_is_refused_when_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with WorkerPool(1, confinement=Confinement.BUBBLEWRAP) as pool, pytest.raises(WorkerError) as raised:
        measure(pool, make_pdf(1))
    assert raised.value.code == "unavailable"


def test_bubblewrap_that_is_not_there_is_done_without_otherwise_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    with WorkerPool(1) as pool:
        assert pool.confinement is None
        assert measure(pool, make_pdf(1)).pages == 1
        assert pool.confinement is Confinement.LIMITS
    assert "resource limits alone" in caplog.text


def test_the_default_pool_is_one() -> None:
    assert default_pool() is default_pool()
