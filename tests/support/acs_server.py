"""A second stand-in for ACS, a process of its own that shares no line with the bot or with its sandbox.

It is written from Azure's documentation alone, so that the bot and the sandbox can't agree on a mistake: it checks the
signature, remembers repeatability ids, records every call, and does what the test has planned for the next calls of a
sending number. `python acs_server.py PORT`; it prints the port that it listens on.
"""

import base64
import hashlib
import hmac
import json
import socket
import sys
import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

ACCESS_KEY = base64.b64encode(b"an access key of the tests, 32 b").decode()

lock = threading.Lock()
#: Every call, in order of arrival, whatever became of it.
calls: list[dict[str, Any]] = []
#: Every SMS that would have gone out, by repeatability id.
messages: dict[str, dict[str, Any]] = {}
#: Sending number → what happens to its next calls; see `Handler.act`.
plans: dict[str, list[dict[str, Any]]] = {}
released = threading.Condition()


def signature_trouble(method: str, target: str, headers: Any, body: bytes) -> str | None:
    """What is wrong with a call's signature (docs: communication-services/tutorials/hmac-header-tutorial)."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if headers["x-ms-content-sha256"] != digest:
        return f"x-ms-content-sha256 is {headers['x-ms-content-sha256']} and the body's is {digest}"
    date = headers["x-ms-date"]
    if date is None or abs(datetime.now(UTC) - parsedate_to_datetime(date)) > timedelta(minutes=5):
        return f"x-ms-date is {date}"
    text = f"{method}\n{target}\n{date};{headers['host']};{digest}"
    mac = hmac.new(base64.b64decode(ACCESS_KEY), text.encode("ascii"), hashlib.sha256).digest()
    expected = (
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
        f"&Signature={base64.b64encode(mac).decode()}"
    )
    return None if headers["authorization"] == expected else f"Authorization is {headers['authorization']}"


def is_for(phone: str, sent: dict[str, Any]) -> bool:
    """Whether a call names this phone."""
    return phone in [recipient["to"] for recipient in sent["smsRecipients"]]


class Handler(BaseHTTPRequestHandler):
    """POST /sms, and under /control what the test asks."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """An SMS call."""
        body = self.rfile.read(int(self.headers["content-length"]))
        trouble = signature_trouble("POST", self.path, self.headers, body)
        sent = json.loads(body)
        with lock:
            plan = plans.get(sent["from"])
            deed = plan.pop(0) if plan else {}
            calls.append(
                {
                    "target": self.path,
                    "trouble": trouble,
                    "body": sent,
                    "at": datetime.now(UTC).isoformat(),
                    "deed": deed,
                }
            )
        if trouble:
            self.answer(401, {})
            return
        self.act(sent, deed)

    def act(self, sent: dict[str, Any], deed: dict[str, Any]) -> None:
        """Do as planned: `hold` a call until released; answer `status`; or take it and `drop` the answer."""
        if deed.get("hold"):
            with released:
                released.wait(120)
        if "status" in deed:
            self.answer(
                deed["status"], {"error": {"code": "Planned", "message": "as planned"}}, deed.get("headers")
            )
            return
        results = [self.take(sent, recipient, deed) for recipient in sent["smsRecipients"]]
        if deed.get("drop"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.answer(202, {"value": results})

    def take(self, sent: dict[str, Any], recipient: dict[str, Any], deed: dict[str, Any]) -> dict[str, Any]:
        """One recipient's SMS goes out, or has gone out before; or it is refused, as planned."""
        if refusal := deed.get("refuse"):
            return {
                "to": recipient["to"],
                "httpStatusCode": refusal,
                "successful": False,
                "errorMessage": "planned",
            }
        key = str(UUID(recipient["repeatabilityRequestId"]))
        with lock:
            known = messages.setdefault(
                key,
                {
                    "messageId": deed.get("message_id") or f"Outgoing_{uuid4()}",
                    "repeatabilityRequestId": recipient["repeatabilityRequestId"],
                    "repeatabilityFirstSent": recipient["repeatabilityFirstSent"],
                    "from": sent["from"],
                    "to": recipient["to"],
                    "text": sent["message"],
                },
            )
        return {
            "to": recipient["to"],
            "messageId": known["messageId"],
            "httpStatusCode": 202,
            "repeatabilityResult": "accepted",
            "successful": True,
        }

    def do_GET(self) -> None:
        """What came so far; at /?to=PHONE what is for that phone."""
        phone = parse_qs(urlsplit(self.path).query).get("to", [None])[0]
        with lock:
            came = [each for each in calls if phone is None or is_for(phone, each["body"])]
            went = [each for each in messages.values() if phone is None or each["to"] == phone]
            self.answer(200, {"calls": came, "messages": went})

    def do_PUT(self) -> None:
        """/control/plan {"from", "deeds"}, or /control/release for the calls that are held."""
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/control/release":
            with released:
                released.notify_all()
        else:
            asked = json.loads(body)
            with lock:
                plans[asked["from"]] = asked["deeds"]
        self.answer(200, {})

    def answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        """Answer with JSON."""
        body = json.dumps(content).encode()
        try:
            self.send_response(status)
            for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked is gone

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Does not wait for clients when it ends."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    print(f"port {server.server_address[1]}", flush=True)  # noqa: T201 - how its starter learns it
    server.serve_forever()
