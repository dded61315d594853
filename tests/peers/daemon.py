"""Our own daemon as a program: started by its command line, killed, started again, searched for leaks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.ippeveprinter import answers
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
        self.child.wait_until(lambda: answers(self.port), "its first page")

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
    *, configuration: str = "", options: Iterable[str] = (), discovery: Mapping[str, str] | None = None
) -> Iterator[Daemon]:
    """A daemon that is not started yet, on a free port and an empty data folder of its own.

    `configuration` is TOML that is put before the rig's own keys.
    """
    with scratch_folder("daemon") as folder:
        for name in ("data", "home", "tmp"):
            (folder / name).mkdir(mode=0o700)
        environment = clean_environment(
            folder / "home",
            **{name: os.environ[name] for name in _COVERAGE_VARIABLES if name in os.environ},
            **(discovery or {}),
        )
        environment |= {
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONWARNINGS": "default",
        }
        port = free_port()
        settings = folder / "pullprint.toml"
        settings.write_text(f"{configuration}\n")
        daemon = Daemon(folder, port, environment, ("--config", str(settings), "--port", str(port), *options))
        try:
            yield daemon
        finally:
            daemon.stop()


@contextmanager
def start_daemon(
    *, configuration: str = "", options: Iterable[str] = (), discovery: Mapping[str, str] | None = None
) -> Iterator[Daemon]:
    """As `prepare_daemon`, started."""
    with prepare_daemon(configuration=configuration, options=options, discovery=discovery) as daemon:
        daemon.start()
        yield daemon
