"""How ACS refuses a whole call: its statuses, its bodies, and the headers that every answer of ACS carries."""

import base64
import secrets
from typing import Final

import msgspec

#: The API versions that public SDKs and specifications name.
API_VERSIONS: Final = (
    "2020-07-20-preview1",
    "2020-08-20-preview",
    "2021-03-07",
    "2024-12-10-preview",
    "2025-05-29-preview",
    "2025-08-01-preview",
    "2026-01-23",
)


class Refusal(Exception):
    """A whole call that is refused: its status and the body that says why, empty where Azure's is."""

    def __init__(self, status: int, body: object = None, why: str = "") -> None:
        super().__init__(why or f"{status}: {body}")
        self.status = status
        self.body = b"" if body is None else msgspec.json.encode(body)
        self.headers: dict[str, str] = {}


def error(code: str, message: str) -> dict[str, dict[str, str]]:
    """Return a body that names an error, as ACS's gateway writes it."""
    return {"error": {"code": code, "message": message}}


def denied(why: str, message: str = "Denied by the resource provider.") -> Refusal:
    """Return the 401 of a call whose signature does not hold; `why` goes to the log, not to the caller."""
    return Refusal(401, error("Denied", message), why)


def foreign_number(number: str, status: int) -> Refusal:
    """Return what a sender number gets that is not the resource's: 401, or 404 with an empty body as in 2021."""
    why = f"{number} is none of the resource's numbers"
    return Refusal(404, None, why) if status == 404 else Refusal(401, error("Unauthorized", ""), why)


#: Status of a whole call -> its error code; no body where Azure sends none.
_CODES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    405: "MethodNotAllowed",
    409: "Conflict",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "UnprocessableEntity",
    429: "TooManyRequests",
    500: "InternalServerError",
    501: "NotImplemented",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def turned_away(status: int) -> Refusal:
    """Return what a call gets that the weather turns away with `status`."""
    why = f"the weather turns calls away with {status}"
    if status == 404:
        return Refusal(404, None, why)
    message = "" if status in (401, 403) else "The sandbox's weather is bad."
    refusal = Refusal(status, error(_CODES[status], message), why)
    if status == 429:
        refusal.headers["Retry-After"] = "1"
    return refusal


def check_api_version(version: str | None, unknown: tuple[str, ...], address: str) -> None:
    """Raise a Refusal of 400 unless `version` is one that ACS knows and is not among the `unknown`."""
    if version is None:
        message = "An API version is required, but was not specified."
        raise Refusal(400, error("ApiVersionUnspecified", message))
    if version not in API_VERSIONS or version in unknown:
        message = (
            f"The HTTP resource that matches the request URI '{address}' "
            f"does not support the API version '{version}'."
        )
        raise Refusal(400, error("UnsupportedApiVersion", message))


def answer_headers(unknown_versions: tuple[str, ...], seconds: float) -> dict[str, str]:
    """Return the headers that every answer of ACS has; `seconds` is how long it took."""
    return {
        "Request-Context": "appId=",
        "MS-CV": base64.b64encode(secrets.token_bytes(16)).decode().rstrip("=") + ".0",
        "api-supported-versions": ", ".join(one for one in API_VERSIONS if one not in unknown_versions),
        "X-Processing-Time": f"{seconds * 1000:.0f}ms",
        "X-Cache": "CONFIG_NOCACHE",
        "X-Azure-Ref": "0" + base64.b64encode(secrets.token_bytes(48)).decode(),
    }
