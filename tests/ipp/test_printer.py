"""The Printer object: the envelope of every request (RFC 8011 4.1) and the attributes it gives."""

import pytest

from ipp import (
    Attribute,
    Group,
    GroupTag,
    Message,
    Operation,
    RemoteProtocolError,
    Status,
    Tag,
    decode,
    encode,
)
from ipp.errors import AuthenticationRequired
from ipp.exchange import Request
from ipp.printer import Access, is_requested
from ipp.values import DateTime, OutOfBand
from tests.ipp.asking import ANNA, OPERATOR, URI, Desk, make_desk, of, request, stream

GET = Operation.GET_PRINTER_ATTRIBUTES
CHARSET = of("attributes-charset", Tag.CHARSET, "utf-8")
LANGUAGE = of("attributes-natural-language", Tag.NATURAL_LANGUAGE, "en")
TARGET = of("printer-uri", Tag.URI, URI)


async def status_of(desk: Desk, *attributes: Attribute, code: int = GET, **fields: object) -> Status:
    """The status of the answer to a message with just these operation attributes."""
    groups = [Group(GroupTag.OPERATION, attributes)] if attributes else []
    message = Message(code, 1, groups, **fields)  # type: ignore[arg-type]
    made = Request(decode(encode(message)), URI, stream(), ANNA, False, "192.0.2.7")
    return decode((await desk.printer.handle(made)).octets).status


@pytest.mark.parametrize("version", [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)])
async def test_every_version_up_to_2_2_is_answered_in_its_own(desk: Desk, version: tuple[int, int]) -> None:
    answer = await desk.ask(GET, version=version)
    assert (answer.status, answer.version) == (Status.SUCCESSFUL_OK, version)


@pytest.mark.parametrize("version", [(0, 0), (1, 2), (3, 0), (9, 9)])
async def test_other_versions_are_not_supported(desk: Desk, version: tuple[int, int]) -> None:
    answer = await desk.ask(GET, version=version)
    assert (answer.status, answer.version) == (Status.SERVER_ERROR_VERSION_NOT_SUPPORTED, (2, 0))


@pytest.mark.parametrize("request_id", [0, -1])
async def test_a_request_id_that_is_not_positive_is_a_bad_request_and_echoed(
    desk: Desk, request_id: int
) -> None:
    answer = await desk.ask(GET, request_id=request_id)
    assert (answer.status, answer.request_id) == (Status.CLIENT_ERROR_BAD_REQUEST, request_id)


@pytest.mark.parametrize(
    "attributes",
    [
        (),
        (CHARSET,),
        (LANGUAGE, CHARSET, TARGET),
        (CHARSET, TARGET, LANGUAGE),
        (CHARSET, LANGUAGE),
        (of("attributes-charset", Tag.KEYWORD, "utf-8"), LANGUAGE, TARGET),
        (CHARSET, LANGUAGE, of("requesting-user-name", Tag.NAME, "anna"), TARGET),
        (CHARSET, LANGUAGE, TARGET, TARGET),
    ],
    ids=[
        "nothing",
        "no language",
        "swapped",
        "language third",
        "no target",
        "charset of another syntax",
        "target fourth",
        "an attribute twice",
    ],
)
async def test_an_envelope_out_of_order_is_a_bad_request(
    desk: Desk, attributes: tuple[Attribute, ...]
) -> None:
    assert await status_of(desk, *attributes) is Status.CLIENT_ERROR_BAD_REQUEST


async def test_another_charset_is_told_apart(desk: Desk) -> None:
    charset = of("attributes-charset", Tag.CHARSET, "utf-16")
    assert await status_of(desk, charset, LANGUAGE, TARGET) is Status.CLIENT_ERROR_CHARSET_NOT_SUPPORTED


async def test_groups_out_of_order_are_a_broken_encoding(desk: Desk) -> None:
    message = Message(GET, 1, [Group(GroupTag.JOB), Group(GroupTag.OPERATION, (CHARSET, LANGUAGE, TARGET))])
    made = Request(message, URI, stream(), ANNA, False, "192.0.2.7")
    with pytest.raises(RemoteProtocolError, match="octet 8"):
        await desk.printer.handle(made)


@pytest.mark.parametrize("code", [0x0003, 0x0007, 0x0000, 0x1234, 0x7FFF])
async def test_an_operation_that_is_not_there_is_refused(desk: Desk, code: int) -> None:
    assert (await desk.ask(code)).status is Status.SERVER_ERROR_OPERATION_NOT_SUPPORTED


@pytest.mark.parametrize(
    "target", ["ipp://printer.example:631/ipp/other", "ipp://printer.example/", "ipp://x/ipp/print/12/3"]
)
async def test_another_printers_uri_is_not_found(desk: Desk, target: str) -> None:
    assert (await desk.ask(GET, target=target)).status is Status.CLIENT_ERROR_NOT_FOUND


