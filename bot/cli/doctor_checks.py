"""What `bot doctor` looks at, a function for each concern; none of them sends or changes anything."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from bot.azure_parts import NotConfigured, check_configured, events_queue, sms_service
from bot.cli.doctor_findings import DoctorFinding, error, ok, warning
from bot.cli.doctor_webhook import may_stand_in_url
from bot.conversation.erasure_marks import lost_marks
from bot.queries.conversations import find_backlog
from bot.rulebook.files.loader import Loaded, load_folder, load_texts
from bot.rulebook.sender_numbers import guess
from bot.sending.clock_check import ClockCheck
from bot.service_clients import openid_login
from bot.settings import Settings, warnings_about
from bot.storage.database import DATABASE_ERRORS, Database, cause_of
from bot.storage.database_errors import is_full
from bot.storage.rule_books import find_last_book
from bot.storage.rule_store import NoRulesStored
from bot.storage.schema import SCHEMA_ERRORS
from bot.storage.sqlite_file import log_of, real_file
from bot.trace_parts import TraceTaker, traces_of
from bot.wire.acs import AcsSmsService, CannotAuthenticate
from bot.wire.notify_client import AppriseChannels, NoApprise, UnknownChannel
from bot.wire.pull import EventsQueue

#: Bytes of free disk: with fewer the bot can't store for long, and with fewer somebody should look.
_FEWEST, _FEW = 100_000_000, 1_000_000_000
#: A queue whose oldest message is older does not move.
_STUCK = timedelta(minutes=10)
_PATIENCE = 10.0


async def check_settings(settings: Settings, environ: Mapping[str, str]) -> list[DoctorFinding]:
    """Whether `bot serve` would start with these, and names that nobody reads."""
    refusals = [each async for each in _refusals(settings, environ)]
    found = refusals or [ok("configuration", "What the bot needs is set.")]
    return [*found, *_remarks(settings, environ)]


async def _refusals(settings: Settings, environ: Mapping[str, str]) -> AsyncIterator[DoctorFinding]:
    """What keeps `bot serve` from making its parts: a setting that lacks, or an extra that another one needs."""
    queue: EventsQueue | None = None
    traces: TraceTaker | None = None
    try:
        check_configured(settings)
    except NotConfigured as missing:
        yield _lacking(missing)
    try:
        queue = events_queue(settings)
    except (NotConfigured, CannotAuthenticate) as missing:
        yield _lacking(missing)
    try:
        openid_login(settings)
    except NotConfigured as missing:
        yield _lacking(missing)
    try:
        traces = traces_of(environ)
    except NotConfigured as missing:
        yield _lacking(missing)
    if queue is not None:
        await queue.close()
    if traces is not None:
        traces.close()


def _lacking(missing: Exception) -> DoctorFinding:
    found, _, mend = str(missing).partition(": ")
    return error("configuration", found.removesuffix(".") + ".", mend or "see docs/settings.md.")


def _remarks(settings: Settings, environ: Mapping[str, str]) -> Iterator[DoctorFinding]:
    for sentence in warnings_about(environ):
        yield warning(
            "configuration", sentence.removesuffix(" Correct or remove it."), "correct or remove it."
        )
    if settings.admin_token is None:
        yield warning(
            "configuration",
            "BOT_ADMIN_TOKEN is not set, so each start makes another one.",
            "set it to a long random text, so that commands and people can keep theirs.",
        )
    for at, secret in enumerate(settings.webhook_secrets, start=1):
        if not may_stand_in_url(secret.reveal()):
            yield warning(
                "configuration",
                f"Secret {at} of BOT_WEBHOOK_SECRETS has a &, #, % or white space, so that ?code= with it as it is in"
                " the URL shows another one, and Event Grid's events are refused and lost.",
                "let Event Grid send it as the header X-Bot-Secret, or make another one of letters, digits, - and _.",
            )


async def check_stored(settings: Settings) -> list[DoctorFinding]:
    """The database, its schema, what waits in it, and what is kept."""
    database = Database(settings.database_url)
    try:
        if database.path is not None and not database.path.exists():
            folder = next(each for each in database.path.resolve().parents if each.exists())
            if not os.access(folder, os.W_OK):
                return [
                    error(
                        "database",
                        f"There is none, and {folder} can't be written.",
                        "give the bot's user the right to.",
                    )
                ]
            return [
                ok("database", f"There is none at {database.path} yet; `bot serve` makes it."),
                *_disk(str(folder)),
            ]
        await database.check_schema()
        async with database.reading() as connection:
            backlog = await find_backlog(connection)
            lost = await lost_marks(connection, [key.reveal() for key in settings.erasure_keys])
        trouble = await database.trouble()
        found = [_database(database, trouble), *_disk_of(database)]
        return [*found, queue_finding(backlog.queued, backlog.oldest_seconds), *_retention(settings, lost)]
    except SCHEMA_ERRORS as wrong:
        sentence, _, mend = str(wrong).partition(". ")
        mend = mend or "run `bot db upgrade`."
        is_old = "newer" not in sentence
        if is_old and database.is_sqlite:
            mend = "`bot serve` upgrades it at its start, or run `bot db upgrade`."
            return [warning("schema", sentence + ".", mend), *_disk_of(database)]
        return [error("schema", sentence + ".", mend), *_disk_of(database)]
    except DATABASE_ERRORS as wrong:
        if is_full(wrong) or is_full(wrong.__cause__ or wrong):
            mend = "end some of its connections, or raise `max_connections` or the role's CONNECTION LIMIT."
        else:
            mend = "see that it runs and that BOT_DATABASE_URL is right."
        return [error("database", f"It can't be read: {cause_of(wrong)}.", mend), *_disk_of(database)]
    finally:
        await database.close()


def _database(database: Database, trouble: str | None) -> DoctorFinding:
    if trouble is not None:
        return error("database", f"It can't be used: {trouble}.", "see its own log.")
    if database.path is None:
        return ok("database", "PostgreSQL answers, and its schema is this version's.")
    size, log = database.path.stat().st_size, _size_of_log(database.path)
    also = f" and its write-ahead log {log:,}" if log else ""
    return ok("database", f"{database.path} has {size:,} bytes{also}; its schema is this version's.")


def _size_of_log(path: Path) -> int:
    """Bytes that are written and not in the file yet: tens of millions where a bot runs or did not end in order."""
    try:
        return log_of(path).stat().st_size
    except OSError:  # it comes and goes with who uses the database
        return 0


def _disk_of(database: Database) -> list[DoctorFinding]:
    """Of an SQLite file; a PostgreSQL's disk is another machine's."""
    return [] if database.path is None else _disk(str(real_file(database.path).parent))


def _disk(folder: str) -> list[DoctorFinding]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as wrong:
        mend = "give the bot's user the right to enter it."
        return [error("disk", f"{folder} can't be looked at: {wrong.strerror}.", mend)]
    said = f"{free:,} bytes are free in {folder}."
    if free < _FEWEST:
        return [error("disk", said, "make room now: without it no event can be stored.")]
    if free < _FEW:
        return [warning("disk", said, "make room, or set BOT_KEEP_MESSAGES.")]
    return [ok("disk", said)]


def queue_finding(queued: int, oldest_seconds: float) -> DoctorFinding:
    """What waits to be sent."""
    if not queued:
        return ok("queue", "Nothing waits to be sent.")
    said = f"{queued:,} messages wait to be sent, the oldest for {oldest_seconds:,.0f} s."
    if oldest_seconds > _STUCK.total_seconds():
        return warning("queue", said, "see that `bot serve` runs, and what /health/ready says of sending.")
    return ok("queue", said)


def _retention(settings: Settings, lost: int) -> Iterator[DoctorFinding]:
    kept = {
        "messages": settings.keep_messages,
        "answers": settings.keep_answers,
        "rejected events": settings.keep_rejected,
        "values after silence": settings.keep_values,
    }
    words = [f"{what} {'for ever' if age is None else f'{age.days}d'}" for what, age in kept.items()]
    yield ok("retention", f"Kept are {', '.join(words)}.")
    if lost:
        yield error(
            "retention",
            f"{lost:,} opt-outs of people who were erased can't be recognised: their key is missing.",
            "add the key that they were made with to BOT_ERASURE_KEYS.",
        )


async def check_rules(settings: Settings) -> list[DoctorFinding]:
    """The rule book, and the numbers that it names."""
    if settings.has_stored_rules:
        return await _stored_rules(settings)
    if not settings.rules.is_dir():
        mend = "set BOT_RULES, or make one with `bot init`."
        return [error("rules", f"There is no folder {settings.rules}.", mend)]
    return list(_book(load_folder(settings.rules), "run `bot rules check` for all of them."))


async def _stored_rules(settings: Settings) -> list[DoctorFinding]:
    database = Database(settings.database_url)
    kept = None
    try:
        if database.path is None or database.path.exists():
            async with database.reading() as connection:
                kept = await find_last_book(connection)
    except DATABASE_ERRORS as wrong:
        found = f"They are in the database, which can't be read: {cause_of(wrong)}."
        return [error("rules", found, "mend what stands at `database` or `schema`.")]
    finally:
        await database.close()
    if kept is None:
        found, _, mend = str(NoRulesStored()).rpartition(": ")
        return [error("rules", f"{found}.", mend)]
    mend = "write them to a folder by `bot rules pull DIR`, mend them there, and run `bot rules push DIR`."
    return list(_book(load_texts(kept.texts), mend))


def _book(loaded: Loaded, mend: str) -> Iterator[DoctorFinding]:
    if loaded.book is None:
        first = str(loaded.findings[0]) if loaded.findings else "no rule file"
        yield error("rules", f"They have errors: {first}", mend)
        return
    yield ok("rules", f"{len(loaded.book.rules):,} rules are in force, book {loaded.book.version}.")
    if not loaded.book.numbers:
        yield ok("numbers", "No rule file names a number: all that arrive are served, each as its kind.")
    for number, ours in loaded.book.numbers.items():
        meant = guess(number)
        said = f"{number} is a {ours.kind} number; STOP is answered by the {ours.opt_out}."
        if ours.kind != meant.kind and meant.kind in ("toll-free", "short-code"):
            yield warning(
                "numbers", said, f"it looks like a {meant.kind} number: mend its kind in the rule file."
            )
        else:
            yield ok("numbers", said)


async def check_acs(settings: Settings) -> list[DoctorFinding]:
    """Whether ACS takes the credential, and the clock beside its own. Nothing is sent."""
    if settings.acs_connection_string is None and settings.acs_endpoint is None:
        return []
    clock = ClockCheck()
    try:
        service = sms_service(settings, clock)
    except CannotAuthenticate as wrong:
        return [error("acs", str(wrong), "install the extra `identity`.")]
    try:
        refusal = await service.refusal() if isinstance(service, AcsSmsService) else None
    finally:
        await service.close()
    return [*_clock(clock), _credential(refusal)]


def _credential(refusal: str | None) -> DoctorFinding:
    if refusal is None:
        return ok("acs", "ACS takes the credential; nothing was sent.")
    return error(
        "acs",
        f"ACS does not take a call: {refusal}",
        "copy the connection string from the portal again, or see that this machine reaches the endpoint.",
    )


def _clock(clock: ClockCheck) -> Iterator[DoctorFinding]:
    offset = clock.offset
    if offset is None:
        return
    reason = clock.look()
    if reason is None:
        yield ok("clock", f"It is {abs(offset).total_seconds():.0f} s from ACS's, by its Date.")
    else:
        said, _, mend = reason.partition("Mend: ")
        yield error("clock", said.strip(), mend)


async def check_notify(settings: Settings) -> list[DoctorFinding]:
    """Whether people can be told where BOT_NOTIFY says. Nobody is told anything."""
    if not settings.notify:
        return []
    try:
        await AppriseChannels([each.reveal() for each in settings.notify]).open()
    except (NoApprise, UnknownChannel) as wrong:
        found, _, mend = str(wrong).rpartition(": ")
        return [error("notify", f"{found}.", mend)]
    return [ok("notify", f"People are told at {len(settings.notify)} of BOT_NOTIFY's addresses.")]
