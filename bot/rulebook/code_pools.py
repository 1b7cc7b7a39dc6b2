"""Pools of codes, of which each peer gets one: a list of a file, or codes that are made up."""

import hashlib
import secrets

import msgspec

#: No vowels, so that no word comes about, and of signs that look alike one at most: 0 O, 1 I L, 2 Z, 5 S, 6 G, 8 B.
LETTERS = "CDFHJKMNPQRTVWX"
DIGITS = "23456789"
#: Letters that may follow each other: three consonants are an abbreviation that means something somewhere.
_LETTERS_IN_A_ROW = 2
#: What a code that is made up looks like in tests and tries.
_SAMPLE = "7K4M9P2T"


class CodePool(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Codes that are given to peers, each once."""

    name: str
    #: What people call it.
    label: str
    #: The list, in the order of the file; empty where codes are made up.
    codes: tuple[str, ...] = ()
    #: Of the list, so that a process sees that another one has another list.
    digest: str = ""
    #: The characters of a code that is made up; 0 where there is a list.
    random: int = 0

    def sample(self) -> str | None:
        """What a test or a try shows: the first of the list, or always the same made-up code."""
        if self.random:
            return (_SAMPLE * -(-self.random // len(_SAMPLE)))[: self.random]
        return self.codes[0] if self.codes else None

    def is_low(self, left: int) -> bool:
        """Whether fewer than a tenth of the list are left."""
        return not self.random and left * 10 < len(self.codes)


def list_pool(file: str, codes: tuple[str, ...]) -> CodePool:
    """The pool of a file's codes."""
    digest = hashlib.sha256("\n".join(codes).encode("utf-8", "replace")).hexdigest()
    return CodePool(name=file, label=file, codes=codes, digest=digest)


def random_pool(rule: str, length: int) -> CodePool:
    """The pool of the codes that a rule makes up."""
    return CodePool(name=pool_of_rule(rule), label=f"the rule {rule}", random=length)


def pool_of_rule(rule: str) -> str:
    """The name of the pool of a rule that makes codes up; no file has such a name."""
    return f"/{rule[:200]}"


def new_code(length: int) -> str:
    """A code that nobody can guess, and that can be read out over a telephone."""
    code = ""
    for _ in range(length):
        tail = code[-_LETTERS_IN_A_ROW:]
        may_be_letter = len(tail) < _LETTERS_IN_A_ROW or not tail.isalpha()
        code += secrets.choice(LETTERS + DIGITS if may_be_letter else DIGITS)
    return code
