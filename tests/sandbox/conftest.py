"""A webhook, a sandbox that listens, and a phone."""

from collections.abc import AsyncIterator

import pytest
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


@pytest.fixture
async def sms(address: str, sandbox: Sandbox) -> AsyncIterator[SmsClient]:
    async with sms_client(address, sandbox.access_key) as client:
        yield client
