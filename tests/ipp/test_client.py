# ruff: noqa: SIM117  # a server and, within its time, a client: two blocks
import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from ipp import (
    Attribute,
    GroupTag,
    LocalProtocolError,
    Operation,
    RemoteProtocolError,
    Status,
    Tag,
    decode,
    encode,
)
from ipp.client import Client
from ipp.errors import AuthenticationRequired
from ipp.exchange import Request, Response, User
from ipp.message import Group
from ipp.registry import attribute
from ipp.tls import OwnIdentity
from ipp.trust import AnyCertificate, Authorities, Basic, Bearer
from ipp.upload import ClientTimes
from tests.ipp.serving import printing_at
from tests.ipp.wire import Anew, RecordingHandler, answer_message, chunks_of

EVERY_LOOP = True

ANNA = Basic("anna", "pass")
QUICK = ClientTimes(connect_s=5, answer_s=5, stall_s=5)
SECRET = "Zm9vYmFyYmF6"


class TestARequest:
    async def test_and_its_document_arrive_and_the_answer_comes_back(self, handler: RecordingHandler) -> None:
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print", times=QUICK) as client:
                message = client.request(Operation.PRINT_JOB, attribute("job-name", "Report"))
                for document in (None, b"", b"octets", chunks_of(b"in ", b"", b"chunks"), Anew(b"anew")):
                    answer = await client.send(message, document)
                    assert answer.status == Status.SUCCESSFUL_OK
        assert handler.documents == [b"", b"", b"octets", b"in chunks", b"anew"]
        sent = [request.message for request in handler.requests]
        assert [message.request_id for message in sent] == [1, 2, 3, 4, 5]
        assert sent[0].operation_attributes.names() == [
            "attributes-charset",
            "attributes-natural-language",
            "printer-uri",
            "job-name",
        ]
        assert handler.requests[0].uri == sent[0].operation_attributes.string("printer-uri")

    @pytest.mark.parametrize("scheme", ["ipp", "http", "ipps", "https"])
    async def test_goes_by_any_scheme(
        self, handler: RecordingHandler, identity: OwnIdentity, authorities: Authorities, scheme: str
    ) -> None:
        async with printing_at(handler, identity) as where:
            async with Client(f"{scheme}://{where}/ipp/print", trust=authorities) as client:
                assert client.secure == (scheme in ("ipps", "https"))
                assert (await client.send(client.request(Operation.GET_JOBS))).status == 0
        (request,) = handler.requests
        assert request.secure == client.secure
        assert (
            request.uri == client.printer_uri == f"{'ipps' if client.secure else 'ipp'}://{where}/ipp/print"
        )

    async def test_is_one_of_many_on_one_connection(self, handler: RecordingHandler) -> None:
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                for _ in range(3):
                    await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"document"))
                    async with client.exchange(client.request(Operation.GET_JOBS)):
                        pass
                assert client._session is not None
                assert client._session.connector is not None
                assert len(client._session.connector._conns) == 1

    async def test_may_run_beside_others(self, handler: RecordingHandler) -> None:
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                message = client.request(Operation.PRINT_JOB)
                documents = [bytes([n]) * 100_000 for n in range(5)]
                await asyncio.gather(*(client.send(message, document) for document in documents))
        assert sorted(handler.documents) == documents

    async def test_of_a_large_document_is_streamed(self, handler: RecordingHandler) -> None:
        given = 0
        taken = 0
        ahead = 0

        async def document() -> AsyncIterator[bytes]:
            nonlocal given
            for _ in range(64):
                given += 1 << 20
                yield bytes(1 << 20)

        async def read(request: Request) -> Response:
            nonlocal taken, ahead
            async for chunk in request.document:
                taken += len(chunk)
                ahead = max(ahead, given - taken)
                await asyncio.sleep(0)
            return Response(encode(answer_message(request_id=request.message.request_id)))

        handler.act = read
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                await client.send(client.request(Operation.PRINT_JOB), document())
        assert taken == 64 << 20
        assert ahead < 16 << 20

    async def test_is_only_made_within_the_block(self) -> None:
        client = Client("ipp://localhost/ipp/print")
        with pytest.raises(LocalProtocolError, match="async with"):
            await client.send(client.request(Operation.GET_JOBS))


@pytest.mark.parametrize(
    "uri",
    ["", "printer", "lpd://printer/q", "ipp://", "ipp:///ipp/print", "ipp://h:port/", "ipp://a:secret@h/"],
)
def test_what_is_no_uri_of_a_printer_is_our_mistake(uri: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        Client(uri)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "printer_uri"),
    [
        ("ipp://printer/ipp/print", "ipp://printer/ipp/print"),
        ("ipps://printer:8631/", "ipps://printer:8631/"),
        ("http://printer/ipp", "ipp://printer:80/ipp"),
        ("https://printer/ipp", "ipps://printer:443/ipp"),
        ("ipp://[::1]:8631/a", "ipp://[::1]:8631/a"),
        ("ipp://printer", "ipp://printer/"),
    ],
)
def test_the_printer_uri_is_told_in_ipp(uri: str, printer_uri: str) -> None:
    assert Client(uri).printer_uri == printer_uri


