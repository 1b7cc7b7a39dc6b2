"""What the lanes of a sender share."""

from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct

from bot.clock import Clock
from bot.conversation.message_lines import MessageLineLog
from bot.measures import Measures
from bot.sending.day_limit import DayLimit
from bot.sending.lane_memory import LaneMemory
from bot.sending.leases import Holder
from bot.sending.limits import SendingLimits
from bot.sending.outbox import ClaimBatch, Settlement
from bot.sending.service_health import ServiceHealth
from bot.sending.sms_service import SmsService
from bot.storage.duties import Duties
from bot.storage.readers import Readers
from bot.storage.writer import Batch
from bot.supervisor import Supervisor


class LaneContext(Struct, frozen=True, kw_only=True):
    """Dependencies shared by all lanes."""

    readers: Readers
    #: Of `bot.sending.outbox.Outbox`; those `within` are made in the transaction that queues what they claim.
    claims: ClaimBatch
    claims_within: ClaimBatch
    settlements: Batch[Settlement, None]
    service: SmsService
    holder: Holder
    link: ServiceHealth
    #: How many messages of a number may leave in a minute, as the rule book has it now; None: no limit.
    per_minute: Callable[[str], int | None]
    #: How many in a day; None: no ceiling.
    per_day: Callable[[str], DayLimit | None]
    reply_ttl: timedelta
    supervisor: Supervisor
    limits: SendingLimits
    clock: Clock
    measures: Measures
    #: Whose a number is, and what its holder before knew.
    duties: Duties
    memory: LaneMemory
    message_log: MessageLineLog = MessageLineLog()
