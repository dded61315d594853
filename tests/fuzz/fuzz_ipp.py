"""Any octets are a message that comes back to the octet, or `RemoteProtocolError`; cut anywhere, the same.

    python tests/fuzz/fuzz_ipp.py [libFuzzer flags] [corpus folders]

Without a corpus folder it starts from the messages that real programs sent (tests/data/ipp). What it finds is
written to the working folder by libFuzzer; run it with that file as argument to see it again.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports():
    from ipp import Decoder, Limits, Message, RemoteProtocolError, encode

SEEDS = Path(__file__).parent.parent / "data" / "ipp"
LIMITS = Limits(octets=1 << 16, values=500, depth=5)

Outcome = tuple[Message, bytes] | tuple[str, int | None]


def outcome_of(pieces: list[bytes]) -> Outcome:
    """The message and what follows it, or what is wrong and where."""
    decoder = Decoder(LIMITS)
    try:
        for number, piece in enumerate(pieces):
            message = decoder.feed(piece)
            if message is not None:
                return message, decoder.trailing + b"".join(pieces[number + 1 :])
        decoder.finish()
    except RemoteProtocolError as error:
        return str(error), error.offset
    raise AssertionError("an unfinished decoder raises")


def check(octets: bytes) -> None:
    """One input: whole, in two pieces, and written back."""
    outcome = outcome_of([octets])
    cut = octets[-1] * len(octets) // 256 if octets else 0
    assert outcome_of([octets[:cut], octets[cut:]]) == outcome
    if isinstance(outcome[0], Message) and isinstance(outcome[1], bytes):
        assert encode(outcome[0]) == octets[: len(octets) - len(outcome[1])]


def main() -> None:
    arguments = sys.argv
    if all(argument.startswith("-") for argument in arguments[1:]):
        seeds = sorted(str(path) for path in SEEDS.iterdir() if path.suffix in {".answer", ".request"})
        arguments = [*arguments, f"-seed_inputs={','.join(seeds)}"]
    atheris.Setup(arguments, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
