"""Record again the messages of this folder, from the programs that Debian installs.

    python -m tests.data.ipp.capture FOLDER

Starts an ippeveprinter and a cupsd of the test rig, puts a forwarding HTTP server between them, prints a
page from the one to the other and asks both what clients ask. Each body is written as it crossed the wire;
of requests with a document only the first 64 octets of it are kept.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import ipp
from ipp.registry import attribute
from tests.peers.bus import use_discovery
from tests.peers.cupsd import start_cupsd
from tests.peers.ippeveprinter import start_ippeveprinter

DOCUMENT_OCTETS_KEPT = 64


def ask(port: int, path: str, message: ipp.Message, document: bytes = b"") -> bytes:
    """The octets that a server answers."""
    connection = HTTPConnection("localhost", port, timeout=30)
    connection.request(
        "POST",
        path,
        ipp.encode(message) + document,
        {"Content-Type": "application/ipp", "User-Agent": "capture"},
    )
    answer = connection.getresponse().read()
    connection.close()
    return answer


def request(operation: int, uri: str, *attributes: ipp.Attribute, request_id: int = 1) -> ipp.Message:
    """A request with the operation attributes that every one has."""
    group = ipp.Group(
        ipp.GroupTag.OPERATION,
        [
            attribute("attributes-charset", "utf-8"),
            attribute("attributes-natural-language", "en"),
            attribute("printer-uri", uri),
            attribute("requesting-user-name", "somebody"),
            *attributes,
        ],
    )
    return ipp.Message(operation, request_id, [group])


class Recorder(BaseHTTPRequestHandler):
    """Forwards each POST to the printer and keeps both bodies."""

    protocol_version = "HTTP/1.1"
    printer_port = 0
    requests: dict[str, bytes] = {}  # noqa: RUF012  # the class is the recorder; one a process

    def do_POST(self) -> None:
        body = self._body()
        connection = HTTPConnection("localhost", self.printer_port, timeout=30)
        connection.request("POST", self.path, body, {"Content-Type": "application/ipp"})
        answer = connection.getresponse().read()
        connection.close()
        decoder = ipp.Decoder()
        message = decoder.feed(body)
        assert message is not None
        end = len(body) - len(decoder.trailing)
        self.requests.setdefault(message.operation.name.lower(), body[: end + DOCUMENT_OCTETS_KEPT])
        self.send_response(200)
        self.send_header("Content-Type", "application/ipp")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
        return


def main(folder: Path) -> None:
    """Start both programs and write what they say into the folder."""
    op = ipp.Operation
    everything = attribute("requested-attributes", "all", "media-col-database")
    pdf = b"%PDF-1.4\n% not a page that anything could print, and nothing here does\n"
    with use_discovery() as discovery, start_ippeveprinter(discovery) as eve:
        answers = {}
        for name, message, document in (
            ("get_printer_attributes", request(op.GET_PRINTER_ATTRIBUTES, eve.uri, everything), b""),
            (
                "get_printer_attributes_usual",
                request(op.GET_PRINTER_ATTRIBUTES, eve.uri, attribute("requested-attributes", "all")),
                b"",
            ),
            (
                "print_job",
                request(op.PRINT_JOB, eve.uri, attribute("document-format", "application/pdf")),
                pdf,
            ),
            (
                "get_jobs",
                request(op.GET_JOBS, eve.uri, attribute("which-jobs", "completed"), everything),
                b"",
            ),
            ("get_job_attributes", request(op.GET_JOB_ATTRIBUTES, eve.uri, attribute("job-id", 1)), b""),
            ("unsupported_operation", request(op.RESTART_SYSTEM, eve.uri), b""),
        ):
            answers[f"ippeveprinter-{name}.answer"] = ask(eve.port, "/ipp/print", message, document)
        Recorder.printer_port = eve.port
        server = ThreadingHTTPServer(("localhost", 0), Recorder)
        Thread(target=server.serve_forever, daemon=True).start()
        with start_cupsd(discovery.environment) as cups:
            cups.add_queue("captured", f"ipp://localhost:{server.server_port}/ipp/print")
            page = folder / "page.txt"
            page.write_text("a page\n")
            number = cups.lp("captured", page, title="Größe 10 €", options={"sides": "two-sided-long-edge"})
            cups.wait_for_completion("captured", number)
            page.unlink()
            uri = cups.uri("captured")
            for name, message in (
                ("get_printer_attributes", request(op.GET_PRINTER_ATTRIBUTES, uri, everything)),
                (
                    "get_jobs",
                    request(op.GET_JOBS, uri, attribute("which-jobs", "completed"), everything),
                ),
                ("get_printers", request(0x4002, uri)),
                ("not_found", request(op.GET_PRINTER_ATTRIBUTES, cups.uri("nowhere"))),
            ):
                answers[f"cupsd-{name}.answer"] = ask(cups.port, "/", message)
        server.shutdown()
    for name, octets in {**answers, **{f"cups-{k}.request": v for k, v in Recorder.requests.items()}}.items():
        (folder / name).write_bytes(octets)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
