"""The client against printers of others, and the endpoint against clients of others."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ipp import JobState, Operation, PrinterState, RemoteProtocolError, Status
from ipp.client import Client
from ipp.endpoint import Endpoint
from ipp.errors import ConnectionFailed
from ipp.exchange import Route, User
from ipp.registry import attribute
from ipp.tls import OwnIdentity
from ipp.trust import AnyCertificate, Basic, FirstUse, Pinned
from tests.ipp.asking import Desk
from tests.ipp.wire import RecordingHandler, chunks_of, router_of
from tests.peers.cupsd import CupsServer
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.process import clean_environment, find_program

pytestmark = pytest.mark.peer

EXAMPLES = Path(__file__).parents[2] / "examples"
DOCUMENT = b"%PDF-1.7\n" + random.Random(3).randbytes(500_000)


async def run(*words: str | Path, home: Path) -> tuple[int, str]:
    """Exit status of a program and what it says."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words),
        env=clean_environment(home),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, said.decode()


class OnePassword:
    challenges = ('Basic realm="pullprint"',)

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        shown = f"{scheme.title()} {credentials}"
        return User("anna", authenticated=True) if shown == Basic("anna", "pass").authorization else None


@asynccontextmanager
async def serving(desk: Desk, identity: OwnIdentity) -> AsyncIterator[str]:
    """The printer over HTTP; gives `localhost:port`."""
    endpoint = Endpoint(
        router_of(
            {
                "/ipp/print": Route(desk.printer, "print"),
                "/ipp/print/tls": Route(desk.printer, "tls", plain="upgrade"),
                "/ipp/print/always": Route(desk.printer, "always", authentication="always"),
            }
        ),
        hosts={"localhost"},
        authenticator=OnePassword(),
        tls=identity.context,
    )
    async with endpoint.serving([("127.0.0.1", 0)], grace_s=1):
        yield f"localhost:{endpoint.addresses[0][1]}"


class TestOurPrinter:
    @pytest.mark.parametrize("scheme", ["ipp", "ipps"])
    async def test_prints_what_our_client_sends(self, desk: Desk, identity: OwnIdentity, scheme: str) -> None:
        async with serving(desk, identity) as where:
            trust = Pinned(identity.fingerprint)
            async with Client(f"{scheme}://{where}/ipp/print", trust=trust, compression="gzip") as client:
                printer = await client.get_printer_attributes("printer-state", "printer-uri-supported")
                assert client.printer_uri in printer.strings("printer-uri-supported")
                job = await client.print_document(
                    chunks_of(DOCUMENT[:1000], DOCUMENT[1000:]),
                    document_format="application/pdf",
                    job_attributes=[attribute("copies", 2)],
                )
                await desk.finish(job.integer("job-id", 0))
                (done,) = await client.get_jobs("completed", names=("job-state", "copies"))
        assert (done.integer("job-state"), done.integer("copies")) == (JobState.COMPLETED, 2)
        assert [data for _, data in desk.printed.documents] == [DOCUMENT]

    @pytest.mark.parametrize(
        ("flags", "path", "secure"),
        [([], "", False), (["-E"], "", True), (["-S"], "", True), ([], "/tls", True), (["-E"], "/tls", True)],
        ids=["plain", "upgrade", "tls", "demanded", "upgrade-demanded"],
    )
    async def test_is_reached_by_ipptool_in_every_way(
        self, desk: Desk, identity: OwnIdentity, tmp_path: Path, flags: list[str], path: str, secure: bool
    ) -> None:
        (tmp_path / "x.test").write_text(
            '{ NAME "x" OPERATION Get-Printer-Attributes GROUP operation-attributes-tag'
            " ATTR charset attributes-charset utf-8 ATTR naturalLanguage attributes-natural-language en"
            " ATTR uri printer-uri $uri STATUS successful-ok }"
        )
        async with serving(desk, identity) as where:
            status, said = await run(
                find_program("ipptool"),
                "-t",
                *flags,
                f"ipp://{where}/ipp/print{path}",
                tmp_path / "x.test",
                home=tmp_path,
            )
        assert (status, "[PASS]" in said) == (0, True), said

    async def test_is_probed_and_printed_to_by_the_examples(
        self, desk: Desk, identity: OwnIdentity, tmp_path: Path
    ) -> None:
        (tmp_path / "report.pdf").write_bytes(DOCUMENT)
        async with serving(desk, identity) as where:
            python, uri = sys.executable, f"ipps://{where}/ipp/print"
            status, said = await run(
                python, EXAMPLES / "probe_printer.py", uri, "--pin", identity.fingerprint, home=tmp_path
            )
            assert (status, said.partition(" (")[0]) == (0, "Hall is idle"), said
            assert "application/pdf" in said
            example, report = EXAMPLES / "print_file.py", tmp_path / "report.pdf"
            status, said = await run(
                python, example, "--any-certificate", uri, report, "copies=2", home=tmp_path
            )
            assert (status, said.splitlines()[-1]) == (0, "job 1 is completed"), said
            status, said = await run(python, EXAMPLES / "probe_printer.py", uri, home=tmp_path)
            assert status == 1
            assert "is not trusted" in said
        assert [data for _, data in desk.printed.documents] == [DOCUMENT]


