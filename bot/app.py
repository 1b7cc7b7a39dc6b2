"""The composition root: the only place where settings become parts and the parts meet."""

import asyncio
import os
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import structlog
from litestar import Litestar
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler

from bot.alarm_parts import AlarmPart, AlarmSources
from bot.alarms.trouble import USUAL_ALARMS, AlarmLimits
from bot.azure_parts import check_configured, events_queue, sms_service, webhook_auth
from bot.clock import Clock, utc_now
from bot.conversation.backpressure import QueueLimit
from bot.conversation.completions import Completions
from bot.conversation.follow_up_turn import FollowUpTurn
from bot.conversation.handover_turn import HandoverTurn
from bot.conversation.inbox import Inbox
from bot.event_parts import EventsOut
from bot.health_parts import checks_of
from bot.measures import Measures
from bot.metric_parts import MetricSources, metrics_of
from bot.operations.health import CHECKS
from bot.operations.message_sink import message_log_of, with_sink
from bot.operations.metrics import METRICS, Metrics
from bot.operator.actions import Operator
from bot.operator.bulk_resend import BulkResend
from bot.operator.ceilings import Ceilings
from bot.operator.data_protection import DataProtection
from bot.operator.people import People
from bot.operator.rejected_events import RejectedEvents
from bot.operator.teamwork import UNDO, Teamwork
from bot.queries.overview import Overview
from bot.queries.traffic_counter import TrafficCounter
from bot.queries.waiting_count import WaitingCount, count_waiting
from bot.replica_parts import FETCHES, FORWARDS, ReplicaPart
from bot.rule_parts import RulePart
from bot.rulebook.editing.live_book import BookChange
from bot.rulebook.editing.save import RuleFiles
from bot.rulebook.sender_numbers import messages_per_minute
from bot.rulebook.simulate.loop_guard import Caps
from bot.sending.clock_check import ClockCheck
from bot.sending.day_limit import day_limit
from bot.sending.fetcher import Fetcher
from bot.sending.follow_up_sender import FollowUpSender
from bot.sending.forwarder import Forwarder
from bot.sending.handover_timer import HandoverTimer
from bot.sending.limits import USUAL_SENDING, SendingLimits
from bot.sending.sender import Sender
from bot.service_clients import openid_login, service_clients
from bot.settings import Settings
from bot.storage.copy import check_whole
from bot.storage.database import Database
from bot.storage.file_scrub import FileScrub
from bot.storage.tested_drafts import TestedDrafts
from bot.storage.wal_truncation import LogCutter
from bot.storage.writer import StorageUnavailable, Writer
from bot.supervisor import Supervisor
from bot.trace_parts import traces_of
from bot.web.access import Access, Tokens
from bot.web.api.dependencies import API_PARTS, ApiParts
from bot.web.console.layout import CONSOLE, Console
from bot.web.console.live import CHANNEL, RULES, Live
from bot.web.console.rules_editor import EDITOR, EditorPlace
from bot.web.console.sessions import Sessions
from bot.web.downloads import Downloads
from bot.web.guesses import Guesses
from bot.web.server.front_door import FrontDoor
from bot.web.server.proxies import believe_proxies
from bot.web_parts import web_app
from bot.wire.event_counts import EventCounts
from bot.wire.pull import Puller
from bot.wire.rejected_retry import read_again
from bot.wire.webhook import Webhook

log = structlog.get_logger(__name__)


