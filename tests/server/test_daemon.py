"""The daemon whole, in this process: it starts, serves, is told to stop, and starts again."""

from __future__ import annotations

import asyncio
import errno
import os
import plistlib
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from ipp import RemoteProtocolError, Status
from ipp.client import Client
from ipp.errors import ConnectionFailed
from ipp.listener import inherited_sockets
from ipp.trust import AnyCertificate, Basic
from server.admin import commands as c
from server.admin.socket import request
from server.config import Config, Discovery, Listen, PrinterSettings, QueueSettings, Tls
from server.daemon import StartError, serve
from server.errors import PullprintError

PASSWORD = "correct horse"
PDF = b"%PDF-1.7\n%canary-of-a-document\n" + bytes(range(256)) * 40


@dataclass
class Running:
    """A daemon that serves."""

    folder: Path
    port: int
    said: str

    async def ask(self, command: c.Command) -> Any:
        return await asyncio.to_thread(request, self.folder, command)

    def client(self, path: str = "/ipp/print", *, scheme: str = "ipps", **options: Any) -> Client:
        return Client(f"{scheme}://localhost:{self.port}{path}", trust=AnyCertificate(), **options)

    async def print(self, client: Client, title: str = "canary-of-a-title") -> int:
        async with client:
            job = await client.print_document(PDF, document_format="application/pdf", job_name=title)
        return job.integer("job-id", 0)


def configure(folder: Path, **changes: Any) -> Config:
    values: dict[str, Any] = {
        "data": str(folder),
        "listen": Listen(addresses=("127.0.0.1",), port=0),
        "discovery": Discovery(enabled=False),
    }
    return Config(**(values | changes))


@asynccontextmanager
async def running(config: Config, environment: dict[str, str] | None = None) -> AsyncIterator[Running]:
    said: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    until = asyncio.Event()
    task = asyncio.create_task(serve(config, environment or {}, ready=said.set_result, until=until))
    try:
        task.add_done_callback(lambda _: said.cancel())
        await asyncio.wait([said])
        if said.cancelled():
            await task
        status = await asyncio.to_thread(request, config.folder, c.GetStatus())
        yield Running(config.folder, int(status.addresses[0].rpartition(":")[2]), said.result())
    finally:
        until.set()
        await task


Start = Callable[..., Awaitable[Running]]


async def test_with_no_set_up_somebody_prints_and_it_is_parked(tmp_path: Path) -> None:
    async with running(configure(tmp_path / "data")) as daemon:
        for scheme in ("ipps", "ipp"):
            await daemon.print(daemon.client(scheme=scheme, user_name="ada"))
        jobs = await daemon.ask(c.ListJobs())
        assert [(job.owner, job.title, job.state, job.octets) for job in jobs] == [
            ("ada", "canary-of-a-title", "pending-held", len(PDF))
        ] * 2


