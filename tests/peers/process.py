"""Child processes of the test rig: started in their own session, stopped with all they started."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

STOP_TIMEOUT_S = 5.0
POLL_S = 0.02
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class MissingProgramError(RuntimeError):
    """A program that the rig needs is not installed; the text says how to get it."""


def find_program(name: str) -> str:
    """Path of a program, also from the folders that are not on an ordinary user's path.

    Raises MissingProgramError.
    """
    found = shutil.which(name, path=SYSTEM_PATH)
    if found is None:
        raise MissingProgramError(f"{name} is not installed; run tests/install-peers")
    return found


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment that no setting of the person who runs the tests can reach."""
    return {"PATH": SYSTEM_PATH, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that was free a moment ago, for programs that cannot be told "any port"."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def scratch_folder(label: str) -> Iterator[Path]:
    """A folder outside pytest's own, which is closed to the unprivileged users that spoolers switch to."""
    folder = Path(tempfile.mkdtemp(prefix=f"pullprint-{label}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def wait_until(condition: Callable[[], bool], what: str, *, timeout_s: float = 20.0) -> None:
    """Return once the condition holds.

    Raises TimeoutError that names what was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(POLL_S)


class Child:
    """One running program. It, and all it started, ends with `stop`; it ends too when the test run is killed.

    What it prints goes to `log`. Start it from a thread that lives on: the kernel ends it with that thread.
    """

    running: list[Child] = []  # noqa: RUF012 (one list for all on purpose: a failing test asks who was there)

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        folder: Path | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.log = log
        self.command = [str(part) for part in command]
        guard = [find_program("setpriv"), "--pdeathsig", "KILL", "--"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*guard, *prefix, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder,
                start_new_session=True,
            )
        Child.running.append(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status once it has ended (negative: the signal that ended it), None before."""
        return self._process.poll()

    def log_text(self, start_octets: int = 0) -> str:
        """What the program printed from this offset of its log on."""
        with self.log.open("rb") as log:
            log.seek(start_octets)
            return log.read().decode(errors="replace")

    def wait_until(self, condition: Callable[[], bool], what: str, *, timeout_s: float = 20.0) -> None:
        """As `wait_until`, but give up at once when the program has ended.

        Raises RuntimeError or TimeoutError with the end of its log.
        """

        def ended_or_holds() -> bool:
            if self.returncode is not None:
                raise RuntimeError(
                    f"{self.name} ended with {self.returncode} before {what}:\n{self.log_text()[-4000:]}"
                )
            return condition()

        try:
            wait_until(ended_or_holds, what, timeout_s=timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"{self.name}: {error}; its log ends:\n{self.log_text()[-4000:]}") from None

    def wait_for_end(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Exit status. Raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout_s)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, not to what it started."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it and all of its session at once (SIGKILL), as a power cut would."""
        self._signal_session(signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)

    def stop(self) -> None:
        """Ask it to end, then insist; also ends children it left behind."""
        self._signal_session(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.send_signal(signal.SIGKILL)
            self._process.wait(STOP_TIMEOUT_S)
        self._signal_session(signal.SIGKILL)
        if self in Child.running:
            Child.running.remove(self)

    def _signal_session(self, number: signal.Signals) -> None:
        for group in {self.pid, *_groups_of_session(self.pid)}:
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                continue  # this group has ended already, which is what is wanted

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _groups_of_session(session: int) -> set[int]:
    """Process groups of a session: a spooler puts each of its filters in a group of its own."""
    groups = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while the list was read
        if int(fields[3]) == session:  # proc(5): state, ppid, pgrp, session
            groups.add(int(fields[2]))
    return groups


def run_program(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    timeout_s: float = 60.0,
    check: bool = True,
    prefix: Sequence[str] = (),
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and hand back what it printed.

    Raises AssertionError with its output when `check` and it failed, subprocess.TimeoutExpired.
    """
    done = subprocess.run(
        [*prefix, *(str(part) for part in command)],
        input=stdin,
        capture_output=True,
        env=dict(environment),
        timeout=timeout_s,
        check=False,
    )
    stdout, stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if check and done.returncode != 0:
        words = " ".join(str(part) for part in command)
        raise AssertionError(f"{words}\nended with {done.returncode}\n{stdout}\n{stderr}")
    return subprocess.CompletedProcess(done.args, done.returncode, stdout, stderr)