@pytest.mark.parametrize("target", ["ipps://elsewhere.example/ipp/print", "http://[::1]:631/ipp/print/"])
async def test_a_printer_answers_by_whatever_host_and_scheme_it_is_called(desk: Desk, target: str) -> None:
    assert (await desk.ask(GET, target=target)).status is Status.SUCCESSFUL_OK


@pytest.mark.parametrize("target", ["ipp://[::1/ipp/print", "ipp://h\u2100/ipp/print", "ipp://x]/ipp/print"])
async def test_a_target_that_is_no_uri_is_a_bad_request(desk: Desk, target: str) -> None:
    assert (await desk.ask(GET, target=target)).status is Status.CLIENT_ERROR_BAD_REQUEST


async def test_cups_may_ask_for_printers_without_a_target(desk: Desk) -> None:
    answer = await desk.ask(0x4002, target=None)
    assert answer.status is Status.SUCCESSFUL_OK
    assert answer.printer.string("printer-name") == "Hall"


async def test_a_name_that_is_too_long_is_told_as_such(desk: Desk) -> None:
    answer = await desk.ask(GET, of("requesting-user-name", Tag.NAME, "n" * 256))
    assert answer.status is Status.CLIENT_ERROR_REQUEST_VALUE_TOO_LONG


async def test_a_value_of_another_syntax_is_a_bad_request(desk: Desk) -> None:
    answer = await desk.ask(GET, of("requested-attributes", Tag.INTEGER, 7))
    assert answer.status is Status.CLIENT_ERROR_BAD_REQUEST


async def test_text_that_is_not_utf8_is_a_bad_request(desk: Desk) -> None:
    answer = await desk.ask(GET, of("requesting-user-name", Tag.NAME, "\udcff"))
    assert answer.status is Status.CLIENT_ERROR_BAD_REQUEST


async def test_an_operation_attribute_nobody_knows_is_ignored_and_named(desk: Desk) -> None:
    answer = await desk.ask(GET, of("x-colour-of-the-sky", Tag.KEYWORD, "blue"))
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
    unsupported = answer.group(GroupTag.UNSUPPORTED)
    assert unsupported["x-colour-of-the-sky"].value is OutOfBand.UNSUPPORTED
    assert len(answer.printer) > 100


async def test_an_error_carries_no_printer_attributes(desk: Desk) -> None:
    answer = await desk.ask(GET, of("document-format", Tag.MIME_MEDIA_TYPE, "image/x-unheard-of"))
    assert answer.status is Status.CLIENT_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED
    assert GroupTag.PRINTER not in [group.tag for group in answer.groups]


async def test_uris_are_built_from_what_the_client_used(desk: Desk) -> None:
    uri = "ipps://192.0.2.9:8631/ipp/print"
    answer = await desk.ask(GET, uri=uri, target=uri, secure=True)
    assert answer.printer.strings("printer-uri-supported") == (uri, "ipp://192.0.2.9:8631/ipp/print")
    assert answer.printer.strings("uri-security-supported") == ("tls", "none")
    assert answer.printer.string("printer-more-info") == "https://192.0.2.9:8631/"


async def test_a_secret_path_lists_only_itself(desk: Desk) -> None:
    path = "ipps://printer.example:631/ipp/print/u/s3cret"
    entrance = desk.printer.through(Access(plain=False, tls=True, authentication="requesting-user-name"))
    answer = decode((await entrance.handle(request(GET, uri=path, target=path, secure=True))).octets)
    assert answer.printer.strings("printer-uri-supported") == (path,)
    assert answer.printer.strings("uri-authentication-supported") == ("requesting-user-name",)


async def test_only_what_is_requested_is_given(desk: Desk) -> None:
    wanted = ("printer-name", "sides-supported", "printer-state", "x-nothing")
    answer = await desk.ask(GET, of("requested-attributes", Tag.KEYWORD, *wanted))
    assert set(answer.printer.names()) == {"printer-name", "sides-supported", "printer-state"}


async def test_groups_of_attributes_can_be_requested(desk: Desk) -> None:
    template = await desk.ask(GET, of("requested-attributes", Tag.KEYWORD, "job-template"))
    description = await desk.ask(GET, of("requested-attributes", Tag.KEYWORD, "printer-description"))
    everything = await desk.ask(GET, of("requested-attributes", Tag.KEYWORD, "all"))
    assert "sides-default" in template.printer
    assert "printer-name" not in template.printer
    assert "printer-name" in description.printer
    assert "sides-default" not in description.printer
    both = set(template.printer.names()) | set(description.printer.names())
    assert set(everything.printer.names()) == both


