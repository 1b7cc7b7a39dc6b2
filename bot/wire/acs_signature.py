"""The signature of a call to Azure Communication Services by access key, as Azure's REST reference says."""

import base64
import hmac
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256


def signed_headers(key: bytes, host: str, path: str, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of a POST that is signed with an access key; `path` with its query."""
    content_hash = base64.b64encode(sha256(body).digest()).decode()
    date = _date_of(int(now.timestamp()))
    signing = _keyed(key).copy()
    signing.update(f"POST\n{path}\n{date};{host};{content_hash}".encode())
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": content_hash,
        "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
        + base64.b64encode(signing.digest()).decode(),
    }


@lru_cache(maxsize=2)
def _date_of(second: int) -> str:
    """A POSIX second as HTTP writes it: 7 µs, and in a rush all calls of a second share it."""
    return format_datetime(datetime.fromtimestamp(second, UTC), usegmt=True)


@lru_cache(maxsize=2)
def _keyed(key: bytes) -> hmac.HMAC:
    """What a key makes of nothing yet. `hmac.digest` lets another thread have Python's lock: 20 µs until it is back."""
    return hmac.new(key, digestmod="sha256")
