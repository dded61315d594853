"""The command line: `pullprint serve`, and commands that ask the running daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar, cast

import click
import msgspec

from server.admin import commands as c
from server.admin.socket import NotRunningError, RefusedError, request
from server.config import Config, ConfigError, QueueSettings, load, resolve
from server.errors import PullprintError
from server.tables import (
    show_events,
    show_job,
    show_jobs,
    show_people,
    show_printers,
    show_queues,
    show_status,
    show_uris,
    show_verdict,
)

Function = TypeVar("Function", bound=Callable[..., None])

# What the process says when it ends: refused, wrong usage (click's own), no daemon, and a ledger that does
# not verify.
EXIT_REFUSED: Final = 1
EXIT_NOT_RUNNING: Final = 3
EXIT_UNSOUND: Final = 4

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


def fail(error: Exception, code: int = EXIT_REFUSED) -> NoReturn:
    """Say what was wrong on standard error and end."""
    click.echo(f"pullprint: {error}", err=True)
    raise SystemExit(code)


def configuration(file: Path | None, data: Path | None) -> Config:
    """The configuration that options name; ends the process where it cannot be used."""
    try:
        return resolve(load(file, os.environ), os.environ, data=data)
    except ConfigError as error:
        fail(error)


class Daemon:
    """Where a command's daemon is, and how its answer is wanted."""

    def __init__(self, folder: Path, as_json: bool) -> None:
        self.folder = folder
        self.as_json = as_json

    def ask(self, command: c.Command) -> Any:
        """The daemon's answer; ends the process where there is none."""
        try:
            return request(self.folder, command)
        except NotRunningError as error:
            fail(error, EXIT_NOT_RUNNING)
        except RefusedError as error:
            fail(error)

    def show(self, command: c.Command, show: Callable[[Any], str]) -> Any:
        """Ask, and print the answer as JSON or for people; return it."""
        answer = self.ask(command)
        if self.as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
        elif text := show(answer):
            click.echo(text)
        return answer


def places(function: Function) -> Function:
    """The options that say where data and configuration are."""
    function = click.option(
        "--data", type=_FOLDER, help="Data folder; usually that of the configuration, or the user's own."
    )(function)
    return click.option("--config", type=_FILE, help="Configuration file (TOML).")(function)


def asks(function: Callable[..., None]) -> Callable[..., None]:
    """A command that asks the daemon: gets a `Daemon` first, and has --data, --config and --json."""

    def run(*args: Any, data: Path | None, config: Path | None, as_json: bool, **options: Any) -> None:
        function(Daemon(configuration(config, data).folder, as_json), *args, **options)

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    return places(click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")(run))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pullprint", prog_name="pullprint")
def main() -> None:
    """Print, park, pull: print to one queue, collect at whichever printer you stand at."""


@main.command()
@places
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen at, instead of the configured one."
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="What is logged.")
def serve(config: Path | None, data: Path | None, port: int | None, log_level: str | None) -> None:
    """Run the daemon until it is told to stop (SIGTERM, or Ctrl-C)."""
    from server.daemon import run  # only this command needs all of the daemon

    settings = configuration(config, data)
    if port is not None:
        listen = msgspec.structs.replace(settings.listen, port=port)
        settings = msgspec.structs.replace(settings, listen=listen)
    if log_level is not None:
        log = msgspec.structs.replace(settings.log, level=cast("Any", log_level))
        settings = msgspec.structs.replace(settings, log=log)
    try:
        run(settings)
    except PullprintError as error:
        fail(error)


@main.command()
@asks
def status(daemon: Daemon) -> None:
    """Whether the daemon runs, and where it listens."""
    daemon.show(c.GetStatus(), show_status)


@main.group()
def users() -> None:
    """People: their passwords, roles and secret paths."""


def read_secret(what: str, again: str | bool = False, instead: str = "") -> str:
    """A secret from the terminal, typed twice if `again` asks so, or the first line of standard input."""
    if sys.stdin.isatty():
        return click.prompt(what, hide_input=True, confirmation_prompt=again)
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        fail(RefusedError(f"no {what}: type one, or give it on standard input{instead}"))
    return line


def read_password() -> str:
    """A new password, typed twice."""
    return read_secret("Password", "The same again", ", or use --no-password")


@users.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(["user", "operator", "administrator"]), default="user")
@click.option("--no-password", is_flag=True, help="They print by a secret path only (`users link`).")
@asks
def add_person(daemon: Daemon, name: str, role: c.Role, no_password: bool) -> None:
    """Make a person known. The password is asked, or read from standard input."""
    password = None if no_password else read_password()
    daemon.show(c.AddPerson(name=name, password=password, role=role), lambda person: show_people([person]))


