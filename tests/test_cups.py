"""A Linux desktop prints to us with no driver: a private cupsd, `lpadmin -m everywhere`, `lp`, `cancel`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import ipp
from tests.peers import wire
from tests.peers.cupsd import CupsServer
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.ipptool import Suites
from tests.peers.process import wait_until
from tests.peers.socket_printer import SocketPrinter, start_socket_printer

pytestmark = pytest.mark.peer

ADA = ("ada", "correct-horse")
PIN = "47110815"


@pytest.fixture(scope="module")
def slow_printer() -> Iterator[SocketPrinter]:
    with start_socket_printer(stall_after_octets=1) as printer:
        yield printer


@pytest.fixture(scope="module")
def daemon(slow_printer: SocketPrinter) -> Iterator[Daemon]:
    """`hold` takes any name that is nobody's, `office` wants a password, `direct` prints at once."""
    with start_daemon() as daemon:
        daemon.add_user(*ADA)
        daemon.add_printer("slow", slow_printer.uri)
        daemon.add_queue("office", "--authentication", "basic")
        daemon.add_queue("direct", "--printer", "slow", kind="direct")
        yield daemon


@pytest.fixture(scope="module")
def secret_uri(daemon: Daemon) -> str:
    return daemon.make_secret_uri(ADA[0])


@pytest.fixture(scope="module")
def cups(cups_server: CupsServer, daemon: Daemon, secret_uri: str) -> Iterator[CupsServer]:
    """A spooler with a queue for each way of printing to ours."""
    with_password = "://" + ":".join(ADA) + "@"
    ways = {
        "plain": daemon.uri("hold"),
        "tls": daemon.uri("hold", scheme="ipps"),
        "office": daemon.uri("office", scheme="ipps").replace("://", with_password),
        "stranger": daemon.uri("office", scheme="ipps"),
        "secret": secret_uri,
        "direct": daemon.uri("direct", scheme="ipps"),
    }
    for queue, device_uri in ways.items():
        cups_server.add_queue(queue, device_uri)
    yield cups_server
    for queue in ways:
        cups_server.remove_queue(queue)


def find_job(
    daemon: Daemon, queue: str, title: str, which: str = "not-completed", user: str = "desk"
) -> ipp.Group | None:
    """What our queue tells the job's owner of the job of this title."""
    request = wire.make_request(
        wire.GET_JOBS,
        daemon.uri(queue, scheme="ipps"),
        wire.attribute(wire.NAME, "requesting-user-name", user),
        wire.attribute(wire.KEYWORD, "requested-attributes", "all"),
        wire.attribute(wire.KEYWORD, "which-jobs", which),
    )
    credentials = ADA if user == ADA[0] else None
    status, answer = wire.post(daemon.port, f"/ipp/print/{queue}", request, tls=True, credentials=credentials)
    assert status == 200
    return next((job for job in ipp.decode(answer).jobs if job.string("job-name", "") == title), None)


@pytest.mark.parametrize("way", ["plain", "tls"])
def test_a_parked_job_completes_at_once_for_cups_and_keeps_what_was_asked(
    daemon: Daemon, cups: CupsServer, suites: Suites, way: str
) -> None:
    options = {"sides": "two-sided-long-edge", "media": "iso_a4_210x297mm", "print-color-mode": "monochrome"}
    title = f"Options by {way}"
    document = suites.document("document-a4.pdf")
    job = cups.lp(way, document, title=title, copies=3, options=options, user="desk")
    cups.wait_for_completion(way, job)
    parked = find_job(daemon, "hold", title)
    assert parked is not None
    assert parked.integer("job-state", 0) == ipp.JobState.PENDING_HELD
    assert parked.strings("job-state-reasons") == ("job-release-wait",)
    assert parked.integer("copies", 0) == 3
    assert parked.string("sides", "") == "two-sided-long-edge"
    # CUPS turns a medium into its size, and monochrome into whichever monochrome the printer has.
    medium = parked.collection("media-col")
    assert medium is not None
    size = medium.collection("media-size")
    assert size is not None
    assert (size.integer("x-dimension", 0), size.integer("y-dimension", 0)) == (21000, 29700)
    assert parked.string("print-color-mode", "") in ("monochrome", "auto-monochrome")
    assert parked.string("job-originating-user-name", "") == "desk"
    # CUPS' own filters write the document anew: its size says that it came whole.
    assert parked.integer("job-k-octets", 0) >= document.stat().st_size // 2048


