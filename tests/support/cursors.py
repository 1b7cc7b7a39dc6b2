"""Cursors that no list ever gave."""

import base64

AN_ID = "0199aaaa-0000-7000-8000-000000000000"


def forged(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


#: A list that is sorted by two numbers, each of which may be any name, could have given these.
OF_TWO_TEXTS = [
    forged(f'["{AN_ID}","{AN_ID}"]'), forged(f'["2026-11-23T12:00:00","{AN_ID}"]'),
    forged(f'["0001-01-01T00:00:00+14:00","{AN_ID}"]'), forged(f'["9999-12-31T23:59:59-14:00","{AN_ID}"]'),
]  # fmt: skip
#: What no other list ever gave, whatever it is sorted by.
FORGED = [
    "", "=", "?", "é", "AAAA", "A", "\x00", "\ud800", "A" * 1_000, forged("null"), forged("[]"), forged("{}"),
    forged("[" * 700), forged("[null]"), forged("[true]"), forged("[-1]"), forged("[1.5]"), forged("[1e400]"),
    forged("[9999999999999]"), forged(f"[{'9' * 600}]"), forged('["x"]'), forged('["a\\u0000b"]'),
    forged('["\\ud800"]'), forged('["\ud800"]'), forged('{"id":"a\\u0000b"}'), forged(f'{{"id":"{AN_ID}"}}'),
    forged(f'["{AN_ID}\\n"]'), *OF_TWO_TEXTS,
    forged('["2026-11-23T12:00:00Z","a\\u0000b"]'), forged(f'[5,"{AN_ID}"]'),
]  # fmt: skip
