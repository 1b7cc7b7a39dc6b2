"""`bot conversations`: what was said, what was answered, and whether it reached the phone."""

import msgspec
import rich_click as click
from rich.markup import escape
from rich.table import Table

from bot.cli.api_client import tell_bot
from bot.cli.database_access import ask_database
from bot.cli.errors import AnswerIsNo, CommandFailed
from bot.cli.output import local_time, print_json, terminal
from bot.cli.senders import require_peer
from bot.conversation.audit_log import ActionView, list_actions
from bot.conversation.follow_ups import FollowUpView, list_follow_ups
from bot.conversation.incidents import KINDS
from bot.queries.conversations import (
    ConversationView,
    MessageView,
    find_conversation,
    list_conversations,
    list_messages,
)
from bot.queries.failure_reasons import reason_of
from bot.queries.filters import ConversationFilter
from bot.queries.glyphs import GLYPHS
from bot.storage.database import DatabaseConnection
from bot.storage.pages import Page, WrongCursor, whole_listing
from bot.text.inert import shown_in_terminal
from bot.text.numbers import normalise_number

_COLOURS = {"delivered": "green", "failed": "red", "unconfirmed": "yellow", "suppressed": "yellow"}


class ShownConversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with all that was said in it."""

    conversation: ConversationView
    messages: list[MessageView]
    actions: list[ActionView]
    later: list[FollowUpView]


def list_command(
    delivery: str | None,
    peer: str | None,
    limit: int,
    cursor: str | None,
    *,
    waiting: bool,
    handed_over: bool,
    as_json: bool,
) -> None:
    """Conversations, newest first, with their delivery state."""
    wanted = ConversationFilter(
        peer=None if peer is None else normalise_number(peer),
        delivery=delivery,
        waiting=waiting,
        handed_over=True if handed_over else None,
    )

    async def ask(connection: DatabaseConnection) -> Page[ConversationView]:
        await require_peer(connection, wanted.peer)
        return await list_conversations(connection, wanted, limit=limit, cursor=cursor)

    try:
        page = ask_database(ask)
    except WrongCursor as error:
        raise CommandFailed(str(error)) from None
    if as_json:
        print_json(page)
        return
    if not page.items:
        click.echo("No conversations.")
        return
    table = Table("Last message", "Peer", "Number", "Text", "Delivery", "Id", box=None, pad_edge=False)
    for item in page.items:
        table.add_row(
            local_time(item.last_message_at),
            escape(shown_in_terminal(item.peer)) + "".join(f" [yellow]{note}[/]" for note in _notes(item)),
            escape(shown_in_terminal(item.number)),
            escape(_clip(shown_in_terminal(item.last_text))),
            _state(item.delivery.latest),
            item.id,
        )
    terminal().print(table)
    if page.next:
        click.echo(f"There are more: --cursor {page.next}")


def show(conversation_id: str, as_json: bool) -> None:
    """One conversation: each message with its delivery state and the times of each change."""

    async def ask(connection: DatabaseConnection) -> ShownConversation | None:
        conversation = await find_conversation(connection, conversation_id)
        if conversation is None:
            return None
        messages = await whole_listing(
            lambda cursor: list_messages(connection, conversation_id, limit=200, cursor=cursor)
        )
        actions = await whole_listing(
            lambda cursor: list_actions(connection, conversation_id, limit=200, cursor=cursor)
        )
        later = await whole_listing(
            lambda cursor: list_follow_ups(connection, conversation_id, limit=200, cursor=cursor)
        )
        return ShownConversation(conversation=conversation, messages=messages, actions=actions, later=later)

    found = ask_database(ask)
    if found is None:
        click.echo(
            f"There is no conversation {conversation_id}; `bot conversations list` shows those there are.",
            err=True,
        )
        raise AnswerIsNo
    if as_json:
        parts = {"messages": found.messages, "actions": found.actions}
        if found.later:
            parts["later"] = found.later
        print_json(msgspec.to_builtins(found.conversation) | parts)
        return
    _print_conversation(found)


def hand_over(conversation_id: str, url: str | None) -> None:
    """Take a conversation over from the running bot: it is silent there until you hand it back."""
    answer = tell_bot("PUT", "conversations", conversation_id, "handover", url=url)
    click.echo(f"The bot is silent towards {shown_in_terminal(answer['peer'])} until you hand back.")


def hand_back(conversation_id: str, url: str | None) -> None:
    """Hand a conversation back to the running bot: it answers the next message again."""
    answer = tell_bot("DELETE", "conversations", conversation_id, "handover", url=url)
    click.echo(f"The bot answers {shown_in_terminal(answer['peer'])} again.")


def _notes(conversation: ConversationView) -> list[str]:
    return [
        *(["opted out"] if conversation.opted_out else []),
        *(["handed over"] if conversation.handed_over else []),
        *(KINDS[incident.kind] for incident in conversation.incidents),
    ]


def _print_conversation(found: ShownConversation) -> None:
    conversation = found.conversation
    console = terminal()
    language = [f"language {conversation.language}"] if conversation.language else []
    notes = [*_notes(conversation), *language, *(f"tag {tag}" for tag in conversation.tags)]
    console.print(
        f"[bold]{escape(shown_in_terminal(conversation.peer))}[/] with"
        f" {escape(shown_in_terminal(conversation.number))}"
        + (f"  [yellow]{escape(shown_in_terminal(', '.join(notes)))}[/]" if notes else "")
    )
    for name, value in conversation.values.items():
        click.echo(f"  {shown_in_terminal(name)}: {shown_in_terminal(value)}")
    table = Table("When", "", "Text", "Rule", "Segments", "Delivery", box=None, pad_edge=False)
    for message in found.messages:
        is_inbound = message.direction == "inbound"
        table.add_row(
            local_time(message.created_at),
            "in" if is_inbound else "out",
            escape(shown_in_terminal(message.text)),
            "\n".join(escape(shown_in_terminal(line)) for line in (_why(message), *_fetched(message))),
            f"{message.segments} {message.encoding}",
            "received" if is_inbound else _history(message),
        )
    console.print(table)
    for each in found.later:
        reason = f" ({each.reason})" if each.reason else ""
        line = f"later {local_time(each.due_at)}  {each.status}{reason}  {' / '.join(each.texts)}"
        click.echo(shown_in_terminal(line))
    for action in found.actions:
        words = [
            local_time(action.at),
            action.by,
            action.action,
            *([action.details] if action.details else []),
        ]
        click.echo(shown_in_terminal("  ".join(words)))


def _why(message: MessageView) -> str:
    """The rule, and for an inbound message what of it matched and what held its reply back."""
    decision = message.decision or {}
    words = [message.rule or ("-" if message.direction == "outbound" else "no rule")]
    if decision.get("key"):
        words.append(f"by {decision['key']}")
    if decision.get("guard"):
        words.append(f"silent: {decision['guard']}")
    words += decision.get("marks", [])
    return ", ".join(words)


def _fetched(message: MessageView) -> list[str]:
    """What was asked of another service for a message, and what came."""
    fetch = message.fetch
    if fetch is None:
        return []
    tries = [f"{local_time(each.at)} after {each.ms} ms: {each.reason}" for each in fetch.tries]
    took = "" if fetch.ms is None else f" in {fetch.ms} ms"
    came = fetch.reason or ("" if fetch.answer is None else msgspec.json.encode(fetch.answer).decode())
    return [f"asked {fetch.method} {fetch.url}", *tries, f"{fetch.status}{took}: {came}".rstrip(": ")]


def _history(message: MessageView) -> str:
    lines = []
    for entry in message.history:
        details = f" {escape(shown_in_terminal(_in_words(entry.details)))}" if entry.details else ""
        lines.append(f"{_state(entry.status)} {local_time(entry.at)}{details}")
    if message.status == "queued" and message.attempts:
        again = f"; next try {local_time(message.next_try_at)}" if message.next_try_at else ""
        error = f" {escape(shown_in_terminal(message.last_error))}" if message.last_error else ""
        lines.append(f"tried {message.attempts}×{again}{error}")
    return "\n".join(lines)


def _in_words(details: str) -> str:
    """What a report says, in plain words where it has a code that we know."""
    reason = reason_of(details)
    return f"{reason.words} ({reason.code})" if reason and reason.code else details


def _state(status: str | None) -> str:
    if status is None:
        return "no reply"
    colour = _COLOURS.get(status)
    text = f"{GLYPHS.get(status, '?')} {status}"
    return f"[{colour}]{text}[/]" if colour else text


def _clip(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
