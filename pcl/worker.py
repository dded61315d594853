"""Confined worker processes: what reads PDF, PostScript and images may crash, hang or be taken over there.

Each worker is a process of its own (pcl.confined), reused for many documents. Its limits:

- bubblewrap, where the machine has it and lets it run: no network, no other process, no file but the system's
  libraries, Python and this package, all read-only, and an empty /tmp; the environment is empty.
- resource limits, always: address space, processor time for each document, no file may be written, few
  descriptors, no core dump.
- time on the clock for each document; then the worker is killed.

The document comes as a descriptor (pcl.spool). Answers are bounded in length and checked against Report's
types before they are believed. A worker that dies is replaced by a fresh one; the document's fate is a
WorkerError.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from pcl.errors import PclError
from pcl.report import MAX_PAGE_RUNS, MAX_TEXT, Report
from pcl.spool import Handover

__all__ = ["Confinement", "Limits", "WorkerError", "WorkerPool", "default_pool"]

log = logging.getLogger(__name__)

MAX_REPLY_OCTETS = 4 << 20
READ_OCTETS = 1 << 16
START_TIMEOUT_S = 30.0
STOP_SHARE = 0.8  # of a document's time: then the worker stops what it started itself, to say how far it came


class Confinement(StrEnum):
    """How a worker is held: in bubblewrap's sandbox, or by resource limits alone."""

    BUBBLEWRAP = "bubblewrap"
    LIMITS = "limits"