def test_a_job_password_arrives_and_is_told_to_nobody(
    daemon: Daemon, cups: CupsServer, suites: Suites
) -> None:
    assert "*cupsJobPassword" in cups.ppd("tls").read_text()
    options = {"job-password": PIN, "job-password-encryption": "none"}
    job = cups.lp("tls", suites.document("onepage-a4.pdf"), title="With PIN", options=options, user="desk")
    cups.wait_for_completion("tls", job)
    parked = find_job(daemon, "hold", "With PIN")
    assert parked is not None
    assert "job-password-wait" in parked.strings("job-state-reasons")
    assert not [name for name in parked.names() if "password" in name]
    assert daemon.find_leaks(PIN) == []


@pytest.mark.parametrize("way", ["office", "secret"])
def test_who_proves_a_name_prints_under_it_whatever_cups_claims(
    daemon: Daemon, cups: CupsServer, suites: Suites, way: str
) -> None:
    title = f"Proved by {way}"
    job = cups.lp(way, suites.document("onepage-a4.pdf"), title=title, user="desk")
    cups.wait_for_completion(way, job)
    queue = "hold" if way == "secret" else "office"
    parked = find_job(daemon, queue, title, user=ADA[0])
    assert parked is not None
    assert parked.string("job-originating-user-name", "") == ADA[0]
    assert find_job(daemon, "hold", title) is None


def test_a_secret_path_is_written_nowhere(
    daemon: Daemon, cups: CupsServer, suites: Suites, secret_uri: str
) -> None:
    job = cups.lp("secret", suites.document("onepage-a4.pdf"), title="By secret")
    cups.wait_for_completion("secret", job)
    token = secret_uri.rpartition("/")[2]
    assert len(token) >= 22  # 128 bits or more, in base 64
    assert daemon.find_leaks(token) == []
    # Taken back, it leads nowhere.
    daemon.run("users", "link", ADA[0], "--revoke")
    request = wire.ask_for_everything(secret_uri)
    assert wire.post(daemon.port, f"/ipp/print/u/{token}", request, tls=True)[0] == 404


def test_who_proves_nothing_is_asked_and_cups_holds_the_job_for_it(
    daemon: Daemon, cups: CupsServer, suites: Suites
) -> None:
    job = cups.lp("stranger", suites.document("onepage-a4.pdf"), title="Unproved", user="desk")

    def is_held() -> bool:
        [held] = [each for each in cups.jobs("stranger") if each.number == job]
        return any("cups-held-for-authentication" in line for line in held.detail)

    cups.child.wait_until(is_held, "the job to be held for authentication")
    assert find_job(daemon, "office", "Unproved", user=ADA[0]) is None
    cups.cancel("stranger", job)


def test_a_name_that_has_a_password_is_not_free_on_an_open_queue(
    daemon: Daemon, cups: CupsServer, suites: Suites
) -> None:
    job = cups.lp("tls", suites.document("onepage-a4.pdf"), title="As Ada", user=ADA[0])
    cups.child.wait_until(lambda: bool(cups.jobs("tls")[0].detail), "the job to be held")
    assert find_job(daemon, "hold", "As Ada", user=ADA[0]) is None
    cups.cancel("tls", job)


def test_cancel_at_the_desktop_cancels_ours(
    daemon: Daemon, cups: CupsServer, suites: Suites, slow_printer: SocketPrinter
) -> None:
    job = cups.lp("direct", suites.document("document-a4.pdf"), title="Canceled", user="desk")
    wait_until(lambda: find_job(daemon, "direct", "Canceled") is not None, "our job")
    cups.cancel("direct", job)

    def is_canceled() -> bool:
        found = find_job(daemon, "direct", "Canceled", which="completed")
        return found is not None and found.integer("job-state", 0) == ipp.JobState.CANCELED

    wait_until(is_canceled, "our job to be canceled")
    slow_printer.resume()
