"""Does a message ask to be left alone? In the words that carriers prescribe, or in anyone's own.

US law (47 CFR 64.1200(a)(10)) takes any reasonable wording for a revocation, so what these functions suspect is
for a person to decide; they only make sure that somebody looks. `benchmarks/consent.py` counts what they miss and what
they take wrongly.
"""

import re
from functools import lru_cache

import re2
from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.text.english import (
    CLAUSE,
    ENGLISH,
    INSTRUCTION,
    LOUD,
    MARKS,
    NO_LOUD,
    ONLY_POLITE,
    SAID_ALONE,
    SMALL,
)
from bot.text.first_look import one_of, pieces_of
from bot.text.normal_forms import normalize
from bot.text.revocations import LANGUAGES, UNSPACED
from bot.text.words import is_unspaced, split_words

Words = tuple[str, ...]

#: What the CTIA and the carriers require to be an opt-out, as whole messages.
REQUIRED: tuple[Words, ...] = (("stop",), ("stopall",), ("unsubscribe",), ("cancel",), ("end",), ("quit",))
#: What US law adds since April 2025.
BY_LAW: tuple[Words, ...] = (("revoke",), ("opt", "out"))
#: What gets help, whatever else is going on.
HELP: frozenset[Words] = frozenset({("help",), ("info",)})

#: What is looked at of a message, in characters: ten segments.
_LOOKED_AT = 1_600
_MOST_WORDS, _MOST_CLAUSES = 100, 20
#: A message of nothing but an opt-out and politeness has no more.
_FEW_WORDS, _FEW_CHARACTERS = 15, 40

_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0655\u0670\u0591-\u05c7]")
_LETTERS = str.maketrans(
    {
        "ς": "σ",
        "ß": "ss",
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "æ": "ae",
        "œ": "oe",
        "ي": "ی",
        "ى": "ی",
        "ك": "ک",
        "ة": "ه",
    }
)
#: Long words that may be mistyped, and such that are no typing error of them.
_LONG = (
    "unsubscribe", "unsubscribed", "unsubscribing", "stopall", "desuscribir", "desinscribir", "desabonner",
    "desinscrire", "abmelden", "abbestellen", "uitschrijven", "afmelden", "descadastrar", "disiscrivi",
    "отписаться", "отпишите", "odhlasit", "leiratkozas", "avregistrera", "avprenumerera", "rezygnuje",
)  # fmt: skip
_NO_ERROR = re.compile(
    r"subscri\w*|anmelden|aanmelden|melden|anmeldung|bestellen|inscri\w*|abonner|resubscri\w*|inmelden|aufmelden|beschrijven|omschrijven"
    r"|inschrijven|voorschrijven|подписаться|подпишите|prihlasit|registrera|prenumerera|install|tooall|ablehnen|aanmelding|stonewall|storall"
)
_TWO_ERRORS_FROM, _ONE_ERROR_FROM = 11, 7


def _plain(text: str) -> str:
    """Fold a text of small letters: without accents, and with one letter for each that people type for another."""
    if text.isascii():
        return text
    text = normalize("NFD", text.translate(_LETTERS))
    return normalize("NFC", _ACCENTS.sub("", text)).translate(_LETTERS)


def _alternatives(phrases: str) -> str:
    return "|".join(sorted(map(_plain, phrases.split("|")), key=len, reverse=True))


def _alone(words: str, polite: str) -> str:
    """Nothing but these words and what is polite, in any order, and at least one of the first kind."""
    both = rf"(?:{_alternatives(f'{polite}|please|pls|ok|hi|hello|stop|{words}')})"
    return rf"(?:{both} )*?(?:{_alternatives(words)})(?: {both})*"


#: What asks for silence anywhere in a message: each is searched for in its plain words, with a space behind them.
PHRASES = tuple(
    rf"(?<!\S)(?:{_plain(phrase)})(?!\w)"
    for phrases in (ENGLISH, *(each.phrases for each in LANGUAGES.values()))
    for phrase in phrases
)
#: What does when it is all that a message says, by language, and the languages that have each word in it.
_ALONE = tuple(_alone(each.words, each.polite) for each in LANGUAGES.values())
_LANGUAGES_OF: dict[str, set[int]] = {}
for _at, _language in enumerate(LANGUAGES.values()):
    for _word in _plain(_language.words).replace("|", " ").split():
        _LANGUAGES_OF.setdefault(_word, set()).add(_at)
_UNSPACED = tuple(
    (
        rf"(?:{_alternatives(each.polite)})*(?:{_alternatives(each.words)})(?:{_alternatives(each.polite)})*",
        "|".join(map(_plain, each.phrases)),
    )
    for each in UNSPACED.values()
)
_compiled = lru_cache(maxsize=None)(re.compile)


