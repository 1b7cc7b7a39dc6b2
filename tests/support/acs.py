"""The ACS server of these tests (`acs_server.py`) as a test holds it."""

import sys
from pathlib import Path
from typing import Any

import httpx

from tests.support.acs_server import ACCESS_KEY
from tests.support.processes import ROOT, Process, until
from tests.support.sockets import NO_AUTHORITIES


class Acs:
    """ACS as a process: what it was asked, what it sent, and what it is to do next."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        command = [sys.executable, "-m", "tests.support.acs_server", str(port)]
        self._process = Process(command, folder=folder, environ={"PYTHONPATH": str(ROOT)}, name="acs")
        self.port = int(self._process.wait_for(r"port (\d+)"))
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", trust_env=False, verify=NO_AUTHORITIES
        )

    @property
    def connection_string(self) -> str:
        """What the bot is told."""
        return connection_string(self.port)

    def plan(self, number: str, *deeds: dict[str, Any]) -> None:
        """What becomes of the next calls from this number, one deed each; `{}` is to take it."""
        self._http.put("/control/plan", json={"from": number, "deeds": deeds}).raise_for_status()

    def release(self) -> None:
        """Let the calls go on that are held."""
        self._http.put("/control/release").raise_for_status()

    def calls(self, peer: str) -> list[dict[str, Any]]:
        """Every call that named this phone, with what was wrong with its signature."""
        return list(self._http.get("/", params={"to": peer}).json()["calls"])

    def all_calls(self) -> list[dict[str, Any]]:
        """Every call."""
        return list(self._http.get("/").json()["calls"])

    def messages(self, peer: str) -> list[dict[str, Any]]:
        """Every SMS that went out to this phone; one that was asked for twice is one."""
        return list(self._http.get("/", params={"to": peer}).json()["messages"])

    def all_messages(self) -> list[dict[str, Any]]:
        """Every SMS that went out."""
        return list(self._http.get("/").json()["messages"])

    def calls_when(self, peer: str, count: int) -> list[dict[str, Any]]:
        """The calls for this phone, once there are so many."""
        return until(
            lambda: c if len(c := self.calls(peer)) >= count else [], what=f"call {count} for {peer}"
        )

    def close(self) -> None:
        """End the process."""
        self._http.close()
        self._process.kill()


def connection_string(port: int) -> str:
    """As the Azure portal would show it, for an ACS on this port."""
    return f"endpoint=http://127.0.0.1:{port}/;accesskey={ACCESS_KEY}"
