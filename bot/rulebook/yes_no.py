"""Yes and no as people text them: `yess`, `of course`, `no thanks`, 👌; and neither: `no problem`, `ok who is this?`.

What a message begins with counts, unless what follows takes it back, asks something, or makes a condition of it.
"""

import re
from collections.abc import Iterable

Words = tuple[str, ...]


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


def _phrases(text: str) -> frozenset[Words]:
    return frozenset(tuple(phrase.split()) for phrase in text.split(", "))


#: What says yes or no wherever it stands: beside the other one it is no answer.
PLAIN_YES = _phrases("yes, y, yeah, yep, yup, sure, ok, okay, 👍")
PLAIN_NO = _phrases("no, n, nope, nah, 👎")
#: What says so at the beginning of a message.
YES = PLAIN_YES | _phrases(
    "yea, yah, ya, yas, yeh, yess, yeap, yessir, yes sir, yes ma'am, aye, k, kk, okey, okie, okey dokey, okie dokie,"
    " of course, ofc, course, definitely, def, absolutely, certainly, surely, totally, indeed, affirmative, for sure,"
    " sure thing, by all means, you bet, uh huh, all right, alright, very well, correct, that's right, thats right,"
    " that's correct, right, exactly, agreed, agree, i agree, accept, i accept, accepted, confirm, confirmed,"
    " i confirm, go ahead, please do, do it, let's do it, lets do it, sounds good, sounds great, fine, that's fine,"
    " perfect, great, cool, good, works for me, i do, i am, i will, i'll, we will, we do, we are, i can, we can,"
    " i would, i'd love to, i'd like to, i think so, think so, i guess so, i believe so, count me in, i'm in, im in,"
    " why not, without a doubt, that works,"
    " works, that is fine, hell yes, hell yeah, heck yes, ye, yh, yus, yes please, 👌, ✅, ✔, ☑, 💯, 🆗, 🙆"
)
NO = PLAIN_NO | _phrases(
    "noo, nopes, nop, naw, nay, no thanks, no thank you, no thx, no ty, no way, no sir, no need, never, negative,"
    " disagree, i disagree, decline, i decline, declined, refuse, i refuse, not really, not at all, not now,"
    " not today, not this time, not interested, not for me, of course not, absolutely not, definitely not,"
    " certainly not, surely not, sure not, i'd rather not, id rather not, rather not, i don't, i dont, i do not,"
    " i won't, i wont, i will not, i can't, i cant, i cannot, i can not, we can't, we cannot, we won't, we don't,"
    " i don't think so, i dont think so, i do not think so, don't think so, i'm not, im not, i am not, we're not,"
    " count me out, can't make it,"
    " cant make it, can't come, cant come, hell no, heck no, nuh, please don't, please dont, uh uh, ❌, ✖, 🚫, 🙅, ⛔"
)
#: Begins as one of them, and is neither.
_NEITHER = _phrases(
    "no problem, no problems, no prob, no probs, no worries, no idea, no clue, no doubt, no one, no body, no rush,"
    " no matter, no longer, no more, no comment, no clue, no wonder, no kidding, no joke, no biggie, no bother,"
    " no luck, no answer, no reply, no signal, no time, no preference, no such, no offence, no offense, no where,"
    " i don't know, i dont know, i do not know, i don't mind, i dont mind, i don't care, i dont care,"
    " i don't understand, i dont understand, i don't get, i'm not sure, im not sure, i am not sure,"
    " i can't tell, i cant tell, i can't say, i can't decide, not really sure, i can't wait, i cant wait,"
    " no yes, good morning, good afternoon, good evening, good night, good day, good luck, good question,"
    " great question, right now, never mind, i am not sure, i'll see, i'll think, i'll check, i'll ask, i'll let,"
    " i will see, i will think, i will check, i will ask, i will let, we will see, we'll see, i am unsure,"
    " i do wonder, i am confused, cool down, fine print, good bye, course not"
)
#: Says nothing in front of an answer.
_OPENING = word_set(
    "oh um umm uh er ah aha well hi hello hey so and then dear thanks thank please pls plz lol haha hmm"
    " it's its that's thats it is that a the my answer would be i'd say think said guess we i omg wow ha"
    " to from of"
)
#: Makes a condition of what was said, or takes it back.
_DOUBT = word_set(
    "question questions however but though although if unless except depends depending maybe perhaps possibly probably"
    " wait actually unsure or either neither nor instead until till idk dunno other otherwise assuming provided"
    " hold 🤔 🤷 😕 ❓ ❔ ⁉"
)
_NEGATION = word_set(
    "not never don't dont doesn't doesnt didn't didnt can't cant cannot won't wont wouldn't wouldnt"
    " couldn't couldnt shouldn't isn't isnt aren't arent wasn't wasnt ain't aint neither nor cancel stop"
    " wrong"
)
_ASKING = word_set("who who's whos what what's whats when where where's why how how's which whose whom wat")
_ASKED = re.compile(
    r"\b(?:can|could|would|will|do|does|did|is|are|was|were|may|should|am|have|has)"
    r" (?:i|you|u|we|he|she|it|they|this|that|there|the|anyone|someone)\b"
)
#: Does not take back the yes before it.
_NO_PROBLEM = re.compile(
    r"\b(?:(?:no|not a) (?:problems?|probs?|worries|doubt|rush|bother|biggie)|why not|can't wait|cant wait)\b"
)
#: Says so little that a whole sentence after it is not about the question.
_FAINT = _phrases("ok, okay, k, kk, sure, alright, all right")
#: An answer only with nothing but politeness after it: `I do`, not `I do like fish`.
_WHOLE = _phrases("right, cool, fine, good, great, perfect, ya, course, correct, exactly, never, very well")
_WHOLE_BEGINS = frozenset({"i", "i'd", "i'll", "i'm", "im", "id", "we", "we're", "we'll", "we've"})
_POLITE = word_set("please pls plz thanks thank thx ty you so much very sorry really again sir ma'am mate")
_LONGEST_AFTER_FAINT = 6
_LONGEST_PHRASE = 5
_TONES = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]|\u200d.*")
_REPEATED = re.compile(r"([a-z])\1+")


