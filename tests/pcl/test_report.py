"""Report: sums, runs, certainty, JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pcl import Certainty, Orientation, Page, PageRun, Report, Sides, StreamWarning
from pcl.report import FIGURES, MAX_PAGE_RUNS, MAX_WARNINGS, Tally, Warnings, combine, repeat, set_by_job

A4 = Page(media="iso_a4_210x297mm", width_hmm=21000, height_hmm=29700, sides=Sides.LONG_EDGE, colour=False)
A5 = Page(media="iso_a5_148x210mm", sides=Sides.LONG_EDGE, colour=True, orientation=Orientation.LANDSCAPE)


def tallied(*pages: Page) -> Report:
    tally = Tally()
    for page in pages:
        tally.add(page)
    return tally.fill(Report(format="x/y"))


def test_pages_that_are_alike_are_one_run() -> None:
    report = tallied(A4, A4, A5, A4)
    assert report.page_runs == (PageRun(A4, 2), PageRun(A5, 1), PageRun(A4, 1))
    assert list(report.each_page()) == [A4, A4, A5, A4]
    assert (report.colour_pages, report.monochrome_pages) == (1, 3)


def test_a_sheet_is_shared_only_by_like_media() -> None:
    assert tallied(A4, A4, A4).sheets == 2
    assert tallied(A4, A5, A4).sheets == 3
    assert tallied().sheets == 0


def test_sheets_of_unsaid_sides_are_known_of_one_page_only() -> None:
    unsaid = Page()
    assert tallied(unsaid).sheets == 1
    assert tallied(unsaid, unsaid).sheets is None
    assert tallied(unsaid, unsaid).certainty("sheets") is Certainty.UNKNOWN


def test_unknown_colour_of_one_page_makes_the_figure_unknown() -> None:
    report = tallied(A4, Page(sides=Sides.ONE_SIDED), A5)
    assert report.colour_pages is None
    assert report.monochrome_pages is None


def test_more_runs_than_the_bound_are_counted_and_said() -> None:
    tally = Tally()
    for number in range(MAX_PAGE_RUNS + 10):
        tally.add(Page(width_hmm=number, sides=Sides.ONE_SIDED))
    report = tally.fill(Report())
    assert report.pages == MAX_PAGE_RUNS + 10
    assert len(report.page_runs) == MAX_PAGE_RUNS
    assert [warning.code for warning in report.warnings] == ["pages-undescribed"]


def test_warnings_are_bounded_and_their_rest_is_numbered() -> None:
    warnings = Warnings()
    for number in range(MAX_WARNINGS + 5):
        warnings.add("x", "y", number)
    kept = warnings.as_tuple()
    assert len(kept) == MAX_WARNINGS + 1
    assert kept[-1].message.startswith("5 more")


def test_parts_add_up_and_unknown_stays_unknown() -> None:
    total = combine(
        [Report(pages=0, impressions=0, title="t"), tallied(A4, A4), Report(format="z", pages=None)]
    )
    assert total.format == "x/y"
    assert total.pages is None
    assert total.impressions is None
    assert total.title == "t"
    assert combine([tallied(A4), tallied(A4)]).page_runs == (PageRun(A4, 2),)


def test_a_document_printed_twice_has_twice_the_impressions_and_as_many_pages() -> None:
    report = repeat(tallied(A4, A4, A4), 2)
    assert (report.pages, report.impressions, report.sheets, report.copies) == (3, 6, 4, 2)


def test_the_sides_of_a_job_go_for_pages_that_say_none() -> None:
    unsaid = tallied(*[Page(media="a", colour=True)] * 3, Page(media="b", colour=False))
    two_sided = set_by_job(unsaid, sides=Sides.LONG_EDGE)
    assert (two_sided.sheets, two_sided.certainty("sheets"), two_sided.impressions) == (3, "declared", 4)
    assert {page.sides for page in two_sided.each_page()} == {Sides.LONG_EDGE}
    assert set_by_job(unsaid, sides=Sides.ONE_SIDED).sheets == 4
    assert set_by_job(tallied(A4, A4), sides=Sides.ONE_SIDED).sheets == 1
    assert set_by_job(unsaid) == unsaid


def test_a_job_in_grey_has_no_colour_pages() -> None:
    grey = set_by_job(tallied(A5, A4), grey=True)
    assert (grey.colour_pages, grey.monochrome_pages) == (0, 2)
    assert not any(page.colour for page in grey.each_page())


figures = st.none() | st.integers(0, 10**9)
pages = st.builds(
    Page,
    media=st.none() | st.text(max_size=20),
    sides=st.none() | st.sampled_from(Sides),
    resolution=st.none() | st.tuples(st.integers(1, 9999), st.integers(1, 9999)),
    colour=st.none() | st.booleans(),
)
reports = st.builds(
    Report,
    format=st.none() | st.text(max_size=20),
    pages=figures,
    impressions=figures,
    sheets=figures,
    declared=st.frozensets(st.sampled_from(FIGURES)),
    page_runs=st.lists(st.builds(PageRun, page=pages, count=st.integers(1, 9)), max_size=3).map(tuple),
    variables=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    warnings=st.lists(
        st.builds(StreamWarning, st.text(), st.text(), st.none() | st.integers(0)), max_size=3
    ).map(tuple),
)


@given(reports)
def test_json_gives_the_same_report_back(report: Report) -> None:
    plain = report.to_json()
    assert Report.from_json(json.loads(json.dumps(plain))) == report
    for figure in FIGURES:
        assert (plain["certainty"][figure] == "unknown") is (plain[figure] is None)
