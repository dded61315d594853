"""Parked jobs come out of a real printer octet for octet, for their owner and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import pytest

import ipp
from ipp import Operation
from tests.peers import wire
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.ipptool import Suites
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer

Who: TypeAlias = "tuple[str, str]"
ADA = ("ada", "one two three")
BOB = ("bob", "four five six")
OPERATOR = ("olga", "seven eight nine")
NO_SUCH_JOB = 2**31 - 1

# What names a job by job-id, and what else the request needs.
JOB_OPERATIONS: dict[int, Sequence[bytes]] = {
    Operation.SEND_DOCUMENT: (wire.attribute(wire.BOOLEAN, "last-document", True),),
    Operation.CANCEL_JOB: (),
    Operation.GET_JOB_ATTRIBUTES: (),
    Operation.HOLD_JOB: (),
    Operation.RELEASE_JOB: (),
    Operation.RESTART_JOB: (),
    Operation.SET_JOB_ATTRIBUTES: (),
    Operation.REPROCESS_JOB: (),
    Operation.CANCEL_CURRENT_JOB: (),
    Operation.SUSPEND_CURRENT_JOB: (),
    Operation.RESUME_JOB: (),
    Operation.PROMOTE_JOB: (),
    Operation.SCHEDULE_JOB_AFTER: (),
    Operation.CANCEL_DOCUMENT: (wire.attribute(wire.INTEGER, "document-number", 1),),
    Operation.GET_DOCUMENT_ATTRIBUTES: (wire.attribute(wire.INTEGER, "document-number", 1),),
    Operation.GET_DOCUMENTS: (),
    Operation.SET_DOCUMENT_ATTRIBUTES: (wire.attribute(wire.INTEGER, "document-number", 1),),
    Operation.RESUBMIT_JOB: (),
    Operation.CLOSE_JOB: (),
}
# What names jobs by job-ids, or by notify-job-id.
MANY_JOBS_OPERATIONS = (Operation.CANCEL_JOBS, Operation.CANCEL_MY_JOBS, Operation.PURGE_JOBS)
SUBSCRIPTIONS_OF_JOBS = (Operation.CREATE_JOB_SUBSCRIPTIONS, Operation.GET_SUBSCRIPTIONS)
SUBSCRIPTION = (
    wire.attribute(wire.KEYWORD, "notify-pull-method", "ippget"),
    wire.attribute(wire.KEYWORD, "notify-events", "job-created", "job-state-changed", "job-completed"),
)
# What is about the queue. Those that act on all of its jobs are for operators; tests below.
QUEUE_OPERATIONS = {
    *(Operation.PRINT_JOB, Operation.VALIDATE_JOB, Operation.CREATE_JOB, Operation.GET_JOBS),
    *(Operation.GET_PRINTER_ATTRIBUTES, Operation.GET_PRINTER_SUPPORTED_VALUES),
    *(
        Operation.GET_USER_PRINTER_ATTRIBUTES,
        Operation.IDENTIFY_PRINTER,
        Operation(0x4001),
        Operation(0x4002),
    ),
    *(Operation.CREATE_PRINTER_SUBSCRIPTIONS, Operation.GET_NOTIFICATIONS),
    *(Operation.GET_SUBSCRIPTION_ATTRIBUTES, Operation.RENEW_SUBSCRIPTION, Operation.CANCEL_SUBSCRIPTION),
}
OPERATORS_OPERATIONS = (
    *(Operation.PAUSE_PRINTER, Operation.RESUME_PRINTER, Operation.ENABLE_PRINTER, Operation.DISABLE_PRINTER),
    *(Operation.PAUSE_PRINTER_AFTER_CURRENT_JOB, Operation.HOLD_NEW_JOBS, Operation.RELEASE_HELD_NEW_JOBS),
    *(Operation.RESTART_PRINTER, Operation.SHUTDOWN_PRINTER, Operation.STARTUP_PRINTER),
    Operation.SET_PRINTER_ATTRIBUTES,
)


@pytest.fixture(scope="module")
def daemon(shared_eve_printer: IppEvePrinter) -> Iterator[Daemon]:
    """Ada, Bob and an operator; `office` wants their passwords and releases to a real printer."""
    with start_daemon() as daemon:
        daemon.add_user(*ADA)
        daemon.add_user(*BOB)
        daemon.add_user(*OPERATOR, role="operator")
        daemon.add_printer("eve", shared_eve_printer.uri)
        daemon.add_printer("eve-by-tls", shared_eve_printer.tls_uri)
        daemon.add_queue("office", "--authentication", "basic", "--printer", "eve-by-tls")
        yield daemon


def ask(
    daemon: Daemon,
    operation: int,
    who: Who,
    *attributes: bytes,
    job: Sequence[bytes] = (),
    subscription: Sequence[bytes] = (),
    document: bytes = b"",
) -> ipp.Message:
    """The answer to one operation on `office`, by TLS and Basic."""
    request = wire.make_request(
        operation, daemon.uri("office", scheme="ipps"), *attributes, job_attributes=job
    )
    if subscription:
        group = bytes([ipp.GroupTag.SUBSCRIPTION]) + b"".join(subscription)
        end = bytes([wire.END_OF_ATTRIBUTES])
        request = request.removesuffix(end) + group + end
    http_status, answer = wire.post(
        daemon.port, "/ipp/print/office", request + document, tls=True, credentials=who
    )
    assert http_status == 200, http_status
    return ipp.decode(answer)


def park(daemon: Daemon, who: Who, document: Path, title: str = "Letter", job: Sequence[bytes] = ()) -> int:
    answer = ask(
        daemon,
        Operation.PRINT_JOB,
        who,
        wire.attribute(wire.NAME, "job-name", title),
        wire.attribute(wire.MIME_TYPE, "document-format", "application/pdf"),
        job=job,
        document=document.read_bytes(),
    )
    assert answer.status == ipp.Status.SUCCESSFUL_OK
    assert answer.job.integer("job-state", 0) == ipp.JobState.PENDING_HELD
    assert "job-release-wait" in answer.job.strings("job-state-reasons")
    return answer.job.integer("job-id", 0)


def jobs_seen_by(daemon: Daemon, who: Who, which: str = "not-completed") -> set[int]:
    wanted = wire.attribute(wire.KEYWORD, "which-jobs", which)
    return {job.integer("job-id", 0) for job in ask(daemon, Operation.GET_JOBS, who, wanted).jobs}


def job_id(number: int) -> bytes:
    return wire.attribute(wire.INTEGER, "job-id", number)


def wait_for_completion(daemon: Daemon, number: int) -> None:
    wait_until(lambda: daemon.job(number)["state"] == "completed", f"job {number} to complete")


@pytest.mark.parametrize("printer", ["eve", "eve-by-tls"])
def test_a_released_job_arrives_octet_for_octet_with_what_was_asked(
    daemon: Daemon, eve_printer: IppEvePrinter, suites: Suites, printer: str
) -> None:
    document = suites.document("document-a4.pdf")
    asked = [
        wire.attribute(wire.KEYWORD, "sides", "two-sided-long-edge"),
        wire.attribute(wire.INTEGER, "copies", 2),
    ]
    title = f"Out of {printer}"
    number = park(daemon, ADA, document, title, job=asked)
    assert eve_printer.received() == []
    daemon.release(number, printer)
    [received] = eve_printer.wait_for_documents(1)
    assert received.read_bytes() == document.read_bytes()
    wait_for_completion(daemon, number)
    assert number not in jobs_seen_by(daemon, ADA)
    assert number in jobs_seen_by(daemon, ADA, "completed")
    # The printer was asked for the same, in the owner's name.
    request = wire.make_request(
        wire.GET_JOBS,
        eve_printer.uri,
        wire.attribute(wire.KEYWORD, "which-jobs", "completed"),
        wire.attribute(wire.KEYWORD, "requested-attributes", "all"),
    )
    _, answer = wire.post(eve_printer.port, "/ipp/print", request)
    [printed] = [job for job in ipp.decode(answer).jobs if job.string("job-name") == title]
    assert (printed.string("sides"), printed.integer("copies")) == ("two-sided-long-edge", 2)
    assert printed.string("job-originating-user-name") == ADA[0]


def test_release_job_by_ipp_lets_the_job_out_of_the_queue_s_own_printer(
    daemon: Daemon, eve_printer: IppEvePrinter, suites: Suites
) -> None:
    document = suites.document("onepage-a4.pdf")
    number = park(daemon, ADA, document)
    assert ask(daemon, Operation.RELEASE_JOB, ADA, job_id(number)).status == ipp.Status.SUCCESSFUL_OK
    [received] = eve_printer.wait_for_documents(1)
    assert received.read_bytes() == document.read_bytes()
    wait_for_completion(daemon, number)


def pin(digits: str) -> tuple[bytes, ...]:
    return (
        wire.attribute(wire.OCTET_STRING, "job-password", digits),
        wire.attribute(wire.KEYWORD, "job-password-encryption", "none"),
    )


def park_with_pin(daemon: Daemon, document: Path, digits: str) -> int:
    answer = ask(daemon, Operation.PRINT_JOB, ADA, *pin(digits), document=document.read_bytes())
    assert answer.status == ipp.Status.SUCCESSFUL_OK
    assert "job-password-wait" in answer.job.strings("job-state-reasons")
    return answer.job.integer("job-id", 0)


def test_a_job_with_a_pin_is_released_by_ipp_with_the_pin_only(
    daemon: Daemon, eve_printer: IppEvePrinter, suites: Suites
) -> None:
    document = suites.document("onepage-a4.pdf")
    number = park_with_pin(daemon, document, "47114711")
    for who, given in ((ADA, ()), (ADA, pin("0815")), (OPERATOR, ()), (OPERATOR, pin("0816"))):
        answer = ask(daemon, Operation.RELEASE_JOB, who, job_id(number), *given)
        assert answer.status == ipp.Status.CLIENT_ERROR_NOT_AUTHORIZED
        assert "0815" not in str(answer)
    # To whom it is not theirs it is not there, with the PIN or without.
    answer = ask(daemon, Operation.RELEASE_JOB, BOB, job_id(number), *pin("47114711"))
    assert answer.status == ipp.Status.CLIENT_ERROR_NOT_FOUND
    assert eve_printer.received() == []
    answer = ask(daemon, Operation.RELEASE_JOB, ADA, job_id(number), *pin("47114711"))
    assert answer.status == ipp.Status.SUCCESSFUL_OK
    [received] = eve_printer.wait_for_documents(1)
    assert received.read_bytes() == document.read_bytes()
    wait_for_completion(daemon, number)
    assert daemon.find_leaks("47114711", "0815") == []


def test_a_queue_that_releases_by_pin_takes_no_job_without_one(daemon: Daemon, suites: Suites) -> None:
    daemon.add_queue("pins", "--release", "job-password", "--authentication", "basic")
    document = suites.document("onepage-a4.pdf").read_bytes()
    uri = daemon.uri("pins", scheme="ipps")
    answers = []
    for given in ((), pin("4711")):
        request = wire.make_request(Operation.PRINT_JOB, uri, *given) + document
        _, octets = wire.post(daemon.port, "/ipp/print/pins", request, tls=True, credentials=ADA)
        answers.append(ipp.decode(octets))
    assert answers[0].status == ipp.Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
    assert "job-password" in answers[0].group(ipp.GroupTag.UNSUPPORTED)
    assert answers[1].status == ipp.Status.SUCCESSFUL_OK
    ask(daemon, Operation.CANCEL_JOB, ADA, job_id(answers[1].job.integer("job-id", 0)))


def test_a_job_with_a_pin_is_released_at_the_daemon_s_machine_with_the_pin_only(
    daemon: Daemon, eve_printer: IppEvePrinter, suites: Suites
) -> None:
    number = park_with_pin(daemon, suites.document("onepage-a4.pdf"), "90210")
    assert daemon.release(number, "eve", check=False).returncode == 1
    wrong = daemon.run("release", str(number), "--to", "eve", "--pin", stdin="90211\n", check=False)
    assert wrong.returncode == 1
    daemon.run("release", str(number), "--to", "eve", "--pin", stdin="90210\n")
    eve_printer.wait_for_documents(1)
    wait_for_completion(daemon, number)


def test_a_job_that_came_out_is_not_released_again(
    daemon: Daemon, eve_printer: IppEvePrinter, suites: Suites
) -> None:
    number = park(daemon, ADA, suites.document("onepage-a4.pdf"))
    daemon.release(number, "eve")
    wait_for_completion(daemon, number)
    assert daemon.release(number, "eve", check=False).returncode == 1
    later = park(daemon, ADA, suites.document("document-a4.pdf"))
    daemon.release(later, "eve")
    wait_for_completion(daemon, later)
    assert len(eve_printer.wait_for_documents(2)) == 2


def test_a_job_released_by_many_at_the_same_moment_comes_out_once(
    daemon: Daemon, eve_printer: IppEvePrinter, suites: Suites
) -> None:
    number = park(daemon, ADA, suites.document("onepage-a4.pdf"))
    with ThreadPoolExecutor(8) as people:
        answers = list(
            people.map(lambda _: ask(daemon, Operation.RELEASE_JOB, ADA, job_id(number)), range(8))
        )
    # To release what waits for its printer already does no harm.
    assert {answer.code for answer in answers} <= {
        ipp.Status.SUCCESSFUL_OK,
        ipp.Status.CLIENT_ERROR_NOT_POSSIBLE,
    }
    assert ipp.Status.SUCCESSFUL_OK in {answer.code for answer in answers}
    wait_for_completion(daemon, number)
    events = [event["kind"] for event in daemon.ask("ledger", "show", "--job", str(number))]
    assert events.count("delivery-started") == 1
    assert len(eve_printer.wait_for_documents(1)) == 1


def test_every_operation_is_about_a_job_or_about_the_queue(daemon: Daemon) -> None:
    # So that a new operation is not forgotten by the tests below.
    wanted = wire.attribute(wire.KEYWORD, "requested-attributes", "operations-supported")
    told = ask(daemon, Operation.GET_PRINTER_ATTRIBUTES, ADA, wanted).printer.integers("operations-supported")
    known = {
        *JOB_OPERATIONS,
        *MANY_JOBS_OPERATIONS,
        *SUBSCRIPTIONS_OF_JOBS,
        *QUEUE_OPERATIONS,
        *OPERATORS_OPERATIONS,
    }
    assert set(told) == known


def test_what_is_another_s_does_not_exist_for_a_user(
    daemon: Daemon, eve_printer: IppEvePrinter, suites: Suites
) -> None:
    number = park(daemon, ADA, suites.document("onepage-a4.pdf"), "Ada's secret")
    before = ask(daemon, Operation.GET_JOB_ATTRIBUTES, ADA, job_id(number)).job
    assert number in jobs_seen_by(daemon, ADA)
    for which in ("not-completed", "completed", "all", "pending-held"):
        assert number not in jobs_seen_by(daemon, BOB, which)
    for operation, more in JOB_OPERATIONS.items():
        refused, unknown = (
            ask(daemon, operation, BOB, job_id(each), *more) for each in (number, NO_SUCH_JOB)
        )
        assert refused.code in range(0x0400, 0x0500), Operation(operation)
        # The same answer as for a number that was never given, but for the number in it.
        assert refused.code == unknown.code, Operation(operation)
        told, untold = (
            answer.operation_attributes.string("status-message", "") for answer in (refused, unknown)
        )
        assert str(told).replace(str(number), "") == str(untold).replace(str(NO_SUCH_JOB), "")
        assert b"secret" not in ipp.encode(refused)
    for operation in MANY_JOBS_OPERATIONS:
        ids = wire.attribute(wire.INTEGER, "job-ids", number)
        assert ask(daemon, operation, BOB, ids).code in range(0x0400, 0x0500), operation
    for operation in SUBSCRIPTIONS_OF_JOBS:
        refused, unknown = (
            ask(
                daemon,
                operation,
                BOB,
                wire.attribute(wire.INTEGER, "notify-job-id", each),
                subscription=SUBSCRIPTION if operation == Operation.CREATE_JOB_SUBSCRIPTIONS else (),
            )
            for each in (number, NO_SUCH_JOB)
        )
        assert refused == unknown, operation
    assert ask(daemon, Operation.CANCEL_MY_JOBS, BOB).status == ipp.Status.SUCCESSFUL_OK
    assert eve_printer.received() == []
    after = ask(daemon, Operation.GET_JOB_ATTRIBUTES, ADA, job_id(number)).job
    clocks = {"job-printer-up-time"}
    assert [each for each in after if each.name not in clocks] == [
        each for each in before if each.name not in clocks
    ]
    assert ask(daemon, Operation.CANCEL_JOB, ADA, job_id(number)).status == ipp.Status.SUCCESSFUL_OK


def test_what_acts_on_the_whole_queue_is_for_operators(daemon: Daemon, suites: Suites) -> None:
    number = park(daemon, ADA, suites.document("onepage-a4.pdf"))
    for operation in (*OPERATORS_OPERATIONS, Operation.CANCEL_JOBS, Operation.PURGE_JOBS):
        assert ask(daemon, operation, BOB).status == ipp.Status.CLIENT_ERROR_NOT_AUTHORIZED, operation
    assert number in jobs_seen_by(daemon, OPERATOR)
    seen = ask(daemon, Operation.GET_JOB_ATTRIBUTES, OPERATOR, job_id(number))
    assert seen.job.string("job-originating-user-name") == ADA[0]
    assert ask(daemon, Operation.CANCEL_JOB, OPERATOR, job_id(number)).status == ipp.Status.SUCCESSFUL_OK


def test_a_user_hears_nothing_of_another_s_jobs(daemon: Daemon, suites: Suites) -> None:
    subscriptions: dict[Who, int] = {}
    for who in (ADA, BOB):
        made = ask(daemon, Operation.CREATE_PRINTER_SUBSCRIPTIONS, who, subscription=SUBSCRIPTION)
        assert made.status == ipp.Status.SUCCESSFUL_OK
        group = made.group(ipp.GroupTag.SUBSCRIPTION)
        subscriptions[who] = group.integer("notify-subscription-id", 0)
    number = park(daemon, ADA, suites.document("onepage-a4.pdf"), "Ada's own affair")
    ask(daemon, Operation.CANCEL_JOB, ADA, job_id(number))
    heard = {}
    for who, mine in subscriptions.items():
        ids = wire.attribute(wire.INTEGER, "notify-subscription-ids", mine)
        answer = ask(daemon, Operation.GET_NOTIFICATIONS, who, ids)
        events = answer.groups_of(ipp.GroupTag.EVENT_NOTIFICATION)
        heard[who] = [event.string("notify-subscribed-event") for event in events]
    assert heard == {ADA: ["job-created", "job-state-changed", "job-completed"], BOB: []}
    # Nor is somebody else's subscription there to be read or ended.
    for operation in (Operation.GET_SUBSCRIPTION_ATTRIBUTES, Operation.CANCEL_SUBSCRIPTION):
        other = wire.attribute(wire.INTEGER, "notify-subscription-id", subscriptions[ADA])
        assert ask(daemon, operation, BOB, other).code in range(0x0400, 0x0500), operation


def test_a_wrong_password_is_refused(daemon: Daemon) -> None:
    request = wire.make_request(wire.GET_JOBS, daemon.uri("office", scheme="ipps"))
    for who in ((ADA[0], "wrong"), ("nobody", "wrong"), ("", "")):
        http_status, _ = wire.post(daemon.port, "/ipp/print/office", request, tls=True, credentials=who)
        assert http_status == 401


def test_a_claimed_name_gives_no_rights(daemon: Daemon, suites: Suites) -> None:
    number = park(daemon, ADA, suites.document("onepage-a4.pdf"))
    claim = wire.attribute(wire.NAME, "requesting-user-name", ADA[0])
    answer = ask(daemon, wire.GET_JOBS, BOB, claim)
    assert number not in {job.integer("job-id", 0) for job in answer.jobs}
    # Nor on a queue that takes names as they come: this one has a password.
    request = wire.make_request(wire.GET_JOBS, daemon.uri("hold", scheme="ipps"), claim)
    http_status, _ = wire.post(daemon.port, "/ipp/print/hold", request, tls=True)
    assert http_status == 401
    assert ask(daemon, Operation.CANCEL_JOB, ADA, job_id(number)).status == ipp.Status.SUCCESSFUL_OK


def test_the_ledger_tells_of_all_this_and_is_sound(daemon: Daemon) -> None:
    assert daemon.verify_ledger()["sound"] is True
