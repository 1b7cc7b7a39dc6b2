"""What these tests stand on: a real HTTP server at which people are told."""

from collections.abc import AsyncIterator

import pytest

from tests.support.hooks import Hook


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    await hook.start()
    yield hook
    await hook.stop()
