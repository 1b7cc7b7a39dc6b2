"""What a notification says, and when the next one may leave: pure functions."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from bot.alarms.trouble import BEGUN, OVER, AlarmLimits, Kind

HOUR = timedelta(hours=1)
#: Lines of one notification; the others are counted by kind.
_LINES = 20


class NewsItem(Struct, frozen=True, kw_only=True):
    """The beginning or the end of an alarm, or both, that nobody was told of."""

    id: str
    kind: Kind
    reason: str
    place: str
    began_at: datetime
    ended_at: datetime | None
    is_begin_told: bool
    #: What a peer wrote, and their number; empty unless that may leave.
    text: str = ""

    @property
    def since(self) -> datetime:
        """When the oldest part of it happened."""
        return self.ended_at if self.is_begin_told and self.ended_at is not None else self.began_at


class Notification(Struct, frozen=True, kw_only=True):
    """A message to people."""

    title: str
    body: str
    #: Whether something begins in it.
    is_warning: bool


def is_due(oldest: datetime, sent: Sequence[float], now: datetime, limits: AlarmLimits) -> bool:
    """Whether what has happened since `oldest` is to be told now; `sent` are the times of messages before it."""
    return now - oldest >= limits.gather and len(of_the_hour(sent, now)) < limits.per_hour


def of_the_hour(sent: Sequence[float], now: datetime) -> list[float]:
    """Those of the last hour."""
    return [at for at in sent if at > (now - HOUR).timestamp()]


def pause_after(failures: int, limits: AlarmLimits) -> timedelta:
    """How long to wait after a message that reached nobody."""
    return min(limits.first_pause * (1 << min(failures - 1, 20)), limits.longest_pause)


def notification_of(news: Sequence[NewsItem], public_url: str | None) -> Notification:
    """One message for all of it: beginnings first, then ends, those that are too many as a number."""
    begun = [each for each in news if not each.is_begin_told]
    over = [each for each in news if each.is_begin_told]
    shown = [*begun, *over][:_LINES]
    lines = [_line(each, public_url) for each in shown]
    rest = [*begun, *over][_LINES:]
    for kind, sentences in (("begun", BEGUN), ("over", OVER)):
        of_kind = [each for each in rest if each.is_begin_told == (kind == "over")]
        for name in dict.fromkeys(each.kind for each in of_kind):
            count = sum(each.kind == name for each in of_kind)
            lines.append(f"{sentences[name]}: {count:,} more.")
    if rest:
        lines.append(f"See {_link('/console', public_url)}")
    return Notification(title=_title(begun, over), body="\n".join(lines), is_warning=bool(begun))


def _title(begun: Sequence[NewsItem], over: Sequence[NewsItem]) -> str:
    (first, *others) = [*begun, *over]
    sentence = OVER[first.kind] if first.is_begin_told else BEGUN[first.kind]
    return f"SMS bot: {sentence}" + (f", and {len(others):,} more" if others else "")


def _line(item: NewsItem, public_url: str | None) -> str:
    sentence = OVER[item.kind] if item.is_begin_told else BEGUN[item.kind]
    reason = f" ({item.reason})" if item.reason else ""
    ended = ""
    if item.ended_at is not None:
        seconds = max(0, round((item.ended_at - item.began_at).total_seconds()))
        ended = f", after {_took(seconds)}" if item.is_begin_told else f"; it is over, after {_took(seconds)}"
    said = f" They wrote: {item.text}" if item.text else ""
    return f"{sentence}{reason}{ended}.{said} {_link(item.place, public_url)}"


def _link(place: str, public_url: str | None) -> str:
    return f"{public_url or ''}{place}"


def _took(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds // 3_600} h" if seconds < 172_800 else f"{seconds // 86_400} days"
