import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcl.errors import ClaimError
from pcl.report import Certainty, Report
from pcl.text import TextAnalyzer


def analyse(text: bytes, chunk_octets: int = 0, **page: int) -> Report:
    analyser = TextAnalyzer(**page)
    for start in range(0, len(text), chunk_octets or len(text) or 1):
        analyser.feed(text[start : start + (chunk_octets or len(text))])
    return analyser.finish()


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        (b"", 0),
        (b"a", 1),
        (b"a\n", 1),
        (b"a\n" * 3, 1),
        (b"a\n" * 3 + b"\n\n\n", 1),
        (b"a\n" * 4, 2),
        (b"a\r\n" * 3, 1),
        (b"a\r\n" * 4, 2),
        (b"a\r" * 4, 2),
        (b"a\f", 1),
        (b"a\fb", 2),
        (b"\f", 1),
        (b"\f\fa", 3),
        (b"a\n\n\n\n\n\nb", 3),
        (b"a\n\n\n\n\n\f", 2),
        (b"   \n\n", 1),
        (b"x" * 30, 1),
        (b"x" * 31, 2),
        (b"x" * 10 + b"\n" + b"x" * 10 + b"\n" + b"x" * 10 + b"\n", 1),
        (b"x" * 11 + b"\n" + b"x" * 10 + b"\n" + b"x" * 10 + b"\n", 2),
        (b"x" + b" " * 80, 1),
        (b"x" + b" " * 29 + b"x", 2),
        (b"a\tb\tc\td", 1),
        (b"a\tb\tc\td\te\tf", 1),
        (b"a\tb\tc\td\te\tf\tg", 2),
        ("\u6f22".encode() * 15, 1),
        ("\u6f22".encode() * 16, 2),
        ("e\u0301".encode() * 30, 1),
    ],
)
def test_pages_are_what_a_printer_of_three_lines_of_ten_columns_makes(text: bytes, pages: int) -> None:
    report = analyse(text, columns=10, lines=3)
    assert report.pages == pages
    assert (report.impressions, report.monochrome_pages, report.colour_pages) == (pages, pages, 0)


def test_the_figures_are_declared_since_the_page_is_the_printers_choice() -> None:
    report = analyse(b"a\n" * 61)
    assert (report.format, report.pages, report.octets) == ("text/plain", 2, 122)
    assert report.certainty("pages") is Certainty.DECLARED
    assert report.certainty("sheets") is Certainty.UNKNOWN  # sides are not said


@given(
    st.lists(
        st.sampled_from(["a", " ", "\t", "\n", "\r", "\f", "\u6f22", "\xe9", "aaaaaaaaaaaa"]), max_size=80
    ),
    st.integers(1, 40),
)
def test_any_chunking_gives_the_same_pages(pieces: list[str], chunk_octets: int) -> None:
    text = "".join(pieces).encode()
    whole = analyse(text, columns=10, lines=3)
    assert analyse(text, 1, columns=10, lines=3) == whole
    assert analyse(text, chunk_octets, columns=10, lines=3) == whole


@given(st.binary(max_size=500))
def test_octets_that_are_no_text_are_counted_all_the_same(octets: bytes) -> None:
    assert (analyse(octets, columns=10, lines=3).pages or 0) <= 2 * len(octets) + 1


def test_a_finished_analyser_takes_nothing_more() -> None:
    analyser = TextAnalyzer()
    analyser.finish()
    with pytest.raises(ClaimError):
        analyser.feed(b"a")
    with pytest.raises(ClaimError):
        analyser.finish()
