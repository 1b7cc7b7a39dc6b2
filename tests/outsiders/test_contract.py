"""The bot's calls, and the sandbox's answers, keep the contract of ``POST /sms``, as Prism and oav read it."""

import copy
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.outsiders import CONTRACT, HERE, Town, node
from tests.support.processes import Process, free_port, until
from tests.support.sockets import NO_AUTHORITIES

PHONES = [f"+1555555{n:04}" for n in range(110, 116)]


@pytest.fixture(scope="module")
def traffic(town: Town) -> list[dict[str, Any]]:
    """What the bot said to ACS, and what it heard: single replies, several at once, a refused recipient."""
    before = len(town.recorder.traffic)
    town.sandbox.put("/sandbox/weather", json={"refuse": PHONES[:1], "report_delay_ms": 0}).raise_for_status()
    for phone in PHONES:
        town.text(phone, "hours")
    town.text(PHONES[-1], "order 12345")
    for phone in PHONES[1:]:
        until(lambda phone=phone: all_delivered(town, phone))  # type: ignore[misc]
    until(lambda: len(all_delivered(town, PHONES[-1])) == 3)
    until(lambda: [reply for reply in town.bot.replies(PHONES[0]) if reply["status"] == "failed"])
    town.sandbox.put("/sandbox/weather", json={}).raise_for_status()
    return town.recorder.traffic[before:]


def all_delivered(town: Town, phone: str) -> list[dict[str, Any]]:
    replies = town.bot.replies(phone)
    return replies if all(reply["status"] == "delivered" for reply in replies) else []


@pytest.fixture(scope="module")
def prism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Prism, which serves the contract and refuses what does not keep it."""
    port = free_port()
    command = [node(), str(HERE / "node_modules" / ".bin" / "prism"), "mock", "--errors", "--port", str(port)]
    process = Process(
        [*command, str(CONTRACT)],
        folder=tmp_path_factory.mktemp("prism"),
        environ={"NO_COLOR": "1"},
        name="prism",
    )
    process.wait_for(r"(Prism is listening)")
    yield f"http://127.0.0.1:{port}"
    process.kill()


def post(prism: str, request: dict[str, Any], **changes: Any) -> int:
    """What Prism answers to a call as the bot made it, or with changes in its body."""
    headers = {name: value for name, value in request["headers"].items() if name.lower() != "content-length"}
    path = httpx.URL(request["url"]).raw_path.decode()
    answer = httpx.post(
        prism + path,
        json=request["body"] | changes,
        headers=headers,
        trust_env=False,
        verify=NO_AUTHORITIES,
    )
    return answer.status_code


def test_prism_takes_every_call_of_the_bots(traffic: list[dict[str, Any]], prism: str) -> None:
    requests = [record["liveRequest"] for record in traffic]
    assert len(requests) >= 2
    assert {post(prism, request) for request in requests} == {202}
    assert {"We are open 9-18.", "Reply HELP to talk to a person."} <= {
        request["body"]["message"] for request in requests
    }
    # What the contract does not allow is refused, so the 202 above says something.
    one = requests[0]
    assert post(prism, one, message="x" * 2049) == 400
    assert post(prism, one, smsRecipients=[]) == 400
    assert post(prism, one, smsRecipients=one["body"]["smsRecipients"] * 101) == 400
    assert post(prism, one, smsSendOptions={"enableDeliveryReport": "yes"}) == 400
    assert post(prism, one, surprise=1) == 400
    assert post(prism, one | {"url": one["url"].partition("?")[0]}) == 400
    assert post(prism, one | {"url": re.sub(r"\d{4}-\d\d-\d\d", "2020-01-01", one["url"])}) == 400


def test_prism_takes_the_report_timeout(traffic: list[dict[str, Any]], prism: str) -> None:
    options = {"enableDeliveryReport": True, "deliveryReportTimeoutInSeconds": 60}
    one = traffic[0]["liveRequest"]
    newer = one | {"url": re.sub(r"\d{4}-\d\d-\d\d", "2026-01-23", one["url"])}
    assert post(prism, newer, smsSendOptions=options) == 202
    assert post(prism, newer, smsSendOptions=options | {"deliveryReportTimeoutInSeconds": 59}) == 400


def validate(records: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """oav's report on traffic."""
    (folder / "traffic").mkdir(parents=True)
    for number, record in enumerate(records):
        (folder / "traffic" / f"{number}.json").write_text(json.dumps(record), "utf-8")
    report = folder / "report.json"
    # Its exit status says nothing: the package lacks the template of its HTML report, which it writes last.
    done = subprocess.run(
        [
            node(), str(HERE / "node_modules" / ".bin" / "oav"), "validate-traffic", str(folder / "traffic"),
            str(CONTRACT), "--jsonReport", str(report), "--report", str(folder / "report.html"),
            "--logFilepath", str(folder / "oav.log"),
        ],
        capture_output=True, check=False, text=True, timeout=50,
    )  # fmt: skip
    assert report.exists(), done.stderr
    found: dict[str, Any] = json.loads(report.read_text("utf-8"))
    assert [Path(spec).name for spec in found["coveredSpecFiles"]] == ["sms.json"], done.stdout
    assert found["coveredOperations"] == 1
    return found


def test_oav_finds_nothing_wrong_in_what_bot_and_sandbox_said(
    traffic: list[dict[str, Any]], tmp_path: Path
) -> None:
    statuses = {
        item["httpStatusCode"] for record in traffic for item in record["liveResponse"]["body"]["value"]
    }
    assert statuses == {202, 400}
    bad = copy.deepcopy(traffic[0])
    bad["liveRequest"]["body"]["message"] = "x" * 2049
    worse = copy.deepcopy(traffic[0])
    worse["liveResponse"]["body"]["value"][0]["httpStatusCode"] = "202"
    # It finds what is wrong in these two, and nothing more; beside them stands all that was said.
    errors = validate([*traffic, bad, worse], tmp_path)["errors"]
    assert sorted((error["errorCode"], error["issueSource"]) for error in errors) == [
        ("INVALID_TYPE", "response"),
        ("MAX_LENGTH", "request"),
    ]
