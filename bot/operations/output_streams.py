"""The process's own output, which can be closed, full or read by nobody, and must not hold up the service for it."""

import atexit
import contextlib
import io
import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final, TextIO

#: Bytes that wait to be written; what comes on top of them is dropped.
_MOST_WAITING: Final = 1_000_000
#: Seconds between two writes: what comes meanwhile goes in one, which saves waking a thread for each commit's lines.
_PAUSE: Final = 0.05
#: Seconds that the end of the process waits for what is not written yet.
_LAST_WORDS: Final = 1


def open_missing() -> None:
    """Give the standard streams that are closed a place; else the next file that is opened would be one of them.

    That file could be the database, and somebody's warning would be written into it.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - it stays open


class Outlet(io.TextIOBase):
    """A text stream whose writer never waits and never fails: a thread of its own hands the text on."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._descriptor = stream.fileno()
        self._is_utf8 = stream.encoding.replace("-", "").lower() == "utf8"
        self._waiting: deque[bytes] = deque()
        self._size = 0
        #: Writes that found no room since the last that did.
        self._dropped = 0
        self._is_free = threading.Lock()
        self._has_come = threading.Event()
        self._is_idle = threading.Event()
        self._is_idle.set()
        threading.Thread(target=self._run, name=f"outlet-{self._descriptor}", daemon=True).start()
        atexit.register(self.wait)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has an attribute
        """As the stream's."""
        return self._stream.encoding

    @property
    def errors(self) -> str:  # type: ignore[override]  # as above
        """What is no text for the encoding is written as its escape."""
        return "backslashreplace"

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def isatty(self) -> bool:
        """Whether somebody watches."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's descriptor."""
        return self._descriptor

    def write(self, text: str) -> int:
        """Take a text to be written; drops it when too much waits already."""
        if not isinstance(text, str):
            raise TypeError(f"a text is written here, not {type(text).__name__}")
        if text:
            self._take(text.encode(self.encoding, self.errors))
        return len(text)

    def write_utf8(self, lines: bytes) -> None:
        """Take lines that are encoded already: to decode a message's line and encode it again took 2.7 of 4.3 µs."""
        if self._is_utf8:
            self._take(lines)
        else:
            self.write(lines.decode())

    def _take(self, written: bytes) -> None:
        with self._is_free:
            if self._size >= _MOST_WAITING:
                self._dropped += 1
                return
            if self._dropped:
                notice = f"({self._dropped} writes before this were dropped: nobody read them)\n"
                written = notice.encode(self.encoding) + written
                self._dropped = 0
            if not self._waiting:  # else the thread knows: to set an event again takes 0.5 µs
                self._is_idle.clear()
                self._has_come.set()
            self._waiting.append(written)
            self._size += len(written)

    def flush(self) -> None:
        """Nothing is waited for."""

    def wait(self) -> None:
        """Wait until all is written that was taken, for as long as last words may take."""
        self._is_idle.wait(_LAST_WORDS)

    def _run(self) -> None:
        while True:
            self._has_come.wait()
            with self._is_free:
                written = b"".join(self._waiting)
                self._waiting.clear()
                self._has_come.clear()
            with contextlib.suppress(OSError):  # closed, full, or its reader has left
                self._hand_on(written)
            with self._is_free:
                self._size -= len(written)
                if not self._waiting:
                    self._is_idle.set()
            time.sleep(_PAUSE)

    def _hand_on(self, rest: bytes) -> None:
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # a pipe that somebody made non-blocking is full
                time.sleep(0.05)


def free_output() -> None:
    """From now on nothing that this process prints or logs can hold it up."""
    for name in ("stdout", "stderr"):
        stream: TextIO = getattr(sys, name)
        with contextlib.suppress(OSError):
            stream.flush()
        with contextlib.suppress(io.UnsupportedOperation):  # a test's, which is in memory
            setattr(sys, name, Outlet(stream))
