"""Who may post events: bearers of one of our secrets, and Event Grid with a token that Entra signed for us."""

import asyncio
import base64
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bot.settings import EVENT_GRID_APPLICATION, US_GOVERNMENT_APPLICATION, Secret, load
from bot.wire.entra import EVENT_GRID_ROLE, EntraTokens
from bot.wire.webhook_auth import KeysUnavailable, WebhookAuth
from tests.support.entra import AUDIENCE, ISSUER, TENANT, Entra

GUID = "abcdef01-2345-6789-abcd-ef0123456789"


def tokens(authority: str, *audiences: str, **environ: str) -> EntraTokens:
    """The check, as the settings make it."""
    settings = load(environ)
    return EntraTokens(
        TENANT, audiences or [AUDIENCE], applications=settings.entra_applications, authority=authority
    )


@pytest.fixture(scope="module")
def entra() -> Iterator[Entra]:
    entra = Entra()
    yield entra
    entra.close()


@pytest.fixture
def auth(entra: Entra) -> WebhookAuth:
    return WebhookAuth([Secret("a-secret")], tokens(entra.authority))


async def bearer(auth: WebhookAuth, token: str) -> bool:
    return await auth.accepts(f"Bearer {token}")


async def test_event_grids_token_is_accepted(entra: Entra, auth: WebhookAuth) -> None:
    assert await bearer(auth, entra.token())
    assert await auth.accepts(f"bearer  {entra.token()} ")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": f"https://sts.windows.net/{TENANT}/", "azp": None, "appid": EVENT_GRID_APPLICATION},
        {"aud": "bot"},
        {"aud": ["other", AUDIENCE]},
        {"roles": ["Other", EVENT_GRID_ROLE]},
    ],
    ids=["version 1", "bare audience", "many audiences", "many roles"],
)
async def test_every_form_of_a_good_token_is_accepted(
    entra: Entra, auth: WebhookAuth, changes: dict[str, Any]
) -> None:
    assert await bearer(auth, entra.token(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": datetime.now(UTC) - timedelta(minutes=10)},
        {"exp": None},
        {"nbf": datetime.now(UTC) + timedelta(hours=1)},
        {"aud": "api://another-app"},
        {"aud": None},
        {"iss": "https://sts.windows.net/99999999-0000-0000-0000-000000000000/"},
        {"iss": "https://login.microsoftonline.com/common/v2.0"},
        {"iss": None},
        {"azp": "99999999-0000-0000-0000-000000000000"},
        {"azp": None},
        {"azp": EVENT_GRID_APPLICATION, "appid": "99999999-0000-0000-0000-000000000000"},
        {"roles": ["Reader"]},
        {"roles": []},
        {"roles": None},
    ],
    ids=lambda changes: ",".join(f"{name}={str(value)[:10]}" for name, value in changes.items()),
)
async def test_a_token_for_or_from_anybody_else_is_refused(
    entra: Entra, auth: WebhookAuth, changes: dict[str, Any], logs: list[dict[str, Any]]
) -> None:
    token = entra.token(**changes)
    assert not await bearer(auth, token)
    (line,) = logs
    assert line["event"] == "An Entra token was refused"
    assert token not in str(line)


async def test_a_token_signed_by_another_key_is_refused(entra: Entra, auth: WebhookAuth) -> None:
    assert not await bearer(auth, entra.token(key=generate_private_key(65537, 2048)))


async def test_a_token_whose_claims_were_changed_is_refused(entra: Entra, auth: WebhookAuth) -> None:
    head, _, signature = entra.token(roles=[]).split(".")
    _, claims, _ = entra.token().split(".")
    assert not await bearer(auth, f"{head}.{claims}.{signature}")


