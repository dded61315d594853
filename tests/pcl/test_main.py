"""`python -m pcl`: a table for people, JSON for programs."""

import io
import json
from pathlib import Path

import pytest

from pcl.__main__ import describe, main, read_report

from .xl import XL


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "two.pxl"
    pages = XL().session().page(orientation=0, media_size=2, duplex_page_mode=1).page(copies=2).end()
    path.write_bytes(b'\x1b%-12345X@PJL JOB NAME="a\x07b"\n@PJL ENTER LANGUAGE=PCLXL\n' + bytes(pages.octets))
    return path


def test_a_table_says_the_figures(stream: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(stream)]) == 0
    printed = capsys.readouterr().out
    assert "application/vnd.hp-PCLXL 2.0" in printed
    assert "iso_a4_210x297mm, 210 x 297 mm, portrait, two-sided-long-edge" in printed
    assert "2 copies" in printed


def test_json_is_one_object_a_line_with_the_path(stream: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", str(stream), str(stream)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["path"] for line in lines] == [str(stream)] * 2
    assert lines[0]["pages"] == 2
    assert lines[0]["certainty"]["pages"] == "exact"


def test_a_missing_file_is_said_and_the_others_are_read(
    stream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(stream.parent / "none"), str(stream)]) == 1
    captured = capsys.readouterr()
    assert "No such file" in captured.err
    assert str(stream) in captured.out


def test_a_disagreeing_claim_is_printed(stream: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--format", "application/pdf", str(stream)]) == 0
    assert "the client said application/pdf" in capsys.readouterr().out


def test_a_large_file_shows_a_bar_on_a_terminal(tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(65 << 20)
    shown = Terminal()
    assert read_report(str(path), None, shown).octets == 65 << 20
    assert "65 of 65 MiB" in shown.getvalue()


def test_a_streams_words_reach_no_terminal_as_control_codes(stream: Path) -> None:
    lines = describe("x", read_report(str(stream), None, io.StringIO()))
    assert all(line.isprintable() for line in lines)
