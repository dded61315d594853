"""Any stream, any chunking: languages that follow each other, copies that PJL sets, claims, detection."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pcl
from pcl.detect import agrees, detect_format

from .chunks import in_blocks_of, report_of, report_of_any_chunking
from .xl import XL

UEL = b"\x1b%-12345X"
ENTER = b"@PJL ENTER LANGUAGE=PCLXL\r\n"


def analyzed(stream: bytes, claim: str | None = None) -> pcl.Report:
    return report_of_any_chunking(lambda: pcl.new_analyzer(claim), stream)


def xl(pages: int = 1) -> bytes:
    stream = XL().session()
    for _ in range(pages):
        stream.page()
    return bytes(stream.end().octets)


def test_pjl_stands_before_between_and_after() -> None:
    stream = (
        UEL + b'@PJL JOB NAME="two parts"\r\n@PJL SET DUPLEX=ON\r\n' + ENTER + xl(3)
        + UEL + b"@PJL SET COPIES=2\r\n" + ENTER + xl(1)
        + UEL + b"@PJL EOJ\r\n" + UEL
    )  # fmt: skip
    report = analyzed(stream)
    assert (report.pages, report.impressions) == (4, 5)
    assert (report.format, report.title) == ("application/vnd.hp-PCLXL", "two parts")
    assert report.octets == len(stream)
    assert report.variables["DUPLEX"] == "ON"
    assert not report.warnings


def test_qty_prints_the_whole_document_again() -> None:
    report = analyzed(UEL + b"@PJL SET QTY=4\r\n@PJL SET DUPLEX=ON\r\n" + ENTER + xl(3) + UEL)
    assert (report.pages, report.impressions, report.sheets, report.copies) == (3, 12, 8, 4)


def test_pjl_sets_the_sides_and_copies_of_a_document_that_says_none() -> None:
    lines = b"@PJL SET DUPLEX=ON\r\n@PJL SET COPIES=3\r\n@PJL ENTER LANGUAGE=TEXT\r\n"
    text = pcl.analyze(UEL + lines + b"%!PS\nshowpage showpage showpage\n" + UEL)
    assert (text.pages, text.impressions, text.sheets) == (3, 9, 6)
    assert text.certainty("sheets") == "declared"


def test_settings_of_one_job_do_not_reach_the_next() -> None:
    report = analyzed(UEL + b"@PJL SET COPIES=5\r\n" + ENTER + xl() + UEL + ENTER + xl())
    assert (report.pages, report.impressions) == (2, 6)


def test_a_job_after_a_corrupt_one_is_counted() -> None:
    stream = UEL + ENTER + xl(2)[:-1] + b"\x01garbage" + UEL + ENTER + xl(1)
    report = analyzed(stream)
    assert report.pages == 3
    assert [warning.code for warning in report.warnings] == ["corrupt"]
    assert report.warnings[0].offset is not None
    assert stream[report.warnings[0].offset] == 0x01


def test_padding_around_jobs_is_no_document() -> None:
    report = analyzed(b"\x00\x00" + UEL + b"\r\n" + ENTER + xl() + UEL + b"\x00\r\n \x04")
    assert report.pages == 1
    assert not report.warnings


@pytest.mark.parametrize("octets", [65536, 65537, 131072, 200_000])
def test_the_last_page_counts_when_the_stream_ends_with_a_block(octets: int) -> None:
    stream = b"\x1bE".ljust(octets, b"x")
    assert analyzed(stream).pages == 1
    assert report_of(pcl.new_analyzer, [stream[:65536], stream[65536:]]).pages == 1


def test_an_empty_stream_says_so() -> None:
    report = analyzed(b"")
    assert report.format is None
    assert [warning.code for warning in report.warnings] == ["empty"]


def test_what_nobody_knows_has_unknown_figures() -> None:
    report = analyzed(b"\x00\x01\x02\x03" * 1000)
    assert report.format == "application/octet-stream"
    assert report.pages is None
    assert report.certainty("pages") is pcl.Certainty.UNKNOWN


def test_a_claim_that_disagrees_is_a_warning() -> None:
    assert not analyzed(xl(), "application/octet-stream").warnings
    assert not analyzed(xl(), "application/vnd.hp-pclxl; charset=x").warnings
    warned = analyzed(xl(), "application/pdf")
    assert [warning.code for warning in warned.warnings] == ["claim-disagrees"]
    assert warned.pages == 1


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b") HP-PCL XL;2;0;x\n", "application/vnd.hp-PCLXL"),
        (b"\x1bE\x1b&l0O", "application/vnd.hp-PCL"),
        (b"text first\x1b&l1Tmore", "application/vnd.hp-PCL"),
        (b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
        (b"\x04\r\n%PDF-1.7\n", "application/pdf"),
        (b"junk\n%PDF-1.7\n", "application/pdf"),
        (b"%PDF-1.4\n%PCLm 1.0\n", "application/PCLm"),
        (b"%!PS-Adobe-3.0\n", "application/postscript"),
        (b"\x04%!PS\n", "application/postscript"),
        (b"RaS2PwgRaster\0", "image/pwg-raster"),
        (b"UNIRAST\0\0\0\0\1", "image/urf"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"Dear Sir,\r\n\tyours\f", "text/plain"),
        (b"caf\xc3\xa9\n", "text/plain"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_content_says_what_it_is(start: bytes, name: str) -> None:
    assert detect_format(start) == name


def test_the_language_asked_for_decides_where_no_signature_does() -> None:
    assert detect_format(b"IN;SP1;PU0,0;", "HPGL2") == "application/vnd.hp-HPGL"
    assert detect_format(b"%PDF-1.4", "POSTSCRIPT") == "application/pdf"
    assert detect_format(b"plain words", after_pjl=True) == "application/vnd.hp-PCL"
    assert detect_format(b"\x1bE plain words", "XQX", after_pjl=True) == "application/octet-stream"
    assert detect_format(b"plain words", "AUTO", after_pjl=True) == "application/vnd.hp-PCL"
    assert agrees("image/jpg", "image/jpeg")
    assert not agrees("image/jpg", "image/png")


PIECES = st.sampled_from(
    [
        UEL,
        ENTER,
        xl(1),
        xl(2),
        b"@PJL SET COPIES=3\r\n",
        b"@PJL\n",
        b"\x00",
        b"\r\n",
        b"%!PS\n",
        b"%PDF-1.4\n",
        b"text ",
        b"\x1bE",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=40), max_size=12), st.integers(1, 400))
def test_any_bytes_in_any_chunks_give_one_report_and_no_exception(pieces: list[bytes], size: int) -> None:
    stream = b"".join(pieces)
    whole = report_of(pcl.new_analyzer, [stream])
    pieces = (stream[at : at + size] for at in range(0, len(stream), size))
    with in_blocks_of(size):
        assert report_of(pcl.new_analyzer, pieces) == whole
    assert whole.octets == len(stream)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_stream_never_raises_and_counts_no_more_than_there_is(data: st.DataObject) -> None:
    stream = bytearray(UEL + ENTER + xl(3) + UEL)
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    size = data.draw(st.integers(1, 60))
    octets = bytes(stream)
    whole = report_of(pcl.new_analyzer, [octets])
    with in_blocks_of(size):
        pieces = (octets[at : at + size] for at in range(0, len(octets), size))
        assert report_of(pcl.new_analyzer, pieces) == whole
    assert whole.pages is None or whole.pages <= 6
