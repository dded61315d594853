"""How fast small PDFs are read by one confined worker on one processor: ours beside pdfinfo, in one run.

Ours tells pages, sizes, title, encryption and whether each page shows colour (it is rendered for that);
pdfinfo, a process for each document, tells all but the colour. Caller, worker and peer share one processor.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

import pikepdf

from pcl.pdf import PdfAnalyzer
from pcl.worker import WorkerPool
from tests.pcl.documents import BLACK_INK, RED_INK, make_pdf

DOCUMENTS = 400
ROUNDS = 3
WANTED_DOCUMENTS_PER_S = 200
LINE = b"(Parked, then pulled at the printer one stands at.) Tj T* "
TEXT = b"BT /F1 11 Tf 50 800 Td 14 TL %s ET" % (LINE * 50)
FONT = {"Type": pikepdf.Name.Font, "Subtype": pikepdf.Name.Type1, "BaseFont": pikepdf.Name.Helvetica}
RESOURCES = {"/Resources": pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=pikepdf.Dictionary(**FONT)))}


def make_documents() -> list[bytes]:
    """Of one to three pages, of text and of figures, black and coloured."""
    contents = [[BLACK_INK], [RED_INK, BLACK_INK], [TEXT]]
    return [
        make_pdf(1 + number % 3, contents=contents[number % 3], entries=RESOURCES) for number in range(12)
    ]


def rate(read: Callable[[bytes], int], documents: list[bytes], count: int) -> float:
    """Documents a second by the clock, the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for number in range(count):
            assert read(documents[number % len(documents)]) == 1 + number % len(documents) % 3
        best = max(best, count / (time.perf_counter() - start))
    return best


def ask_pdfinfo(document: bytes) -> int:
    done = subprocess.run(["pdfinfo", "-"], input=document, capture_output=True, check=True)
    return int(done.stdout.partition(b"Pages:")[2].split()[0])


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    documents = make_documents()
    print(
        f"{len(documents)} documents of {min(map(len, documents)):,} to {max(map(len, documents)):,} octets"
    )
    with WorkerPool(1) as pool:

        def ask_worker(document: bytes) -> int:
            analyser = PdfAnalyzer(pool)
            analyser.feed(document)
            report = analyser.finish()
            assert report.colour_pages is not None
            return report.pages or 0

        ours = rate(ask_worker, documents, DOCUMENTS)
        peer = rate(ask_pdfinfo, documents, DOCUMENTS // 8)
        print(f"  ours, worker held by {pool.confinement}  {ours:7.1f}/s  (wanted: {WANTED_DOCUMENTS_PER_S})")
        print(f"  pdfinfo, a process each  {peer:12.1f}/s  ratio {ours / peer:.1f}")


if __name__ == "__main__":
    main()