async def test_a_token_without_a_signature_is_refused(entra: Entra, auth: WebhookAuth) -> None:
    claims = {
        name: int(one.timestamp()) if isinstance(one, datetime) else one
        for name, one in entra.claims().items()
    }
    assert not await bearer(auth, jwt.encode(claims, None, algorithm="none", headers={"kid": "first"}))  # type: ignore[arg-type]


async def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(
    entra: Entra, auth: WebhookAuth
) -> None:
    """The oldest trick: the algorithm in the token's head says HS256, and everybody knows the public key."""
    _, claims, _ = entra.token().split(".")
    head = written({"alg": "HS256", "kid": "first", "typ": "JWT"})
    public = json.dumps(entra.public("first")).encode()
    signature = hmac.new(public, f"{head}.{claims}".encode(), sha256).digest()
    assert not await bearer(
        auth, f"{head}.{claims}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    )


def written(part: dict[str, str]) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "é.é.é", "e30.e30.", "\ud800", "." * 1_000, "A" * 100_000]
)
async def test_what_is_no_token_is_refused(auth: WebhookAuth, token: str) -> None:
    assert not await bearer(auth, token)


@pytest.mark.parametrize("scheme", ["Basic", "", "Token"])
async def test_other_schemes_are_refused(entra: Entra, auth: WebhookAuth, scheme: str) -> None:
    assert not await auth.accepts(f"{scheme} {entra.token()}")
    assert not await auth.accepts(entra.token())
    assert not await auth.accepts("")


async def test_keys_are_fetched_once_and_again_when_a_new_one_signs(
    entra: Entra, auth: WebhookAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = entra.fetches
    assert await bearer(auth, entra.token())
    assert await bearer(auth, entra.token())
    assert entra.fetches == before + 1
    keys = auth._entra._keys  # type: ignore[union-attr]
    monkeypatch.setattr(keys, "cooldown_duration", 0, raising=False)
    entra.keys["second"] = generate_private_key(65537, 2048)
    assert await bearer(auth, entra.token(kid="second"))
    assert entra.fetches == before + 2
    del entra.keys["second"]


async def test_when_keys_can_not_be_fetched_nothing_is_said_of_the_token(entra: Entra) -> None:
    """A refusal would make Event Grid drop the event for good; the token may be good."""
    nowhere = WebhookAuth([], tokens("http://127.0.0.1:1"))
    with pytest.raises(KeysUnavailable, match="can't be told now"):
        await bearer(nowhere, entra.token(iss=ISSUER))
    assert not await bearer(nowhere, entra.token(iss=ISSUER, roles=[])), "what is proven wrong needs no key"
    assert not await bearer(nowhere, "x"), "what is no token needs no key"


def test_a_good_secret_needs_no_keys() -> None:
    nowhere = WebhookAuth([Secret("a-secret")], tokens("http://127.0.0.1:1"))
    assert nowhere.knows([b"a-secret"])


async def test_requests_do_not_wait_for_each_others_keys(entra: Entra, auth: WebhookAuth) -> None:
    tokens = [entra.token() for _ in range(5)]
    assert await asyncio.gather(*(bearer(auth, token) for token in tokens)) == [True] * 5


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([b"first"], True),
        ([b"second"], True),
        ([b"x", b"second"], True),
        ([], False),
        ([b""], False),
        ([b"first,second"], False),
        ([b"FIRST"], False),
        ([b"\xff"], False),
    ],
)
async def test_every_secret_is_accepted_so_that_one_can_be_rotated(
    offered: list[bytes], *, expected: bool
) -> None:
    auth = WebhookAuth([Secret("first"), Secret("second")])
    assert auth.knows(offered) is expected


def test_the_last_good_query_string_is_remembered_and_no_other() -> None:
    auth = WebhookAuth([Secret("first")])
    assert not auth.is_the_last(b"")
    auth.note_good(b"code=first")
    assert auth.is_the_last(b"code=first")
    assert not auth.is_the_last(b"code=second")
    assert not auth.is_the_last(b"")


