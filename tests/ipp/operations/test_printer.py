"""Operations on the printer itself."""

import pytest

from ipp import Attribute, Group, GroupTag, Operation, OutOfBand, PrinterState, Status, Tag, decode
from ipp.everywhere import missing
from tests.ipp.asking import Desk, make_desk, of

GET = Operation.GET_PRINTER_ATTRIBUTES


async def test_the_answer_is_that_of_an_ipp_everywhere_printer() -> None:
    desk = make_desk(icons=("/icon.png",))
    everything = await desk.ask(GET, of("requested-attributes", Tag.KEYWORD, "all", "media-col-database"))
    assert missing(everything.printer) == []


async def test_a_paused_printer_keeps_jobs_until_it_is_resumed(desk: Desk) -> None:
    await desk.ask(Operation.PAUSE_PRINTER)
    await desk.ask(Operation.PRINT_JOB, document=b"x")
    told = (await desk.ask(GET)).printer
    assert told.integer("printer-state") == PrinterState.STOPPED
    assert told.strings("printer-state-reasons") == ("paused",)
    assert told.integer("queued-job-count") == 1
    assert desk.printed.documents == []
    await desk.ask(Operation.RESUME_PRINTER)
    await desk.finish(1)
    assert (await desk.ask(GET)).printer.strings("printer-state-reasons") == ("none",)


async def test_new_jobs_are_held_until_they_are_let_go(desk: Desk) -> None:
    await desk.ask(Operation.HOLD_NEW_JOBS)
    await desk.ask(Operation.PRINT_JOB, document=b"x")
    job = await desk.spool.get(1)
    assert job is not None
    assert "job-held-for-release" in job.reasons
    await desk.ask(Operation.RELEASE_HELD_NEW_JOBS)
    await desk.finish(1)


@pytest.mark.parametrize(
    ("operation", "accepting"),
    [
        (Operation.DISABLE_PRINTER, False),
        (Operation.ENABLE_PRINTER, True),
        (Operation.SHUTDOWN_PRINTER, False),
        (Operation.STARTUP_PRINTER, True),
        (Operation.RESTART_PRINTER, True),
    ],
)
async def test_whether_it_accepts_jobs(desk: Desk, operation: Operation, accepting: bool) -> None:
    assert (await desk.ask(operation)).status is Status.SUCCESSFUL_OK
    assert (await desk.ask(GET)).printer.boolean("printer-is-accepting-jobs") is accepting


async def test_what_an_operator_sets_is_shown(desk: Desk) -> None:
    changes = [of("printer-info", Tag.TEXT, "by the lift"), of("printer-geo-location", Tag.URI, "geo:47,8")]
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(*changes)])
    assert answer.status is Status.SUCCESSFUL_OK
    assert (await desk.ask(GET)).printer.string("printer-info") == "by the lift"


async def test_all_is_set_or_nothing(desk: Desk) -> None:
    changes = [of("printer-info", Tag.TEXT, "new"), of("printer-name", Tag.NAME, "not this")]
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(*changes)])
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE
    assert answer.group(GroupTag.UNSUPPORTED)["printer-name"].value is OutOfBand.NOT_SETTABLE
    assert (await desk.ask(GET)).printer.string("printer-info") != "new"


@pytest.mark.parametrize(
    "change",
    [
        of("printer-info", Tag.DELETE_ATTRIBUTE, OutOfBand.DELETE_ATTRIBUTE),
        of("printer-location", Tag.NO_VALUE, OutOfBand.NO_VALUE),
    ],
)
async def test_an_attribute_is_not_set_to_what_is_no_value_of_it(desk: Desk, change: Attribute) -> None:
    before = (await desk.ask(GET)).printer[change.name]
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(change)])
    assert answer.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
    assert answer.group(GroupTag.UNSUPPORTED).names() == [change.name]
    assert (await desk.ask(GET)).printer[change.name] == before


async def test_where_a_printer_stands_may_be_set_to_unknown(desk: Desk) -> None:
    change = of("printer-geo-location", Tag.UNKNOWN, OutOfBand.UNKNOWN)
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(change)])
    assert answer.status is Status.SUCCESSFUL_OK


async def test_an_attribute_of_one_value_is_not_given_two(desk: Desk) -> None:
    change = of("printer-info", Tag.TEXT, "by the lift", "by the stairs")
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(change)])
    assert answer.status is Status.CLIENT_ERROR_BAD_REQUEST


async def test_an_answer_is_the_same_until_something_is_set_even_at_one_time_of_the_clock(
    desk: Desk,
) -> None:
    await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(of("printer-info", Tag.TEXT, "one"))])
    same = (await desk.respond(GET)).same
    assert same is not None
    assert same()
    await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[_printer(of("printer-info", Tag.TEXT, "two"))])
    assert not same()


async def test_what_one_user_may_know_is_not_kept_for_others(desk: Desk) -> None:
    response = await desk.respond(Operation.GET_USER_PRINTER_ATTRIBUTES)
    assert decode(response.octets).printer.string("printer-name") == "Hall"
    assert response.same is None


async def test_settable_attributes_are_told(desk: Desk) -> None:
    answer = await desk.ask(Operation.GET_PRINTER_SUPPORTED_VALUES)
    settable = (await desk.ask(GET)).printer.strings("printer-settable-attributes-supported")
    assert sorted(answer.printer.names()) == sorted(settable)
    assert all(each.value is OutOfBand.ADMIN_DEFINE for each in answer.printer)


async def test_identify_names_the_actions_it_has_not(desk: Desk) -> None:
    answer = await desk.ask(
        Operation.IDENTIFY_PRINTER, of("identify-actions", Tag.KEYWORD, "display", "flash")
    )
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
    assert answer.group(GroupTag.UNSUPPORTED).strings("identify-actions") == ("flash",)


async def test_a_printer_does_nothing_where_it_has_none_of_the_actions(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await desk.ask(Operation.IDENTIFY_PRINTER, of("identify-actions", Tag.KEYWORD, "flash"))
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
    assert not caplog.records


async def test_a_format_that_a_printer_has_not_goes_back(desk: Desk) -> None:
    odd = of("document-format", Tag.MIME_MEDIA_TYPE, "text/x-runes")
    answer = await desk.ask(GET, odd)
    assert answer.status is Status.CLIENT_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED
    assert [group.tag for group in answer.groups] == [GroupTag.OPERATION, GroupTag.UNSUPPORTED]
    assert list(answer.group(GroupTag.UNSUPPORTED)) == [odd]


def _printer(*changes: Attribute) -> Group:
    return Group(GroupTag.PRINTER, changes)
