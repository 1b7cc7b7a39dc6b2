"""The log keeps the newest, in order, and wakes who watches."""

from datetime import UTC, datetime

from bot.sandbox.message_log import KEPT_OF_A_PHONE, AcceptedMessage, MessageLog, PhoneText

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def reply(name: str, to: str = "+1") -> AcceptedMessage:
    return AcceptedMessage(
        message_id=name,
        from_="+9",
        to=to,
        message=name,
        repeatability_request_id=None,
        repeatability_first_sent=None,
        tag=None,
        accepted_at=NOW,
    )


def text(name: str, sender: str = "+1") -> PhoneText:
    return PhoneText(message_id=name, event_id=name, from_=sender, to="+9", text=name, sent_at=NOW)


def ids(log: MessageLog, phone: str = "+1", since: int = 0) -> list[str]:
    return [message.message_id for message in log.messages_of(phone, since)]


def test_a_phones_conversation_is_in_the_order_it_was_said() -> None:
    log = MessageLog()
    log.note_text(text("a"))
    log.note_accepted(reply("b"))
    log.note_accepted(reply("elsewhere", to="+2"))
    log.note_text(text("c"))
    log.note_delivery("b", "Delivered", "No error.")
    assert ids(log) == ["a", "b", "c"]


def test_only_what_changed_since_is_given() -> None:
    log = MessageLog()
    log.note_text(text("a"))
    log.note_text(text("b"))
    since = log.revision
    log.note_text_state("a", "received", None, 1)
    assert ids(log, since=since) == ["a"]
    assert ids(log, since=log.revision) == []


def test_past_its_limit_the_oldest_are_forgotten() -> None:
    log = MessageLog(kept=3)
    for n in range(5):
        log.note_accepted(reply(str(n)))
        log.note_text(text(f"t{n}", sender=f"+{n}"))
    assert [message.message_id for message in log.accepted()] == ["2", "3", "4"]
    assert ids(log, "+0") == []
    log.note_delivery("0", "Delivered", "")
    log.note_text_state("t0", "received", None, 1)
    assert ids(log, "+1") == ["2", "3", "4"]


def test_of_one_phone_only_the_newest_can_be_looked_at_and_a_late_change_does_not_move_one() -> None:
    log = MessageLog()
    for n in range(KEPT_OF_A_PHONE + 1):
        log.note_accepted(reply(str(n)))
    log.note_delivery("0", "Delivered", "")
    log.note_delivery("1", "Delivered", "")
    assert ids(log)[0] == "1"
    assert len(ids(log)) == KEPT_OF_A_PHONE


def test_who_watches_a_phone_is_woken_by_that_phone_alone() -> None:
    log = MessageLog()
    with log.watch("+1") as woken:
        log.note_text(text("a", sender="+2"))
        assert not woken.is_set()
        log.note_text(text("b"))
        assert woken.is_set()


def test_a_mark_of_another_log_is_not_read() -> None:
    log = MessageLog()
    log.note_text(text("a"))
    assert log.read_mark(log.mark) == 1
    assert log.read_mark(MessageLog().mark) is None
    for wrong in ("", "-", "1", log.mark + "x"):
        assert log.read_mark(wrong) is None


def test_a_guard_that_keeps_the_bot_silent_is_the_reason_of_the_text() -> None:
    """The order of the two does not matter: the webhook may answer before or after the decision."""
    log = MessageLog()
    log.note_text(text("a"))
    log.note_no_answer("a", "opted out")
    log.note_text_state("a", "received", None, 1)
    log.note_text(text("b"))
    log.note_text_state("b", "received", None, 1)
    log.note_no_answer("b", "opted out")
    log.note_no_answer("never heard of", "opted out")
    assert [each.reason for each in map(log.text, "ab") if each] == ["The bot stays silent: opted out."] * 2
