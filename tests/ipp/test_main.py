"""`python -m ipp` as a program: what it prints, its exit statuses, real printers."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ipp import LocalProtocolError, OutOfBand, Range, Resolution, Tag, encode
from ipp.__main__ import describe, guess_format, main, parse_option
from ipp.endpoint import Endpoint
from ipp.exchange import Route, User
from ipp.job import FINISHED
from ipp.message import Group, Message
from ipp.registry import attribute
from ipp.spool import Query
from ipp.tls import OwnIdentity
from tests.ipp.asking import Desk, make_desk
from tests.ipp.vectors import CAPTURED, MALFORMED
from tests.ipp.wire import router_of
from tests.peers.ippeveprinter import IppEvePrinter

DONE, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3
ANSWER = CAPTURED / "ippeveprinter-get_printer_attributes.answer"
PDF = b"%PDF-1.4\n% nothing that a printer could print\n"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def run(*words: str | Path, given: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program; its output is no terminal."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "IPP_PASSWORD")
    }
    done = subprocess.run(
        [sys.executable, "-m", "ipp", *map(str, words)],
        input=given,
        capture_output=True,
        timeout=60,
        check=False,
        env=inherited | environment,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


class TestDecode:
    def test_a_message_is_shown_in_lines_without_colour_where_no_terminal_is(self) -> None:
        done = run("decode", ANSWER)
        assert done.returncode == DONE
        assert done.stdout.startswith("successful-ok to request 1, IPP 2.0\n\noperation attributes\n")
        assert "\n  printer-state " in done.stdout
        assert "\x1b" not in done.stdout

    def test_what_follows_the_message_is_counted(self) -> None:
        done = run("decode", CAPTURED / "cups-send_document.request")
        assert done.stdout.startswith("Send-Document request ")
        assert done.stdout.endswith("\ndocument of 64 octets\n")

    def test_json_is_an_object(self) -> None:
        told = json.loads(run("decode", "--json", CAPTURED / "cups-send_document.request").stdout)
        assert told["operation"] == "Send-Document"
        assert told["document-octets"] == 64
        assert told["groups"][0]["attributes"]["last-document"] is True

    def test_a_long_document_is_counted_to_its_end(self) -> None:
        octets = (CAPTURED / "cups-validate_job.request").read_bytes() + bytes(200_000)
        assert json.loads(run("decode", "--json", "-", given=octets).stdout)["document-octets"] == 200_000

    def test_passwords_are_not_shown(self) -> None:
        group = Group(1, [attribute("printer-uri", "ipp://h/"), attribute("job-password", b"4711")])
        octets = encode(Message(2, 1, [group]))
        for form in ((), ("--json",)):
            done = run("decode", *form, "-", given=octets)
            assert done.returncode == DONE
            assert "4711" not in done.stdout + done.stderr

    def test_what_is_malformed_is_told_with_its_place(self) -> None:
        octets, offset, _ = MALFORMED["negative value length"]
        done = run("decode", "-", given=octets)
        assert (done.returncode, done.stdout) == (REFUSED, "")
        assert f"no IPP message: negative length (octet {offset}): " in done.stderr
        assert ">ff fe 78 78 78 78 78 78<" in done.stderr

    @pytest.mark.parametrize("octets", [b"", ANSWER.read_bytes()[:500]])
    def test_a_message_cut_short_is_none(self, octets: bytes) -> None:
        done = run("decode", "-", given=octets)
        assert done.returncode == REFUSED
        assert f"before its end-of-attributes-tag (octet {len(octets)})" in done.stderr

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        done = run("decode", tmp_path / "nowhere")
        assert done.returncode == USAGE
        assert done.stderr == f"python -m ipp: {tmp_path / 'nowhere'}: No such file or directory\n"

    def test_a_locale_without_the_characters_is_no_reason_to_fail(self) -> None:
        done = run(
            "decode",
            CAPTURED / "cups-create_job.request",
            LC_ALL="C",
            PYTHONUTF8="0",
            PYTHONCOERCECLOCALE="0",
        )
        assert done.returncode == DONE
        assert "\\u20ac" in done.stdout

    def test_a_reader_that_wants_no_more_is_no_failure(self) -> None:
        command = f"{sys.executable} -m ipp attributes | head -n 1"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=60, check=True)
        assert done.stdout == b"document-description\n"
        assert done.stderr == b""

    @pytest.mark.parametrize(("closed", "status"), [(">&-", DONE), ("2>&-", DONE), (">&- 2>&-", DONE)])
    def test_what_was_closed_before_is_not_written_to(self, closed: str, status: int) -> None:
        command = f"{sys.executable} -m ipp attributes sides {closed}"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (status, b"")

    def test_a_refusal_that_nobody_sees_is_told_by_the_exit_status(self) -> None:
        command = f"{sys.executable} -m ipp attributes nothing 2>&-"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=60, check=False)
        assert done.returncode == REFUSED


class TestAttributes:
    def test_every_registered_name_is_told(self) -> None:
        done = run("attributes")
        assert done.returncode == DONE
        assert "job-template\n" in done.stdout
        assert len(done.stdout.splitlines()) > 1000

    def test_one_is_told_with_its_values(self) -> None:
        told = json.loads(run("attributes", "--json", "print-quality-default").stdout)
        assert told["enum"] == {"draft": 3, "normal": 4, "high": 5}
        assert told["syntax"] == {"printer-description": "type2 enum"}
        done = run("attributes", "sides")
        assert "  two-sided-long-edge\n" in done.stdout

    def test_a_collection_is_told_with_its_members(self) -> None:
        found = describe("media-col-ready")
        assert found is not None
        assert isinstance(found["members"], dict)
        assert {"media-size", "media-type"} <= found["members"].keys()

    def test_a_member_is_found_by_its_path(self) -> None:
        assert describe("media-col-default/media-size/x-dimension") == {
            "name": "media-col-default/media-size/x-dimension",
            "syntax": {"media-col/media-size": "integer(1:MAX)"},
        }
        assert describe("media-col/copies") is None

    def test_a_name_nobody_registered_is_told_with_what_is_near(self) -> None:
        done = run("attributes", "media-coll")
        assert done.returncode == REFUSED
        assert "nobody registered this name; did you mean media-col" in done.stderr


class TestUsage:
    @pytest.mark.parametrize("words", [(), ("probe", "--pin", "x", "--any-certificate", "u")])
    def test_wrong_usage_is_2(self, words: tuple[str, ...]) -> None:
        done = run(*words)
        assert done.returncode == USAGE
        assert "usage: python -m ipp" in done.stderr

    def test_help_tells_the_exit_statuses(self) -> None:
        for words in (("--help",), ("probe", "--help")):
            done = run(*words)
            assert done.returncode == DONE
            assert "exit status:" in done.stdout

    @pytest.mark.parametrize("uri", ["printer.example", "ipp://user:4711@h/"])
    def test_a_uri_of_no_printer_is_2(self, uri: str) -> None:
        done = run("probe", uri)
        assert done.returncode == USAGE
        assert "4711" not in done.stderr

    def test_a_printer_that_is_not_there_is_3(self) -> None:
        done = run("probe", "ipp://127.0.0.1:1/ipp/print")
        assert done.returncode == UNREACHABLE
        assert "127.0.0.1:1" in done.stderr

    def test_a_password_is_never_taken_from_a_pipe(self) -> None:
        done = run("probe", "--user", "ada", "ipp://127.0.0.1:1/ipp/print", given=b"4711\n")
        assert done.returncode == USAGE
        assert "IPP_PASSWORD" in done.stderr

    @pytest.mark.parametrize("option", ["sides", "copies=0"])
    def test_an_option_that_says_nothing_is_2(self, option: str, tmp_path: Path) -> None:
        path = tmp_path / "page.pdf"
        path.write_bytes(PDF)
        assert run("print", "-o", option, "ipp://127.0.0.1:1/", path).returncode == USAGE

    def test_an_empty_file_is_not_printed(self) -> None:
        done = run("print", "ipp://127.0.0.1:1/", "-")
        assert done.returncode == USAGE
        assert "nothing in it" in done.stderr


@pytest.mark.parametrize(
    ("text", "tags", "values"),
    [
        ("copies=2", [Tag.INTEGER], (2,)),
        ("sides=two-sided-long-edge", [Tag.KEYWORD], ("two-sided-long-edge",)),
        ("print-quality=high", [Tag.ENUM], (5,)),
        ("print-quality=4", [Tag.ENUM], (4,)),
        ("finishings=staple,punch", [Tag.ENUM, Tag.ENUM], (4, 5)),
        ("page-ranges=1-3,7", [Tag.RANGE_OF_INTEGER] * 2, (Range(1, 3), Range(7, 7))),
        ("printer-resolution=600dpi", [Tag.RESOLUTION], (Resolution(600, 600),)),
        ("printer-resolution=600x1200dpcm", [Tag.RESOLUTION], (Resolution(600, 1200, 4),)),
        ("job-password=1234", [Tag.OCTET_STRING], (b"1234",)),
        ("job-name=Ann, Ben = C", [Tag.NAME], ("Ann, Ben = C",)),
        ("last-document=false", [Tag.BOOLEAN], (False,)),
        ("media=My Paper", [Tag.NAME], ("My Paper",)),
    ],
)
def test_options_are_read_as_people_write_them(
    text: str, tags: list[int], values: tuple[object, ...]
) -> None:
    made = parse_option(text)
    assert (made.tags, made.values) == (bytes(tags), values)


@pytest.mark.parametrize(
    "text",
    [
        *("media-col=x", "printer-resolution=600", "copies=", "print-quality=splendid", "=x"),
        *(
            "never-heard-of=1",
            "printer-name=x",
            "copies=\u00b2",
            f"copies={'9' * 5000}",
            f"page-ranges=1-{'9' * 5000}",
        ),
    ],
)
def test_a_value_of_another_syntax_is_refused(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        parse_option(text)


@pytest.mark.parametrize(
    ("first", "name", "kind"),
    [
        (b"%PDF-1.7", "x", "application/pdf"),
        (b"RaS2PwgRaster\0", "x.pdf", "image/pwg-raster"),
        (b"UNIRAST\0", "-", "image/urf"),
        (b"\xff\xd8\xff\xe0", "x", "image/jpeg"),
        (b"hello", "x.txt", "text/plain"),
        (b"hello", "-", "application/octet-stream"),
    ],
)
def test_a_document_is_known_by_its_first_octets_then_by_its_name(first: bytes, name: str, kind: str) -> None:
    assert guess_format(first, Path(name)) == kind


class PasswordList:
    challenges = ('Basic realm="test"',)

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        shown = b64decode(credentials).decode(errors="replace") if scheme == "basic" else ""
        return User("anna", authenticated=True) if shown == "anna:4711" else None


@pytest.fixture
def identity(tmp_path: Path) -> OwnIdentity:
    return OwnIdentity(tmp_path / "identity.pem", [])


@asynccontextmanager
async def serving(desk: Desk, identity: OwnIdentity) -> AsyncIterator[str]:
    """Our own printer on a port; gives its `localhost:port`. The path `known` wants a password."""
    routes = {
        "/ipp/print": Route(desk.printer, "print"),
        "/ipp/print/known": Route(desk.printer, "known", authentication="always"),
    }
    endpoint = Endpoint(
        router_of(routes), hosts={"localhost"}, authenticator=PasswordList(), tls=identity.context
    )
    async with endpoint.serving([("127.0.0.1", 0)], grace_s=1):
        yield f"localhost:{endpoint.addresses[0][1]}"


class TestOurPrinter:
    async def test_with_icons_it_lacks_nothing(self, identity: OwnIdentity) -> None:
        desk = make_desk(icons=("/icon-48.png",))
        async with desk.spool, serving(desk, identity) as where:
            done = await asyncio.to_thread(run, "probe", "--strict", f"ipp://{where}/ipp/print")
            every = await asyncio.to_thread(run, "probe", "--all", f"ipp://{where}/ipp/print")
        assert (done.returncode, done.stderr) == (DONE, ""), done.stdout
        assert done.stdout.endswith("It has all that IPP Everywhere 1.1 requires.\n")
        assert "\n  media-col-database " not in done.stdout
        assert "\n  media-col-database " in every.stdout

    async def test_what_it_lacks_is_told_with_where_it_is_required(
        self, desk: Desk, identity: OwnIdentity
    ) -> None:
        async with serving(desk, identity) as where:
            done = await asyncio.to_thread(run, "probe", f"ipp://{where}/ipp/print")
            strict = await asyncio.to_thread(run, "probe", "--strict", "--json", f"ipp://{where}/ipp/print")
        assert done.returncode == DONE
        assert "it lacks (1):\n  printer-icons: absent (PWG 5100.14 5.2)\n" in done.stdout
        assert strict.returncode == REFUSED
        assert [lack["attribute"] for lack in json.loads(strict.stdout)["missing"]] == ["printer-icons"]

    async def test_its_certificate_is_accepted_by_fingerprint_or_authority(
        self, desk: Desk, identity: OwnIdentity, tmp_path: Path
    ) -> None:
        pem = (tmp_path / "identity.pem").read_text()
        (tmp_path / "trusted.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
        async with serving(desk, identity) as where:
            uri = f"ipps://{where}/ipp/print"
            for words, status in (
                (("--pin", identity.fingerprint), DONE),
                (("--pin", "00" * 32), UNREACHABLE),
                (("--authorities", str(tmp_path / "trusted.pem")), DONE),
                ((), UNREACHABLE),
            ):
                done = await asyncio.to_thread(run, "probe", *words, uri)
                assert done.returncode == status, (words, done.stderr)

    async def test_the_password_is_taken_from_the_environment(
        self, desk: Desk, identity: OwnIdentity
    ) -> None:
        words = ("probe", "--pin", identity.fingerprint, "--user", "anna")
        async with serving(desk, identity) as where:
            uri = f"ipps://{where}/ipp/print/known"
            right = await asyncio.to_thread(run, *words, uri, IPP_PASSWORD="4711")
            wrong = await asyncio.to_thread(run, *words, uri, IPP_PASSWORD="0815")
        assert (right.returncode, right.stderr) == (DONE, "")
        assert wrong.returncode == REFUSED
        assert "0815" not in wrong.stdout + wrong.stderr

    async def test_a_job_is_printed_with_its_options(self, desk: Desk, identity: OwnIdentity) -> None:
        async with serving(desk, identity) as where:
            uri = f"ipp://{where}/ipp/print"
            options = ("-o", "sides=two-sided-long-edge", "-o", "copies=2", "--title", "Größe")
            done = await asyncio.to_thread(run, "print", "--json", "--wait", *options, uri, "-", given=PDF)
        assert (done.returncode, done.stderr) == (DONE, "")
        assert [document for _, document in desk.printed.documents] == [PDF]
        told = json.loads(done.stdout)
        assert told["job-state"] == "completed"

    async def test_what_a_printer_does_not_take_is_told_and_where_it_belongs_is_known(
        self, desk: Desk, identity: OwnIdentity
    ) -> None:
        # job-password is an operation attribute: in the job's group nobody would take it for one.
        options = ("-o", "job-password=4711", "-o", "job-password-encryption=none", "-o", "job-account-id=x")
        options += ("-o", "job-name=Grüße", "-o", "document-name=Brief")
        async with serving(desk, identity) as where:
            uri = f"ipp://{where}/ipp/print"
            done = await asyncio.to_thread(run, "print", "--wait", *options, uri, "-", given=PDF)
        assert done.returncode == DONE
        assert done.stderr == f"{where} did not take ['job-account-id', 'job-password']\n"
        assert "4711" not in done.stdout
        (job,) = await desk.spool.find(Query(FINISHED))
        assert job.name == "Grüße"
        assert job.documents[0].name == "Brief"

    async def test_a_file_whose_name_is_no_utf8_is_printed(
        self, desk: Desk, identity: OwnIdentity, tmp_path: Path
    ) -> None:
        path = tmp_path / os.fsdecode(b"Gr\xf6\xdfe.pdf")
        path.write_bytes(PDF)
        async with serving(desk, identity) as where:
            done = await asyncio.to_thread(run, "print", "--wait", f"ipp://{where}/ipp/print", path)
        assert (done.returncode, done.stderr) == (DONE, "")
        assert [job.name for job in await desk.spool.find(Query(FINISHED))] == ["Gr\\xf6\\xdfe.pdf"]

    async def test_a_name_that_is_no_utf8_is_shown_as_it_was_given(
        self, desk: Desk, identity: OwnIdentity
    ) -> None:
        words = ("probe", "--pin", identity.fingerprint, "--user", os.fsdecode(b"\xff"))
        async with serving(desk, identity) as where:
            uri = f"ipps://{where}/ipp/print/known"
            done = await asyncio.to_thread(run, *words, uri, IPP_PASSWORD="4711")
        assert done.returncode == REFUSED
        assert "it wants credentials" in done.stderr

    async def test_who_has_no_name_prints_without_one(
        self, desk: Desk, identity: OwnIdentity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nobody() -> str:
            raise KeyError("getpwuid(): uid not found: 12345")

        monkeypatch.setattr("getpass.getuser", nobody)
        async with serving(desk, identity) as where:
            uri = f"ipp://{where}/ipp/print"
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PDF)))
            assert await asyncio.to_thread(main, ["print", uri, "-"]) == DONE
        assert await desk.spool.get(1) is not None


@pytest.mark.peer
class TestRealPrinter:
    def test_probe_tells_what_it_is_and_what_it_lacks(self, eve_printer: IppEvePrinter) -> None:
        done = run("probe", eve_printer.uri)
        assert done.returncode == DONE, done.stderr
        assert done.stdout.startswith(f"{eve_printer.name} is idle\n")
        assert "  document-format-supported " in done.stdout
        assert "IPP Everywhere 1.1" in done.stdout

    def test_probe_all_as_json(self, eve_printer: IppEvePrinter) -> None:
        done = run("probe", "--json", "--strict", eve_printer.uri)
        told = json.loads(done.stdout)
        assert told["uri"] == eve_printer.uri
        assert told["attributes"]["printer-name"] == eve_printer.name
        assert told["attributes"]["printer-state"] == "idle"
        assert len(told["attributes"]["media-col-database"]) > 5
        assert done.returncode == (REFUSED if told["missing"] else DONE)

    def test_tls_needs_a_reason_to_trust(self, eve_printer: IppEvePrinter) -> None:
        assert run("probe", eve_printer.tls_uri).returncode == UNREACHABLE
        assert run("probe", "--any-certificate", eve_printer.tls_uri).returncode == DONE

    def test_print_a_file_and_wait(self, eve_printer: IppEvePrinter, tmp_path: Path) -> None:
        path = tmp_path / "page.pdf"
        path.write_bytes(PDF)
        done = run("print", "--wait", "-o", "sides=one-sided", "--title", "Größe", eve_printer.uri, path)
        assert (done.returncode, done.stderr) == (DONE, "")
        assert done.stdout.startswith("job ")
        assert done.stdout.endswith(" is completed\n")
        assert [received.read_bytes() for received in eve_printer.wait_for_documents(1)] == [PDF]

    def test_print_standard_input_as_json(self, eve_printer: IppEvePrinter) -> None:
        done = run("print", "--json", "--wait", eve_printer.uri, "-", given=PDF)
        assert done.returncode == DONE, done.stderr
        assert json.loads(done.stdout)["job-state"] == "completed"

    def test_a_refusal_is_told_with_its_status(self, eve_printer: IppEvePrinter) -> None:
        done = run("print", "--format", "application/x-nothing", eve_printer.uri, "-", given=PDF)
        assert done.returncode == REFUSED
        assert "not-supported" in done.stderr


def test_out_of_band_is_not_what_people_write() -> None:
    assert OutOfBand.NO_VALUE not in parse_option("media=no-value").values
