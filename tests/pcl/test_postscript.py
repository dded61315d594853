import io
import os
import resource
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl import postscript
from pcl.postscript import BLOCK_OCTETS, PostScriptAnalyzer, Structure, measure_postscript
from pcl.report import Certainty, Report, Sides
from pcl.spool import Spool
from pcl.worker import Limits, WorkerPool

HEAD = b"%!PS-Adobe-3.0\n%%Title: (Pay slips)\n%%Creator: Driver 2\n%%For: ada\n"
PAGE = b"%%%%Page: %d %d\n100 100 200 50 rectfill showpage\n"
TAIL = b"%%Trailer\n%%EOF\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1, limits=Limits(time_s=10.0)) as pool:
        yield pool


def make(pages: int = 3, said: bytes = b"%%Pages: 3\n", between: bytes = b"") -> bytes:
    body = b"".join(PAGE % (number, number) for number in range(1, pages + 1))
    return HEAD + said + b"%%EndComments\n" + between + body + TAIL


def analyse(
    document: bytes, pool: WorkerPool | None = None, chunk_octets: int = 0, **settings: Any
) -> Report:
    analyser = PostScriptAnalyzer(pool=pool, **settings)
    for start in range(0, len(document), chunk_octets or len(document) or 1):
        analyser.feed(document[start : start + (chunk_octets or len(document))])
    return analyser.finish()


def read(document: bytes, chunk_octets: int = 0) -> Structure:
    structure = Structure()
    for start in range(0, len(document), chunk_octets or len(document) or 1):
        structure.feed(document[start : start + (chunk_octets or len(document))])
    structure.finish()
    return structure


def codes(report: Report) -> list[str]:
    return [warning.code for warning in report.warnings]


@pytest.mark.parametrize(
    ("document", "pages", "colour_pages"),
    [
        (b"Black", (b"", b""), 0),
        (b"", (b"", b""), None),
        (b"Cyan Magenta Yellow Black", (b"", b""), None),
        (b"Cyan Magenta Yellow Black", (b"Black", b"Black Cyan"), 1),
        (b"Cyan Black", (b"Black", b""), None),
        (b"(atend)", (b"Black", b"Black"), 0),
        (b"Gold", (b"", b""), None),
    ],
)
def test_colour_is_declared_where_the_comments_tell_of_process_colours(
    document: bytes, pages: tuple[bytes, bytes], colour_pages: int | None
) -> None:
    whole = b"%%DocumentProcessColors: " + document + b"\n" if document else b""
    octets = HEAD + whole + b"%%Pages: 2\n%%EndComments\n"
    for number, inks in enumerate(pages, 1):
        page = PAGE % (number, number)
        said = b"%%PageProcessColors: " + inks + b"\n" if inks else b""
        octets += page.replace(b"\n", b"\n" + said, 1)
    report = analyse(octets + TAIL, measure="never")
    assert (report.pages, report.colour_pages) == (2, colour_pages)
    if colour_pages is not None:
        assert report.certainty("colour_pages") is Certainty.DECLARED


def test_a_spot_colour_leaves_the_colour_of_pages_unknown() -> None:
    said = b"%%Pages: 3\n%%DocumentProcessColors: Black\n%%DocumentCustomColors: (Gold)\n"
    assert analyse(make(said=said), measure="never").colour_pages is None


def test_comments_that_agree_with_themselves_are_believed_as_declared() -> None:
    report = analyse(make(), measure="untrusted")
    assert (report.format, report.version, report.pages) == ("application/postscript", "3.0", 3)
    assert (report.title, report.application, report.user) == ("Pay slips", "Driver 2", "ada")
    assert report.certainty("pages") is Certainty.DECLARED
    assert (report.colour_pages, report.sheets) == (None, None)


@pytest.mark.parametrize(
    "document",
    [
        make(said=b"%%Pages: 2\n"),
        make(said=b"%%Pages: (atend)\n"),
        make(said=b""),
        make(said=b"%%Pages: 3\n", between=b"%%Pages: 4\n"),
        make()[: -len(TAIL)],
        make().replace(b"%!PS-Adobe-3.0", b"%!PS"),
        make().replace(b"%!PS-Adobe-3.0", b"%!PS-Adobe-3.0 EPSF-3.0"),
        make().replace(b"%%Page: 2 2", b"%%Page: 2 7"),
        make(between=b"/#copies 3 def\n"),
        make(between=b"<< /NumCopies 2 >> setpagedevice\n"),
        make(between=b"copypage\n"),
        make(between=b"%%BeginDocument: x\n"),
        b"",
        b"%!PS\nshowpage\n",
    ],
)
def test_comments_that_do_not_are_not_believed(document: bytes) -> None:
    assert not read(document).trustworthy()
    report = analyse(document, measure="never")
    assert (report.pages, codes(report)) == (None, ["pages-unknown"])


