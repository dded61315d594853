"""The pages: what is asked by GET and is not IPP. The start page, its stylesheet, icons, and errors."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from importlib import resources
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from ipp import PrinterState
from ipp.icon import SIZES, printer_icon
from ipp.spool import PrinterStatus
from server.config import RESOURCE_PATH, QueueSettings

_CONTENT_SECURITY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CONTENT_SECURITY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "pullprint",
    "X-Content-Type-Options": "nosniff",
}
_CACHED: Final = "public, max-age=86400"

# Key, name, and what stands in User-Agent; the first that fits is the visitor's.
_SYSTEMS: Final = (
    ("ios", "iPhone and iPad", re.compile(r"iPhone|iPad|iPod")),
    ("android", "Android", re.compile(r"Android")),
    ("chromeos", "Chromebook", re.compile(r"CrOS")),
    ("windows", "Windows", re.compile(r"Windows")),
    ("macos", "Mac", re.compile(r"Macintosh|Mac OS X")),
    ("linux", "Linux", re.compile(r"Linux|X11")),
)
_REMEDIES: Final = {
    HTTPStatus.NOT_FOUND: (
        "There is no such page",
        "Check the address. Printers are not at this one either.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: ("This cannot be sent here", "Open the page anew and try again."),
}


@dataclass(frozen=True, slots=True)
class QueueWords:
    """A queue in people's words. `tone` is good, busy or bad."""

    title: str
    location: str
    state: str
    tone: str
    what: str
    who: str
    uri: str
    path: str
    dns_sd_name: str


@dataclass(frozen=True, slots=True)
class System:
    """A kind of device, and whether its steps are shown at once."""

    key: str
    name: str
    open: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """A queue for the start page: what it is and how it is."""

    settings: QueueSettings
    status: PrinterStatus
    dns_sd_name: str
    is_default: bool


ListQueues = Callable[[], Awaitable[Sequence[Listed]]]


class Pages:
    """Answers what is not IPP.

    `place` is what the machine is called to people; `kept` how long a parked document is; `port` where the
    machine listens, for when a browser's Host does not say.
    """

    def __init__(
        self, list_queues: ListQueues, *, place: str, version: str, kept: timedelta, port: Callable[[], int]
    ) -> None:
        self._list_queues = list_queues
        self._kept = kept
        self._port = port
        self._style = resources.files("server.web").joinpath("static/style.css").read_bytes()
        self._templates = Environment(
            loader=PackageLoader("server.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "place": place,
            "version": version,
            "style_version": hashlib.sha256(self._style).hexdigest()[:12],
        }

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request that is not IPP."""
        if request.content_type == "application/ipp":
            # Where no queue is: a client that is told so gives up, to 405 it comes again and again.
            return self._error(HTTPStatus.NOT_FOUND)
        if request.method not in ("GET", "HEAD"):
            return self._error(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})
        path = request.path
        if path == "/" or path == RESOURCE_PATH or path.startswith(f"{RESOURCE_PATH}/"):
            return await self._start(request)
        if path == "/style.css":
            return _file(self._style, "text/css")
        if path == "/favicon.ico":
            return _file(await asyncio.to_thread(printer_icon, SIZES[0]), "image/png")
        for size in SIZES:
            if path == f"/icons/{size}.png":
                return _file(await asyncio.to_thread(printer_icon, size), "image/png")
        return self._error(HTTPStatus.NOT_FOUND)

    async def _start(self, request: web.BaseRequest) -> web.Response:
        host, port = _authority(request.host, self._port())
        systems = order_systems(request.headers.get("User-Agent", ""))
        page = self._templates.get_template("start.html").render(
            queues=[_in_words(listed, f"{host}:{port}") for listed in await self._list_queues()],
            systems=systems,
            own_system=next((system.name for system in systems if system.open), ""),
            host=host,
            port=port,
            kept=describe_duration(self._kept),
        )
        return _page(page, HTTPStatus.OK)

    def _error(self, status: HTTPStatus, headers: dict[str, str] | None = None) -> web.Response:
        what, remedy = _REMEDIES[status]
        page = self._templates.get_template("error.html").render(what=what, remedy=remedy)
        return _page(page, status, headers)


def order_systems(user_agent: str) -> list[System]:
    """The visitor's system first and open, the others after it."""
    own = next((key for key, _, mark in _SYSTEMS if mark.search(user_agent)), None)
    systems = [System(key, name, key == own) for key, name, _ in _SYSTEMS]
    return sorted(systems, key=lambda system: not system.open)


def describe_duration(duration: timedelta) -> str:
    """A time as people say it, in the largest unit of which it has two, or one exactly."""
    seconds = round(duration.total_seconds())
    for unit_s, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 2 * unit_s or seconds == unit_s:
            count = round(seconds / unit_s)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def describe_state(status: PrinterStatus, *, parks: bool) -> tuple[str, str]:
    """A queue's state in people's words, and its tone."""
    if not status.accepting_jobs:
        return "Takes no documents just now", "bad"
    if status.state is PrinterState.STOPPED:
        return ("Takes documents; prints nothing now", "busy") if parks else ("Paused", "bad")
    if status.state is PrinterState.PROCESSING:
        return "Printing", "busy"
    return "Ready", "good"


def _in_words(listed: Listed, authority: str) -> QueueWords:
    queue, parks = listed.settings, listed.settings.kind == "hold"
    state, tone = describe_state(listed.status, parks=parks)
    path = RESOURCE_PATH if listed.is_default else queue.path
    waiting = listed.status.queued_jobs
    documents = (
        "Nothing waits"
        if not waiting
        else "1 document waits"
        if waiting == 1
        else f"{waiting} documents wait"
    )
    if parks:
        what = f"Documents wait here until they are released. {documents} now."
    else:
        what = f"Documents are printed at once. {documents} now."
    if queue.authentication == "basic":
        who = "It asks for your name and password, once."
    else:
        who = "On this network it asks for no password, unless your name has one here."
    if parks and queue.release == "job-password":
        who += " Your device asks for a PIN for each document: it comes out with that only."
    return QueueWords(
        title=queue.title,
        location=queue.location,
        state=state,
        tone=tone,
        what=what,
        who=who,
        uri=f"ipps://{authority}{path}",
        path=path.lstrip("/"),
        dns_sd_name=listed.dns_sd_name,
    )


def _authority(host: str, port: int) -> tuple[str, int]:
    """Host and port as the browser came; the endpoint has validated them."""
    name, colon, digits = host.rpartition(":")
    if colon and digits.isdigit() and not name.endswith(":"):
        return name, int(digits)
    return host, port


def _page(text: str, status: HTTPStatus, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        text=text,
        status=status,
        content_type="text/html",
        headers={**_HEADERS, "Cache-Control": "no-store", **(headers or {})},
    )


def _file(octets: bytes, content_type: str) -> web.Response:
    values: dict[str, Any] = {**_HEADERS, "Cache-Control": _CACHED}
    return web.Response(body=octets, content_type=content_type, headers=values)
