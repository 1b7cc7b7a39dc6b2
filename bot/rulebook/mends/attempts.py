"""How much is tried out to find the causes of a file's mistakes, so that no text holds other people's checks up."""

import time
from collections.abc import Callable


class Attempts:
    """What is left of the characters that may be read and of the time that may be taken for one file.

    `characters`: of all changed texts together. `seconds`: of the thread's own processor time, which is the last resort
    against lines that take long to look at. `clock` gives that time in seconds.
    """

    def __init__(
        self,
        characters: int = 2_000_000,
        seconds: float = 2.0,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._characters = characters
        self._clock = clock
        self._end = clock() + seconds

    def take(self, characters: int) -> bool:
        """Whether a text of so many characters may still be read; it is counted."""
        self._characters -= characters
        return not self.are_over

    @property
    def are_over(self) -> bool:
        """Whether nothing more may be tried."""
        return self._characters < 0 or self._clock() > self._end