class WorkerError(PclError):
    """A worker could not finish a document; `code` says how, `report` is what it had learnt before."""

    def __init__(self, code: str, message: str, report: Report | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.report = report


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one document may cost, how long it may wait for a worker (`wait_s` None: as long as it takes), and
    after how many a worker is replaced by a fresh one.

    A document that takes its worker over sees those that come after it: `documents=1` gives each its own, for
    a fifth of a second more.
    """

    time_s: float = 30.0
    cpu_s: int = 25
    memory_octets: int = 1 << 30
    documents: int = 2000
    wait_s: float | None = None


class WorkerPool:
    """At most `size` workers, started when they are needed; safe to use from many threads.

    `confinement` None takes bubblewrap where it works and says so in the log where it does not; BUBBLEWRAP
    refuses to work without it.
    """

    def __init__(
        self, size: int = 2, *, limits: Limits | None = None, confinement: Confinement | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._wanted = confinement
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._held_by: Confinement | None = confinement
        self._closed = False

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def confinement(self) -> Confinement | None:
        """How the workers are held; None before the first one was started."""
        return self._held_by

    def measure(self, task: str, document: Handover, **options: str | float | bool) -> Report:
        """Have a worker do the task (one of pcl.confined.TASKS); waits for a free worker.

        Raises: WorkerError when none is free in time, the worker crashed, ran out of a limit, or cannot be
        started.
        """
        stop_s = self.limits.time_s * STOP_SHARE
        request = {
            "task": task,
            "cpu_s": self.limits.cpu_s,
            "time_s": self.limits.time_s,
            "stop_s": stop_s,
            **options,
        }
        with self._borrow() as worker:
            return worker.measure(request, document, self.limits.time_s)

    def close(self) -> None:
        """End all workers that are idle, and those at work when they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    @contextmanager
    def _borrow(self) -> Iterator[_Worker]:
        if not self._free.acquire(timeout=self.limits.wait_s):
            raise WorkerError("busy", f"no worker was free within {self.limits.wait_s:g} s")
        try:
            worker = self._take()
            try:
                yield worker
            finally:
                self._give_back(worker)
        finally:
            self._free.release()

    def _take(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise WorkerError("closed", "the pool of workers is closed")
            while self._idle:
                worker = self._idle.pop()
                if worker.alive():
                    return worker
                worker.end()
        return self._start()

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker.alive() and worker.documents < self.limits.documents and not self._closed:
                self._idle.append(worker)
                return
        worker.end()

    def _start(self) -> _Worker:
        """Start a worker, in bubblewrap if that works; what works once is taken from then on."""
        problems: list[str] = []
        for confinement in [self._held_by] if self._held_by else list(Confinement):
            try:
                worker = _Worker(self.limits, confinement)
            except WorkerError as failure:
                problems.append(f"{confinement}: {failure.message}")
                continue
            if problems:
                log.warning("workers are held by resource limits alone (%s)", "; ".join(problems))
            self._held_by = confinement
            return worker
        raise WorkerError("unavailable", f"no worker can be started ({'; '.join(problems)})")


_default: WorkerPool | None = None
_default_lock = threading.Lock()


def default_pool() -> WorkerPool:
    """Return the pool that analysers use when given none: a worker for each processor, two at least."""
    global _default
    with _default_lock:
        if _default is None:
            _default = WorkerPool(max(2, os.cpu_count() or 1))
            atexit.register(_default.close)
        return _default


class _Worker:
    """One process and the socket to it. Raises: WorkerError when it does not start."""

    def __init__(self, limits: Limits, confinement: Confinement) -> None:
        self.documents = 0
        self._failed = False
        self._arrived = bytearray()  # of answers, and not read yet
        command = _command(limits.memory_octets, confinement)
        try:
            self._channel, theirs = socket.socketpair()
        except OSError as error:
            raise WorkerError("unavailable", f"no socket can be made: {error.strerror}") from error
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 # our own program, no shell
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    start_new_session=True,
                )
            except OSError as error:
                self._channel.close()
                raise WorkerError("unavailable", f"{command[0]}: {error.strerror}") from error
        try:
            self._receive(time.monotonic() + START_TIMEOUT_S)
        except WorkerError:
            self.end()
            raise

    def alive(self) -> bool:
        """Whether it can be given another document."""
        return not self._failed and self._process.poll() is None

    def measure(self, request: Mapping[str, Any], document: Handover, time_s: float) -> Report:
        """Hand over one document and wait for the last report on it."""
        self.documents += 1
        deadline = time.monotonic() + time_s
        report: Report | None = None
        octets = msgspec.json.encode(
            {**request, "octets": document.octets, "key": (document.key or b"").hex()}
        )
        try:
            try:
                self._channel.settimeout(time_s)
                request_octets = len(octets).to_bytes(4, "big") + octets
                sent = socket.send_fds(self._channel, [request_octets], [document.descriptor])
                self._channel.sendall(request_octets[sent:])
            except OSError as error:
                raise self._death() from error
            while True:
                message = self._receive(deadline)
                if "report" in message:
                    report = _believe(message["report"])
                elif "failed" in message:
                    raise WorkerError("out-of-memory", str(message["failed"])[:MAX_TEXT])
                elif report is not None:
                    return report
                else:
                    raise WorkerError("confused", "the worker sent no report")
        except WorkerError as failure:
            self._failed = True
            self.end()
            failure.report = report
            raise

    def end(self) -> None:
        """Close the socket, on which a healthy worker ends by itself, and kill it all the same."""
        self._channel.close()
        if self._process.poll() is None:
            # The group: the sandbox with all that is in it, and a Ghostscript that the worker started.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _receive(self, deadline: float) -> dict[str, Any]:
        length = int.from_bytes(self._read(4, deadline), "big")
        if length > MAX_REPLY_OCTETS:
            raise WorkerError("confused", f"the worker's answer of {length} octets is too long")
        try:
            return msgspec.json.decode(self._read(length, deadline), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise WorkerError("confused", "the worker's answer is no JSON object") from error

    def _read(self, octets: int, deadline: float) -> bytes:
        # In large pieces: each call lets other threads run, and waits until they let this one go on.
        while len(self._arrived) < octets:
            self._channel.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                part = self._channel.recv(READ_OCTETS)
            except TimeoutError as error:
                raise WorkerError("timed-out", "it took more time than allowed") from error
            except OSError as error:
                raise self._death() from error
            if not part:
                raise self._death()
            self._arrived += part
        read = bytes(self._arrived[:octets])
        del self._arrived[:octets]
        return read

    def _death(self) -> WorkerError:
        """Say how the process ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.poll()
        # bubblewrap reports a signal as 128 and its number, like a shell.
        if status in (-24, -9, 128 + 24, 128 + 9):
            return WorkerError("out-of-time", "it took more processor time than allowed, or was killed")
        return WorkerError("crashed", f"the worker process died (status {status})")


def _believe(answer: object) -> Report:
    """Return the Report of a worker, which may have been taken over by the document it read."""
    try:
        report = Report.from_json(answer)  # type: ignore[arg-type] # checked by it
    except (msgspec.ValidationError, TypeError) as error:
        raise WorkerError("confused", "the worker's report has the wrong types") from error
    texts = (report.format, report.version, report.title, report.user, report.application, report.encryption)
    figures = (report.pages, report.impressions, report.sheets, report.colour_pages, report.monochrome_pages)
    if (
        len(report.page_runs) > MAX_PAGE_RUNS
        or any(len(text) > MAX_TEXT for text in texts if text)
        or any(figure < 0 for figure in figures if figure is not None)
    ):
        raise WorkerError("confused", "the worker's report is out of bounds")
    return report


def _command(memory_octets: int, confinement: Confinement) -> list[str]:
    root = str(Path(__file__).resolve().parent.parent)
    start = (
        f"import sys; sys.path.insert(0, {root!r}); from pcl.confined import limit_memory, main; "
        f"limit_memory({memory_octets}); main()"
    )
    python = [sys.executable, "-I", "-c", start]
    if confinement is Confinement.LIMITS:
        return python
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise WorkerError("unavailable", "bwrap is not installed")
    return [bubblewrap, *_sandbox(), "--", *python]


def _sandbox() -> list[str]:
    """Return bubblewrap's arguments: an empty root with what Python and its libraries are made of."""
    needed = {sys.prefix, sys.base_prefix, str(Path(__file__).resolve().parent), *_SYSTEM}
    # Not --die-with-parent: it would end the worker with the thread that started it.
    arguments = ["--unshare-all", "--clearenv"]
    # The /tmp is the sandbox's own, empty and in memory.
    arguments += ["--setenv", "PATH", "/usr/bin:/bin", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
    for path in sorted(needed):
        arguments += ["--ro-bind-try", path, path]
    return [*arguments, "--remount-ro", "/", "--chdir", "/"]


# What of the system is visible: libraries, programs (Ghostscript), and what they look up to start.
_SYSTEM = (
    *("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"),
    *("/etc/fonts", "/etc/ghostscript", "/etc/papersize", "/var/lib/ghostscript"),
)