async def test_the_media_database_is_only_given_when_it_is_named(desk: Desk) -> None:
    assert "media-col-database" not in (await desk.ask(GET)).printer
    answer = await desk.ask(GET, of("requested-attributes", Tag.KEYWORD, "all", "media-col-database"))
    assert len(answer.printer["media-col-database"].values) > 10


async def test_operations_supported_is_what_is_answered(desk: Desk) -> None:
    told = (await desk.ask(GET)).printer.integers("operations-supported")
    assert set(told) == set(desk.printer.operations)
    assert {Operation.PRINT_URI, Operation.SEND_URI}.isdisjoint(told)


async def test_up_time_counts_from_the_start_and_never_shows_zero(desk: Desk) -> None:
    assert (await desk.ask(GET)).printer.integer("printer-up-time") == 1
    desk.clock.pass_(41)
    answer = await desk.ask(GET)
    assert answer.printer.integer("printer-up-time") == 42
    assert answer.printer.date_time("printer-current-time") == DateTime.of(desk.clock())
    assert answer.printer.integer("printer-state-change-time") == 1


async def test_a_state_from_before_the_start_changed_no_earlier_than_that(desk: Desk) -> None:
    desk.clock.pass_(-3600)
    await desk.ask(Operation.PAUSE_PRINTER, user=OPERATOR)
    before = desk.clock()
    desk.clock.pass_(3600)
    answer = await desk.ask(GET)
    assert answer.printer.integer("printer-state-change-time") == 1
    assert answer.printer.date_time("printer-state-change-date-time") == DateTime.of(before)


async def test_a_change_of_attributes_shows_in_the_next_answer(desk: Desk) -> None:
    before = (await desk.ask(GET)).printer
    desk.clock.pass_(5)
    desk.printer.set_attributes([of("printer-info", Tag.TEXT, "by the lift")])
    after = (await desk.ask(GET)).printer
    assert (before.string("printer-info"), after.string("printer-info")) != ("by the lift", "by the lift")
    assert after.string("printer-info") == "by the lift"
    assert after.integer("printer-config-change-time") == 6


async def test_the_authenticated_name_beats_the_claimed_one(desk: Desk) -> None:
    answer = await desk.ask(
        Operation.PRINT_JOB, of("requesting-user-name", Tag.NAME, "mallory"), document=b"x", user=ANNA
    )
    job_id = answer.job.integer("job-id")
    assert job_id is not None
    job = await desk.spool.get(job_id)
    assert job is not None
    assert job.owner == "anna"


async def test_an_operation_that_wants_authentication_asks_for_it_before_it_reads_the_document() -> None:
    read = False

    async def document():  # type: ignore[no-untyped-def]
        nonlocal read
        read = True
        yield b"secret"

    desk = make_desk(authenticated=frozenset({Operation.PRINT_JOB}))
    with pytest.raises(AuthenticationRequired):
        await desk.respond(Operation.PRINT_JOB, document=document(), user=None)
    assert not read
    assert (await desk.ask(GET, user=None)).status is Status.SUCCESSFUL_OK


@pytest.mark.parametrize(
    ("name", "requested", "given"),
    [
        ("printer-name", {"all"}, True),
        ("media-col-database", {"all"}, False),
        ("media-col-database", {"job-template"}, False),
        ("media-col-database", {"media-col-database"}, True),
        ("media-ready", {"job-template"}, True),
        ("media-ready", {"printer-description"}, False),
        ("media-top-margin-supported", {"job-template"}, True),
        ("media-top-margin-supported", {"printer-description"}, False),
        ("job-password-supported", {"printer-description"}, True),
    ],
)
def test_what_requested_attributes_asks_for(name: str, requested: set[str], given: bool) -> None:
    assert is_requested(name, frozenset(requested)) is given


async def test_a_clock_that_is_set_back_stops_no_answer(desk: Desk) -> None:
    job_id = await desk.park()
    desk.clock.pass_(-100)
    changes = Group(GroupTag.PRINTER, [of("printer-info", Tag.TEXT, "new")])
    answer = await desk.ask(Operation.SET_PRINTER_ATTRIBUTES, groups=[changes])
    assert answer.status is Status.SUCCESSFUL_OK
    printer = (await desk.ask(GET)).printer
    assert (printer.integer("printer-up-time"), printer.integer("printer-config-change-time")) == (1, 1)
    job = (await desk.ask(Operation.GET_JOB_ATTRIBUTES, of("job-id", Tag.INTEGER, job_id))).job
    assert job.integer("job-printer-up-time") == 1


async def test_names_that_are_no_attributes_are_not_remembered(desk: Desk) -> None:
    for number in range(5):
        asked = of("requested-attributes", Tag.KEYWORD, "printer-name", f"x-{number}")
        assert (await desk.ask(GET, asked)).printer.names() == ["printer-name"]
    assert desk.printer._select.cache_info().currsize == 1
