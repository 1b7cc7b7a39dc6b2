"""`bot sandbox`: a stand-in for ACS and Event Grid, on its own port."""

import contextlib
import logging
import socket
from collections.abc import Generator
from urllib.parse import urlsplit

import rich_click as click
import uvicorn

from bot.cli.bind import listen
from bot.cli.commands.sandbox import WEBHOOK, WEBHOOK_SECRET
from bot.cli.errors import CommandFailed
from bot.cli.log_setup import log_settings
from bot.operations.logs import configure_logs
from bot.operations.output_streams import free_output
from bot.sandbox.app import Sandbox, create_app
from bot.sandbox.events import Schema
from bot.sandbox.sandbox import ACCESS_KEY, BadText, WrongAccessKey, read_number
from bot.text.addresses import is_loopback
from bot.text.hosts import url_of
from bot.web.server.http_server import Server


class _SandboxServer(Server):
    """Ends the sandbox's open streams first, so that uvicorn need not wait for them."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(create_app(sandbox), lifespan="on", timeout_graceful_shutdown=3)
        self._sandbox = sandbox

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """End in order on a signal: uvicorn would raise the signal again, and the exit status would be a failure's."""
        with uvicorn.Server.capture_signals(self):
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop the sandbox, then serving."""
        await self._sandbox.stop()
        await super().shutdown(sockets)


def sandbox(host: str, port: int, webhook: str, access_key: str | None, number: str, schema: Schema) -> None:
    """Serve the sandbox, and print the settings with which the bot uses it."""
    free_output()
    access_key = access_key or ACCESS_KEY
    if not _can_be_called(webhook):
        raise CommandFailed(f"--webhook must be an address such as {WEBHOOK}.")
    try:
        stand_in = Sandbox(webhook, access_key, read_number("--number", number), schema=schema)
    except BadText as error:
        raise CommandFailed(str(error)) from None
    except WrongAccessKey as error:
        raise CommandFailed(f"--access-key: {error}") from None
    listener = listen(host, port, mend="Choose others with --host and --port.")
    host, port = listener.getsockname()[:2]
    url = url_of(host, port)
    # What the bot answers is seen on the phone page; the terminal shows what needs a hand.
    configure_logs(log_settings()[0])
    logging.getLogger().setLevel(logging.WARNING)
    click.echo(f"Text the bot:  {url}/sandbox/phone", err=True)
    click.echo("The bot uses this sandbox with these settings:", err=True)
    click.echo(f"BOT_ACS_CONNECTION_STRING=endpoint={url};accesskey={access_key}")
    if webhook == WEBHOOK:
        click.echo(f"BOT_WEBHOOK_SECRETS={WEBHOOK_SECRET}")
    if not is_loopback(urlsplit(url).hostname or ""):
        click.echo(
            "The bot takes http:// to an address of its own machine only: listen on 127.0.0.1, or put HTTPS before"
            " the sandbox and write that address.",
            err=True,
        )
    with contextlib.suppress(KeyboardInterrupt):
        _SandboxServer(stand_in).run([listener])


def _can_be_called(webhook: str) -> bool:
    """Whether a URL is of http or https, with a host and a port that there can be."""
    try:
        url = urlsplit(webhook)
        host, port = url.hostname or "", url.port
        host.encode("idna")
    except ValueError:
        return False
    has_space = any(letter.isspace() for letter in webhook)
    return url.scheme in ("http", "https") and bool(host) and port != 0 and not has_space
