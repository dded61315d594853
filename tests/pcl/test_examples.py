"""The examples of pcl run as they stand."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_count_pages_prints_a_line_for_each_file(tmp_path: Path) -> None:
    text = tmp_path / "letter.txt"
    text.write_text("Dear Sir,\n")
    samples = sorted(str(path) for path in (ROOT / "tests" / "data" / "pcl").glob("gs-*.p[cx]l"))
    done = subprocess.run(
        [sys.executable, "examples/count_pages.py", *samples, str(text)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(samples) + 1
    for sample, line in zip(samples, lines, strict=False):
        assert line.startswith(f"{sample}: 3 pages (exact), application/vnd.hp-PCL")
    assert lines[-1] == f"{text}: 1 pages (declared), text/plain"
    assert not done.stderr
