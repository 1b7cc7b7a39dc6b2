"""`bot serve`: the service."""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import NoReturn

import rich_click as click
import structlog
from msgspec.structs import replace

from bot.app import Service
from bot.azure_parts import NotConfigured
from bot.cli.bind import listen
from bot.cli.database_access import unusable_database
from bot.cli.errors import CommandFailed
from bot.cli.token_file import token_line
from bot.operations.file_descriptors import raise_limit, room_for_connections
from bot.operations.logs import configure_logs
from bot.operations.output_streams import Outlet, free_output
from bot.rulebook.background import is_at_work
from bot.rulebook.collector import settle_after_start
from bot.rulebook.editing.live_book import NoGoodBook
from bot.settings import Settings, load, read_environment
from bot.storage.copy import UnfinishedCopy
from bot.storage.database import DATABASE_ERRORS, DatabaseInUse
from bot.storage.rule_store import NoRulesStored
from bot.storage.schema import SCHEMA_ERRORS
from bot.text.hosts import url_of
from bot.web.limits import Limits
from bot.web.server.http_server import Server
from bot.wire.acs import CannotAuthenticate

if sys.platform == "win32":
    from asyncio import run as run_loop
else:
    from uvloop import run as run_loop

log = structlog.get_logger(__name__)

#: What keeps the service from starting, each with a sentence that says what to do.
_REFUSALS = (
    NotConfigured, CannotAuthenticate, DatabaseInUse, UnfinishedCopy, *SCHEMA_ERRORS, NoGoodBook, NoRulesStored,
)  # fmt: skip

#: Seconds that requests and sends get to finish once the service is told to stop.
_GRACE = 10
#: Of these, those that requests get in any case once nothing else runs.
_LEAST = 2
#: Seconds that a busy event loop lets another thread wait for Python's lock; Python's own 5 ms held up each commit (24
#: to 15 ms of the median reply time at 500 texts a second, no more processor time; `benchmarks/reply_time.py`).
_SWITCH = 0.0005

#: Called with the address that the service listens on; what it returns is called before the service stops.
WhenUp = Callable[[Service, str], Awaitable[Callable[[], Awaitable[None]]]]


class CannotStart(CommandFailed):
    """The service can't start; `cause` is what keeps it from it."""

    def __init__(self, sentence: str, cause: Exception) -> None:
        super().__init__(sentence)
        self.cause = cause


def serve() -> None:
    """Serve by the settings of the environment and of `.env`."""
    free_output()
    settings = load(read_environment())
    configure_logs(settings.log_format, settings.log_level, with_texts=settings.log_texts)
    run(settings, lambda _url: Service(settings), _say_where)


def run(settings: Settings, build: Callable[[str], Service], when_up: WhenUp) -> None:
    """Serve until told to stop; `build` is given the address, known before the service is made.

    Raises `CannotStart`.
    """
    mend = f"Choose others than BOT_HOST={settings.host} and BOT_PORT={settings.port}."
    with listen(settings.host, settings.port, mend=mend) as listener:
        host, port = listener.getsockname()[:2]
        url = url_of(host, port)
        try:
            run_loop(_serve(listener, url, build, when_up))
        except _REFUSALS as error:
            raise CannotStart(str(error), error) from None
    if is_at_work():
        _end_at_once()


def _end_at_once() -> NoReturn:
    """End without the threads that check rules still, or wait for somebody: all that matters is stored and stopped.

    They are daemons, so nothing would wait for them; but a daemon that comes back from RE2 while Python takes itself
    apart is ended in the middle of C++, which aborts the process.
    """
    log.info("A check of rules is left unfinished, as the bot stops", action="check_abandoned")
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
        if isinstance(stream, Outlet):
            stream.wait()
    os._exit(0)


async def _serve(listener: socket.socket, url: str, build: Callable[[str], Service], when_up: WhenUp) -> None:
    service = build(url)
    limits = Limits()
    room = room_for_connections(raise_limit(), limits.connections, limits.backlog)
    server = Server(
        service.asgi,
        limits=replace(limits, connections=room, half_sent=min(limits.half_sent, room // 2)),
        on_refusal=service.webhook.note_refusal,
        proxy_headers=False,  # `bot.web.server.proxies` believes those that BOT_PROXIES names
        lifespan="off",
        timeout_graceful_shutdown=_GRACE,
    )
    async with AsyncExitStack() as ending:
        ending.push_async_callback(service.stop)
        try:
            await service.start()
        except DATABASE_ERRORS as error:
            service.writer.stop_retrying()
            # A connection that failed leaves a thread of aiosqlite, which tells the loop that it ends, and prints a
            # traceback where there is no loop any more.
            await asyncio.sleep(0.1)
            raise CannotStart(unusable_database(error, None).message, error) from None
        settle_after_start()
        sys.setswitchinterval(_SWITCH)
        told_to_stop = _stop_signals()
        _follow_hangups(service)
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="http")
        before_stop = await when_up(service, url)
        waiting = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        end = asyncio.get_running_loop().time() + _GRACE
        await service.drain(_GRACE)
        await before_stop()
        service.close_event_streams()
        # Requests were served meanwhile: those that are left get the rest.
        left = round(end - asyncio.get_running_loop().time())
        server.config.timeout_graceful_shutdown = min(max(left, _LEAST), _GRACE)
        server.should_exit = True
        await serving


async def _say_where(service: Service, url: str) -> Callable[[], Awaitable[None]]:
    click.echo(f"Listening on {url}; events go to {url}/events", err=True)
    if service.settings.admin_token is None:
        click.echo(f"Open the console: {url}{service.new_login_link()} (works once)", err=True)
        click.echo(
            f"Admin token for this run, or the file that has it (set BOT_ADMIN_TOKEN to choose one):"
            f" {token_line(service)}",
            err=True,
        )
    return _nothing


async def _nothing() -> None:
    pass


def _follow_hangups(service: Service) -> None:
    """Read the rules again on SIGHUP."""
    tasks: set[asyncio.Task[None]] = set()

    async def reload() -> None:
        log.info("The rules are read again because of SIGHUP", action="rules_reload_asked")
        try:
            await service.shelf.reload()
        except Exception as error:
            log.exception("The rules could not be read again", action="rules_reload_failed", cause=str(error))
            return
        book = service.shelf.book()
        log.info(
            "The rules were read again", action="rules_reloaded", rules=len(book.rules), book=book.version
        )

    def begin() -> None:
        task = asyncio.get_running_loop().create_task(reload(), name="reload")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    if hasattr(signal, "SIGHUP"):
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, begin)


def _stop_signals() -> asyncio.Event:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl+C raises KeyboardInterrupt instead
            asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told