async def test_it_says_how_to_print_to_it(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        assert f"ipps://localhost:{daemon.port}/ipp/print" in daemon.said.replace(
            socket.gethostname().partition(".")[0] + ".local", "localhost"
        )
        assert "lpadmin -p pullprint" in daemon.said
        assert "under any name that has no password here" in daemon.said
        await daemon.ask(c.SetQueue(name="hold", authentication="basic"))
    async with running(configure(tmp_path)) as daemon:
        assert "people with a password" in daemon.said


async def test_what_was_parked_is_there_after_a_restart(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddPerson(name="ada", password=PASSWORD))
        job = await daemon.print(daemon.client(user_name="bob"))
        queue = await daemon.ask(c.ListQueues())
    async with running(configure(tmp_path)) as daemon:
        assert [each.id for each in await daemon.ask(c.ListJobs())] == [job]
        assert [each.name for each in await daemon.ask(c.ListPeople())] == ["ada"]
        assert [each.name for each in await daemon.ask(c.ListQueues())] == [queue[0].name]
        assert (await daemon.ask(c.VerifyLedger())).sound


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_the_disk_holds_no_plaintext(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddPerson(name="canary-of-a-name", password="canary-of-a-password"))
        credentials = Basic("canary-of-a-name", "canary-of-a-password")
        await daemon.ask(c.SetQueue(name="hold", authentication="basic"))
        await daemon.print(daemon.client(credentials=credentials))
        path = await daemon.ask(c.MakePath(name="canary-of-a-name"))
        written = await asyncio.to_thread(read_all, tmp_path)
    written += await asyncio.to_thread(read_all, tmp_path)
    assert len(written) > len(PDF)
    assert b"canary-of" not in written
    assert path.uris[0].rpartition("/")[2].encode() not in written


async def test_the_folder_is_its_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with running(configure(folder)):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes


async def test_a_queue_with_passwords_lets_its_people_in(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddPerson(name="ada", password=PASSWORD))
        await daemon.ask(c.SetQueue(name="hold", authentication="basic"))
        await daemon.print(daemon.client(credentials=Basic("Ada", PASSWORD), user_name="somebody"))
        (job,) = await daemon.ask(c.ListJobs())
        assert job.owner == "ada"
        for client in (daemon.client(), daemon.client(credentials=Basic("ada", "wrong"))):
            with pytest.raises(RemoteProtocolError) as caught:
                await daemon.print(client)
            assert caught.value.status is Status.CLIENT_ERROR_NOT_AUTHENTICATED


async def test_a_password_is_neither_asked_for_nor_taken_without_tls(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon, aiohttp.ClientSession() as session:
        await daemon.ask(c.SetQueue(name="hold", authentication="basic"))
        async with session.post(
            f"http://localhost:{daemon.port}/ipp/print",
            data=b"",
            headers={"Content-Type": "application/ipp"},
        ) as answer:
            assert answer.status == 426
            assert "WWW-Authenticate" not in answer.headers


async def test_a_name_that_needs_proof_is_asked_for_it_by_tls_only(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddPerson(name="ada", password=PASSWORD))
        credentials = Basic("ada", PASSWORD)
        plain = daemon.client(
            scheme="ipp",
            tls="never",
            user_name="ada",
            credentials=credentials,
            plain_credentials=True,
        )
        with pytest.raises(RemoteProtocolError, match="TLS"):
            await daemon.print(plain)
        client = daemon.client(scheme="ipp", user_name="ada", credentials=credentials)
        await daemon.print(client)
        assert client.secure
        (job,) = await daemon.ask(c.ListJobs())
        assert job.owner == "ada"


async def test_a_secret_path_prints_as_its_person_until_it_is_revoked(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddPerson(name="ada"))
        made = await daemon.ask(c.MakePath(name="ada"))
        path = "/ipp" + made.uris[0].partition("/ipp")[2]
        await daemon.print(daemon.client(path, user_name="somebody"))
        (job,) = await daemon.ask(c.ListJobs())
        assert job.owner == "ada"
        with pytest.raises(RemoteProtocolError, match="TLS"):
            await daemon.print(daemon.client(path, scheme="ipp", tls="never"))
        await daemon.ask(c.RevokePath(name="ada"))
        with pytest.raises(RemoteProtocolError):
            await daemon.print(daemon.client(path))


async def test_two_people_do_not_see_each_others_jobs(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        for name in ("ada", "bob"):
            await daemon.ask(c.AddPerson(name=name, password=PASSWORD))
        await daemon.ask(c.SetQueue(name="hold", authentication="basic"))
        await daemon.print(daemon.client(credentials=Basic("ada", PASSWORD)))
        async with daemon.client(credentials=Basic("bob", PASSWORD)) as bob:
            assert await bob.get_jobs() == []
        async with daemon.client(credentials=Basic("ada", PASSWORD)) as ada:
            (job,) = await ada.get_jobs()
            assert job.string("job-name") == "canary-of-a-title"


async def test_a_queue_made_by_command_is_served_at_once(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddQueue(queue=QueueSettings(name="second", info="Two")))
        async with daemon.client("/ipp/print/second") as client:
            assert (await client.get_printer_attributes("printer-info")).string("printer-info") == "Two"
        await daemon.ask(c.RemoveQueue(name="second"))
        async with daemon.client("/ipp/print/second") as client:
            with pytest.raises(RemoteProtocolError):
                await client.get_printer_attributes("printer-info")


async def test_another_daemon_is_a_printer_that_can_be_probed(tmp_path: Path) -> None:
    async with running(configure(tmp_path / "a")) as one, running(configure(tmp_path / "b")) as other:
        uri = f"ipps://localhost:{other.port}/ipp/print"
        printer = await one.ask(c.AddPrinter(uri=uri, name="other"))
        assert printer.make_and_model == "pullprint"
        assert printer.two_sided
    async with running(configure(tmp_path / "a")) as one:
        with pytest.raises(PullprintError, match="cannot be asked what it is"):
            await one.ask(c.ProbePrinter(printer="other"))


async def test_a_profile_leads_to_the_secret_path_and_trusts_our_certificate(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddPerson(name="ada"))
        made = await daemon.ask(c.MakeProfile(name="ada", host="print.example"))
        payloads = {each["PayloadType"]: each for each in plistlib.loads(made.octets)["PayloadContent"]}
        (printer,) = payloads["com.apple.airprint"]["AirPrint"]
        assert (printer["IPAddress"], printer["Port"], printer["ForceTLS"]) == (
            "print.example",
            daemon.port,
            True,
        )
        assert made.uris[0].endswith(printer["ResourcePath"])
        assert "com.apple.security.root" in payloads


async def test_a_profile_is_signed_when_asked_by_the_key_that_tls_shows(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        await daemon.ask(c.AddPerson(name="ada"))
        made = await daemon.ask(c.MakeProfile(name="ada", host="print.example", sign=True))
        identity = (tmp_path / "identity.pem").read_bytes()
    (certificate,) = pkcs7.load_der_pkcs7_certificates(made.octets)
    assert certificate == x509.load_pem_x509_certificate(identity)
    assert b"com.apple.airprint" in made.octets


async def test_the_start_page_and_the_icons_are_served(tmp_path: Path) -> None:
    async with running(configure(tmp_path, name="Library")) as daemon, aiohttp.ClientSession() as session:
        root = f"http://localhost:{daemon.port}"
        async with session.get(f"{root}/") as page:
            assert "Library" in await page.text()
        async with daemon.client() as client:
            icons = (await client.get_printer_attributes("printer-icons")).strings("printer-icons")
        assert len(icons) == 3
        for icon in icons:
            async with session.get(icon.replace("https:", "http:")) as image:
                assert image.content_type == "image/png"


async def test_a_second_daemon_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with running(configure(tmp_path)):
        with pytest.raises(StartError, match="another daemon serves"):
            async with running(configure(tmp_path)):
                pass


async def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    async with running(configure(tmp_path / "a")) as daemon:
        listen = Listen(addresses=("127.0.0.1",), port=daemon.port)
        with pytest.raises(StartError, match=r"cannot be listened at.*--port"):
            async with running(configure(tmp_path / "b", listen=listen)):
                pass


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tls": Tls(certificate="/none/cert.pem")}, r"TLS certificate cannot be used"),
        ({"queues": (QueueSettings(name="desk", kind="direct", printer="p"),)}, r"which is not there"),
    ],
)
async def test_what_stands_in_the_way_of_a_start_is_told(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(PullprintError, match=said):
        async with running(configure(tmp_path, **changes)):
            pass
    async with running(configure(tmp_path)) as daemon:
        assert daemon.port


async def test_a_data_folder_that_cannot_be_locked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(StartError, match=r"cannot be locked: .*local disk"):
        async with running(configure(tmp_path)):
            pass


async def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="name another by --data"):
        async with running(configure(tmp_path / "file" / "data")):
            pass


async def test_queues_and_printers_of_the_file_are_served(tmp_path: Path) -> None:
    config = configure(
        tmp_path,
        printers=(PrinterSettings(name="out", uri=f"file:{tmp_path}/out"),),
        queues=(
            QueueSettings(name="desk", kind="direct", printer="out", default=True),
            QueueSettings(name="park", authentication="basic"),
        ),
    )
    async with running(config) as daemon:
        queues = await daemon.ask(c.ListQueues())
        assert [(queue.name, queue.kind, queue.from_file) for queue in queues] == [
            ("desk", "direct", True),
            ("park", "hold", True),
        ]
        async with daemon.client() as client:
            told = await client.get_printer_attributes("printer-name")
            assert told.string("printer-name") == "desk"


async def test_without_plain_everything_is_by_tls(tmp_path: Path) -> None:
    listen = Listen(addresses=("127.0.0.1",), port=0, plain=False)
    async with running(configure(tmp_path, listen=listen)) as daemon:
        with pytest.raises(RemoteProtocolError, match="TLS"):
            await daemon.print(daemon.client(scheme="ipp", tls="never"))
        async with daemon.client() as client:
            told = await client.get_printer_attributes("printer-uri-supported")
        assert told.strings("printer-uri-supported") == (f"ipps://localhost:{daemon.port}/ipp/print",)


async def test_sockets_that_systemd_passed_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from server import daemon as module

    passed = socket.create_server(("127.0.0.1", 0))
    port = passed.getsockname()[1]
    seen: list[Any] = []

    def inherited(environment: Any) -> list[socket.socket]:
        seen.append(environment)
        return [passed]

    monkeypatch.setattr(module, "inherited_sockets", inherited)
    async with running(configure(tmp_path), {"LISTEN_FDS": "1"}) as daemon:
        assert daemon.port == port
        await daemon.print(daemon.client(user_name="ada"))
    assert seen == [{"LISTEN_FDS": "1"}]
    assert inherited_sockets({"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid() + 1)}) == []


async def test_after_the_end_nobody_answers_and_the_socket_is_gone(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon:
        client = daemon.client()
    with pytest.raises(ConnectionFailed):
        await daemon.print(client)
    assert "admin.sock" not in {
        path.name for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))
    }


async def test_its_instance_is_kept_and_a_damaged_one_is_told(tmp_path: Path) -> None:
    async with running(configure(tmp_path)) as daemon, daemon.client() as client:
        first = (await client.get_printer_attributes("printer-uuid")).string("printer-uuid")
    async with running(configure(tmp_path)) as daemon, daemon.client() as client:
        assert (await client.get_printer_attributes("printer-uuid")).string("printer-uuid") == first
    (tmp_path / "instance").write_text("x")
    with pytest.raises(StartError, match="instance is damaged"):
        async with running(configure(tmp_path)):
            pass
    (tmp_path / "instance").unlink()
    (tmp_path / "instance").mkdir()
    with pytest.raises(StartError, match="instance cannot be made or read"):
        async with running(configure(tmp_path)):
            pass
