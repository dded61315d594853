"""The start page and its companions, asked over HTTP as a browser does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import aiohttp
import pytest

from ipp import PrinterState
from ipp.endpoint import Endpoint
from ipp.spool import PrinterStatus
from server.config import QueueSettings
from server.web.pages import Listed, Pages, describe_duration, describe_state, order_systems

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
IDLE = PrinterStatus(PrinterState.IDLE, datetime(2026, 1, 1, tzinfo=UTC))
HOLD = Listed(
    QueueSettings(name="hold", info="Print and collect"), IDLE, "Print and collect", is_default=True
)


@dataclass
class Site:
    """A served set of pages; tests change what is listed."""

    listed: list[Listed] = field(default_factory=lambda: [HOLD])
    port: int = 0
    session: aiohttp.ClientSession | None = None

    async def list_queues(self) -> list[Listed]:
        return self.listed

    async def get(
        self, path: str = "/", agent: str = "", method: str = "GET", host: str | None = None
    ) -> tuple[int, dict[str, str], str]:
        assert self.session is not None
        headers = {"User-Agent": agent} | ({"Host": host} if host else {})
        async with self.session.request(
            method, f"http://127.0.0.1:{self.port}{path}", headers=headers
        ) as answer:
            body = await answer.read()
            return answer.status, dict(answer.headers), body.decode(errors="replace")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    pages = Pages(
        made.list_queues, place="Library", version="0", kept=timedelta(days=3), port=lambda: made.port
    )

    async def no_route(path: str) -> None:
        return None

    endpoint = Endpoint(no_route, hosts={"localhost", "print.example"}, pages=pages)
    async with endpoint.serving([("127.0.0.1", 0)]), aiohttp.ClientSession() as session:
        made.port, made.session = endpoint.addresses[0][1], session
        yield made


class Outline(HTMLParser):
    """What is in a page, as far as tests ask."""

    void = frozenset({"meta", "link", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.stack: list[str] = []
        self.feed(text)
        self.close()
        assert self.stack == [], f"never closed: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.void:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


async def test_the_page_says_what_this_is_and_where_to_print(site: Site) -> None:
    status, headers, text = await site.get(host="print.example:8631")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Print here, collect anywhere" in text
    assert "ipps://print.example:8631/ipp/print<" in text
    assert "destroyed unread" in text
    assert "3 days" in text


async def test_where_a_browser_names_no_port_ours_is_told(site: Site) -> None:
    _, _, text = await site.get(host="print.example")
    assert f"ipps://print.example:{site.port}/ipp/print" in text
    _, _, text = await site.get(host="[::1]:8631")
    assert "ipps://[::1]:8631/ipp/print" in text


async def test_the_page_is_well_formed_and_works_without_script(site: Site) -> None:
    _, _, text = await site.get(agent=IPHONE)
    outline = Outline(text)
    assert outline.count("script") == 0
    assert not any("style" in attributes or "onclick" in attributes for _, attributes in outline.elements)
    assert outline.count("h1") == 1
    assert outline.count("main") == 1
    assert outline.elements[0] == ("html", {"lang": "en"})
    assert all("alt" in attributes for tag, attributes in outline.elements if tag == "img")


@pytest.mark.parametrize("path", ["/", "/style.css", "/icons/48.png", "/none"])
async def test_every_answer_is_strict_about_what_it_may_do(site: Site, path: str) -> None:
    _, headers, _ = await site.get(path)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "aiohttp" not in headers["Server"]


async def test_the_visitors_system_comes_first_and_open(site: Site) -> None:
    _, _, text = await site.get(agent=WINDOWS)
    assert "How to print from Windows" in text
    opened = [
        attributes for tag, attributes in Outline(text).elements if tag == "details" and "open" in attributes
    ]
    assert len(opened) == 1
    assert text.index("<summary>Windows") < text.index("<summary>iPhone and iPad")


async def test_an_unknown_visitor_sees_every_system(site: Site) -> None:
    _, _, text = await site.get(agent="curl/8")
    assert "How to print from your device" in text
    assert Outline(text).count("details") == 6


@pytest.mark.parametrize(
    ("agent", "key"),
    [
        (IPHONE, "ios"),
        (WINDOWS, "windows"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8)", "android"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)", "chromeos"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)", "macos"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0)", "linux"),
    ],
)
def test_a_system_is_told_by_its_browser(agent: str, key: str) -> None:
    first, *others = order_systems(agent)
    assert (first.key, first.open) == (key, True)
    assert not any(system.open for system in others)
    assert len(others) == 5


async def test_what_administrators_type_is_shown_as_text(site: Site) -> None:
    nasty = '<script>alert(1)</script> & "اسم"'
    site.listed = [replace(HOLD, settings=QueueSettings(name="hold", info=nasty), dns_sd_name=nasty)]
    _, _, text = await site.get()
    assert "<script>" not in text
    assert "اسم" in text
    Outline(text)


async def test_no_queue_says_how_to_get_one(site: Site) -> None:
    site.listed = []
    status, _, text = await site.get()
    assert status == 200
    assert "pullprint queues add" in text


async def test_many_queues_are_all_there(site: Site) -> None:
    others = [
        Listed(QueueSettings(name=f"q{number}", kind="direct", printer="p"), IDLE, "x", is_default=False)
        for number in range(500)
    ]
    site.listed = [HOLD, *others]
    _, _, text = await site.get()
    assert "/ipp/print/q499<" in text


async def test_a_queue_that_asks_for_a_password_says_so(site: Site) -> None:
    settings = QueueSettings(name="hold", authentication="basic", location="Hall")
    site.listed = [replace(HOLD, settings=settings, status=replace(IDLE, queued_jobs=1))]
    _, _, text = await site.get()
    assert "asks for your name and password" in text
    assert "1 document waits now" in text
    assert "Hall." in text


async def test_a_queue_that_releases_by_pin_says_what_the_pin_is_for(site: Site) -> None:
    site.listed = [replace(HOLD, settings=QueueSettings(name="hold", release="job-password"))]
    _, _, text = await site.get()
    assert "asks for a PIN for each document: it comes out with that only" in text


@pytest.mark.parametrize(
    ("status", "parks", "words", "tone"),
    [
        (IDLE, True, "Ready", "good"),
        (replace(IDLE, state=PrinterState.PROCESSING), False, "Printing", "busy"),
        (replace(IDLE, state=PrinterState.STOPPED), False, "Paused", "bad"),
        (
            replace(IDLE, state=PrinterState.STOPPED),
            True,
            "Takes documents; prints nothing now",
            "busy",
        ),
        (replace(IDLE, accepting_jobs=False), True, "Takes no documents just now", "bad"),
    ],
)
def test_a_state_is_told_in_peoples_words(status: PrinterStatus, parks: bool, words: str, tone: str) -> None:
    assert describe_state(status, parks=parks) == (words, tone)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (259200, "3 days"),
        (86400, "1 day"),
        (90000, "25 hours"),
        (3600, "1 hour"),
        (90, "90 seconds"),
        (120, "2 minutes"),
    ],
)
def test_a_time_is_told_as_people_say_it(seconds: int, words: str) -> None:
    assert describe_duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize("path", ["/icons/48.png", "/icons/128.png", "/icons/512.png", "/favicon.ico"])
async def test_the_icons_are_there(site: Site, path: str) -> None:
    status, headers, text = await site.get(path)
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert "PNG" in text[:8]


async def test_the_stylesheet_knows_light_and_dark(site: Site) -> None:
    status, headers, text = await site.get("/style.css")
    assert (status, headers["Content-Type"]) == (200, "text/css")
    assert "prefers-color-scheme: dark" in text


async def test_a_head_has_no_body(site: Site) -> None:
    status, headers, text = await site.get(method="HEAD")
    assert (status, text) == (200, "")
    assert int(headers["Content-Length"]) > 1000


@pytest.mark.parametrize("path", ["/none", "/icons/49.png", "/../etc/passwd", "/style.css/x", "//"])
async def test_no_such_page_is_said_with_a_way_on(site: Site, path: str) -> None:
    status, _, text = await site.get(path)
    assert status == 404
    assert "There is no such page" in text
    assert 'href="/"' in text


async def test_a_printers_address_in_a_browser_is_the_start_page(site: Site) -> None:
    for path in ("/ipp/print", "/ipp/print/hold", "/ipp/print/u/0123456789abcdefghjkmnpqrs"):
        status, _, text = await site.get(path)
        assert status == 200
        assert "How to print from" in text
        assert "0123456789" not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_is_sent_here_yet(site: Site, method: str) -> None:
    status, headers, text = await site.get(method=method)
    assert status == 405
    assert headers["Allow"] == "GET, HEAD"
    assert "cannot be sent here" in text


async def test_a_printer_that_is_not_there_is_not_found_for_ipp_clients(site: Site) -> None:
    assert site.session is not None
    uri, headers = f"http://127.0.0.1:{site.port}/ipp/print/gone", {"Content-Type": "application/ipp"}
    async with site.session.post(uri, data=b"...", headers=headers) as answer:
        assert answer.status == 404
