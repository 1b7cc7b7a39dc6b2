"""A webhook, a sandbox that listens, and a phone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from azure.communication.sms.aio import SmsClient

from bot.sandbox.app import Sandbox
from tests.support.sandboxes import Phone, Webhook, listening, sms_client


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    webhook = Webhook()
    await webhook.start()
    yield webhook
    await webhook.stop()


@pytest.fixture
def sandbox(webhook: Webhook) -> Sandbox:
    return Sandbox(webhook.url, pace=100)


@pytest.fixture
async def address(sandbox: Sandbox) -> AsyncIterator[str]:
    async with listening(sandbox) as address:
        yield address


@pytest.fixture
async def phone(address: str) -> AsyncIterator[Phone]:
    async with ClientSession() as http:
        yield Phone(address, http)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_phone() -> AsyncIterator[tuple[Phone, Sandbox]]:
    """A phone and its sandbox for what asks a whole module's one, and depends on nothing that was sent before."""
    webhook = Webhook()
    await webhook.start()
    sandbox = Sandbox(webhook.url, pace=100)
    async with listening(sandbox) as address, ClientSession() as http:
        yield Phone(address, http), sandbox
    await webhook.stop()


@pytest.fixture
async def sms(address: str, sandbox: Sandbox) -> AsyncIterator[SmsClient]:
    async with sms_client(address, sandbox.access_key) as client:
        yield client