class TestCredentials:
    @pytest.mark.parametrize("credentials", [ANNA, Bearer("token")])
    async def test_are_shown_when_asked_for_then_at_once(
        self, handler: RecordingHandler, identity: OwnIdentity, credentials: Basic | Bearer
    ) -> None:
        document = Anew(b"document")
        async with printing_at(handler, identity) as where:
            uri = f"ipps://{where}/ipp/print/always"
            async with Client(uri, trust=AnyCertificate(), credentials=credentials) as client:
                for _ in range(2):
                    await client.send(client.request(Operation.PRINT_JOB), document)
        assert [request.user for request in handler.requests] == [User("anna", authenticated=True)] * 2
        assert document.times_read == 2  # not while the server said 401 instead of 100

    async def test_let_a_document_that_is_read_once_through(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with printing_at(handler, identity) as where:
            uri = f"ipps://{where}/ipp/print/always"
            async with Client(uri, trust=AnyCertificate(), credentials=ANNA) as client:
                await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"once"))
        assert handler.documents == [b"once"]

    async def test_demanded_after_the_document_went_need_it_anew(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async def demand(request: Request) -> None:
            if request.user is None:
                async for _ in request.document:
                    pass
                raise AuthenticationRequired

        handler.act = demand
        async with printing_at(handler, identity) as where:
            uri = f"ipps://{where}/ipp/print/asks"
            async with Client(uri, trust=AnyCertificate(), credentials=ANNA) as client:
                with pytest.raises(RemoteProtocolError, match="cannot be read again") as caught:
                    await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"once"))
                assert caught.value.status == Status.CLIENT_ERROR_NOT_AUTHENTICATED
            async with Client(uri, trust=AnyCertificate(), credentials=ANNA) as client:
                await client.send(client.request(Operation.PRINT_JOB), Anew(b"anew"))
        assert handler.documents == [b"anew"]

    async def test_that_are_missing_or_wrong_are_an_error(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with printing_at(handler, identity) as where:
            for credentials in (None, Basic("anna", "wrong")):
                async with Client(
                    f"ipps://{where}/ipp/print/always", trust=AnyCertificate(), credentials=credentials
                ) as client:
                    with pytest.raises(RemoteProtocolError, match="HTTP 401") as caught:
                        await client.send(client.request(Operation.GET_JOBS))
                    assert caught.value.status == Status.CLIENT_ERROR_NOT_AUTHENTICATED
        assert not handler.requests

    async def test_are_not_shown_where_others_can_read_them_unless_told_so(
        self, handler: RecordingHandler
    ) -> None:
        async with printing_at(handler) as where:
            uri = f"ipp://{where}/ipp/print/always"
            async with Client(uri, credentials=ANNA) as client:
                with pytest.raises(RemoteProtocolError, match="others can read"):
                    await client.send(client.request(Operation.GET_JOBS))
            async with Client(uri, credentials=ANNA, plain_credentials=True) as client:
                assert (await client.send(client.request(Operation.GET_JOBS))).status == 0

    def test_do_not_show_themselves(self) -> None:
        assert "pass" not in repr(ANNA)
        assert "token" not in repr(Bearer("token"))


class TestADemandForTls:
    async def test_is_met(self, handler: RecordingHandler, identity: OwnIdentity) -> None:
        async with printing_at(handler, identity) as where:
            async with Client(f"ipp://{where}/ipp/print/tls", trust=AnyCertificate()) as client:
                await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"once"))
                assert client.secure
        assert handler.requests[0].secure
        assert handler.documents == [b"once"]

    async def test_is_an_error_where_tls_is_not_wanted(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with printing_at(handler, identity) as where:
            async with Client(f"ipp://{where}/ipp/print/tls", tls="never") as client:
                with pytest.raises(RemoteProtocolError, match="wants TLS"):
                    await client.send(client.request(Operation.GET_JOBS))


def printer_group(*operations: int, compressions: tuple[str, ...] = ("none",)) -> Group:
    return Group(
        GroupTag.PRINTER,
        [
            Attribute.of("operations-supported", Tag.ENUM, *operations),
            Attribute.of("compression-supported", Tag.KEYWORD, *compressions),
        ],
    )


class TestPrintDocument:
    def printer(self, handler: RecordingHandler, group: Group, refused: int = -1) -> None:
        async def act(request: Request) -> Response | None:
            operation = request.message.operation
            status = Status.SERVER_ERROR_BUSY if operation == refused else Status.SUCCESSFUL_OK
            answer = answer_message(status, request.message.request_id)
            if operation == Operation.GET_PRINTER_ATTRIBUTES:
                answer.groups.append(group)
            elif status.successful:
                answer.groups.append(Group(GroupTag.JOB, [Attribute.of("job-id", Tag.INTEGER, 42)]))
            handler.documents.append(b"".join([chunk async for chunk in request.document]))
            return Response(encode(answer))

        handler.act = act

    def operations(self, handler: RecordingHandler) -> list[Operation]:
        return [request.message.operation for request in handler.requests]

    async def test_makes_a_job_then_sends_its_document(self, handler: RecordingHandler) -> None:
        self.printer(
            handler, printer_group(Operation.CREATE_JOB, Operation.SEND_DOCUMENT, Operation.PRINT_JOB)
        )
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print", user_name="anna") as client:
                job = await client.print_document(
                    chunks_of(b"%PDF"),
                    document_format="application/pdf",
                    job_name="Report",
                    job_attributes=[attribute("sides", "two-sided-long-edge")],
                )
        assert job.integer("job-id") == 42
        assert self.operations(handler)[1:] == [Operation.CREATE_JOB, Operation.SEND_DOCUMENT]
        created, sent = (request.message for request in handler.requests[1:])
        assert created.operation_attributes.string("job-name") == "Report"
        assert created.job.names() == ["sides"]
        assert sent.operation_attributes.names()[2:5] == ["printer-uri", "job-id", "requesting-user-name"]
        assert sent.operation_attributes.boolean("last-document") is True
        assert handler.documents[2] == b"%PDF"

    async def test_is_one_request_where_the_printer_has_no_other_way(self, handler: RecordingHandler) -> None:
        self.printer(handler, printer_group(Operation.PRINT_JOB))
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                for _ in range(2):
                    assert (await client.print_document(b"doc")).integer("job-id") == 42
        assert self.operations(handler) == [
            Operation.GET_PRINTER_ATTRIBUTES,
            Operation.PRINT_JOB,
            Operation.PRINT_JOB,
        ]

    @pytest.mark.parametrize("compressions", [("none",), ("none", "gzip")])
    async def test_is_compressed_where_the_printer_takes_it(
        self, handler: RecordingHandler, compressions: tuple[str, ...]
    ) -> None:
        self.printer(handler, printer_group(Operation.PRINT_JOB, compressions=compressions))
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print", compression="gzip") as client:
                await client.print_document(chunks_of(b"white " * 1000))
                await client.print_document(b"white " * 1000)
        for request, document in zip(handler.requests[1:], handler.documents[1:], strict=True):
            said = request.message.operation_attributes.string("compression")
            assert said == ("gzip" if "gzip" in compressions else None)
            assert (gzip.decompress(document) if said else document) == b"white " * 1000

    async def test_that_fails_cancels_the_job_it_made(self, handler: RecordingHandler) -> None:
        self.printer(
            handler,
            printer_group(Operation.CREATE_JOB, Operation.SEND_DOCUMENT),
            refused=Operation.SEND_DOCUMENT,
        )
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(RemoteProtocolError, match=r"Send-Document|send-document") as caught:
                    await client.print_document(b"doc")
        assert caught.value.status == Status.SERVER_ERROR_BUSY
        assert self.operations(handler)[-1] == Operation.CANCEL_JOB
        assert handler.requests[-1].message.operation_attributes.integer("job-id") == 42

    async def test_that_is_refused_names_what_is_not_supported(self, handler: RecordingHandler) -> None:
        async def refuse(request: Request) -> Response:
            answer = answer_message(
                Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED, request.message.request_id
            )
            answer.groups[0].add(Attribute.of("status-message", Tag.TEXT, "No."))
            answer.groups.append(Group(GroupTag.UNSUPPORTED, [attribute("sides", "one-sided")]))
            return Response(encode(answer))

        handler.act = refuse
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(RemoteProtocolError, match=r"\(No\.; not supported: sides\)"):
                    await client.get_printer_attributes()


async def test_jobs_are_asked_for(handler: RecordingHandler) -> None:
    async with printing_at(handler) as where:
        async with Client(f"ipp://{where}/ipp/print") as client:
            assert await client.get_jobs("completed", my_jobs=True, limit=3) == []
    asked = handler.requests[0].message.operation_attributes
    assert (asked.string("which-jobs"), asked.boolean("my-jobs"), asked.integer("limit")) == (
        "completed",
        True,
        3,
    )


def test_what_is_encoded_is_decoded() -> None:
    message = Client("ipp://printer/").request(Operation.GET_JOBS, attribute("limit", 1))
    assert decode(encode(message)) == message
