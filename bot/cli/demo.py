"""`bot demo`: the service and the sandbox in one, for trying the bot without an Azure account."""

import secrets
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.text import Text

from bot.app import Service
from bot.cli.errors import CommandFailed
from bot.cli.serve import CannotStart, run
from bot.cli.token_file import token_line
from bot.installed import starter_rules_folder
from bot.operations.logs import configure_logs
from bot.operations.output_streams import free_output
from bot.sandbox.app import Sandbox, routes
from bot.sandbox.events import Schema
from bot.settings import AcsConnection, Secret, Settings, load, read_environment
from bot.storage.database import DATABASE_ERRORS, DatabaseInUse, cause_of
from bot.storage.schema import NewerSchema
from bot.text.hosts import url_of

#: A database of its own: the demo never touches real conversations.
DEMO_PATH: Final = Path("data/demo.db")
DEMO_DATABASE: Final = f"sqlite+aiosqlite:///{DEMO_PATH.as_posix()}"
#: The settings that count here; all others are as if unset. What leads outward by itself, or lets others in, stays out:
#: queues, receivers, people to tell, logins. The rules themselves are real, with what they fetch and forward.
KEPT: Final = (
    "rules", "host", "port", "proxies", "admin_token", "viewer_token",
    "private_hosts", "forward_private_hosts", "forward_secret", "secrets",
    "acs_report_timeout", "replies_per_hour", "repeats_per_hour", "queue_limit", "reply_ttl", "report_timeout",
    "keep_messages", "keep_answers", "keep_rejected", "keep_values", "erasure_keys",
    "log_format", "log_level", "log_texts",
)  # fmt: skip
#: Columns that the frame takes.
_FRAME = 6


def demo(schema: Schema) -> None:
    """Serve a bot that is wired to a sandbox."""
    free_output()
    settings = load(read_environment())
    configure_logs(settings.log_format, settings.log_level, with_texts=settings.log_texts)
    Demo(settings, schema).run()


class Demo:
    """A service wired to a sandbox, both behind the same port."""

    def __init__(self, settings: Settings, schema: Schema) -> None:
        self._schema: Schema = schema
        self._secret = secrets.token_urlsafe(24)
        self._access_key = b64encode(secrets.token_bytes(32)).decode()
        self._settings = demo_settings(settings, self._secret)

    def run(self) -> None:
        """Serve until the process is asked to stop."""
        try:
            run(self._settings, self._build, self._welcome)
        except CannotStart as refused:
            raise _unusable(refused.cause) or refused from None

    def _build(self, url: str) -> Service:
        self._sandbox = Sandbox(f"{url}/events?code={self._secret}", self._access_key, schema=self._schema)
        connection = AcsConnection(endpoint=url, access_key=Secret(self._access_key))
        return Service(
            replace(self._settings, acs_connection_string=connection), more_routes=routes(self._sandbox)
        )

    async def _welcome(self, service: Service, url: str) -> Callable[[], Awaitable[None]]:
        service.inbox.on_silence = self._sandbox.log.note_no_answer
        await self._sandbox.start()
        lines = [
            f"[bold]Text the bot:[/bold]  {url}/sandbox/phone",
            f"[bold]Or from here:[/bold]  {escape(_texting(url))}",
            f"[bold]Its console:[/bold]   {url}{_console(service)}",
            f"[bold]Its rules:[/bold]     {escape(str(self._settings.rules))}",
        ]
        if service.settings.admin_token is None:
            lines.append(f"[bold]API token:[/bold]     {escape(token_line(service))}")
        lines.append("Ctrl+C ends it.")
        _show(lines)
        return self._sandbox.stop


def demo_settings(settings: Settings, webhook_secret: str) -> Settings:
    """What a demo takes of the settings; the sandbox stands in for Azure, so nothing real is asked, fetched or told."""
    kept = replace(load({}), **{name: getattr(settings, name) for name in KEPT})
    return replace(
        kept,
        database_url=DEMO_DATABASE,
        rules=kept.rules if kept.rules.is_dir() else starter_rules_folder(),
        webhook_secrets=(Secret(webhook_secret),),
    )


def _unusable(cause: Exception) -> CommandFailed | None:
    """The sentence about the demo's own database, which no setting names; None where something else is the cause."""
    if isinstance(cause, DatabaseInUse):
        return CommandFailed(
            f"Another `bot demo` is using {DEMO_PATH}: stop it first, or start this one in another folder."
        )
    place = DEMO_PATH
    if isinstance(cause, FileExistsError) and Path(cause.filename) == DEMO_PATH.parent:
        place, reason = DEMO_PATH.parent, "it is no folder"
    elif isinstance(cause, NewerSchema):
        reason = "it is of a newer version of the bot"
    elif isinstance(cause, DATABASE_ERRORS) and not isinstance(cause, OSError):
        reason = cause_of(cause)
    else:
        return None
    return CommandFailed(
        f"{place}, where the demo keeps its messages, can't be used ({reason}): move it away, or start the demo in"
        " another folder."
    )


def _texting(url: str) -> str:
    """The command that texts the bot at an address; it finds the usual one by itself."""
    usual = url == url_of("127.0.0.1", 8000)
    return 'bot text "hours"' if usual else f'bot text "hours" --sandbox {url}'


def _show(lines: list[str]) -> None:
    """In a frame where that has room, else line by line: a link that is folded can't be followed."""
    console, text = Console(stderr=True, highlight=False), Text.from_markup("\n".join(lines))
    if console.is_terminal and console.measure(text).maximum <= console.width - _FRAME:
        console.print(Panel(text, title="The bot is up", expand=False, padding=(1, 2)))
    else:
        console.print(text, soft_wrap=True)


def _console(service: Service) -> str:
    return "/console" if service.settings.admin_token else service.new_login_link()