class TestIppEvePrinter:
    async def test_tells_its_attributes_and_prints_over_either(self, eve_printer: IppEvePrinter) -> None:
        store: dict[str, str] = {}
        for uri in (eve_printer.uri, eve_printer.tls_uri):
            async with Client(uri, trust=FirstUse(store)) as client:
                printer = await client.get_printer_attributes()
                assert printer.integer("printer-state") == PrinterState.IDLE
                job = await client.print_document(
                    chunks_of(DOCUMENT[:1000], DOCUMENT[1000:]),
                    document_format="application/pdf",
                    job_name="R",
                )
                assert job.integer("job-id", 0) > 0
                count = 1 if uri == eve_printer.uri else 2
                await asyncio.to_thread(eve_printer.wait_for_documents, count)
        assert [path.read_bytes() for path in eve_printer.received()] == [DOCUMENT] * 2
        assert list(store) == [f"localhost:{eve_printer.port}"]

    async def test_says_what_it_does_not_have(self, eve_printer: IppEvePrinter) -> None:
        async with Client(eve_printer.uri) as client:
            answer = await client.send(
                client.request(Operation.GET_JOB_ATTRIBUTES, attribute("job-id", 999_999))
            )
            with pytest.raises(RemoteProtocolError) as caught:
                client.check(answer, Operation.GET_JOB_ATTRIBUTES)
        assert caught.value.status == Status.CLIENT_ERROR_NOT_FOUND

    async def test_shows_a_certificate_that_no_authority_signed(self, eve_printer: IppEvePrinter) -> None:
        async with Client(eve_printer.tls_uri) as client:
            with pytest.raises(ConnectionFailed, match="not trusted"):
                await client.get_printer_attributes()


class TestCups:
    @pytest.fixture
    def queue(self, cups_server: CupsServer) -> str:
        cups_server.add_queue("client-test", "file:/dev/null", model=None)
        return cups_server.uri("client-test")

    async def test_takes_a_document_by_our_client(self, cups_server: CupsServer, queue: str) -> None:
        for compression in (None, "gzip"):
            async with Client(queue, user_name="anna", compression=compression) as client:
                job = await client.print_document(
                    chunks_of(b"plain ", b"text"), document_format="text/plain", job_name="Notes"
                )
                number = job.integer("job-id", 0)
            await asyncio.to_thread(cups_server.wait_for_completion, "client-test", number)
        async with Client(queue) as client:
            jobs = await client.get_jobs("completed", names=("job-name", "job-originating-user-name"))
        assert {job.string("job-originating-user-name") for job in jobs} == {"anna"}

    async def test_goes_over_to_tls(self, cups_server: CupsServer, queue: str) -> None:
        async with Client(queue.replace("ipp://", "ipps://"), trust=AnyCertificate()) as client:
            assert (await client.get_printer_attributes("printer-name")).string(
                "printer-name"
            ) == "client-test"

    async def test_prints_to_our_printer_with_a_password_and_after_an_upgrade(
        self, cups_server: CupsServer, identity: OwnIdentity
    ) -> None:
        handler = RecordingHandler()
        routes = {"/ipp/print": Route(handler, "print", plain="upgrade", authentication="always")}
        endpoint = Endpoint(
            router_of(routes), hosts={"localhost"}, authenticator=OnePassword(), tls=identity.context
        )
        document = identity_document(cups_server.folder)
        async with endpoint.serving([("127.0.0.1", 0)], grace_s=1):
            port = endpoint.addresses[0][1]
            device = f"ipp://anna:pass@localhost:{port}/ipp/print"
            await asyncio.to_thread(cups_server.add_queue, "to-us", device, None)
            try:
                await asyncio.to_thread(cups_server.lp, "to-us", document)
                async with asyncio.timeout(30):
                    while not handler.requests:  # noqa: ASYNC110  # CUPS tells nobody when it asks
                        await asyncio.sleep(0.05)
            finally:
                await asyncio.to_thread(cups_server.remove_queue, "to-us")
        first = handler.requests[0]
        assert (first.secure, first.user) == (True, User("anna", authenticated=True))
        assert first.user_agent.startswith("CUPS/")


def identity_document(folder: Path) -> Path:
    path = folder / "document.txt"
    path.write_text("from CUPS")
    return path
