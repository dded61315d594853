import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.errors import ClaimError
from pcl.pdf import PdfAnalyzer, _may_show_colour, measure_pdf
from pcl.report import Certainty, Orientation, Report
from pcl.worker import Limits, WorkerPool

from .documents import A4, BLACK_INK, RED_INK, make_pdf

DATA = Path(__file__).parent.parent / "data" / "pdf"  # where its README says what poppler says

_TYPE3 = pikepdf.Dictionary(Subtype=pikepdf.Name.Type3)
_FONT_STATE = pikepdf.Dictionary(Font=pikepdf.Array([_TYPE3, 10]))


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:
        yield pool


def measure(document: bytes, **options: float) -> Report:
    """The last report, from the worker's side of the code run here."""
    *_, last = measure_pdf(io.BytesIO(document), options)
    return last


def codes(report: Report) -> list[str]:
    return [warning.code for warning in report.warnings]


@pytest.mark.parametrize("chunk_octets", [1, 100, 1 << 20])
def test_the_analyser_tells_what_the_worker_found(pool: WorkerPool, chunk_octets: int) -> None:
    document = make_pdf(5, contents=[BLACK_INK, RED_INK], info={"/Title": "Pay slips"})
    analyser = PdfAnalyzer(pool)
    for start in range(0, len(document), chunk_octets):
        analyser.feed(document[start : start + chunk_octets])
    report = analyser.finish()
    assert (report.format, report.octets, report.title) == ("application/pdf", len(document), "Pay slips")
    assert (report.pages, report.impressions, report.sheets) == (5, 5, None)
    assert (report.colour_pages, report.monochrome_pages) == (2, 3)
    assert report.certainty("pages") is Certainty.EXACT
    assert report == Report.from_json(report.to_json())


@pytest.mark.parametrize(
    ("name", "application", "sheets"),
    [
        (
            "lo-letters.pdf",
            "Writer",
            [
                ("iso_a4_210x297mm", Orientation.PORTRAIT, False),
                ("iso_a4_210x297mm", Orientation.LANDSCAPE, True),
                ("na_letter_8.5x11in", Orientation.PORTRAIT, False),
                ("iso_a5_148x210mm", Orientation.PORTRAIT, True),
                ("na_legal_8.5x14in", Orientation.PORTRAIT, False),
                ("iso_dl_110x220mm", Orientation.LANDSCAPE, False),
            ],
        ),
        (
            "lo-cells.pdf",
            "Calc",
            [("iso_a4_210x297mm", Orientation.PORTRAIT, False)] * 3
            + [("iso_a4_210x297mm", Orientation.LANDSCAPE, True)],
        ),
        (
            "lo-slides.pdf",
            "Impress",
            [
                ("custom_157.5x280mm_157.5x280mm", Orientation.LANDSCAPE, colour)
                for colour in (True, False, True)
            ],
        ),
    ],
)
def test_what_libreoffice_makes_is_what_poppler_says_of_it(
    name: str, application: str, sheets: list[tuple[str, Orientation, bool]]
) -> None:
    report = measure((DATA / name).read_bytes())
    assert [(page.media, page.orientation, page.colour) for page in report.each_page()] == sheets
    assert (report.pages, report.colour_pages) == (len(sheets), sum(colour for *_, colour in sheets))
    assert (report.version, report.application, report.encryption) == ("1.6", application, None)
    assert report.variables == {"Producer": "LibreOffice 7.4", "Author": "Ada"}
    assert report.warnings == ()


def test_what_libreoffice_locks_is_recognised() -> None:
    report = measure((DATA / "lo-letters-password.pdf").read_bytes())
    assert (report.encryption, report.pages, report.colour_pages) == ("password", None, None)
    assert (report.version, codes(report)) == ("1.6", ["password-needed"])


