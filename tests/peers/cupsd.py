"""A private `cupsd` (CUPS 2.4): the spooler of a Linux desktop, as the client that prints to us."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.ippeveprinter import answers
from tests.peers.process import (
    Child,
    clean_environment,
    find_program,
    free_port,
    run_program,
    scratch_folder,
)

UNPRIVILEGED_USER = "lp"

_CUPSD_CONF = """LogLevel debug
MaxLogSize 0
LogDebugHistory 0
Listen 127.0.0.1:{port}
ServerName localhost
ServerAlias *
Browsing No
WebInterface No
DefaultAuthType None
DefaultEncryption IfRequested
ErrorPolicy retry-job
JobRetryInterval 5
MaxJobs 0
PreserveJobHistory Yes
PreserveJobFiles Yes
<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  JobPrivateAccess all
  JobPrivateValues none
  SubscriptionPrivateAccess all
  SubscriptionPrivateValues none
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""

# It refuses to start with `User root`: filters and backends must not be root.
_CUPS_FILES_CONF = """User {user}
Group {group}
SystemGroup root
ServerRoot {folder}/etc
CacheDir {folder}/cache
RequestRoot {folder}/spool
StateDir {folder}/state
TempDir {folder}/spool/tmp
ServerKeychain {folder}/etc/ssl
AccessLog {folder}/log/access_log
ErrorLog {folder}/log/error_log
PageLog {folder}/log/page_log
FileDevice Yes
Sandboxing relaxed
SyncOnClose {sync_on_close}
"""

_FOLDERS = ("etc", "etc/ppd", "etc/ssl", "cache", "spool", "spool/tmp", "state", "state/certs", "log")


@dataclass(frozen=True, slots=True)
class SpooledJob:
    """One line of `lpstat`: a job of a queue, and the detail lines below it."""

    queue: str
    number: int
    user: str
    octets: int
    detail: tuple[str, ...]

    @property
    def name(self) -> str:
        """What `cancel` and `lpstat` call it."""
        return f"{self.queue}-{self.number}"


@dataclass(frozen=True, slots=True)
class CupsServer:
    """A running cupsd; the methods are the commands that a person types."""

    port: int
    folder: Path
    child: Child
    environment: Mapping[str, str]

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def uri(self, queue: str) -> str:
        """Where clients print to one of its queues."""
        return f"ipp://localhost:{self.port}/printers/{queue}"

    def error_log(self) -> str:
        return (self.folder / "log/error_log").read_text(errors="replace")

    def run(
        self, program: str, *words: str | Path, user: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one of CUPS' commands against this server, as somebody (`CUPS_USER`)."""
        environment = dict(self.environment)
        if user is not None:
            environment["CUPS_USER"] = user
        return run_program(
            [find_program(program), "-h", self.address, *words], environment=environment, check=check
        )

    def ppd(self, queue: str) -> Path:
        return self.folder / f"etc/ppd/{queue}.ppd"

    def add_queue(self, queue: str, device_uri: str, model: str | None = "everywhere") -> None:
        """Set up a queue and wait until it can print.

        `lpadmin -m everywhere` returns before cupsd has asked the printer for its attributes: a job printed
        before the PPD is there goes out unfiltered. `model=None` makes a raw queue.
        """
        driver = () if model is None else ("-m", model)
        # CUPS 2.4 says on standard error that drivers are deprecated; that is no failure.
        self.run("lpadmin", "-p", queue, "-v", device_uri, *driver, "-E")
        if model is not None:
            self.child.wait_until(
                lambda: self.ppd(queue).exists() and self.ppd(queue).stat().st_size > 0,
                f"the PPD of queue {queue!r} from {device_uri}",
            )

    def remove_queue(self, queue: str) -> None:
        self.run("lpadmin", "-x", queue)

    def lp(
        self,
        queue: str,
        document: Path,
        *,
        options: Mapping[str, str] | None = None,
        title: str | None = None,
        copies: int | None = None,
        hold: bool = False,
        user: str | None = None,
    ) -> int:
        """Print a file; the number of the local job. `options` are the `-o NAME=VALUE`."""
        words: list[str | Path] = ["-d", queue]
        if title is not None:
            words += ["-t", title]
        if copies is not None:
            words += ["-n", str(copies)]
        if hold:
            words += ["-H", "hold"]
        for name, value in (options or {}).items():
            words += ["-o", f"{name}={value}"]
        said = self.run("lp", *words, "--", document, user=user).stdout
        found = re.search(r"request id is .*-(\d+) \(", said)
        assert found is not None, said
        return int(found[1])

    def lpstat(self, *words: str) -> str:
        """What `lpstat` prints, for what has no method of its own."""
        return self.run("lpstat", *words).stdout

    def jobs(self, queue: str, which: str = "not-completed") -> list[SpooledJob]:
        """Jobs of a queue: `not-completed`, `completed` (finished in any way) or `all`."""
        found: list[SpooledJob] = []
        for line in self.lpstat("-W", which, "-l", "-o", queue).splitlines():
            head = re.match(rf"{re.escape(queue)}-(\d+)\s+(\S+)\s+(\d+)\s", line)
            if head:
                found.append(SpooledJob(queue, int(head[1]), head[2], int(head[3]), ()))
            elif found:
                last = found.pop()
                detail = (*last.detail, line.strip())
                found.append(SpooledJob(last.queue, last.number, last.user, last.octets, detail))
        return found

    def job_is(self, queue: str, number: int, which: str) -> bool:
        """Whether `lpstat -W which` lists this job."""
        return any(job.number == number for job in self.jobs(queue, which))

    def wait_for_completion(self, queue: str, number: int, *, timeout_s: float = 30.0) -> SpooledJob:
        """The job, once it has left the queue in whatever way; its detail says how."""
        self.child.wait_until(
            lambda: self.job_is(queue, number, "completed"),
            f"job {queue}-{number} to end",
            timeout_s=timeout_s,
        )
        return next(job for job in self.jobs(queue, "completed") if job.number == number)

    def cancel(self, queue: str, number: int, *, user: str | None = None) -> None:
        self.run("cancel", f"{queue}-{number}", user=user)


@contextmanager
def start_cupsd(
    discovery: Mapping[str, str] | None = None, *, sync_on_close: bool = False
) -> Iterator[CupsServer]:
    """Start a spooler without queues on a free port and wait until it answers.

    `discovery` is the environment of a responder; without one its programs find no printers by themselves.
    """
    with scratch_folder("cupsd") as folder:
        user = UNPRIVILEGED_USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        group = UNPRIVILEGED_USER if os.geteuid() == 0 else grp.getgrgid(os.getegid()).gr_name
        for name in _FOLDERS:
            (folder / name).mkdir()
            if os.geteuid() == 0:
                shutil.chown(folder / name, user, user)
        port = free_port()
        daemon_file, files_file = folder / "etc/cupsd.conf", folder / "etc/cups-files.conf"
        daemon_file.write_text(_CUPSD_CONF.format(port=port))
        files_file.write_text(
            _CUPS_FILES_CONF.format(
                user=user, group=group, folder=folder, sync_on_close="Yes" if sync_on_close else "No"
            )
        )
        home = folder / "home"
        home.mkdir()
        environment = clean_environment(home, **(discovery or {}))
        environment["HOME"] = str(home)
        command: list[str | Path] = [find_program("cupsd"), "-f", "-c", daemon_file, "-s", files_file]
        with Child("cupsd", command, log=folder / "log/error_log", environment=environment) as child:
            child.wait_until(lambda: answers(port), "its first answer")
            yield CupsServer(port, folder, child, environment)
