"""Our own daemon as a program: started by its command line, killed, started again, searched for leaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.peers.dnssd import Host
from tests.peers.process import Child, clean_environment, free_port, run_program, scratch_folder

SEARCH_CHUNK_OCTETS = 1 << 20
# coverage follows a subprocess by these, when the tests run under it.
_COVERAGE_VARIABLES = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "COVERAGE_FILE")


@dataclass(frozen=True, slots=True)
class Leak:
    """A place where the daemon wrote what nobody may read there."""

    path: Path
    offset: int
    canary: str


@dataclass(slots=True)
class Daemon:
    """One data folder and, between `start` and `stop` or `kill`, the process that serves it."""

    folder: Path
    port: int
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    child: Child | None = field(default=None, init=False)
    _starts: int = field(default=0, init=False)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def prints(self) -> Path:
        """Where folder printers of the rig print to."""
        return self.folder.parent / f"{self.folder.name}-prints"

    @property
    def pid(self) -> int:
        assert self.child is not None, "the daemon is not running"
        return self.child.pid

    def uri(self, queue: str, *, scheme: str = "ipp", host: str = "localhost") -> str:
        """Where a client prints to one of its queues; TLS and plain share the port."""
        return f"{scheme}://{host}:{self.port}/ipp/print/{queue}"

    def command(self, *words: str) -> list[str]:
        """The command line of one of its commands on this data folder."""
        return [sys.executable, "-m", "server", *words, "--data", str(self.data)]

    def start(self) -> None:
        """Start it on the same port and data as before and wait until it answers."""
        assert self.child is None, "the daemon runs already"
        self._starts += 1
        self.child = Child(
            "pullprint serve",
            [*self.command("serve"), *self.options],
            log=self.folder / f"log-{self._starts}",
            environment=self.environment,
            prefix=self.prefix,
        )
        self.child.wait_until(lambda: self._is_ready(), "it is ready")

    def _is_ready(self) -> bool:
        assert self.child is not None
        return "is ready" in self.child.log_text()

    def stop(self) -> None:
        """End it as a service manager does (SIGTERM)."""
        if self.child is not None:
            self.child.stop()
            self.child = None

    def kill(self) -> None:
        """End it in the middle of whatever it does (SIGKILL)."""
        assert self.child is not None, "the daemon is not running"
        self.child.kill()
        self.child.stop()
        self.child = None

    def restart(self, *, kill: bool = False) -> None:
        if kill:
            self.kill()
        else:
            self.stop()
        self.start()

    def run(self, *words: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of its commands (`users add ada`), which speaks to the running daemon."""
        return run_program(
            self.command(*words), environment=self.environment, stdin=stdin.encode(), check=check
        )

    def ask(self, *words: str, stdin: str = "") -> Any:
        """What one of its commands answers in JSON."""
        return json.loads(self.run(*words, "--json", stdin=stdin).stdout)

    def add_user(self, name: str, password: str, *, role: str = "user") -> None:
        self.run("users", "add", name, "--role", role, stdin=f"{password}\n")

    def make_secret_uri(self, name: str) -> str:
        """A secret address by which its holder prints as this person to the default queue."""
        (uri,) = self.ask("users", "link", name)["uris"]
        path = uri.partition("/ipp/")[2]
        return f"ipps://localhost:{self.port}/ipp/{path}"

    def add_printer(self, name: str, uri: str) -> None:
        self.run("printers", "add", uri, "--name", name)

    def add_folder_printer(self, name: str) -> Path:
        """A printer that writes what it prints to a folder, which is not under the daemon's own."""
        folder = self.prints / name
        folder.mkdir()
        self.add_printer(name, folder.as_uri())
        return folder

    def add_queue(self, name: str, *words: str, kind: str = "hold") -> None:
        """A queue; `words` are options of `queues add`."""
        self.run("queues", "add", name, "--kind", kind, *words)

    def release(self, job_id: int, printer: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Let a parked job come out of a printer, as whoever sits at the daemon's machine."""
        return self.run("release", str(job_id), "--to", printer, check=check)

    def job(self, job_id: int) -> Any:
        """What `jobs show` tells of a job."""
        return self.ask("jobs", "show", str(job_id))

    def verify_ledger(self) -> Any:
        """The verdict on the ledger. Raises AssertionError where it is not sound."""
        return self.ask("ledger", "verify")

    def stored_octets(self) -> int:
        """How much its data folder holds."""
        return sum(path.stat().st_size for path in self.data.rglob("*") if path.is_file())

    def log_text(self) -> str:
        """Everything that its processes printed, of all starts."""
        return "".join(log.read_text(errors="replace") for log in sorted(self.folder.glob("log-*")))

    def peak_memory_octets(self) -> int:
        """The most memory that the process has held at once (VmHWM, proc(5))."""
        return read_memory_octets(self.pid, "VmHWM")

    def reset_peak_memory(self) -> None:
        """Let the peak start anew from what is held now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def find_leaks(self, *canaries: str | bytes) -> list[Leak]:
        """Every place under its folder (data, temporary files, logs) that holds one of these in the clear."""
        return find_leaks(self.folder, canaries)


def read_memory_octets(pid: int, field_name: str) -> int:
    """A figure of /proc/PID/status that the kernel gives in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field_name:
            return int(value.split()[0]) * 1024
    raise KeyError(field_name)


def find_leaks(folder: Path, canaries: Iterable[str | bytes]) -> list[Leak]:
    """Places below a folder where a canary stands in UTF-8 or UTF-16, also in files' own names."""
    needles: dict[bytes, str] = {}
    for canary in canaries:
        if isinstance(canary, bytes):
            needles[canary] = repr(canary)
        else:
            needles |= {canary.encode(encoding): canary for encoding in ("utf-8", "utf-16-le", "utf-16-be")}
    leaks = []
    for path in sorted(folder.rglob("*")):
        leaks += [
            Leak(path, -1, canary) for needle, canary in needles.items() if needle in os.fsencode(path.name)
        ]
        if path.is_file():
            leaks += _find_in_file(path, needles)
    return leaks


def _find_in_file(path: Path, needles: Mapping[bytes, str]) -> Iterator[Leak]:
    overlap = max(len(needle) for needle in needles) - 1
    tail, start = b"", 0
    with path.open("rb") as file:
        while chunk := file.read(SEARCH_CHUNK_OCTETS):
            window = tail + chunk
            for needle, canary in needles.items():
                place = window.find(needle)
                if place >= 0:
                    yield Leak(path, start - len(tail) + place, canary)
            tail, start = window[-overlap:] if overlap else b"", start + len(chunk)


@contextmanager
def prepare_daemon(
    *, configuration: str = "", host: Host | None = None, tracer: Sequence[str | Path] = ()
) -> Iterator[Daemon]:
    """A daemon that is not started yet, on a free port and an empty data folder of its own.

    `configuration` is TOML that comes before the rig's own. Only on a host of its own does it listen at more
    than the loopback interface, and announce its queues. `tracer` is a command that runs it (strace).
    """
    with scratch_folder("daemon") as scratch:
        folder, prints = scratch / "own", scratch / "own-prints"
        for path in (folder, prints, *(folder / name for name in ("data", "home", "tmp"))):
            path.mkdir(mode=0o700)
        environment = clean_environment(
            folder / "home",
            **{name: os.environ[name] for name in _COVERAGE_VARIABLES if name in os.environ},
            TMPDIR=str(folder / "tmp"),
            PYTHONWARNINGS="default",
        )
        settings = scratch / "pullprint.toml"
        apart = '[listen]\naddresses = ["127.0.0.1", "::1"]\n[discovery]\nenabled = false\n'
        settings.write_text(f"{configuration}\n{'' if host else apart}")
        port = free_port()
        options = ("--config", str(settings), "--port", str(port))
        daemon = Daemon(
            folder, port, environment, options, prefix=(*(host.prefix if host else ()), *map(str, tracer))
        )
        try:
            yield daemon
        finally:
            daemon.stop()


@contextmanager
def start_daemon(
    *, configuration: str = "", host: Host | None = None, tracer: Sequence[str | Path] = ()
) -> Iterator[Daemon]:
    """As `prepare_daemon`, started."""
    with prepare_daemon(configuration=configuration, host=host, tracer=tracer) as daemon:
        daemon.start()
        yield daemon
