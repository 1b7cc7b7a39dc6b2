"""The parts that lead to Azure, made of the settings: for `bot.app`."""

from bot.sending.clock_check import ClockCheck
from bot.sending.sms_service import SmsService
from bot.settings import Settings, StorageQueue, find_short_secret
from bot.wire.acs import AcsSmsService, identity_token
from bot.wire.acs_opt_outs import AcsOptOutList
from bot.wire.pull import EventsQueue
from bot.wire.webhook_auth import WebhookAuth


class NotConfigured(Exception):
    """The service lacks something that only its owner can give; the message says which variable to set."""


def check_configured(settings: Settings) -> None:
    """Raise `NotConfigured` unless replies can be sent, events can be trusted and no secret can be guessed."""
    if settings.acs_connection_string is None and settings.acs_endpoint is None:
        raise NotConfigured(
            "No way to send replies: set BOT_ACS_CONNECTION_STRING to the connection string that the Azure portal"
            " shows, or BOT_ACS_ENDPOINT to use a managed identity. To try the bot without Azure run `bot demo`."
        )
    if not settings.webhook_secrets and settings.entra_tenant is None and settings.events_queue is None:
        raise NotConfigured(
            "No way to tell Event Grid's events from forged ones: set BOT_WEBHOOK_SECRETS to a long random text and"
            " give it to the Event Grid subscription, or set BOT_ENTRA_TENANT and BOT_ENTRA_AUDIENCE; or fetch events"
            " from a queue that BOT_EVENTS_QUEUE names."
        )
    if (short := find_short_secret(settings)) is not None:
        raise NotConfigured(short)


def sms_service(settings: Settings, clock: ClockCheck) -> SmsService:
    """ACS by access key or by managed identity; raises `bot.wire.acs.CannotAuthenticate`."""
    if settings.acs_connection_string is not None:
        connection = settings.acs_connection_string
        key = connection.access_key.reveal()
        return AcsSmsService.with_key(connection.endpoint, key, clock, settings.acs_report_timeout)
    return AcsSmsService.with_identity(settings.acs_endpoint or "", clock, settings.acs_report_timeout)


def opt_out_list(settings: Settings) -> AcsOptOutList:
    """Azure's own opt-out list; raises `NotConfigured`, and `bot.wire.acs.CannotAuthenticate`."""
    if settings.acs_connection_string is not None:
        connection = settings.acs_connection_string
        return AcsOptOutList(connection.endpoint, access_key=connection.access_key.reveal())
    if settings.acs_endpoint is None:
        raise NotConfigured("Azure can't be asked: set BOT_ACS_CONNECTION_STRING or BOT_ACS_ENDPOINT.")
    token, close = identity_token("BOT_ACS_ENDPOINT")
    return AcsOptOutList(settings.acs_endpoint, token=token, close_token=close)


def webhook_auth(settings: Settings) -> WebhookAuth:
    """Who may deliver events: who has a secret, or a token of Entra's."""
    entra = None
    if settings.entra_tenant and settings.entra_audience:
        from bot.wire.entra import EntraTokens  # noqa: PLC0415 - PyJWT is for those alone who use Entra

        entra = EntraTokens(
            settings.entra_tenant,
            settings.entra_audience,
            applications=settings.entra_applications,
            authority=settings.entra_authority,
        )
    return WebhookAuth(settings.webhook_secrets, entra)


def events_queue(settings: Settings) -> EventsQueue | None:
    """The queue to fetch events from; raises `NotConfigured`, and `bot.wire.acs.CannotAuthenticate`."""
    wanted = settings.events_queue
    if wanted is None:
        return None
    try:
        # Extras, not always there, and for those alone who pull.
        if isinstance(wanted, StorageQueue):
            from bot.wire.storage_queue import StorageQueueEvents  # noqa: PLC0415

            return StorageQueueEvents(wanted.connection_string.reveal(), wanted.name)
        from bot.wire.namespace_topic import NamespaceTopicEvents  # noqa: PLC0415

        key = wanted.key.reveal() if wanted.key else None
        return NamespaceTopicEvents(wanted.endpoint, wanted.topic, wanted.subscription, key)
    except ImportError:
        raise NotConfigured(
            "BOT_EVENTS_QUEUE needs azure-storage-queue and azure-eventgrid, which are not installed:"
            ' run `pip install "sms-keyword-bot[queue]"`.'
        ) from None
    except ValueError:
        raise NotConfigured(
            "BOT_EVENTS_QUEUE has a connection string that can't be used: copy it from the storage account's page"
            " *Access keys*."
        ) from None
