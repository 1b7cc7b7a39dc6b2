"""What the worst bodies of 1 MiB cost to be read: none may take long, whatever its shape.

Run: python benchmarks/envelopes.py
"""

import time

from bot.wire.envelopes import NotAnEventBatch, read_batch

SIZE = 1024 * 1024
#: Deeper than a JSON reader goes, so that the elements of the array are divided first and read one by one.
DEEP = b"[" * 3_000
SMS = b'{"eventType":"microsoft.communication.smsreceived","data":'


def filled(start: bytes, piece: bytes, end: bytes = b"") -> bytes:
    """A body of 1 MiB that is mostly the same piece again and again."""
    return start + piece * ((SIZE - len(start) - len(end)) // len(piece)) + end


def separated(start: bytes, piece: bytes, end: bytes) -> bytes:
    """The same, the pieces with commas between them."""
    return filled(start, piece + b",", piece + end)


SHAPES = {
    "5,000 texts": separated(
        b"[", SMS + b'{"MessageId":"1","From":"15555550101","To":"15555550100","Message":"hours"}}', b"]"
    ),
    "strings that don't end": filled(DEEP, b'"\\""'),
    "quotes": filled(DEEP, b'"'),
    "one string of escaped quotes": filled(DEEP + b'"', b'\\"'),
    "backslashes": filled(DEEP + b'"', b"\\"),
    "commas": filled(DEEP, b","),
    "brackets": filled(b"", b"["),
    "objects in objects": filled(b"", b'{"a":'),
    "many elements too deep": separated(b"[", b"[" * 2_000 + b"]" * 2_000, b"]"),
    "a number of digits": filled(b'[{"eventType":"\\ud800","a":', b"1", b"}]"),
    "a fraction of digits": filled(b'[{"eventType":"\\ud800","a":0.', b"1", b"}]"),
    "half a million rejected events": separated(b'[{"eventType":"x"},', b"1", b"]"),
    "empty objects": separated(b'[{"eventType":"x"},', b"{}", b"]"),
    "lone surrogates": filled(b'[{"eventType":"x","a":"', b"\\ud800", b'"}]'),
    "bytes that are no UTF-8": filled(b'[{"eventType":"x","a":"', b"\xff", b'"}]'),
    "data that is a text of brackets": filled(b"[" + SMS + b'"', b"[", b'"}]'),
    "a number with spaces": filled(b"[" + SMS + b'{"MessageId":"1","From":"', b"1 ", b'"}}]'),
    "spaces": filled(b"", b" "),
}


def main() -> None:
    print(f"{'body of 1 MiB':34} {'time':>8}  what it is")
    for name, body in SHAPES.items():
        start = time.perf_counter()
        try:
            batch = read_batch(body)
            outcome = f"{len(batch.events):,} events"
        except NotAnEventBatch as error:
            outcome = str(error)[:60]
        print(f"{name:34} {(time.perf_counter() - start) * 1e3:6.0f} ms  {outcome}")


if __name__ == "__main__":
    main()
