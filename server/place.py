"""Where this machine is reached: the names under which clients come, and the URIs it gives people."""

from __future__ import annotations

import socket
from collections.abc import Iterable

from server.config import Listen


class Place:
    """The machine's names. `hosts` is what the endpoint accepts in Host; more may be met later."""

    def __init__(self, listen: Listen, host_name: str, *, name: str = "") -> None:
        """`host_name` is the machine's own, `name` what people call it."""
        stem = host_name.partition(".")[0] or "localhost"
        own = [*listen.names, *_named(listen.addresses)]
        local = [] if stem == "localhost" else [f"{stem}.local", host_name, stem]
        self.host = own[0] if own else local[0] if local else "localhost"
        self.title = name or stem
        self.names = list(dict.fromkeys([*own, *local]))
        self.hosts = {each.rstrip(".").lower() for each in (*self.names, "localhost")}
        self.port = listen.port
        self._plain = listen.plain

    @classmethod
    def here(cls, listen: Listen, *, name: str = "") -> Place:
        """The place of this machine."""
        return cls(listen, socket.gethostname(), name=name)

    def meet(self, host: str) -> None:
        """Clients are told this name: come by it, they are let in."""
        self.hosts.add(host.rstrip(".").lower())
        if self.host == self.names[0] and host.endswith(".local") and self.host.endswith(".local"):
            self.host = host

    def uris(self, path: str, *, secret: bool = False) -> list[str]:
        """Where clients reach a resource path; one that is a secret by TLS only."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        schemes = ("ipps", "ipp") if self._plain and not secret else ("ipps",)
        return [f"{scheme}://{host}:{self.port}{path}" for scheme in schemes]

    def page(self) -> str:
        """Where people find the start page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self._plain else 'https'}://{host}:{self.port}/"


def _named(addresses: Iterable[str]) -> list[str]:
    """Those listening addresses that say where clients come, and are not all or loopback."""
    return [each for each in addresses if each not in ("*", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost")]  # noqa: S104 - compared with
