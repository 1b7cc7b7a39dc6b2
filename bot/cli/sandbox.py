"""`bot sandbox`: a stand-in for ACS and Event Grid, on its own port."""

import contextlib
import logging
import socket
from collections.abc import Generator
from urllib.parse import urlsplit

import rich_click as click
import uvicorn

from bot.cli.failures import Failure
from bot.cli.listening import listen
from bot.operations.outlet import free_output
from bot.sandbox.app import Sandbox, create_app
from bot.sandbox.sandbox import ACCESS_KEY, NUMBER, WrongAccessKey
from bot.web.server import Server

#: The secret in the default webhook address; it opens nothing but a bot that was told to accept it.
WEBHOOK_SECRET = "sandbox"  # noqa: S105
WEBHOOK = f"http://127.0.0.1:8000/events?code={WEBHOOK_SECRET}"


class _Server(Server):
    """Ends the sandbox's open streams first, so that uvicorn need not wait for them."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(create_app(sandbox), lifespan="on", timeout_graceful_shutdown=3)
        self._sandbox = sandbox

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """End when told to; uvicorn would then die of the signal, so that an orderly end looks like a failure."""
        with uvicorn.Server.capture_signals(self):
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the sandbox, then serving."""
        await self._sandbox.stop()
        await super().shutdown(sockets)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="0: any free.")
@click.option("--webhook", default=WEBHOOK, show_default=True, metavar="URL", help="The bot's webhook.")
@click.option("--access-key", default=ACCESS_KEY, metavar="KEY", help="Base64, as Azure's are.")
@click.option("--number", default=NUMBER, show_default=True, help="The bot's number.")
def sandbox(host: str, port: int, webhook: str, access_key: str, number: str) -> None:
    """Stand in for the ACS SMS endpoint and for Event Grid's delivery, with phones to text the bot from.

    Prints what the bot needs to be told to use it.
    """
    free_output()
    address = urlsplit(webhook)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise Failure(f"--webhook must be an address such as {WEBHOOK}.")
    try:
        stand_in = Sandbox(webhook, access_key, number)
    except WrongAccessKey as error:
        raise Failure(f"--access-key: {error}") from None
    listener = listen(host, port, mend="Choose others with --host and --port.")
    port = listener.getsockname()[1]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    # What the bot answers is seen on the phone page; the terminal shows what needs a hand.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    click.echo(f"Text the bot:  {url}/sandbox/phone", err=True)
    click.echo("The bot uses this sandbox with these settings:", err=True)
    click.echo(f"BOT_ACS_CONNECTION_STRING=endpoint={url};accesskey={access_key}")
    if webhook == WEBHOOK:
        click.echo(f"BOT_WEBHOOK_SECRETS={WEBHOOK_SECRET}")
    with contextlib.suppress(KeyboardInterrupt):
        _Server(stand_in).run([listener])
