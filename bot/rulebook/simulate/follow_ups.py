"""When and what a rule says later."""

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from bot.rulebook.decision import ConversationState, Decision
from bot.rulebook.follow_up import FollowUp
from bot.rulebook.hours import Hours, read_hours
from bot.rulebook.rules import Rule
from bot.rulebook.simulate.match import ReadMessage
from bot.rulebook.simulate.rendering import Names, Renderer
from bot.text.time_zones import zones_of

#: How far ahead a time is looked for that all zones of a number agree on.
_STEP = timedelta(minutes=5)
_AHEAD = timedelta(days=8)


def follow_ups(rule: Rule, message: ReadMessage, renderer: Renderer, names: Names) -> tuple[FollowUp, ...]:
    """What the rule will say later to a message; `{{ now }}` is the time at which it is said."""
    if not rule.later:
        return ()
    own = (_name_of(rule.zone),)
    made: list[FollowUp] = []
    for later in rule.later:
        zones = zones_of(message.heard.sender) or own
        moment = message.now + timedelta(seconds=later.after)
        due_at = first_time(moment, later.between, zones)
        if due_at is None:  # a number that may be anywhere: no hour is day in all of its zones
            zones = own
            due_at = first_time(moment, later.between, zones) or moment
        then = {**names, "now": due_at.astimezone(rule.zone).replace(microsecond=0)}
        texts = renderer.replies(rule, later.reply, message, then)
        if texts:
            made.append(
                FollowUp(
                    due_at=due_at,
                    texts=texts,
                    by_language=renderer.by_language(rule, later.reply, message, then),
                    unless_answered=later.unless_answered,
                    between=later.between.text,
                    zones=zones,
                )
            )
    return tuple(made)


class PendingFollowUps:
    """What is to be said later in a conversation that is only played."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, FollowUp]] = []

    def hear(self, decision: Decision) -> None:
        """A message of theirs, and what it brings about: a rule's new follow-ups take the place of its old ones."""
        after = decision.after
        self._waiting = [
            (rule, each)
            for rule, each in self._waiting
            if not (each.unless_answered or after.opted_out or after.handed_over)
            and not (decision.later and rule == decision.rule)
        ]
        self._waiting += [(decision.rule or "", each) for each in decision.later]

    def say(self, now: datetime, standing: ConversationState) -> tuple[tuple[str, str], ...]:
        """What has come due by now: each text behind the rule that says it."""
        due = sorted(
            (each for each in self._waiting if each[1].due_at <= now), key=lambda each: each[1].due_at
        )
        self._waiting = [(rule, each) for rule, each in self._waiting if each.due_at > now]
        if standing.opted_out or standing.handed_over:
            return ()
        return tuple((rule, text) for rule, each in due for text in each.spoken(standing.language))


def is_hour(moment: datetime, between: str, zones: tuple[str, ...]) -> bool:
    """Whether a moment lies in the hours by every zone's clock."""
    hours = read_hours(between)
    return all(hours.hold(moment.astimezone(ZoneInfo(zone))) for zone in zones)


def first_time(moment: datetime, between: Hours, zones: tuple[str, ...]) -> datetime | None:
    """The first time from a moment on that lies in the hours by every zone's clock; None where no such time is near."""
    clocks = [ZoneInfo(zone) for zone in zones]
    tried = moment
    while tried - moment < _AHEAD:
        if all(between.hold(tried.astimezone(clock)) for clock in clocks):
            return tried
        # On the clock's own fives, so that a window is met at its beginning.
        tried += _STEP - timedelta(
            minutes=tried.minute % 5, seconds=tried.second, microseconds=tried.microsecond
        )
    return None


def _name_of(zone: tzinfo) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"
