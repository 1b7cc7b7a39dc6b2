"""Starts processes of the bot without importing it anew for each: that is more than a second of CPU every time.

One process in a run of the tests has imported all of `bot` and built what each process builds once; it has opened
nothing and started no thread. Asked on its socket, it forks; the child gets the arguments, environment, folder and
streams that were asked for and does what `python -m MODULE` does: a process of its own, with a status of its own, that
ends or is killed as any other.
It ends with the process that owns the run: `python -m tests.support.fork_server SOCKET OWNER`.
"""

import asyncio
import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import logging
import os
import pkgutil
import resource
import runpy
import selectors
import signal
import socket
import sys
from typing import Any

import anyio.lowlevel
import phonenumbers

from tests.support.forked import LONGEST

#: What is imported beforehand; a package with all that is in it.
IMPORTED = (
    "bot",
    "aiohttp.web",
    "alembic.command",
    "http.server",
    "httpcore",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
)
#: Names a file of certificates that OpenSSL trusts.
AUTHORITIES = "SSL_CERT_FILE"
#: What this process may lay down, by its number in <linux/capability.h>, as those two below.
RIGHTS = {"dac_override": 1, "dac_read_search": 2}
_CAPABILITY_VERSION = 0x20080522
_PR_CAPBSET_DROP = 24
#: The exit status of a child that has done its work.
_STATUS: list[int] = []


def import_all() -> None:
    """Import what children need, so that none of them has to."""
    for name in IMPORTED:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}."):
            if not found.name.endswith("__main__"):
                with contextlib.suppress(ImportError):  # an extra that is not installed here
                    importlib.import_module(found.name)


def build_all() -> None:
    """Build what each process of the bot builds once and keeps: a third of what a short life of it takes."""
    importlib.import_module("bot.web_parts").usual_app()
    pages = importlib.import_module("bot.web.console.layout").page_templates()
    for name in pages.list_templates(["html"]):
        pages.get_template(name)
    consent = importlib.import_module("bot.text.consent")
    for text in "hours", "please no more of this":  # the first look, and the close one
        consent.looks_like_opt_out(tuple(text.split()), text)
    importlib.import_module("bot.rulebook.patterns").read_pattern(r"\w+ \d+")
    phonenumbers.number_type(phonenumbers.parse("+15555550101"))
    asyncio.run(anyio.lowlevel.checkpoint())  # anyio imports what it needs for asyncio at its first use
    gc.collect()
    gc.freeze()


class ForkServer:
    """Forks for whoever asks, and tells them how their process ended."""

    def __init__(self, address: str, owner: int) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(address)
        self._listener.listen(64)
        self._owner = os.pidfd_open(owner)
        #: Readable when a child has ended; who asked for it is told, and then it is forgotten.
        self._children: dict[int, tuple[int, socket.socket]] = {}
        for file in (self._listener, self._owner):
            self._selector.register(file, selectors.EVENT_READ)

    def serve(self) -> list[Any] | None:
        """What was asked, in a child; None in the server, once the owner has ended."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    if asked := self._fork():
                        return asked
                elif key.fileobj == self._owner:
                    for child, _ in self._children.values():
                        os.kill(child, signal.SIGKILL)
                    return None
                else:
                    self._bury(key.fd)

    def _fork(self) -> list[Any] | None:
        """What was asked, in the child."""
        asker, _ = self._listener.accept()
        packet, streams, _, _ = socket.recv_fds(asker, LONGEST, 3)
        child = os.fork()
        if child == 0:
            self._leave(asker)
            for wanted, file in enumerate(streams):
                os.dup2(file, wanted)
                os.close(file)
            asked: list[Any] = json.loads(packet)
            return asked
        for file in streams:
            os.close(file)
        ending = os.pidfd_open(child)
        self._children[ending] = child, asker
        self._selector.register(ending, selectors.EVENT_READ)
        asker.send(str(child).encode())
        return None

    def _leave(self, asker: socket.socket) -> None:
        """Close in a child what is the server's."""
        self._selector.close()
        os.close(self._owner)
        self._listener.close()
        asker.close()
        for ending, (_, another) in self._children.items():
            os.close(ending)
            another.close()

    def _bury(self, ending: int) -> None:
        child, asker = self._children.pop(ending)
        self._selector.unregister(ending)
        os.close(ending)
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(OSError):  # nobody asks any more
            asker.send(str(os.waitstatus_to_exitcode(status)).encode())
        asker.close()


def lay_down(rights: list[str]) -> None:
    """Have these rights of root's no more, and let no process that this one starts have them: as `setpriv` does."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Each set is two words of 32 bits, of which these rights are in the first.
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    failed = libc.capget(header, sets)
    for each in rights:
        failed |= libc.prctl(_PR_CAPBSET_DROP, RIGHTS[each], 0, 0, 0)
        for kind in range(3):  # effective, permitted, inheritable
            sets[kind] &= ~(1 << RIGHTS[each])
    if failed | libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "the rights can't be laid down")


def become(
    module: str, arguments: list[str], folder: str, environ: dict[str, str], limits: dict[str, Any]
) -> None:
    """Do what `python -m module` does with these arguments, in this folder and environment, within these limits."""
    os.chdir(folder)
    for number, limit in limits["resources"]:
        resource.setrlimit(number, limit)
    if limits["without"]:
        lay_down(limits["without"])
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environ
    os.environ.clear()
    os.environ.update(environ)
    if authorities := environ.get(AUTHORITIES):
        # aiohttp has read them when it was imported.
        importlib.import_module("aiohttp.connector")._SSL_CONTEXT_VERIFIED.load_verify_locations(authorities)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [module, *arguments]
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8")  # type: ignore[misc]  # noqa: SIM115
    for name, errors in (("stdout", "strict"), ("stderr", "backslashreplace")):
        raw = open(getattr(sys, name).fileno(), "wb", 0)  # noqa: PTH123, SIM115
        text = io.TextIOWrapper(raw, encoding="utf-8", errors=errors, write_through=True)
        setattr(sys, name, text)
        setattr(sys, f"__{name}__", text)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        _STATUS.append(ending.code if isinstance(ending.code, int) else int(ending.code is not None))
        raise
    except Exception:
        _STATUS.append(1)
        raise
    _STATUS.append(0)


def leave() -> None:
    """The last of what is done at the end of a child: what it leaves in the memory is the system's to take away.

    Python would take it apart object by object, and so have all copied that was imported before the fork: 90 ms.
    """
    if _STATUS:
        logging.shutdown()
        os._exit(_STATUS[0])


def main() -> None:
    """Import; listen; and go on in a process of its own, so that whoever started this knows that it listens."""
    address, owner = sys.argv[1:]
    atexit.register(
        leave
    )  # before whatever else is to be called at the end, so that all of it is called first
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the tests, and this ends with them
    import_all()
    build_all()
    server = ForkServer(address, int(owner))
    if os.fork() == 0 and (asked := server.serve()):
        become(*asked)


if __name__ == "__main__":
    main()
