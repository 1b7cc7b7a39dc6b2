"""The signature of a call: HMAC-SHA256 with the resource's access key, as ACS checks it."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.sandbox.acs_errors import denied

#: How far a request's date may lie from our clock, either way.
DATE_SKEW = timedelta(minutes=5)


def check_signature(
    *,
    method: str,
    path_and_query: str,
    headers: Mapping[str, str],
    body: bytes,
    access_key: str,
    now: datetime,
) -> None:
    """Raise a Refusal of 401 unless the request is signed with `access_key`, as HMAC-SHA256 over what ACS signs."""
    scheme, _, parameters = headers.get("authorization", "").partition(" ")
    if scheme != "HMAC-SHA256":
        raise denied("the request is not signed with HMAC-SHA256")
    given = dict(part.partition("=")[::2] for part in parameters.split("&"))
    signed = given.get("SignedHeaders", "").split(";")
    if not {"host", "x-ms-content-sha256"} <= set(signed) or not {"x-ms-date", "date"} & set(signed):
        raise denied("the signature leaves out the date, the host or the content's hash")
    content_hash = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if not hmac.compare_digest(headers.get("x-ms-content-sha256", "").encode(), content_hash.encode()):
        raise denied(
            "x-ms-content-sha256 is not the hash of the body",
            "Request 'x-ms-content-sha256' differs from generated content hash.",
        )
    sent = read_http_date(headers.get("x-ms-date") or headers.get("date", ""))
    if sent is None or abs(now - sent) > DATE_SKEW:
        raise denied("the request's date is more than 5 minutes away from the sandbox's clock")
    to_sign = f"{method}\n{path_and_query}\n" + ";".join(headers.get(name, "") for name in signed)
    signature = hmac.digest(base64.b64decode(access_key), to_sign.encode(), "sha256")
    try:
        matches = hmac.compare_digest(base64.b64decode(given.get("Signature", ""), validate=True), signature)
    except (binascii.Error, ValueError):
        matches = False
    if not matches:
        raise denied("the signature does not fit the access key")


def read_http_date(text: str) -> datetime | None:
    """Return the time that an HTTP date names, or None when it names none."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
