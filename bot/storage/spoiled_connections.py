"""Has no connection used again that was made before the newest trouble of the database."""

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine


class SpoiledConnections:
    """Knows since when connections are good, and makes older ones anew."""

    def __init__(self) -> None:
        #: Connections made before are not used again, by the monotonic clock.
        self._spoiled_at = float("-inf")
        self._is_trouble = False

    def spoil(self) -> None:
        """Those that there are may be of no use."""
        self._spoiled_at = time.monotonic()
        self._is_trouble = True

    def end_trouble(self) -> None:
        """Something was written: what was made while that could not be, such as a read-only session, goes as well."""
        if self._is_trouble:
            self._spoiled_at = time.monotonic()
            self._is_trouble = False

    def replace_on(self, engine: AsyncEngine) -> None:
        """Look at the connections of an engine before they are used."""

        @event.listens_for(engine.sync_engine, "connect")
        def note(_connection: Any, record: Any) -> None:
            record.info["made"], record.info["is_new"] = time.monotonic(), True

        @event.listens_for(engine.sync_engine, "checkout")
        def look(_connection: Any, record: Any, _proxy: Any) -> None:
            # A connection is refused once: after a second refusal the pool would raise.
            is_new, record.info["is_new"] = record.info.get("is_new", False), False
            if not is_new and record.info.get("made", 0.0) <= self._spoiled_at:
                raise DisconnectionError("made before a trouble of the database")