@users.command("list")
@asks
def list_people(daemon: Daemon) -> None:
    """Who is known."""
    daemon.show(c.ListPeople(), show_people)


@users.command("remove")
@click.argument("name")
@asks
def remove_person(daemon: Daemon, name: str) -> None:
    """Forget a person and cancel the documents they have parked."""
    daemon.show(
        c.RemovePerson(name=name), lambda jobs: f"{name} is removed; parked documents canceled: {jobs}."
    )


@users.command("password")
@click.argument("name")
@click.option("--none", "take_away", is_flag=True, help="Take the password away.")
@asks
def set_password(daemon: Daemon, name: str, take_away: bool) -> None:
    """Give a person another password."""
    password = None if take_away else read_password()
    daemon.show(c.SetPassword(name=name, password=password), lambda person: show_people([person]))


@users.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(["user", "operator", "administrator"]))
@asks
def set_role(daemon: Daemon, name: str, role: c.Role) -> None:
    """Give a person another role."""
    daemon.show(c.SetRole(name=name, role=role), lambda person: show_people([person]))


@users.command("link")
@click.argument("name")
@click.option("--queue", default="", help="Queue to print to; usually the default one.")
@click.option("--revoke", is_flag=True, help="Only let the present one lead nowhere.")
@asks
def link(daemon: Daemon, name: str, queue: str, revoke: bool) -> None:
    """Make a secret printer address for a person, for devices that ask for no password.

    Whoever has the address prints as that person. The one before stops working.
    """
    if revoke:
        daemon.show(c.RevokePath(name=name), lambda person: show_people([person]))
    else:
        daemon.show(c.MakePath(name=name, queue=queue), show_uris)


@main.group()
def queues() -> None:
    """Queues: what people print to."""


