"""Making jobs: what is accepted, refused, ignored and named, and what stays when a document is cut short."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from ipp import Attribute, Group, GroupTag, JobState, OutOfBand, RemoteProtocolError, Status, Tag
from ipp.job import ACTIVE, FINISHED
from ipp.operations import STANDARD
from ipp.spool import Query
from ipp.vocabulary.enums import Operation
from tests.ipp.asking import ANNA, BERT, Desk, make_desk, of, stream

HELD = [of("job-hold-until", Tag.KEYWORD, "indefinite")]
PDF = b"%PDF-1.7 the minutes of the last meeting"


async def test_a_printed_document_comes_out_as_it_went_in(desk: Desk) -> None:
    answer = await desk.ask(Operation.PRINT_JOB, document=PDF)
    assert answer.status is Status.SUCCESSFUL_OK
    assert set(answer.job.names()) >= {"job-id", "job-uri", "job-uuid", "job-state", "job-state-reasons"}
    await desk.finish(1)
    assert desk.printed.documents == [(1, PDF)]


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
async def test_a_compressed_document_comes_out_plain(desk: Desk, compression: str) -> None:
    octets = {"gzip": gzip.compress, "deflate": zlib.compress}[compression](PDF)
    answer = await desk.ask(
        Operation.PRINT_JOB, of("compression", Tag.KEYWORD, compression), document=octets, job=HELD
    )
    job = await desk.spool.get(answer.job.integer("job-id", 0))
    assert job is not None
    assert job.octets == len(PDF)


async def test_a_broken_compression_aborts_the_job_and_says_so(desk: Desk) -> None:
    answer = await desk.ask(
        Operation.PRINT_JOB, of("compression", Tag.KEYWORD, "gzip"), document=gzip.compress(PDF)[:-9]
    )
    assert answer.status is Status.CLIENT_ERROR_COMPRESSION_ERROR
    (job,) = await desk.spool.find(Query(FINISHED))
    assert job.state is JobState.ABORTED


async def test_a_document_cut_short_leaves_no_job_to_print(desk: Desk) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield PDF[:10]
        raise RemoteProtocolError("the body ended early")

    answer = await desk.ask(Operation.PRINT_JOB, document=cut())
    assert answer.status is Status.CLIENT_ERROR_BAD_REQUEST
    assert await desk.spool.find(Query(ACTIVE)) == []
    assert desk.printed.documents == []


@pytest.mark.parametrize("operation", [Operation.PRINT_JOB, Operation.VALIDATE_JOB, Operation.CREATE_JOB])
@pytest.mark.parametrize(
    ("attribute", "status"),
    [
        (of("document-format", Tag.MIME_MEDIA_TYPE, "text/x-none"), 0x040A),
        (of("compression", Tag.KEYWORD, "zip"), 0x040F),
    ],
)
async def test_formats_and_compressions_have_their_own_errors(
    desk: Desk, operation: Operation, attribute: Attribute, status: int
) -> None:
    answer = await desk.ask(operation, attribute, document=PDF)
    if operation is Operation.CREATE_JOB:  # it has no document yet
        assert answer.status.successful
    else:
        assert answer.status == status


@pytest.mark.parametrize(
    "said",
    [of("document-message", Tag.TEXT, "\udcff"), of("document-name", Tag.NAME, "x" * 256)],
    ids=["not UTF-8", "too long"],
)
async def test_what_is_said_of_a_document_is_held_to_its_syntax(desk: Desk, said: Attribute) -> None:
    group = Group(GroupTag.DOCUMENT, [said])
    answer = await desk.ask(Operation.PRINT_JOB, groups=[group], document=PDF)
    assert answer.status in (Status.CLIENT_ERROR_BAD_REQUEST, Status.CLIENT_ERROR_REQUEST_VALUE_TOO_LONG)
    assert await desk.spool.get(1) is None


async def test_print_job_without_a_document_is_a_bad_request(desk: Desk) -> None:
    assert (await desk.ask(Operation.PRINT_JOB)).status is Status.CLIENT_ERROR_BAD_REQUEST
    assert await desk.spool.find(Query(ACTIVE | FINISHED)) == []


async def test_what_is_not_supported_is_ignored_and_named(desk: Desk) -> None:
    asked = [of("sides", Tag.KEYWORD, "two-sided-long-edge"), of("copies", Tag.INTEGER, 5000), *HELD]
    answer = await desk.ask(Operation.PRINT_JOB, job=asked, document=PDF)
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
    assert answer.group(GroupTag.UNSUPPORTED).integer("copies") == 5000
    job = await desk.spool.get(answer.job.integer("job-id", 0))
    assert job is not None
    assert job.attributes.string("sides") == "two-sided-long-edge"
    assert "copies" not in job.attributes


@pytest.mark.parametrize("operation", [Operation.PRINT_JOB, Operation.CREATE_JOB, Operation.VALIDATE_JOB])
async def test_with_fidelity_it_is_refused_and_named(desk: Desk, operation: Operation) -> None:
    answer = await desk.ask(
        operation,
        of("ipp-attribute-fidelity", Tag.BOOLEAN, True),
        job=[of("x-glitter", Tag.KEYWORD, "much")],
        document=PDF,
    )
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
    assert answer.group(GroupTag.UNSUPPORTED)["x-glitter"].value is OutOfBand.UNSUPPORTED
    assert await desk.spool.find(Query(ACTIVE | FINISHED)) == []


async def test_validate_job_makes_nothing(desk: Desk) -> None:
    assert (await desk.ask(Operation.VALIDATE_JOB)).status is Status.SUCCESSFUL_OK
    assert await desk.spool.find(Query(ACTIVE | FINISHED)) == []


async def test_documents_come_one_after_the_other(desk: Desk) -> None:
    job_id = (await desk.ask(Operation.CREATE_JOB)).job.integer("job-id", 0)
    number = of("job-id", Tag.INTEGER, job_id)
    for text, last in ((b"one", False), (b"two", False), (b"three", True)):
        answer = await desk.ask(
            Operation.SEND_DOCUMENT, number, of("last-document", Tag.BOOLEAN, last), document=text
        )
        assert answer.status is Status.SUCCESSFUL_OK
    await desk.finish(job_id)
    assert desk.printed.documents == [(job_id, b"one"), (job_id, b"two"), (job_id, b"three")]


async def test_the_last_document_may_be_none(desk: Desk) -> None:
    job_id = (await desk.ask(Operation.CREATE_JOB, job=HELD)).job.integer("job-id", 0)
    number = of("job-id", Tag.INTEGER, job_id)
    await desk.ask(Operation.SEND_DOCUMENT, number, of("last-document", Tag.BOOLEAN, False), document=PDF)
    answer = await desk.ask(Operation.SEND_DOCUMENT, number, of("last-document", Tag.BOOLEAN, True))
    assert answer.status is Status.SUCCESSFUL_OK
    job = await desk.spool.get(job_id)
    assert job is not None
    assert (len(job.documents), job.incoming) == (1, False)


@pytest.mark.parametrize(
    ("attributes", "document", "status"),
    [
        ([], PDF, Status.CLIENT_ERROR_BAD_REQUEST),
        ([of("last-document", Tag.BOOLEAN, False)], None, Status.CLIENT_ERROR_BAD_REQUEST),
    ],
    ids=["no last-document", "neither a document nor the last"],
)
async def test_send_document_says_whether_it_is_the_last(
    desk: Desk, attributes: list[Attribute], document: bytes | None, status: Status
) -> None:
    job_id = (await desk.ask(Operation.CREATE_JOB)).job.integer("job-id", 0)
    answer = await desk.ask(
        Operation.SEND_DOCUMENT, of("job-id", Tag.INTEGER, job_id), *attributes, document=document
    )
    assert answer.status is status


async def test_a_closed_job_takes_no_document(desk: Desk) -> None:
    job_id = await desk.park()
    answer = await desk.ask(
        Operation.SEND_DOCUMENT,
        of("job-id", Tag.INTEGER, job_id),
        of("last-document", Tag.BOOLEAN, True),
        document=PDF,
    )
    assert answer.status is Status.CLIENT_ERROR_NOT_POSSIBLE


async def test_nobody_adds_to_another_persons_job(desk: Desk) -> None:
    job_id = (await desk.ask(Operation.CREATE_JOB)).job.integer("job-id", 0)
    answer = await desk.ask(
        Operation.SEND_DOCUMENT,
        of("job-id", Tag.INTEGER, job_id),
        of("last-document", Tag.BOOLEAN, True),
        document=PDF,
        user=BERT,
    )
    assert answer.status is Status.CLIENT_ERROR_NOT_FOUND


async def test_close_job_can_be_said_twice(desk: Desk) -> None:
    job_id = (await desk.ask(Operation.CREATE_JOB, job=HELD)).job.integer("job-id", 0)
    for _ in range(2):
        answer = await desk.ask(Operation.CLOSE_JOB, of("job-id", Tag.INTEGER, job_id))
        assert answer.status is Status.SUCCESSFUL_OK


async def test_a_printer_that_is_disabled_takes_no_job(desk: Desk) -> None:
    await desk.ask(Operation.DISABLE_PRINTER)
    for operation in (Operation.PRINT_JOB, Operation.CREATE_JOB, Operation.VALIDATE_JOB):
        answer = await desk.ask(operation, document=PDF)
        assert answer.status is Status.SERVER_ERROR_NOT_ACCEPTING_JOBS
    await desk.ask(Operation.ENABLE_PRINTER)
    assert (await desk.ask(Operation.VALIDATE_JOB)).status is Status.SUCCESSFUL_OK


async def test_a_resubmitted_job_is_a_new_one_with_the_old_documents(desk: Desk) -> None:
    await desk.ask(Operation.PRINT_JOB, of("job-name", Tag.NAME, "minutes"), document=PDF)
    await desk.finish(1)
    answer = await desk.ask(
        Operation.RESUBMIT_JOB, of("job-id", Tag.INTEGER, 1), job=[of("copies", Tag.INTEGER, 2)]
    )
    assert answer.status is Status.SUCCESSFUL_OK
    new = await desk.spool.get(answer.job.integer("job-id", 0))
    assert new is not None
    assert (new.id, new.name, new.attributes.integer("copies")) == (2, "minutes", 2)


async def test_a_password_that_came_without_tls_is_refused_and_named() -> None:
    desk = make_desk()
    answer = await desk.ask(
        Operation.PRINT_JOB, of("job-password", Tag.OCTET_STRING, b"1234"), document=PDF, job=HELD
    )
    assert answer.group(GroupTag.UNSUPPORTED)["job-password"].value is OutOfBand.UNSUPPORTED


async def test_where_a_printer_wants_a_password_no_job_is_made_without_it(desk: Desk) -> None:
    desk.printer.set_attributes(
        [of("printer-mandatory-job-attributes", Tag.KEYWORD, "job-password", "sides")]
    )
    sides = of("sides", Tag.KEYWORD, "one-sided")
    password = of("job-password", Tag.OCTET_STRING, b"1234")
    for asked, template, wanted in (([], [sides], "job-password"), ([password], [], "sides")):
        for operation in (Operation.PRINT_JOB, Operation.CREATE_JOB, Operation.VALIDATE_JOB):
            answer = await desk.ask(operation, *asked, job=template, document=PDF, secure=True)
            assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
            assert list(answer.group(GroupTag.UNSUPPORTED).names()) == [wanted]
    assert await desk.spool.find(Query(ACTIVE | FINISHED)) == []


async def test_where_a_printer_wants_a_password_one_that_cannot_be_kept_makes_no_job(desk: Desk) -> None:
    desk.printer.set_attributes([of("printer-mandatory-job-attributes", Tag.KEYWORD, "job-password")])
    answer = await desk.ask(
        Operation.PRINT_JOB, of("job-password", Tag.OCTET_STRING, b"1234"), document=PDF, job=HELD
    )
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
    assert answer.group(GroupTag.UNSUPPORTED)["job-password"].value is OutOfBand.UNSUPPORTED
    assert await desk.spool.find(Query(ACTIVE | FINISHED)) == []


async def test_subscriptions_come_with_a_job(desk: Desk) -> None:
    good = Group(GroupTag.SUBSCRIPTION, [of("notify-pull-method", Tag.KEYWORD, "ippget")])
    bad = Group(GroupTag.SUBSCRIPTION, [of("notify-pull-method", Tag.KEYWORD, "pigeon")])
    answer = await desk.ask(Operation.PRINT_JOB, document=PDF, groups=[good])
    assert answer.status is Status.SUCCESSFUL_OK
    answer = await desk.ask(Operation.PRINT_JOB, document=PDF, groups=[good, bad])
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS
    assert len(desk.printer.subscriptions.all()) == 2


async def test_octets_arrive_in_any_pieces(desk: Desk) -> None:
    pieces = stream(b"", *(PDF[i : i + 1] for i in range(len(PDF))), b"")
    answer = await desk.ask(Operation.PRINT_JOB, document=pieces, job=HELD)
    job = await desk.spool.get(answer.job.integer("job-id", 0))
    assert job is not None
    assert job.octets == len(PDF)


def test_what_fetches_by_uri_is_left_out() -> None:
    assert {Operation.PRINT_URI, Operation.SEND_URI}.isdisjoint(STANDARD)


async def test_owners_are_who_the_request_came_from(desk: Desk) -> None:
    job = await desk.spool.get(await desk.park(user=BERT))
    assert job is not None
    assert (job.owner, ANNA.name) == ("bert", "anna")


@pytest.mark.parametrize("operation", [Operation.PRINT_JOB, Operation.SEND_DOCUMENT])
async def test_who_sends_a_document_of_a_job_that_is_canceled_meanwhile_is_told_so(
    desk: Desk, operation: Operation
) -> None:
    about = []
    if operation is Operation.SEND_DOCUMENT:
        await desk.ask(Operation.CREATE_JOB)
        about = [of("job-id", Tag.INTEGER, 1), of("last-document", Tag.BOOLEAN, True)]

    async def canceled_half_way() -> AsyncIterator[bytes]:
        yield PDF[:10]
        await desk.ask(Operation.CANCEL_JOB, of("job-id", Tag.INTEGER, 1))
        yield PDF[10:]

    answer = await desk.ask(operation, *about, document=canceled_half_way())
    assert answer.status is Status.SERVER_ERROR_JOB_CANCELED
    job = await desk.spool.get(1)
    assert job is not None
    assert job.state is JobState.CANCELED


async def test_a_job_that_is_purged_while_its_document_comes_is_gone(desk: Desk) -> None:
    async def purged_half_way() -> AsyncIterator[bytes]:
        yield PDF[:10]
        await desk.ask(Operation.PURGE_JOBS)
        yield PDF[10:]

    answer = await desk.ask(Operation.PRINT_JOB, document=purged_half_way())
    assert answer.status is Status.CLIENT_ERROR_NOT_FOUND


async def test_what_is_mandatory_must_be_supported_and_the_rest_may_be_ignored(desk: Desk) -> None:
    odd = [of("sides", Tag.KEYWORD, "three-sided"), of("copies", Tag.INTEGER, 2)]
    for names, status in (
        (("copies", "media"), Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES),
        (("copies", "sides"), Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED),
    ):
        mandatory = of("job-mandatory-attributes", Tag.KEYWORD, *names)
        answer = await desk.ask(Operation.VALIDATE_JOB, mandatory, job=odd)
        assert answer.status is status
        assert answer.group(GroupTag.UNSUPPORTED).names() == ["sides"]


async def test_a_printer_of_single_documents_takes_no_second_one(desk: Desk) -> None:
    desk.printer.set_attributes([of("multiple-document-jobs-supported", Tag.BOOLEAN, False)])
    await desk.ask(Operation.CREATE_JOB)
    for last, status in (
        (False, Status.SUCCESSFUL_OK),
        (True, Status.SERVER_ERROR_MULTIPLE_DOCUMENT_JOBS_NOT_SUPPORTED),
    ):
        about = (of("job-id", Tag.INTEGER, 1), of("last-document", Tag.BOOLEAN, last))
        assert (await desk.ask(Operation.SEND_DOCUMENT, *about, document=PDF)).status is status


@pytest.mark.parametrize("operation", [Operation.PRINT_JOB, Operation.VALIDATE_JOB])
@pytest.mark.parametrize(
    "refused",
    [
        of("document-format", Tag.MIME_MEDIA_TYPE, "text/x-runes"),
        of("compression", Tag.KEYWORD, "bzip2"),
    ],
)
async def test_what_of_the_document_is_not_supported_goes_back(
    desk: Desk, operation: Operation, refused: Attribute
) -> None:
    answer = await desk.ask(operation, refused, document=PDF)
    assert not answer.status.successful
    assert list(answer.group(GroupTag.UNSUPPORTED)) == [refused]


async def test_two_values_where_one_is_allowed_make_no_job(desk: Desk) -> None:
    answer = await desk.ask(Operation.PRINT_JOB, job=[of("copies", Tag.INTEGER, 1, 2)], document=PDF)
    assert answer.status is Status.CLIENT_ERROR_BAD_REQUEST
    answer = await desk.ask(
        Operation.PRINT_JOB, job=[of("job-sheets", Tag.KEYWORD, "none", "none")], document=PDF
    )
    assert answer.status is Status.SUCCESSFUL_OK


async def test_a_job_is_reprocessed_only_once_it_is_finished(desk: Desk) -> None:
    about = of("job-id", Tag.INTEGER, await desk.park())
    assert (await desk.ask(Operation.REPROCESS_JOB, about)).status is Status.CLIENT_ERROR_NOT_POSSIBLE
    await desk.ask(Operation.CANCEL_JOB, about)
    assert (await desk.ask(Operation.REPROCESS_JOB, about)).status is Status.SUCCESSFUL_OK