def test_a_document_within_the_document_has_its_own_comments() -> None:
    inner = b"%%BeginDocument: logo.eps\n" + HEAD + b"%%Pages: 1\n%%Page: 1 1\n%%EOF\n%%EndDocument\n"
    assert analyse(make(between=inner), measure="never").pages == 3


def test_pages_said_at_the_end_are_believed() -> None:
    document = make(said=b"%%Pages: (atend)\n").replace(b"%%EOF", b"%%Pages: 3\n%%EOF")
    assert analyse(document, measure="never").pages == 3


@pytest.mark.parametrize(
    ("setting", "sides", "sheets"),
    [
        (b"<< /Duplex true >> setpagedevice\n", Sides.LONG_EDGE, 2),
        (b"<< /Duplex true /Tumble true >> setpagedevice\n", Sides.SHORT_EDGE, 2),
        (b"<< /Duplex false >> setpagedevice\n", None, None),
    ],
)
def test_sides_are_what_the_document_sets(setting: bytes, sides: Sides | None, sheets: int | None) -> None:
    report = analyse(make(between=setting), measure="never")
    assert (report.page_runs[0].page.sides, report.sheets) == (sides, sheets)


def test_the_media_comment_gives_the_size() -> None:
    media = b"%%DocumentMedia: Plain 595 842 80 white ()\n"
    [page, *_] = analyse(make(said=media + b"%%Pages: 3\n"), measure="never").each_page()
    assert (page.media, page.width_hmm, page.height_hmm) == ("iso_a4_210x297mm", 21000, 29700)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3000), st.integers(0, 600))
def test_comments_are_found_in_any_chunking_and_wherever_a_block_ends(chunk_octets: int, shift: int) -> None:
    filler = b"x" * (BLOCK_OCTETS - 400 + shift) + b"\n"
    document = make(between=filler + b"<< /Duplex true >> setpagedevice\n" + filler + b"/#copies 1 def\n")
    whole, cut = read(document), read(document, chunk_octets)
    for structure in (whole, cut):
        assert (structure.counted, structure.pages, structure.sides) == (3, [3], Sides.LONG_EDGE)
        assert not structure.trustworthy()
        assert structure.texts["Title"] == "(Pay slips)"


@given(st.binary(max_size=2000))
def test_octets_that_are_no_postscript_are_read_over(octets: bytes) -> None:
    assert read(octets, 7).counted == read(octets).counted


def measure(document: bytes, **options: Any) -> Report:
    [report] = measure_postscript(io.BytesIO(document), options)
    return report


needs_ghostscript = pytest.mark.peer
MEASURED = [
    (b"%!PS\n", 0, 0),
    (b"%!PS\nshowpage\n", 1, 0),
    (b"%!PS\nshowpage showpage\n\x04", 2, 0),
    (
        b"%!PS\n1 0 0 setrgbcolor 10 10 99 99 rectfill showpage 0.5 setgray 10 10 99 99 rectfill showpage\n",
        2,
        1,
    ),
    (b"%!PS\n/#copies 3 def showpage\n", 3, 0),
    (b"%!PS\n<< /NumCopies 2 >> setpagedevice showpage\n", 2, 0),
    (b"%!PS\n0 1 99 { pop showpage } for\n", 100, 0),
    (b"%!PS\n<< /Policies << /PageSize 3 >> /PageSize [200 100] >> setpagedevice showpage\n", 1, 0),
    (make(3, b"%%Pages: 1\n"), 3, 0),
]


@needs_ghostscript
@pytest.mark.parametrize(("document", "pages", "coloured"), MEASURED)
def test_ghostscript_counts_what_comes_out(
    pool: WorkerPool, document: bytes, pages: int, coloured: int
) -> None:
    report = analyse(document, pool, measure="always", chunk_octets=100)
    assert (report.pages, report.impressions, report.colour_pages) == (pages, pages, coloured)
    assert report.certainty("pages") is Certainty.EXACT
    assert codes(report) == []


