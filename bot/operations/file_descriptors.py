"""How many files and connections the process may have open at once, raised as far as the system lets it."""

import sys

import structlog

if sys.platform != "win32":
    import resource

#: As many as anything here can use.
_WANTED = 65_536
#: For the database, the calls to ACS, the log, the rule files: what is not a client's connection.
_RESERVED = 128

log = structlog.get_logger(__name__)


def raise_limit() -> int:
    """How many descriptors there may be, after the soft limit was raised to the hard one."""
    if sys.platform == "win32":
        return _WANTED  # sockets are no descriptors there
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _WANTED if soft == resource.RLIM_INFINITY else soft
    for tried in (wanted, 10_240):  # macOS takes no more than that, whatever it says
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(tried, wanted), hard))
        except (ValueError, OSError):
            continue
        return min(tried, wanted)
    return soft


def room_for_connections(descriptors: int, wanted: int, backlog: int) -> int:
    """How many clients may be connected; says so when the system's limit leaves fewer than wanted."""
    room = descriptors - _RESERVED - backlog
    if room >= wanted:
        return wanted
    room = max(room, 16)
    log.warning(
        "The system lets this process open few files, so it takes fewer connections than it would",
        action="few_file_descriptors",
        limit=descriptors,
        connections=room,
        mend=f"raise it to {wanted + _RESERVED + backlog:,} or more:"
        " `ulimit -n`, LimitNOFILE= of systemd, --ulimit nofile= of Docker",
    )
    return room
