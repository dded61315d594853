"""Count the pages of print streams, a chunk at a time, as a print server does while a job comes in.

python examples/count_pages.py FILE...
"""

import sys
from pathlib import Path

import pcl

CHUNK_OCTETS = 65536


def count(path: Path) -> pcl.Report:
    """Return what is in the file; never more than a chunk of it is in hand."""
    analyzer = pcl.new_analyzer()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_OCTETS):
            analyzer.feed(chunk)
    return analyzer.finish()


def main(names: list[str]) -> None:
    for name in names:
        report = count(Path(name))
        pages = "an unknown number of" if report.pages is None else report.pages
        print(f"{name}: {pages} pages ({report.certainty('pages').value}), {report.format}")
        for warning in report.warnings:
            print(f"  {warning.message}")


if __name__ == "__main__":
    main(sys.argv[1:])
