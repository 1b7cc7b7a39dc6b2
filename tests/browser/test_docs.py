"""The page of the API draws itself from what the bot brings along, and asks nobody else for anything."""

from pathlib import Path

from playwright.async_api import Browser, Request, expect

from tests.support.databases import Databases
from tests.support.services import Acs, running


async def test_it_draws_the_api_and_no_request_leaves_this_machine(
    browser: Browser, tmp_path: Path, databases: Databases
) -> None:
    acs = Acs()
    await acs.start()
    async with running(tmp_path, databases.migrated("sqlite"), acs) as bot:
        context = await browser.new_context(base_url=bot.address)
        page = await context.new_page()
        asked: list[str] = []
        complaints: list[str] = []

        def note(request: Request) -> None:
            if not request.url.startswith("data:"):
                asked.append(request.url)

        context.on("request", note)
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        answer = await page.goto("/docs")
        assert answer
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        operation = page.locator("#operations-default-ApiConversationsGetConversations, .opblock-get").first
        await expect(operation).to_be_visible()
        await operation.locator("button").first.click()
        await expect(page.locator(".opblock.is-open").first).to_be_visible()
        assert complaints == []
        assert {"/docs", "/docs/openapi.json"} <= {url.removeprefix(bot.address) for url in asked}
        assert [url for url in asked if not url.startswith(f"{bot.address}/docs")] == []
        await context.close()
    await acs.stop()
