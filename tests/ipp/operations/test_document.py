"""Operations on the documents of a job."""

from ipp import GroupTag, Operation, OutOfBand, Status, Tag
from tests.ipp.asking import Desk, of


async def test_documents_are_told_one_by_one(desk: Desk) -> None:
    job_id = await desk.park()
    number = of("job-id", Tag.INTEGER, job_id)
    listed = await desk.ask(Operation.GET_DOCUMENTS, number)
    assert [group.integer("document-number") for group in listed.groups_of(GroupTag.DOCUMENT)] == [1]
    one = await desk.ask(Operation.GET_DOCUMENT_ATTRIBUTES, number, of("document-number", Tag.INTEGER, 1))
    document = one.group(GroupTag.DOCUMENT)
    assert document.integer("document-job-id") == job_id
    assert document.integer("k-octets") == 1
    assert document.boolean("last-document") is True
    assert document["impressions"].value is OutOfBand.NO_VALUE


async def test_only_the_attributes_that_are_requested(desk: Desk) -> None:
    number = of("job-id", Tag.INTEGER, await desk.park())
    wanted = of("requested-attributes", Tag.KEYWORD, "document-format")
    answer = await desk.ask(
        Operation.GET_DOCUMENT_ATTRIBUTES, number, of("document-number", Tag.INTEGER, 1), wanted
    )
    assert answer.group(GroupTag.DOCUMENT).names() == ["document-format"]


async def test_a_document_that_is_not_there(desk: Desk) -> None:
    number = of("job-id", Tag.INTEGER, await desk.park())
    answer = await desk.ask(Operation.GET_DOCUMENT_ATTRIBUTES, number, of("document-number", Tag.INTEGER, 2))
    assert answer.status is Status.CLIENT_ERROR_NOT_FOUND
    answer = await desk.ask(Operation.GET_DOCUMENT_ATTRIBUTES, number)
    assert answer.status is Status.CLIENT_ERROR_BAD_REQUEST


async def test_nothing_of_a_document_is_settable_and_it_goes_with_its_job(desk: Desk) -> None:
    both = (of("job-id", Tag.INTEGER, await desk.park()), of("document-number", Tag.INTEGER, 1))
    answer = await desk.ask(
        Operation.SET_DOCUMENT_ATTRIBUTES, *both, job=[of("document-name", Tag.NAME, "new")]
    )
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE
    assert answer.group(GroupTag.UNSUPPORTED)["document-name"].value is OutOfBand.NOT_SETTABLE
    answer = await desk.ask(Operation.CANCEL_DOCUMENT, *both)
    assert answer.status is Status.CLIENT_ERROR_NOT_POSSIBLE