def test_pages_are_counted_through_a_deep_tree_and_object_streams() -> None:
    document = make_pdf(1000, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    assert measure(document, colour_s=0.0).pages == 1000


@pytest.mark.parametrize(
    ("size", "entries", "media", "width_hmm", "height_hmm", "orientation"),
    [
        (A4, {}, "iso_a4_210x297mm", 21000, 29700, Orientation.PORTRAIT),
        ((841.89, 595.276), {}, "iso_a4_210x297mm", 21000, 29700, Orientation.LANDSCAPE),
        (A4, {"/Rotate": 90}, "iso_a4_210x297mm", 21000, 29700, Orientation.LANDSCAPE),
        (A4, {"/Rotate": -180}, "iso_a4_210x297mm", 21000, 29700, Orientation.PORTRAIT),
        ((612, 792), {}, "na_letter_8.5x11in", 21590, 27940, Orientation.PORTRAIT),
        ((297.638, 420.945), {"/UserUnit": 2}, "iso_a4_210x297mm", 21000, 29700, Orientation.PORTRAIT),
        (
            (1000, 1000),
            {"/CropBox": pikepdf.Array([100, 100, 712, 892])},
            "na_letter_8.5x11in",
            21590,
            27940,
            Orientation.PORTRAIT,
        ),
        ((100, 200), {}, "custom_35.28x70.56mm_35.28x70.56mm", 3528, 7056, Orientation.PORTRAIT),
        (A4, {"/MediaBox": pikepdf.Array([0, 0, 10**12, 10**12])}, None, None, None, None),
    ],
)
def test_a_page_has_the_size_at_which_it_is_printed(
    size: tuple[float, float],
    entries: dict[str, object],
    media: str | None,
    width_hmm: int | None,
    height_hmm: int | None,
    orientation: Orientation | None,
) -> None:
    [page] = measure(make_pdf(1, size=size, entries=entries)).each_page()
    assert (page.media, page.width_hmm, page.height_hmm) == (media, width_hmm, height_hmm)
    assert page.orientation is orientation


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (b"", False),
        (b"0.5 g 100 100 200 50 re f", False),
        (b"0.2 0.2 0.2 rg 100 100 200 50 re f", False),  # neutral, though it is RGB
        (b"0 0 0 1 k 100 100 200 50 re f", False),
        (b"0 0 0 0.5 k 100 100 200 50 re f", False),
        (b"1 0 0 0 k 100 100 200 50 re f", True),
        (b"1 0 0 rg 100 100 200 50 re f", True),
        (b"0 0 1 RG 0.1 w 100 100 m 300 100 l S", True),  # a hairline
        (b"1 0 0 rg 5000 5000 10 10 re f", False),  # beside the page
        (b"1 1 1 rg 100 100 200 50 re f", False),
        (b"0 0 0 rg 0 0 0 RG 0 0 0 0.3 k 100 100 200 50 re f", False),
        (b"0 0 0 rg 1 0 0 rg 100 100 200 50 re f", True),
        (b"/DeviceRGB cs 1 0 0 sc 100 100 200 50 re f", True),
        (b"q 99 0 0 99 200 200 cm BI /W 1 /H 1 /BPC 8 /CS /RGB ID \xff\x00\x00 EI Q", True),
        (b"/DeviceGray cs 0 sc 100 100 200 50 re f", False),
    ],
)
@pytest.mark.parametrize("rendered", [True, False])
def test_a_page_is_coloured_when_it_shows_colour(content: bytes, colour: bool, rendered: bool) -> None:
    # Without resources a page is always rendered; with plain ones only when its operators could set a colour.
    entries = {} if rendered else {"/Resources": pikepdf.Dictionary()}
    report = measure(make_pdf(1, contents=[content], entries=entries))
    assert (report.colour_pages, report.monochrome_pages) == (int(colour), int(not colour))


def test_resources_that_bring_colour_are_rendered() -> None:
    red = pikepdf.Array([pikepdf.Name.Separation, pikepdf.Name.Red, pikepdf.Name.DeviceRGB])
    red.append(pikepdf.Dictionary(FunctionType=2, Domain=[0, 1], C0=[1, 1, 1], C1=[1, 0, 0], N=1))
    entries = {
        "/Resources": pikepdf.Dictionary(ColorSpace=pikepdf.Dictionary(DefaultGray=red)),
        "/Annots": pikepdf.Array(),
    }
    plain = pikepdf.Dictionary()
    for brought, suspect in (
        ({"/Resources": entries["/Resources"]}, True),
        ({"/Resources": plain, "/Annots": entries["/Annots"]}, True),
        ({"/Resources": pikepdf.Dictionary(Font=pikepdf.Dictionary(F=_TYPE3))}, True),
        ({"/Resources": pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(G=_FONT_STATE))}, True),
        ({"/Resources": plain}, False),
    ):
        with pikepdf.open(io.BytesIO(make_pdf(1, contents=[b"0 g"], entries=brought))) as pdf:
            assert _may_show_colour(pdf.pages[0]) is suspect


def test_contents_in_many_streams_are_looked_at_together() -> None:
    with pikepdf.open(io.BytesIO(make_pdf(1, entries={"/Resources": pikepdf.Dictionary()}))) as pdf:
        page = pdf.pages[0]
        page.Contents = pikepdf.Array([pdf.make_stream(b"0 0"), pdf.make_stream(b"0 rg 9 9 9 9 re f")])
        assert not _may_show_colour(page)
        page.Contents.append(pdf.make_stream(b"1 0 0 rg"))
        assert _may_show_colour(page)
        page.Contents = pdf.make_stream(b"0 g\n" * 100_000)
        assert _may_show_colour(page)


def test_colour_is_unknown_when_its_time_is_up_and_pages_are_not() -> None:
    document = make_pdf(3, contents=[BLACK_INK, RED_INK])
    reports = list(measure_pdf(io.BytesIO(document), {"colour_s": -1.0}))
    assert [report.pages for report in reports] == [3, 3]
    assert (reports[-1].colour_pages, reports[-1].monochrome_pages) == (None, None)
    assert codes(reports[-1]) == ["colour-unknown"]


