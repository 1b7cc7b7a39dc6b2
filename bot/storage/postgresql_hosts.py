"""The hosts of a PostgreSQL, asked one after the other: the primary and its standby, whichever of them answers."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import URL

from bot.storage.database_errors import DatabaseUnavailable

#: Seconds that each host gets to take a connection.
CONNECT_SECONDS: Final = 10.0
#: How soon each end of a connection finds out that the other one is gone without a word (a cut cable, a machine that
#: died), in seconds: after so long a silence it asks so often, so many times. The system's own beginning is after two
#: hours.
ALIVE_IDLE, ALIVE_INTERVAL, ALIVE_COUNT = 10, 5, 3
#: With these `target_session_attrs` only one host fits, and the next connection begins at the one that took the last.
#: With others hosts are tried in the address's order, or the second would stay in use when the first is back.
_OF_ONE_HOST: Final = frozenset({"primary", "read-write"})


class PostgresqlHosts:
    """How connections are made to the hosts that an address names."""

    def __init__(self, url: URL) -> None:
        named = url.query.get("host", "its socket")
        named = named if isinstance(named, str) else ", ".join(named)
        self._named = f"{url.host}:{url.port or 5432}" if url.host else named
        self._last = ""

    def connect(self, connect: Callable[..., Any], options: dict[str, Any]) -> Any:
        """A new connection by the driver's `connect`.

        Raises `OSError` with the hosts' names, as the event loop and asyncpg say what went wrong, and not where;
        `DatabaseUnavailable` where the driver can't read its address.
        """
        try:
            return self._first_that_answers(connect, options | {"timeout": CONNECT_SECONDS})
        except OSError as error:
            if isinstance(error, TimeoutError) and error.errno is None:  # asyncpg's, without a word
                raise TimeoutError(f"{self._named} did not answer in {CONNECT_SECONDS:g} s") from error
            if error.errno is None:
                raise
            raise OSError(error.errno, f"{error.strerror}: {self._named}") from error
        except (TypeError, ValueError, OverflowError) as error:
            # Neither its words, which can show a password, nor it as the cause: that would make it a fault of the data.
            raise DatabaseUnavailable(
                f"the driver can't read its address ({type(error).__name__}); correct it, and PGHOST and PGPORT where"
                " they are set"
            ) from None

    def _first_that_answers(self, connect: Callable[..., Any], options: dict[str, Any]) -> Any:
        """Asyncpg has one time for all hosts, which the first would use up where a cut cable keeps it silent."""
        from asyncpg import CannotConnectNowError, TargetServerAttributeNotMatched  # noqa: PLC0415 - for who needs it

        hosts, ports, wanted = (options.get(key) for key in ("host", "port", "target_session_attrs"))
        if not isinstance(hosts, list) or not isinstance(ports, list) or wanted == "prefer-standby":
            return connect(**options)
        pairs = list(zip(hosts, ports, strict=True))
        if wanted in _OF_ONE_HOST:
            pairs.sort(key=lambda pair: str(pair) != self._last)
        failed: Exception = OSError("no host is named")
        for host, port in pairs:
            try:
                connection = connect(**options | {"host": host, "port": port})
            except (OSError, CannotConnectNowError, TargetServerAttributeNotMatched) as error:
                failed = error
            else:
                self._last = str((host, port))
                return connection
        raise failed
