"""Event Grid's questions before it delivers, and who may answer to it."""

from tests.support.events import received
from tests.support.problems import assert_problem
from tests.support.processes import OLD_SECRET, SECRET, Bot

#: As Azure's documentation shows it (docs: event-grid/end-point-validation-event-grid-events-schema).
VALIDATION = [
    {
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
        "topic": "/subscriptions/aaaa0a0a-bb1b-cc2c-dd3d-eeeeee4e4e4e",
        "subject": "",
        "data": {
            "validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6",
            "validationUrl": "https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/estest/validate?id=x",
        },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2022-10-25T22:12:19.4556811Z",
        "metadataVersion": "1",
        "dataVersion": "1",
    }
]


def test_the_validation_event_is_answered_with_its_code(bot: Bot) -> None:
    answer = bot.post(VALIDATION, headers={"aeg-event-type": "SubscriptionValidation"})
    assert answer.status_code == 200  # Event Grid does not recognise 202
    assert answer.json() == {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}


def test_a_stranger_gets_no_validation_response(bot: Bot) -> None:
    answer = bot.post(VALIDATION, secret="guessed", headers={"aeg-event-type": "SubscriptionValidation"})
    assert answer.status_code == 401
    assert "512d38b6" not in answer.text


def test_the_cloudevents_handshake(bot: Bot) -> None:
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    answer = bot.http.options("/events", params={"code": SECRET}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    assert answer.headers["WebHook-Allowed-Rate"] == "120"
    assert {method.strip() for method in answer.headers["Allow"].split(",")} == {"POST", "OPTIONS"}
    stranger = bot.http.options("/events", headers=headers)
    assert stranger.status_code == 200, "consent by itself delivers nothing"
    assert stranger.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"


def test_an_unsubscription_is_acknowledged(bot: Bot) -> None:
    event = VALIDATION[0] | {"eventType": "Microsoft.EventGrid.SubscriptionDeletedEvent", "data": {}}
    assert bot.post([event], headers={"aeg-event-type": "SubscriptionDeletion"}).status_code == 200


def test_both_secrets_of_a_rotation_are_good_as_parameter_and_as_header(bot: Bot, peer: str) -> None:
    events = [received(peer, "hours")]
    for secret in (SECRET, OLD_SECRET):
        assert bot.post(events, secret=secret).status_code == 200
        answer = bot.http.post("/events", json=events, headers={"X-Bot-Secret": secret})
        assert answer.status_code == 200


def test_an_event_without_a_good_secret_is_refused_and_not_kept(bot: Bot, peer: str) -> None:
    for offered in ({}, {"code": ""}, {"code": "wrong"}, {"code": SECRET + "x"}, {"code": "ü"}):
        answer = bot.http.post("/events", params=offered, json=[received(peer, "hours")])
        assert_problem(answer, 401)
    assert bot.messages(peer) == []


def test_another_method_is_told_which_ones_there_are(bot: Bot) -> None:
    answer = bot.http.get("/events", params={"code": SECRET})
    assert_problem(answer, 405)
    assert {method.strip() for method in answer.headers["Allow"].split(",")} == {"POST", "OPTIONS"}