def test_titles_producers_and_versions_are_told() -> None:
    info = {"/Title": "Gr\u00fc\u00dfe\n\x00 an alle", "/Producer": "Driver 2", "/Author": "Ada"}
    report = measure(make_pdf(1, info=info, min_version="1.6"))
    assert report.title == "Gr\u00fc\u00dfe an alle"
    assert report.application == "Driver 2"
    assert report.variables == {"Producer": "Driver 2", "Author": "Ada"}
    assert report.version == "1.6"
    assert measure(make_pdf(1, info={"/Title": "x" * 5000})).title == "x" * 1023


@pytest.mark.parametrize("revision", [2, 3, 4, 6])
def test_a_document_that_needs_a_password_is_recognised_and_not_failed_on(
    revision: Literal[2, 3, 4, 6],
) -> None:
    new = revision >= 4
    lock = pikepdf.Encryption(owner="owner", user="user", R=revision, aes=new, metadata=new)
    report = measure(make_pdf(2, encryption=lock))
    assert report.encryption == "password"
    assert (report.pages, report.impressions) == (None, None)
    assert codes(report) == ["password-needed"]
    assert report.version is not None


def test_a_document_that_only_forbids_is_read() -> None:
    lock = pikepdf.Encryption(owner="owner", user="", R=6)
    report = measure(make_pdf(2, encryption=lock, contents=[RED_INK]))
    assert (report.encryption, report.pages, report.colour_pages) == ("permissions", 2, 2)


@pytest.mark.parametrize(
    "document", [b"", b"%PDF-1.4\n", b"%PDF-1.7\n%%EOF", b"%!PS\n", b"\0" * 1000, os.urandom(1000)]
)
def test_what_is_no_pdf_has_unknown_pages(document: bytes) -> None:
    report = measure(document)
    assert (report.pages, codes(report)) == (None, ["corrupt"])


def test_a_document_without_its_end_is_repaired_and_counted() -> None:
    document = make_pdf(3)
    report = measure(document[: document.rindex(b"xref")])
    assert report.pages == 3
    assert [(warning.code, warning.message) for warning in report.warnings] == [
        ("repaired", "file is damaged")
    ]


def test_a_page_tree_that_bites_its_tail_is_survived(pool: WorkerPool) -> None:
    document = make_pdf(1)
    with pikepdf.open(io.BytesIO(document)) as pdf:
        pdf.Root.Pages.Kids.append(pdf.Root.Pages)
        out = io.BytesIO()
        pdf.save(out)
    analyser = PdfAnalyzer(pool)
    analyser.feed(out.getvalue())
    report = analyser.finish()
    assert report.pages in (None, 1)
    assert report.warnings


def test_a_page_tree_that_doubles_at_every_level_is_stopped_by_a_limit() -> None:
    """Thirty nodes, each with the next one twice: a thousand million pages in a kilobyte."""
    lines = [b"%PDF-1.4", b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj"]
    for level in range(2, 32):
        kid = b"%d 0 R" % (level + 1)
        lines.append(b"%d 0 obj<</Type/Pages/Count 2/Kids[%s %s]>>endobj" % (level, kid, kid))
    lines += [b"32 0 obj<</Type/Page/MediaBox[0 0 9 9]>>endobj", b"trailer<</Root 1 0 R>>", b"%%EOF"]
    with WorkerPool(1, limits=Limits(time_s=5.0, cpu_s=4, memory_octets=400 << 20)) as pool:
        analyser = PdfAnalyzer(pool)
        analyser.feed(b"\n".join(lines))
        report = analyser.finish()
    assert report.pages is None
    assert codes(report)[0] == "corrupt" or codes(report)[0].startswith("worker-")


def test_a_page_without_a_size_is_a_page() -> None:
    document = make_pdf(2).replace(b"/MediaBox", b"/MadeUpBx")
    report = measure(document)
    assert report.pages == 2


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damage_makes_warnings_and_no_exception_of_ours(data: st.DataObject) -> None:
    document = bytearray(make_pdf(2, contents=[RED_INK], info={"/Title": "T"}))
    for _ in range(data.draw(st.integers(1, 20))):
        document[data.draw(st.integers(0, len(document) - 1))] = data.draw(st.integers(0, 255))
    report = measure(bytes(document[: data.draw(st.integers(0, len(document)))]))
    assert report.pages is None or report.pages <= 2


def test_a_document_over_the_limit_is_not_measured_and_said_so(pool: WorkerPool) -> None:
    analyser = PdfAnalyzer(pool, max_octets=100)
    document = make_pdf(1)
    analyser.feed(document)
    analyser.feed(b"more")
    report = analyser.finish()
    assert (report.format, report.pages, report.octets) == ("application/pdf", None, len(document) + 4)
    assert codes(report) == ["not-measured"]


def test_a_finished_or_closed_analyser_takes_nothing_more(pool: WorkerPool) -> None:
    analyser = PdfAnalyzer(pool)
    analyser.feed(make_pdf(1))
    analyser.finish()
    with pytest.raises(ClaimError):
        analyser.feed(b"x")
    with pytest.raises(ClaimError):
        analyser.finish()
    dropped = PdfAnalyzer(pool)
    dropped.feed(b"%PDF")
    dropped.close()
    with pytest.raises(ClaimError):
        dropped.feed(b"x")
