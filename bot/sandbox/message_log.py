"""The newest messages between the phones and the bot, in memory; pages that watch a phone are woken by each change."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

import msgspec

#: How many messages of each direction are kept.
KEPT = 50_000
#: How many messages of one phone can be looked at.
KEPT_OF_A_PHONE = 500
#: Digits of a revision, more than a log ever reaches.
_LONGEST_REVISION = 18


class AcceptedMessage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A message that the sandbox's ACS accepted for a phone."""

    message_id: str
    from_: str = msgspec.field(name="from")
    to: str
    message: str
    repeatability_request_id: str | None
    repeatability_first_sent: str | None
    tag: str | None
    accepted_at: datetime
    #: What its delivery report said; None until the webhook has taken that report.
    delivery_status: str | None = None
    #: The report's own words on a failure.
    delivery_status_details: str | None = None


class PhoneText(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A text that a phone sent to the bot."""

    message_id: str
    event_id: str
    from_: str = msgspec.field(name="from")
    to: str
    text: str
    sent_at: datetime
    state: Literal["sending", "received", "refused"] = "sending"
    #: In plain words, why the bot has not received it (yet).
    reason: str | None = None
    #: How often the webhook was called with it.
    tries: int = 0


PhoneMessage = AcceptedMessage | PhoneText


class MessageLog:
    """The messages of each phone, oldest first; past its limits the oldest are dropped."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._accepted: dict[str, AcceptedMessage] = {}
        self._texts: dict[str, PhoneText] = {}
        #: phone -> message id -> the revision in which it last changed
        self._phones: dict[str, dict[str, int]] = {}
        #: message id -> the reason why the bot answers nothing
        self._no_answers: dict[str, str] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self.revision = 0
        self._life = secrets.token_hex(4)

    @property
    def mark(self) -> str:
        """The log's present revision, as a text for `read_mark` to read."""
        return f"{self._life}-{self.revision}"

    def read_mark(self, mark: str) -> int | None:
        """Return the revision that `mark` stands for, or None when it is of another log or of none."""
        life, _, revision = mark.partition("-")
        is_number = revision.isascii() and revision.isdecimal() and len(revision) <= _LONGEST_REVISION
        return int(revision) if life == self._life and is_number else None

    def note_accepted(self, message: AcceptedMessage) -> None:
        self._accepted[message.message_id] = message
        self._said(message.to, message.message_id)
        if len(self._accepted) > self._kept:
            oldest = self._accepted.pop(next(iter(self._accepted)))
            self._forget(oldest.to, oldest.message_id)

    def note_text(self, text: PhoneText) -> None:
        self._texts[text.message_id] = text
        self._said(text.from_, text.message_id)
        if len(self._texts) > self._kept:
            oldest = self._texts.pop(next(iter(self._texts)))
            self._no_answers.pop(oldest.message_id, None)
            self._forget(oldest.from_, oldest.message_id)

    def note_delivery(self, message_id: str, status: str, details: str) -> None:
        """Set what the delivery report of `message_id` says, once the webhook has taken it."""
        if message := self._accepted.get(message_id):
            self._accepted[message_id] = msgspec.structs.replace(
                message, delivery_status=status, delivery_status_details=details
            )
            self._changed(message.to, message_id)

    def note_text_state(
        self,
        message_id: str,
        state: Literal["sending", "received", "refused"],
        reason: str | None,
        tries: int,
    ) -> None:
        """Set the delivery state of a phone's text."""
        if text := self._texts.get(message_id):
            if state == "received":
                reason = reason or self._no_answers.get(message_id)
            self._texts[message_id] = msgspec.structs.replace(text, state=state, reason=reason, tries=tries)
            self._changed(text.from_, message_id)

    def note_no_answer(self, message_id: str, guard: str) -> None:
        """Note that the bot received a phone's text and answers nothing, and which loop guard is the reason."""
        if text := self._texts.get(message_id):
            self._no_answers[message_id] = f"The bot stays silent: {guard}."
            if text.state == "received":
                self.note_text_state(message_id, "received", None, text.tries)

    def accepted(self, to: str | None = None, after: str | None = None) -> list[AcceptedMessage]:
        """Return what ACS accepted, newest last: all, or to one phone, or only what came after a message."""
        messages = [message for message in self._accepted.values() if to is None or message.to == to]
        if after is not None:
            places = (place for place, message in enumerate(messages) if message.message_id == after)
            messages = messages[next(places, -1) + 1 :]
        return messages

    def text(self, message_id: str) -> PhoneText | None:
        return self._texts.get(message_id)

    def messages_of(self, phone: str, since: int = 0) -> list[PhoneMessage]:
        """Return a phone's messages in both directions, oldest first; only those changed after revision `since`."""
        entries = self._phones.get(phone, {})
        found = (
            self._accepted.get(message_id) or self._texts.get(message_id)
            for message_id, revision in entries.items()
            if revision > since
        )
        return [message for message in found if message is not None]

    @contextmanager
    def watch(self, phone: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set at each change of this phone's messages."""
        woken = asyncio.Event()
        watchers = self._watchers.setdefault(phone, set())
        watchers.add(woken)
        try:
            yield woken
        finally:
            watchers.discard(woken)
            if not watchers:
                self._watchers.pop(phone, None)

    def wake_all(self) -> None:
        """Wake every watcher, for it to see that the sandbox stops."""
        for watchers in self._watchers.values():
            for woken in watchers:
                woken.set()

    def _said(self, phone: str, message_id: str) -> None:
        entries = self._phones.setdefault(phone, {})
        entries[message_id] = 0
        if len(entries) > KEPT_OF_A_PHONE:
            del entries[next(iter(entries))]
        self._changed(phone, message_id)

    def _changed(self, phone: str, message_id: str) -> None:
        entries = self._phones.get(phone, {})
        if message_id not in entries:
            return
        self.revision += 1
        entries[message_id] = self.revision
        for woken in self._watchers.get(phone, ()):
            woken.set()

    def _forget(self, phone: str, message_id: str) -> None:
        entries = self._phones.get(phone, {})
        entries.pop(message_id, None)
        if not entries:
            self._phones.pop(phone, None)