async def test_without_any_secret_nothing_is_allowed() -> None:
    assert not WebhookAuth([]).knows([b""])
    assert not await WebhookAuth([]).accepts("Bearer ")


class Unruly:
    """An HTTP server in the place of Entra's that answers as no good one does."""

    def __init__(self, how: str) -> None:
        self.asked: list[str] = []
        unruly = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                unruly.asked.append(self.path)
                if how == "redirect" and self.path != "/elsewhere":
                    self.send_response(302)
                    self.send_header("Location", "/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(200)
                self.end_headers()
                with suppress(OSError):
                    for _ in range(1_000 if how == "endless" else 1):
                        self.wfile.write(b" " * 65_536 if how == "endless" else how.encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.mark.parametrize("how", ["endless", "redirect", "", "null", "[]", '{"keys": 5}', "<html>"])
async def test_keys_that_can_not_be_read_are_doubt(how: str, entra: Entra) -> None:
    """Event Grid comes again after 503; after 401 its events would be lost."""
    unruly = Unruly(how)
    authority = f"http://127.0.0.1:{unruly.server.server_address[1]}"
    auth = WebhookAuth([], tokens(authority))
    with pytest.raises(KeysUnavailable):
        await bearer(auth, entra.token(iss=ISSUER))
    unruly.close()
    assert "/elsewhere" not in unruly.asked


async def test_a_key_that_nobody_knows_is_doubt_also_within_the_cooldown(
    entra: Entra, auth: WebhookAuth
) -> None:
    """PyJWT asks for keys again only 30 s after it did, which a stranger starts with a made-up `kid`."""
    stranger = entra.token(kid="made-up", key=generate_private_key(65537, 2048))
    with pytest.raises(KeysUnavailable):
        await bearer(auth, stranger)
    fetches = entra.fetches
    entra.keys["rotated"] = generate_private_key(65537, 2048)
    try:
        with pytest.raises(KeysUnavailable):
            await bearer(auth, entra.token(kid="rotated"))
        assert entra.fetches == fetches, "the test is of the time within which no keys are fetched"
        auth._entra._keys._last_successful_fetch = None  # type: ignore[union-attr]  # as if 30 s had passed
        assert await bearer(auth, entra.token(kid="rotated"))
    finally:
        del entra.keys["rotated"]


@pytest.mark.parametrize(
    ("setting", "audience"),
    [
        (GUID, GUID),
        (GUID.upper(), GUID),
        (GUID, GUID.upper()),
        (GUID, f"api://{GUID}"),
        (f"api://{GUID}", GUID),
        (f"api://{GUID.upper()}", f"api://{GUID}/"),
        ("https://shop.example/bot", "https://shop.example/bot"),
        (f"https://shop.example/bot,{GUID}", GUID),
        (f"{GUID}, api://bot", "api://bot"),
    ],
)
async def test_an_audience_is_a_guid_or_a_uri_and_there_may_be_several(
    entra: Entra, setting: str, audience: str
) -> None:
    settings = load({"BOT_ENTRA_TENANT": TENANT.upper(), "BOT_ENTRA_AUDIENCE": setting})
    auth = WebhookAuth([], tokens(entra.authority, *settings.entra_audience))
    assert await bearer(auth, entra.token(aud=audience))
    assert not await bearer(auth, entra.token(aud="99999999-2345-6789-abcd-ef0123456789"))


async def test_the_applications_that_may_deliver_are_event_grids_own_or_those_that_are_set(
    entra: Entra, auth: WebhookAuth
) -> None:
    government = US_GOVERNMENT_APPLICATION.upper()
    assert await bearer(auth, entra.token(azp=government))
    assert not await bearer(auth, entra.token(azp=GUID))
    own = WebhookAuth([], tokens(entra.authority, BOT_ENTRA_APPLICATIONS=GUID.upper()))
    assert await bearer(own, entra.token(azp=GUID))
    assert not await bearer(own, entra.token())
