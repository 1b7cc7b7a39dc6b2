"""The page of the API draws itself from what the bot brings along, and asks nobody else for anything."""

from playwright.async_api import Browser, Request, expect

from tests.support.services import Running


async def test_it_draws_the_api_and_no_request_leaves_this_machine(
    browser: Browser, idle_bot: Running
) -> None:
    context = await browser.new_context(base_url=idle_bot.address)
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
    assert {"/docs", "/docs/openapi.json"} <= {url.removeprefix(idle_bot.address) for url in asked}
    assert [url for url in asked if not url.startswith(f"{idle_bot.address}/docs")] == []
    await context.close()