def queue_options(function: Function) -> Function:
    """The settings of a queue as options, all of them None where they are not given."""
    options = [
        click.option("--kind", type=click.Choice(["hold", "direct"]), help="Park, or deliver at once."),
        click.option("--printer", help="Where a direct queue delivers."),
        click.option(
            "--authentication", type=click.Choice(["none", "basic"]), help="none: trust this network's names."
        ),
        click.option(
            "--release",
            type=click.Choice(["owner-authorized", "job-password"]),
            help="How a parked document is released.",
        ),
        click.option("--info", help="What people call it."),
        click.option("--location", help="Where it is."),
        click.option("--default/--no-default", "default", default=None, help="Whether it is at /ipp/print."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@queues.command("list")
@asks
def list_queues(daemon: Daemon) -> None:
    """The queues, their state, and where to print to them."""
    daemon.show(c.ListQueues(), show_queues)


@queues.command("add")
@click.argument("name")
@queue_options
@asks
def add_queue(daemon: Daemon, name: str, **settings: Any) -> None:
    """A new queue; it parks unless --kind says otherwise."""
    given = {key: value for key, value in settings.items() if value is not None}
    daemon.show(c.AddQueue(queue=QueueSettings(name=name, **given)), lambda queue: show_queues([queue]))


@queues.command("set")
@click.argument("name")
@queue_options
@asks
def set_queue(daemon: Daemon, name: str, **settings: Any) -> None:
    """Change those settings of a queue that are given."""
    daemon.show(c.SetQueue(name=name, **settings), lambda queue: show_queues([queue]))


@queues.command("remove")
@click.argument("name")
@asks
def remove_queue(daemon: Daemon, name: str) -> None:
    """Take a queue away. Its jobs stay."""
    daemon.show(c.RemoveQueue(name=name), lambda _: f"Queue {name} is removed.")


@main.group()
def printers() -> None:
    """Printers: where documents come out."""


@printers.command("add")
@click.argument("uri")
@click.option("--name", default="", help="What commands and queues call it.")
@click.option("--info", default="", help="What people call it.")
@click.option("--location", default="", help="Where it is.")
@click.option("--no-probe", is_flag=True, help="Do not ask it what it is.")
@asks
def add_printer(daemon: Daemon, uri: str, name: str, info: str, location: str, no_probe: bool) -> None:
    """A new printer: ipps://, ipp://, socket://host (9100), or file:/folder to try things out."""
    command = c.AddPrinter(uri=uri, name=name, info=info, location=location, probe=not no_probe)
    daemon.show(command, lambda printer: show_printers([printer]))


@printers.command("list")
@asks
def list_printers(daemon: Daemon) -> None:
    """The printers."""
    daemon.show(c.ListPrinters(), show_printers)


@printers.command("probe")
@click.argument("printer", metavar="NAME|URI")
@asks
def probe_printer(daemon: Daemon, printer: str) -> None:
    """Ask a printer what it is and how it is."""
    daemon.show(c.ProbePrinter(printer=printer), lambda found: show_printers([found]))


@printers.command("trust")
@click.argument("name")
@click.option("--certificate", default="", metavar="SHA256", help="Only the one with this fingerprint.")
@asks
def trust_printer(daemon: Daemon, name: str, certificate: str) -> None:
    """Take a printer's new certificate: the one it shows next, or the one given."""
    command = c.TrustPrinter(name=name, certificate=certificate)
    daemon.show(command, lambda printer: show_printers([printer]))


@printers.command("remove")
@click.argument("name")
@asks
def remove_printer(daemon: Daemon, name: str) -> None:
    """Take a printer away."""
    daemon.show(c.RemovePrinter(name=name), lambda _: f"Printer {name} is removed.")


@main.group()
def jobs() -> None:
    """Jobs: what is parked, printing, or done."""


@jobs.command("list")
@click.option("--which", type=click.Choice(["active", "finished", "all"]), default="active")
@click.option("--owner", help="Only of this person.")
@click.option("--queue", help="Only of this queue.")
@click.option("--limit", type=click.IntRange(1, c.LIST_MAX), default=100)
@asks
def list_jobs(daemon: Daemon, which: c.Which, owner: str | None, queue: str | None, limit: int) -> None:
    """Jobs in the order they will print; finished ones newest first."""
    daemon.show(c.ListJobs(which=which, owner=owner, queue=queue, limit=limit), show_jobs)


@jobs.command("show")
@click.argument("job", type=int)
@asks
def one_job(daemon: Daemon, job: int) -> None:
    """One job with its documents and what was asked for it."""
    daemon.show(c.ShowJob(job=job), show_job)


@main.command()
@click.argument("job", type=int)
@click.option("--to", "printer", required=True, help="The printer it comes out of.")
@click.option("--pin", "with_pin", is_flag=True, help="Ask for the PIN that the job came with.")
@asks
def release(daemon: Daemon, job: int, printer: str, with_pin: bool) -> None:
    """Let a parked job come out of a printer.

    One that was sent with a PIN (job-password) comes out with that only: give --pin, and type it, or write it
    to standard input.
    """
    pin = read_secret("PIN") if with_pin else None
    daemon.show(c.ReleaseJob(job=job, printer=printer, pin=pin), lambda found: show_jobs([found]))


@main.command()
@click.argument("job", type=int)
@asks
def cancel(daemon: Daemon, job: int) -> None:
    """Cancel a job and destroy its documents."""
    daemon.show(c.CancelJob(job=job), lambda found: show_jobs([found]))


@main.group()
def ledger() -> None:
    """The ledger: what happened, unforgeably."""


@ledger.command("verify")
@click.option("--head", default="", metavar="SEQ:HASH", help="What an earlier verification noted.")
@asks
def verify_ledger(daemon: Daemon, head: str) -> None:
    """Read the whole ledger and check that nothing was changed; exit status 4 where something was."""
    verdict = daemon.show(c.VerifyLedger(head=head), show_verdict)
    if not verdict.sound:
        raise SystemExit(EXIT_UNSOUND)


@ledger.command("show")
@click.option("--after", type=click.IntRange(0), help="Begin after this number; usually the newest.")
@click.option("--job", type=int, help="Only what is about this job.")
@click.option("--limit", type=click.IntRange(1, c.LIST_MAX), default=100)
@asks
def show_ledger(daemon: Daemon, after: int | None, job: int | None, limit: int) -> None:
    """Events, oldest first."""
    daemon.show(c.ShowLedger(after=after, job=job, limit=limit), show_events)


@main.command()
@click.argument("user")
@click.option("--queue", default="", help="Queue to print to; usually the default one.")
@click.option("--host", default="", help="Name or address by which the devices reach this machine.")
@click.option("--sign", is_flag=True, help="Sign it with the key of the daemon's TLS certificate.")
@click.option("--output", "-o", type=_FILE, help="File to write; `USER.mobileconfig` if not given.")
@asks
def profile(daemon: Daemon, user: str, queue: str, host: str, sign: bool, output: Path | None) -> None:
    """An AirPrint profile for a person's iPhone, iPad or Mac.

    It holds a new secret path: hand it over safely.
    """
    made = cast("c.ProfileView", daemon.ask(c.MakeProfile(name=user, queue=queue, host=host, sign=sign)))
    path = output or Path(f"{made.name.replace('/', '-')}.mobileconfig")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)  # one that was there may have been open to others
            file.write(made.octets)
    except OSError as error:
        fail(RefusedError(f"{path} cannot be written: {error.strerror}; name another file by --output"))
    if daemon.as_json:
        click.echo(msgspec.json.encode({"file": str(path), "uris": made.uris}))
    else:
        click.echo(f"Written to {path}. Whoever has this file prints as {made.name}.")