def read_yes_no(text: str, words: Words, yes: Iterable[Words], no: Iterable[Words]) -> bool | None:
    """Whether the message says yes (True) or no (False); None when it is neither, or might be both.

    `yes` and `no` are the phrases that mean it, those of an author included.
    """
    yes, no = frozenset(yes), frozenset(no)
    words = tuple(_plain(word, yes, no) for word in words)
    if words in yes or words in no:
        return words in yes if "?" not in text else None
    at = 0
    while at < len(words):
        length, answer = _at(words, at, yes, no)
        if length:
            return answer if answer is not None and _holds(text, words, at, length, answer, yes, no) else None
        if words[at] not in _OPENING and words[at].isascii():
            return None
        at += 1
    return None


def _at(words: Words, at: int, yes: frozenset[Words], no: frozenset[Words]) -> tuple[int, bool | None]:
    """How many words of an answer stand here, and which it is: the longest phrase counts."""
    for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
        phrase = words[at : at + length]
        if phrase in yes or phrase in no:
            return length, phrase in yes
        if phrase in _NEITHER:
            return length, None
    return 0, None


def _holds(
    text: str, words: Words, at: int, length: int, answer: bool, yes: frozenset[Words], no: frozenset[Words]
) -> bool:
    """Whether the rest of the message leaves an answer as it is."""
    phrase, rest = words[at : at + length], words[at + length :]
    if answer:
        rest = tuple(_NO_PROBLEM.sub("", " ".join(rest)).split())
    said = " ".join(rest)
    is_whole = phrase in _WHOLE or (phrase[0] in _WHOLE_BEGINS and phrase[-1] != "so")
    if is_whole and not _POLITE.issuperset(each for each in rest if each.isascii()):
        return False
    if "?" in text or "\uff1f" in text or not _DOUBT.isdisjoint(rest) or not _ASKING.isdisjoint(rest):
        return False
    if _ASKED.search(said):
        return False
    if phrase in _FAINT and len(rest) > _LONGEST_AFTER_FAINT:
        return False
    if phrase == ("no",) and rest and rest[0].isdecimal():
        return False  # No. 5
    if answer:
        against = (no - NO) | PLAIN_NO
        return _NEGATION.isdisjoint(rest) and not _contains(rest, against)
    return not _contains(rest, (yes - YES) | PLAIN_YES)


def _contains(words: Words, phrases: frozenset[Words]) -> bool:
    return any(
        words[at : at + length] in phrases
        for at in range(len(words))
        for length in range(1, min(_LONGEST_PHRASE, len(words) - at) + 1)
    )


def _plain(word: str, yes: frozenset[Words], no: frozenset[Words]) -> str:
    """A word without skin tones; `yesss`, `nooo` and `okkk` as they are usually written."""
    if (word,) in yes or (word,) in no:
        return word
    if not word.isascii():
        return _TONES.sub("", word) or word
    short = _REPEATED.sub(r"\1", word)
    return short if short != word and (short,) in (PLAIN_YES | PLAIN_NO) else word