class Service:
    """The whole bot. `start` raises whatever keeps it from running; `asgi` is served between `start` and `stop`."""

    def __init__(
        self,
        settings: Settings,
        *,
        more_routes: Sequence[BaseRouteHandler] = (),
        sending: SendingLimits = USUAL_SENDING,
        alarms: AlarmLimits = USUAL_ALARMS,
        undo: timedelta = UNDO,
        now: Clock = utc_now,
    ) -> None:
        check_configured(settings)
        self.settings = settings
        self._now = now
        #: Made for this run when none is set, so that nothing is ever open.
        self.admin_token = (
            settings.admin_token.reveal() if settings.admin_token else secrets.token_urlsafe(24)
        )
        #: Keeps the background tasks of all parts running.
        self.supervisor = Supervisor()
        self._measures = Measures()
        self.clock = ClockCheck()
        self.database = Database(settings.database_url)
        self._sms = sms_service(settings, self.clock)
        self.writer = Writer(self.database)
        self.replica = ReplicaPart(self.database, self.writer, now)
        self.rules = RulePart(settings, self.database, self.writer, self.replica.notices)
        self.shelf = self.rules.live_book
        caps = Caps(replies=settings.replies_per_hour, repeats=settings.repeats_per_hour)
        self.rule_files = RuleFiles(self.shelf, caps, frozenset(settings.secrets))
        self.tested = TestedDrafts(self.database, self.writer, self.shelf, self.rule_files)
        message_log = message_log_of(settings.log_format, settings.log_level, with_texts=settings.log_texts)
        self._traces = traces_of(os.environ)
        if self._traces is not None:
            message_log = with_sink(message_log, self._traces.take)
        self.sender = Sender(
            self.database,
            self.writer,
            self._sms,
            reply_ttl=settings.reply_ttl,
            report_timeout=settings.report_timeout,
            per_minute=lambda number: messages_per_minute(self.shelf.book().numbers, number),
            per_day=lambda number: day_limit(self.shelf.book().numbers, number),
            supervisor=self.supervisor,
            limits=sending,
            clock=now,
            message_log=message_log,
            measures=self._measures,
            duties=self.replica.duties,
            notices=self.replica.notices,
            trust=self.clock,
        )
        self._poster, self.asker = service_clients(settings)
        self._openid = openid_login(settings)
        self.forwarder = Forwarder(
            self.database.background, self.writer, self._poster, clock=now, measures=self._measures,
            duties=self.replica.duties, trust=self.clock,
        )  # fmt: skip
        self.events_out = EventsOut(
            settings, self.database.background, self.writer, clock=now, measures=self._measures,
            duties=self.replica.duties, trust=self.clock,
        )  # fmt: skip
        self.queue_limit = QueueLimit(self.database, settings.queue_limit)
        self.data_protection = DataProtection(
            self.database, self.writer, settings, FileScrub(self.database), self.sender.forget, now,
            self.replica.duties, self.clock,
        )  # fmt: skip
        self.inbox = Inbox(
            self.writer, self.shelf.book, self.sender.wake,
            self.replica.waking(FORWARDS, self.forwarder.wake), caps, self.queue_limit, now,
            marks=self.data_protection.marks, doubt=self.data_protection.doubt, message_log=message_log,
            measures=self._measures, testers=self.tested.testers, on_queueing=self.sender.take,
        )  # fmt: skip
        self.fetcher = Fetcher(
            self.database.background, self.writer, self.asker,
            Completions(self.shelf.book, caps, self.queue_limit, now, self.tested.testers).record,
            holder=self.sender.holder, on_queued=self.sender.wake, clock=now, duties=self.replica.duties,
        )  # fmt: skip
        self._join_fetcher()
        self.follow_ups = FollowUpSender(
            self.database.background, self.writer,
            FollowUpTurn(self.shelf.book, caps, self.queue_limit, now, self.tested.testers, self.clock).say,
            on_queued=self.sender.wake, clock=now, duties=self.replica.duties, trust=self.clock,
        )  # fmt: skip
        self.teamwork = Teamwork(
            self.database, self.writer, on_queued=self.sender.wake, undo=undo, clock=now, trust=self.clock
        )
        self.handovers = HandoverTimer(
            self.database.background, self.writer, HandoverTurn(self.shelf.book, self.queue_limit, now).give_back,
            on_queued=self.sender.wake, clock=now, trust=self.clock,
        )  # fmt: skip
        self.webhook = Webhook(self.inbox, webhook_auth(settings), event_counts := EventCounts())
        queue = events_queue(settings)
        self.puller = Puller(queue, self.inbox.accept, event_counts) if queue else None
        self.counter = TrafficCounter(self.database, self.replica.duties)
        self._log_cutter = LogCutter(self.database)
        self.alarms = AlarmPart(
            settings,
            self.database,
            self.writer,
            AlarmSources(
                health=self.sender.link, shelf=self.shelf, queue=self.queue_limit, clock=self.clock,
                supervisor=self.supervisor, hosts=self.fetcher.hosts,
                destinations=self.forwarder.destinations, uses=self.sender.uses,
                refused=lambda: self.webhook.refused, puller=self.puller, measures=self._measures,
                commits=self.writer.commits,
            ),
            clock=now,
            limits=alarms,
        )  # fmt: skip
        self._ceilings = Ceilings(
            self.database, self.writer, lambda: self.shelf.book().numbers, self.sender.reopen,
            settings.reply_ttl, now,
        )  # fmt: skip
        tokens = Tokens(self.admin_token, settings.viewer_token.reveal() if settings.viewer_token else None)
        self.guesses = self.replica.count_together(Guesses())
        self._access = Access(tokens, self.guesses)
        self._channels = ChannelsPlugin(MemoryChannelsBackend(), channels=[CHANNEL])
        self._sessions = Sessions(
            tokens, self.guesses, self.database, self.writer, public_url=settings.public_url
        )
        self.live = Live(self._channels, self._count_waiting)
        self.replica.announce(self.writer.news, self.live)
        self._running = AsyncExitStack()
        door = FrontDoor("/events", self.webhook.answer, self._litestar(more_routes))
        self.asgi = believe_proxies(door, settings.proxies)

    def _join_fetcher(self) -> None:
        """The inbox asks for fetches, and who is erased is forgotten by what was fetched and by tested drafts."""
        self.inbox.on_fetch = self.replica.waking(FETCHES, self.fetcher.wake)
        self.inbox.kept_answer = self.fetcher.kept.get
        self.data_protection.tell(self.fetcher.forget)
        self.data_protection.tell(lambda _ids: self.tested.wake())

    async def start(self) -> None:
        """Open the database, read the rules, take up what is queued.

        Raises `bot.storage.database.DatabaseInUse`, `bot.storage.copy.UnfinishedCopy` or one of
        `bot.storage.schema.SCHEMA_ERRORS`, and
        `bot.rulebook.editing.live_book.NoGoodBook` or `bot.storage.rule_store.NoRulesStored`.
        """
        await self._running.enter_async_context(self._channels)
        if self._traces is not None:
            self._running.push_async_callback(asyncio.to_thread, self._traces.close)
        self.database.claim()
        self._running.push_async_callback(self.database.close)
        if self.database.is_sqlite:
            await self.database.upgrade()
        else:
            await self.database.check_schema()
            await check_whole(self.database)
        self._running.push_async_callback(self._sms.close)
        self._running.push_async_callback(self._poster.close)
        self._running.push_async_callback(self.events_out.close)
        self._running.push_async_callback(self.asker.close)
        self.shelf.on_change = self._take_book
        self.shelf.on_read = self._announce_rules
        self.tested.on_change = lambda: self.live.announce([RULES])
        await self.rules.open(self._running)
        self.database.tell_outages()
        self.writer.start(self.supervisor)
        self._running.push_async_callback(self.writer.stop)
        self.replica.start(self.supervisor, self._running, self.shelf.book().version)
        await self.tested.start(self.supervisor)
        self._running.push_async_callback(self.tested.stop)
        with suppress(StorageUnavailable):  # the next login does it
            await self._sessions.purge()
        await self.data_protection.start(self.supervisor)
        self._running.push_async_callback(self.data_protection.stop)
        self._running.push_async_callback(self.queue_limit.stop)
        self.rules.start(self.supervisor, self._running)
        self.sender.start()
        self._running.push_async_callback(self.sender.stop)
        parts = (
            self.forwarder, self.events_out, self.fetcher, self.follow_ups, self.teamwork.planned, self.handovers,
        )  # fmt: skip
        for part in parts:
            part.start(self.supervisor)
            self._running.push_async_callback(part.stop)
        if self.puller is not None:
            self.puller.start(self.supervisor)
            self._running.push_async_callback(self.puller.close)
        self.counter.start(self.supervisor)
        self._running.push_async_callback(self.counter.stop)
        self._log_cutter.start(self.supervisor)
        self._running.push_async_callback(self._log_cutter.stop)
        await self.alarms.start(self.supervisor)
        self._running.push_async_callback(self.alarms.stop)
        book = self.shelf.book()
        log.info("The bot is ready", action="bot_ready", rules=len(book.rules), book=book.version)

    async def _take_book(self, change: BookChange) -> None:
        self.sender.look()  # at once: it may let numbers send faster
        self.replica.roll.note_book(change.version)
        await self.rules.store(change)

    def _announce_rules(self) -> None:
        self.tested.wake()
        self.live.announce([RULES])

    async def _count_waiting(self) -> WaitingCount:
        async with self.database.reading() as connection:
            return await count_waiting(connection)

    def new_login_link(self) -> str:
        """The path of a page that logs the admin in at the console, once."""
        return self._sessions.new_link()

    def close_event_streams(self) -> None:
        """Close the event streams of open pages, which would keep the server from ending."""
        self.live.close()

    async def drain(self, patience: float) -> None:
        """Take no more events and start no more sends; wait at most `patience` seconds for those that run."""
        self.webhook.is_closed = True
        end = asyncio.get_running_loop().time() + patience
        self.writer.hurry(patience / 2)
        if self.puller is not None:
            await self.puller.stop(patience)
        # What is being posted is soon done, as a rule: whoever takes it over at once would post it again.
        posting = asyncio.gather(self.forwarder.stop(patience), self.events_out.stop(patience))
        await asyncio.wait([posting], timeout=1.0)
        await self.replica.duties.stop()  # others take them over while this one waits for what runs
        await asyncio.gather(
            self.fetcher.stop(patience), self.follow_ups.stop(), self.teamwork.planned.stop(), self.handovers.stop(),
            posting,
        )  # fmt: skip
        await self.sender.stop(max(end - asyncio.get_running_loop().time(), patience / 2))
        self.writer.stop_retrying()

    async def stop(self) -> None:
        """Settle what is being sent, leave the rest queued, close everything, in the reverse order of the start."""
        await self._running.aclose()

    def _litestar(self, more_routes: Sequence[BaseRouteHandler]) -> Litestar:
        operator = Operator(self.writer, self.sender.wake, self.shelf.book, self._now)
        metrics = metrics_of(
            MetricSources(
                measures=self._measures, webhook=self.webhook, queue=self.queue_limit, health=self.sender.link,
                hosts=self.fetcher.hosts, destinations=self.forwarder.destinations, clock=self.clock,
                supervisor=self.supervisor, shelf=self.shelf, watch=self.alarms.watch, puller=self.puller,
            ),
            self.database,
            self.writer,
        )  # fmt: skip
        overview = Overview(
            self.shelf, self.sender.link, lambda: self.webhook.refused,
            clock=self.clock, supervisor=self.supervisor, roll=self.replica.roll,
        )  # fmt: skip
        rejected = RejectedEvents(self.database, self.writer, read_again, self.inbox.accept)
        console = Console(
            sessions=self._sessions,
            database=self.database,
            downloads=Downloads(self.database),
            writer=self.writer,
            operator=operator,
            shelf=self.shelf,
            rule_files=self.rule_files,
            overview=overview,
            rejected=rejected,
            live=self.live,
            asker=self.asker,
            ceilings=self._ceilings,
            teamwork=self.teamwork,
            silences=self.alarms.silences,
            event_resends=self.events_out.resends,
            bulk_resend=BulkResend(self.database, operator),
            receivers=list(self.events_out.forwarders),
            tested=self.tested,
            people=People(self.writer, self._now),
            openid=self._openid,
            public_url=self.settings.public_url,
        )
        return web_app(self._state(operator, overview, rejected, console, metrics), more_routes)

    def _state(
        self,
        operator: Operator,
        overview: Overview,
        rejected: RejectedEvents,
        console: Console,
        metrics: Metrics,
    ) -> State:
        """What guards and injected dependencies look up."""
        api_parts = ApiParts(
            database=self.database,
            downloads=console.downloads,
            live_book=self.shelf,
            rule_files=self.rule_files,
            operator=operator,
            overview=overview,
            rejected=rejected,
            eraser=self.data_protection.eraser,
            ceilings=self._ceilings,
            teamwork=self.teamwork,
            event_resends=self.events_out.resends,
            bulk_resend=console.bulk_resend,
        )
        checks = checks_of(
            self.database, self.writer, self.shelf, self.replica.roll, self.sender.link, self.fetcher.hosts,
            self.forwarder.destinations, self.queue_limit, self.webhook, self.clock, self.supervisor, self.puller,
        )  # fmt: skip
        return State(
            {
                "access": self._access,
                "sessions": self._sessions,
                CHECKS: checks,
                METRICS: metrics,
                API_PARTS: api_parts,
                CONSOLE: console,
                EDITOR: EditorPlace(console),
            }
        )
