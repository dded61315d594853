"""HTTP load by `wrk`: the same IPP request over and over on many connections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.peers.process import clean_environment, find_program, run_program, scratch_folder

_SCRIPT = """
local file = assert(io.open(os.getenv("IPP_REQUEST"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/ipp"
wrk.headers["Host"] = os.getenv("IPP_HOST")
function done(summary, latency, requests)
  io.write(string.format(
    '\\nRESULT {"requests":%d,"duration_us":%d,"octets":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,'
    .. '"status":%d,"median_us":%d,"p99_us":%d}\\n',
    summary.requests, summary.duration, summary.bytes, summary.errors.connect, summary.errors.read,
    summary.errors.write, summary.errors.timeout, summary.errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of wrk measured."""

    requests_per_s: float
    requests: int
    errors: int
    """Connections refused or broken, timeouts, and answers whose HTTP status was not 2xx or 3xx."""
    median_ms: float
    p99_ms: float
    octets: int


def measure_load(port: int, path: str, request: bytes, *, connections: int = 16, duration_s: int = 5) -> Load:
    """Post a request on this many keep-alive connections for some seconds, by two threads."""
    with scratch_folder("wrk") as folder:
        body, script = folder / "request.ipp", folder / "post.lua"
        body.write_bytes(request)
        script.write_text(_SCRIPT)
        done = run_program(
            [
                *(find_program("wrk"), "-t", str(min(2, connections)), "-c", str(connections)),
                *("-d", f"{duration_s}s", "--timeout", "10s", "-s", script, f"http://127.0.0.1:{port}{path}"),
            ],
            environment=clean_environment(Path(folder), IPP_REQUEST=str(body), IPP_HOST=f"localhost:{port}"),
            timeout_s=duration_s + 30,
        )
    figures = json.loads(done.stdout.rpartition("RESULT ")[2])
    errors = sum(figures[name] for name in ("connect", "read", "write", "timeout", "status"))
    return Load(
        requests_per_s=figures["requests"] * 1e6 / figures["duration_us"],
        requests=figures["requests"],
        errors=errors,
        median_ms=figures["median_us"] / 1000,
        p99_ms=figures["p99_us"] / 1000,
        octets=figures["octets"],
    )
