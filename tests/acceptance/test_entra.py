"""Event Grid with a token of Microsoft Entra's: what is proven wrong is 401, and all doubt is 503."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bot.settings import US_GOVERNMENT_APPLICATION
from tests.support.acs import connection_string
from tests.support.entra import TENANT, Entra
from tests.support.events import a_number, received
from tests.support.folders import in_folder
from tests.support.problems import assert_problem
from tests.support.processes import VIEWER, Bot

GUID = "abcdef01-2345-6789-abcd-ef0123456789"


@pytest.fixture(scope="module")
def entra() -> Iterator[Entra]:
    entra = Entra()
    yield entra
    entra.close()


@pytest.fixture(scope="module")
def bot(entra: Entra, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """Its authority is on loopback; no secret opens its webhook."""
    bot = Bot(
        in_folder(tmp_path_factory.mktemp("bot")),
        acs=connection_string(1),
        BOT_WEBHOOK_SECRETS="",
        BOT_ENTRA_TENANT=TENANT.upper(),
        BOT_ENTRA_AUDIENCE=f"{GUID.upper()}, https://shop.example/bot",
        BOT_ENTRA_AUTHORITY=entra.authority,
    )
    bot.start()
    yield bot
    bot.close()


def post(bot: Bot, token: str) -> int:
    peer = a_number()
    headers = {"Authorization": f"Bearer {token}", "aeg-event-type": "Notification"}
    answer = bot.http.post("/events", json=[received(peer, "hours")], headers=headers)
    assert bool(bot.messages(peer)) == (answer.status_code == 200)
    if answer.status_code != 200:
        assert_problem(answer, answer.status_code)
    return answer.status_code


def refused(bot: Bot) -> str:
    lines = bot.http.get("/metrics", headers=VIEWER).text.splitlines()
    (line,) = [line for line in lines if line.startswith("bot_refused_deliveries_total ")]
    return line.split()[1]


def test_while_keys_are_a_page_of_html_it_is_503_and_then_200(bot: Bot, entra: Entra) -> None:
    entra.page = b"<html>Sign in</html>"
    assert post(bot, entra.token(aud=GUID)) == 503
    entra.page = b'{"keys": []}'
    assert post(bot, entra.token(aud=GUID)) == 503
    entra.page = None
    assert post(bot, entra.token(aud=GUID)) == 200
    assert refused(bot) == "0.0"


@pytest.mark.parametrize("audience", [GUID, GUID.upper(), f"api://{GUID}", "https://shop.example/bot"])
def test_every_audience_that_is_set_is_good(bot: Bot, entra: Entra, audience: str) -> None:
    assert post(bot, entra.token(aud=audience)) == 200
    assert post(bot, entra.token(aud=audience, azp=None, appid=US_GOVERNMENT_APPLICATION)) == 200


def test_an_unknown_key_is_503_also_after_a_stranger_made_one_up(bot: Bot, entra: Entra) -> None:
    other = generate_private_key(65537, 2048)
    before = refused(bot)
    assert post(bot, entra.token(aud=GUID, kid="made-up", key=other)) == 503
    assert post(bot, entra.token(aud=GUID, kid="rotated", key=other)) == 503
    assert refused(bot) == before


def test_what_is_proven_wrong_is_401_and_counted(bot: Bot, entra: Entra) -> None:
    before = float(refused(bot))
    wrong = [
        entra.token(aud=GUID, key=generate_private_key(65537, 2048)),
        entra.token(aud="99999999-0000-0000-0000-000000000000"),
        entra.token(aud=GUID, azp="99999999-0000-0000-0000-000000000000"),
        entra.token(aud=GUID, roles=[]),
        "not.a.token",
    ]
    assert [post(bot, token) for token in wrong] == [401] * len(wrong)
    assert float(refused(bot)) == before + len(wrong)