@lru_cache(maxsize=1)
def _filter() -> re2.Filter:
    """Finds, by the letters that each phrase needs, the few that may be in a message.

    It lacks look-around, so it finds at least those that are; each that it finds is then tried as it stands.
    """
    options = re2.Options()
    options.log_errors = False
    made = re2.Filter()
    for each in PHRASES:
        made.Add(_without_look_around(each).encode(), options)
    made.Compile()
    return made


def _without_look_around(expression: str) -> str:
    """An expression for RE2 that finds at least as much."""
    kept: list[str] = []
    at = 0
    while at < len(expression):
        if expression.startswith(("(?=", "(?!", "(?<=", "(?<!"), at):
            depth = 0
            while True:
                depth += {"(": 1, ")": -1}.get(expression[at], 0)
                at += 1 + (expression[at] == "\\")
                if not depth:
                    break
        else:
            end = at + 1 + (expression[at] == "\\")
            kept.append(_WIDER.get(expression[at:end], expression[at:end]))
            at = end
    return "".join(kept)


#: RE2 knows only the letters a to z here.
_WIDER = {r"\b": "", r"\w": "[^ ]", r"\S": "[^ ]", "$": ""}
_HAS_HANGUL = re.compile("[\uac00-\ud7a3]").search


def looks_like_opt_out(words: Words, text: str = "") -> bool:
    """Whether a message asks, in words that no rule may know, to get no more messages.

    `words` are those of `text`; its punctuation tells where a sentence ends, as in "who is this? stop".
    """
    if len(words) <= _MOST_WORDS and len(text) <= _LOOKED_AT and not any(map(_may_ask, words)):
        return False
    return _looks_closely(words, text)


def _looks_closely(words: Words, text: str) -> bool:
    plain = _plain(" ".join(words)[:_LOOKED_AT])
    asks = plain and (
        _asks_alone(plain, len(words))
        or _asks_somewhere(plain)
        or (bool(text) and not SAID_ALONE.isdisjoint(words) and _asks_between_marks(text[:_LOOKED_AT]))
        or any(_is_mistyped(word) for word in words[:_MOST_WORDS] if len(word) >= _ONE_ERROR_FROM)
    )
    return bool(asks) and INSTRUCTION.search(plain) is None


@lru_cache(maxsize=1)
def _first_look() -> re.Pattern[str]:
    """What is in one word at least of each text in ASCII that is an opt-out, as far as it is not mistyped."""
    expressions = (*PHRASES, ONLY_POLITE)
    return one_of(piece for each in expressions for piece in pieces_of(each) if piece.isascii())


@lru_cache(maxsize=16_384)
def _may_ask(word: str) -> bool:
    """Whether a word can be part of an opt-out; a message without such a word is none."""
    return (
        not word.isascii()
        or word in _LANGUAGES_OF
        or word in SAID_ALONE
        or _first_look().search(word) is not None
        or (len(word) >= _ONE_ERROR_FROM and _is_mistyped(word))
    )


def _asks_alone(plain: str, count: int) -> bool:
    """The message is an opt-out and politeness, and nothing else."""
    if count > _FEW_WORDS:
        return False
    if _compiled(ONLY_POLITE).fullmatch(plain):
        return True
    languages = {each for word in plain.split() for each in _LANGUAGES_OF.get(word, ())}
    return any(_compiled(_ALONE[each]).fullmatch(plain) for each in languages)


def _asks_somewhere(plain: str) -> bool:
    if (
        not plain.isascii()
        and (is_unspaced(plain) or _HAS_HANGUL(plain))
        and _in_unspaced(plain.replace(" ", ""))
    ):
        return True
    padded = plain + " "
    found = _filter().Match(padded.encode("utf-8", "replace"), potential=True)
    return found is not None and any(_compiled(PHRASES[each]).search(padded) for each in found)


def _asks_between_marks(text: str) -> bool:
    """One of its sentences is an opt-out by itself, or its one loud word is."""
    if SMALL.search(text) and LOUD.search(text) and not NO_LOUD.search(text):
        return True
    clauses = [each for each in MARKS.split(text) if each.strip()]
    return len(clauses) > 1 and any(
        CLAUSE.fullmatch(" ".join(split_words(each))) for each in clauses[:_MOST_CLAUSES]
    )


def _in_unspaced(plain: str) -> bool:
    is_short = len(plain) <= _FEW_CHARACTERS
    return any(
        (is_short and _compiled(alone).fullmatch(plain)) or _compiled(phrases).search(plain)
        for alone, phrases in _UNSPACED
    )


@lru_cache(maxsize=4_096)
def _is_mistyped(word: str) -> bool:
    """Whether a word is nearly a long opt-out word: two typing errors away from one of eleven letters, or one."""
    if _NO_ERROR.fullmatch(word):
        return False
    found = process.extractOne(_plain(word), _LONG, scorer=OSA.distance, score_cutoff=2)
    return found is not None and 1 <= found[1] <= (2 if len(found[0]) >= _TWO_ERRORS_FROM else 1)
