"""PJL lines as drivers write them, odd ones included."""

import pytest

from pcl import Report
from pcl.pjl import WITHHELD, Pjl

UEL = b"\x1b%-12345X"


def read(stream: bytes, size: int = 0) -> tuple[Pjl, int]:
    """Scan a whole stream, or in growing pieces of `size`, as the Reader does."""
    pjl = Pjl()
    position, end = 0, len(stream)
    if size:
        for end in range(size, len(stream), size):
            position = pjl.scan(stream[:end], position, 0, False)
            if pjl.ended:
                return pjl, position
    return pjl, pjl.scan(stream, position, 0, True)


def report_of(stream: bytes) -> Report:
    return read(stream)[0].report(len(stream))


def test_a_job_says_its_name_user_and_program() -> None:
    report = report_of(
        UEL + b'@PJL JOB NAME = "Report 7" DISPLAY = "x"\r\n'
        b'@PJL SET USERNAME="jdoe"\r\n@PJL SET JOBATTR="JobAcct6=writer.exe"\r\n'
        b"@PJL ENTER LANGUAGE=PCLXL\r\n"
    )
    assert (report.title, report.user, report.application) == ("Report 7", "jdoe", "writer.exe")
    assert report.variables["DISPLAY"] == "x"
    assert report.pages == 0


def test_a_comment_of_hp_names_user_and_document() -> None:
    report = report_of(b'@PJL COMMENT "Username: jdoe; App Filename: plan.doc; 11-21-2026"\r\n')
    assert (report.user, report.title) == ("jdoe", "plan.doc")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
@pytest.mark.parametrize(
    "line",
    [b"@PJL SET COPIES=3", b"@PJL SET COPIES = 3 ", b'@PJL\tSET\tCOPIES\t=\t"3"', b"@PJL set copies=3"],
)
def test_blanks_quotes_case_and_line_ends_do_not_matter(line: bytes, end: bytes) -> None:
    stream = UEL + line + end + b"@PJL ENTER language = PCL" + end + b"\x1bE"
    for size in (0, 1, 5):
        pjl, position = read(stream, size)
        assert pjl.environment == {"COPIES": "3"}
        assert pjl.language == "PCL"
        assert stream[position:].lstrip(b"\r\n") == b"\x1bE"


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b'@PJL SET RET="a=b; c"', "RET", "a=b; c"),
        (b"@PJL SET LPARM : PCL FONTNUMBER = 12", "LPARM : PCL FONTNUMBER", "12"),
        (b'@PJL SET JOBNAME="caf\xc3\xa9"', "JOBNAME", "caf\xe9"),
        (b'@PJL SET JOBNAME="caf\xe9"', "JOBNAME", "caf\xe9"),
        (b'@PJL SET JOBNAME="open', "JOBNAME", "open"),
        (b"@PJL SET EMPTY=", "EMPTY", ""),
        (b"@PJL DEFAULT COPIES=2", "COPIES", "2"),
    ],
)
def test_a_value_is_kept_as_it_was_meant(line: bytes, name: str, value: str) -> None:
    assert report_of(line + b"\r\n").variables == {name: value}


@pytest.mark.parametrize(
    "line",
    [b"@PJL USTATUS DEVICE=ON", b"@PJL", b"@PJL  ", b"@PJL SET", b"@PJL SET =", b"@PJL 12", b"@PJLSET"],
)
def test_what_says_nothing_changes_nothing(line: bytes) -> None:
    report = report_of(line + b"\r\n@PJL SET A=1\r\n")
    assert report.variables == {"A": "1"}
    assert not report.warnings


def test_a_secret_is_withheld() -> None:
    stream = (
        b'@PJL SET HOLDKEY="4711"\r\n@PJL SET JOBATTR="JobPassword=hunter2"\r\n@PJL JOB PASSWORD = 99\r\n'
    )
    report = report_of(stream)
    assert set(report.variables.values()) == {WITHHELD}
    assert not any(secret in repr(report) for secret in ("4711", "hunter2", "99"))


def test_settings_end_with_their_job_and_with_their_language() -> None:
    pjl, _ = read(b"@PJL SET COPIES=3\r\n@PJL ENTER LANGUAGE=PCL\r\n")
    pjl.enter()
    assert pjl.environment == {}
    pjl, _ = read(b"@PJL JOB\r\n@PJL SET COPIES=3\r\n@PJL ENTER LANGUAGE=PCL\r\n")
    pjl.enter()
    assert pjl.environment == {"COPIES": "3"}
    pjl.scan(UEL + b"@PJL EOJ\r\n", 0, 0, True)
    assert pjl.environment == {}


def test_a_download_is_skipped_by_its_size() -> None:
    body = b"@PJL SET COPIES=9\r\n" + UEL
    command = b'@PJL FSDOWNLOAD FORMAT:BINARY SIZE=%d NAME="0:\\x"\r\n' % len(body)
    for size in (0, 1, 13):
        pjl, _ = read(command + body + b"@PJL SET A=1\r\n", size)
        assert pjl.report(0).variables == {"A": "1"}
        assert [warning.code for warning in pjl.report(0).warnings] == ["pjl-download"]


def test_an_endless_line_is_cut_and_said() -> None:
    report = report_of(b"@PJL SET X=" + b"y" * 200_000 + b"\n")
    assert [warning.code for warning in report.warnings] == ["pjl-line"]
    assert len(report.variables["X"]) <= 1023


def test_many_variables_stay_within_their_bound() -> None:
    report = report_of(b"".join(b"@PJL SET V%d=%d\n" % (number, number) for number in range(5000)))
    assert len(report.variables) == 256