@needs_ghostscript
@pytest.mark.parametrize("bound", [True, False])
def test_the_binding_and_the_program_measure_alike(monkeypatch: pytest.MonkeyPatch, bound: bool) -> None:
    if not bound:
        monkeypatch.setattr(postscript, "_binding", lambda: None)
    for document, pages, coloured in MEASURED:
        report = measure(document)
        assert (report.pages, report.colour_pages) == (pages, coloured)


def test_without_ghostscript_the_pages_are_unknown_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postscript, "_binding", lambda: None)
    monkeypatch.setenv("PATH", "")
    report = measure(b"%!PS\nshowpage\n")
    assert (report.pages, codes(report)) == (None, ["no-ghostscript"])


@needs_ghostscript
def test_a_document_on_disk_is_measured_through_its_cipher(pool: WorkerPool) -> None:
    with Spool(memory_octets=0) as spool:
        spool.write(b"%!PS\n" + b"% a long comment\n" * 20_000 + b"showpage\n")
        assert pool.measure("postscript", spool.hand_over()).pages == 1


@needs_ghostscript
def test_an_error_keeps_the_pages_before_it() -> None:
    report = measure(b"%!PS\nshowpage showpage no-such-operator showpage\n")
    assert (report.pages, codes(report)) == (2, ["postscript-error"])


@needs_ghostscript
def test_a_document_without_an_end_is_stopped_and_the_worker_lives_on(pool: WorkerPool) -> None:
    with WorkerPool(1, limits=Limits(time_s=2.0)) as hasty:
        report = analyse(b"%!PS\nshowpage {} loop\n", hasty)
        assert (report.pages, codes(report)) == (None, ["stopped"])
        worker = hasty._idle[0]
        assert analyse(b"%!PS\nshowpage\n", hasty).pages == 1
        assert hasty._idle == [worker]


@needs_ghostscript
def test_a_loop_without_a_page_is_stopped_by_its_processor_time() -> None:
    report = measure(b"%!PS\n{} loop\n", page_cpu_s=1)
    assert (report.pages, codes(report)) == (None, ["stopped"])
    assert f"signal {signal.SIGXCPU}" in report.warnings[0].message


@needs_ghostscript
def test_pages_add_to_the_processor_time() -> None:
    busy = b"/till usertime 400 add def { usertime till gt { exit } if } loop showpage " * 5
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = measure(b"%!PS\n" + busy, page_cpu_s=1)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime > 1
    assert report.pages == 5


@needs_ghostscript
def test_a_document_that_cannot_be_measured_falls_back_on_comments_that_can_be_believed() -> None:
    document = make(between=b"{} loop\n")
    with WorkerPool(1, limits=Limits(time_s=1.0)) as hasty:
        report = analyse(document, hasty, measure="always")
    assert (report.pages, report.certainty("pages")) == (3, Certainty.DECLARED)
    assert codes(report) == ["stopped"]


@needs_ghostscript
@pytest.mark.parametrize(
    "deed",
    [
        b"(/etc/passwd) (r) file",
        b"(/usr/x) (w) file",
        b"(%pipe%id) (r) file",
        b"(/etc/passwd) run",
        b"/x (a) (b) renamefile",
    ],
)
def test_a_document_reaches_no_file_and_no_program(deed: bytes) -> None:
    report = measure(b"%!PS\nshowpage\n" + deed + b"\nshowpage\n")
    assert (report.pages, codes(report)) == (1, ["postscript-error"])


@needs_ghostscript
def test_the_postscript_in_a_dos_eps_file_is_found() -> None:
    script = b"%!PS\nshowpage\n"
    header = b"\xc5\xd0\xd3\xc6" + (32).to_bytes(4, "little") + len(script).to_bytes(4, "little") + bytes(20)
    assert measure(header + script).pages == 1


@needs_ghostscript
def test_what_is_no_postscript_ends_in_an_error() -> None:
    report = measure(os.urandom(3000))
    assert report.pages == 0 or report.pages is None
    assert codes(report)


def test_what_is_no_page_of_ghostscripts_is_refused() -> None:
    page = b"P6\n# comment\n2 1\n255\n" + bytes(6)
    assert list(postscript._read_pages(io.BytesIO(page * 2))) == [(2, 1, True)] * 2
    assert list(postscript._read_pages(io.BytesIO(page[:-1]))) == []
    for broken in (
        b"P6\n2",
        b"P9\n2 2\n255\n",
        b"P4\nx y\n",
        b"P5\n0 0\n255\n",
        b"P5\n99999999 99999999\n255\n",
    ):
        with pytest.raises(ValueError):
            list(postscript._read_pages(io.BytesIO(broken)))
