"""How many events came, by what became of them, whichever way they came."""

from collections import Counter
from collections.abc import Iterable, Mapping

import structlog

from bot.conversation.event_tally import Receipt
from bot.text.storable import one_line

#: The outcome under which all events of types that the bot has no use for are counted.
UNKNOWN_TYPE = "unknown_type"
#: As many such types are named in the log, once each.
_MOST_TYPES_LOGGED = 50
#: Characters of a type's name in the log.
_LONGEST_NAME = 100

log = structlog.get_logger(__name__)


class EventCounts:
    """Counts events for `/metrics`."""

    def __init__(self) -> None:
        self.by_outcome: Counter[str] = Counter()
        self._unknown_types: set[str] = set()

    def count(self, receipts: Iterable[Receipt], ignored: Mapping[str, int]) -> None:
        """Count the events of a call; `ignored`: those of unknown types, by type.

        They are counted together: as labels of a metric they would be a series each, without end.
        """
        for receipt in receipts:
            self.by_outcome[receipt.outcome] += 1
        if ignored:
            self.by_outcome[UNKNOWN_TYPE] += sum(ignored.values())
            self._log_types(ignored)

    def _log_types(self, types: Iterable[str]) -> None:
        for event_type in types:
            if len(self._unknown_types) >= _MOST_TYPES_LOGGED:
                return
            name = one_line(event_type, _LONGEST_NAME)
            if name not in self._unknown_types:
                self._unknown_types.add(name)
                log.info(
                    "Events of a type that means nothing here are acknowledged",
                    action="unknown_event_type_acknowledged",
                    type=name,
                )
