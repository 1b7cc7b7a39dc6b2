"""Does a message ask to be left alone? In the words that carriers prescribe, or in anyone's own.

US law (47 CFR 64.1200(a)(10)) takes any reasonable wording for a revocation, so what these functions suspect is
for a person to decide; they only make sure that somebody looks. `benchmarks/consent.py` counts what they miss and what
they take wrongly.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache

import re2
from rapidfuzz import process
from rapidfuzz.distance import OSA

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

# The parts of English phrases.
_TEXTS = (
    r"(?:te?xts?|te?xt (?:messages?|msgs?|alerts?)|messages?|messeges?|mesages?|msgs?|sms(?:es|s)?|mms|notifications?|alerts?"
    r"|reminders?|spam|promos?|promotions?|promotional \w+|marketing|ads?|adverts?|newsletters?|communications?"
    r"|robo ?(?:texts?|calls?)|updates|offers|junk|garbage|crap|shit|solicitations?|emails?|e mails?)"
)
_OF_THESE = (
    r"(?:(?:the|these|those|this|that|your|ur|any|all|more|such|further|future|of|anymore|other|another|additional|unwanted|stupid|damn"
    r"|dumb|fucking|fuckin|freaking|annoying|spam|automated|with|me|us|to get|getting|receiving|to receive|recieving|to recieve"
    r"|to be getting|to be receiving|get|receive|so many|too many|constant|daily|weekly|political|campaign|sales|it with) )"
)
_NAMED = r"(?:me|us|this (?:number|phone|line)|my (?:number|phone|cell|wife|husband|kid|son|daughter|mom|dad)|here)"
_NOT = r"(?:do not|don't|dont|do nt|donot|never|no longer|not to|not|won't|stop trying to|didn't|did not|didnt|doesn't|does not)"
#: Who says so of somebody else, or asks why.
_OTHERS = r"(?<!\byou )(?<!\bu )(?<!\bya )(?<!\bthey )(?<!\bshe )(?<!\bhe )(?<!\bif )(?<!\bwhy )(?<!\bcan )(?<!\bit )(?<!\bwould )"
_KEEP_ON = (
    r"(?<!\bdon't )(?<!\bdont )(?<!\bdo not )(?<!\bnot )(?<!\bnever )(?<!\bcan't )(?<!\bcant )(?<!\bcannot )(?<!\bcouldn't )"
    r"(?<!\bnon )(?<!\bwon't )(?<!\bwouldn't )(?<!\bi )(?<!\bto not )(?<!\bi'll )(?<!\bi will )(?<!\byou )(?<!\bu )"
)
_UNLESS_NOT = r"(?<!\bdon't )(?<!\bdont )(?<!\bdo not )(?<!\bnot )(?<!\bnever )(?<!\bdidn't )"
_ENDS = r"(?: (?:now|please|pls|plz|immediately|today|asap|already|thanks|thank you|thx|ok|okay|anymore|any more|again|forever))*$"

#: Alone, or with nothing but politeness around it, each of these is an opt-out.
_VERBS = (
    r"s+t+o+p+|stp|stpo|sotp|tsop|stopp?ed|stop ?all|unsubscribed?|unsub|un subscribe|quit|end|cancel|revoke|optout|opt out|opting out|opt me out"
    r"|remove|delete|no more|go away|leave me alone|get lost|fuck off|fuck you stop|piss off|stop texting|cease|desist|halt|discontinue"
    r"|not interested(?: anymore| any more)?|no longer interested|take me off|stop it|stop this|quit it|enough texts|terminate|unfollow"
    r"|unenroll|disenroll|deactivate|withdraw|do not contact|no contact|td|dnd|do not disturb|take off|i want out|i want off|no texts?|end texts?"
)
_POLITE = (
    r"please|pls|plz|pleas|pleaze|thank|thanks|thx|ty|you|u|now|it|this|that|these|those|all|me|my|i|i'd|id|i'm|im|like|want|wanna|need"
    r"|to|just|immediately|already|asap|right|hi|hello|hey|ok|okay|no|more|can|could|would|will|your|ur|from|and desist|said|at once"
    r"|te?xts?|texting|msgs?|messages?|messaging|sms|sending|subscription|number|consent|kindly|so|much|and|for|good|of|service|services"
    r"|sir|ma'am|very|guys|yes|us|oh|today|again|forever|permanently|alerts|notifications|by|wish|wrong person"
)
#: "The end" ends nothing.
_ONLY_POLITE = (
    rf"(?!(?:i )?(?:quit|end|end it|cancel|i'm quit\w*) (?:my|for|of|and|from)\b)"
    rf"(?:(?:{_POLITE}) )*?(?:{_VERBS})(?: (?:{_POLITE}|{_VERBS}))*"
)
#: Said for itself, between two marks of punctuation, or in capitals among small letters.
_CLAUSE = re.compile(
    r"(?:please |pls |plz |so |now |just |and |ok )*(?:s+top+|stop ?all|unsubscribe|unsub|opt ?out|opt me out|remove me|take me off|leave me alone"
    r"|stop (?:it )?texting(?: me)?|go away|stop (?:now|please|pls|plz|thanks|thank you|all))(?: (?:please|pls|plz|now|thanks|thx))*"
)
#: Every one of them has one of these words.
_SAID_ALONE = frozenset(
    "stop stopp stoppp sstop stopall unsubscribe unsub opt optout out remove off alone away texting all revoke".split()
)
_MARKS = re.compile(r"[.!?;,:\n\u2026\u2013\u2014()\"\u201c\u201d]+|\s-+\s")
_LOUD = re.compile(
    r"(?<![A-Z] )(?<!\w)(?:STOP|UNSUBSCRIBE|STOPALL|OPT[- ]?OUT|REVOKE)(?!\w)(?!\s(?!NOW|PLEASE|PLS|TEXT|MESSAG|ALL|I )[A-Z]{2})"
)
_NO_LOUD = re.compile(r"\b(?:bus|don[\u2019']?t|not|non|can[\u2019']?t|next|train|full)[\s-]+stop", re.IGNORECASE)
_SMALL = re.compile(r"[a-z]")

_ENGLISH = (
    # the texts are to end
    rf"{_KEEP_ON}(?:stop|quit|cease|end|halt|discontinue|cancel|block|disable|turn off|shut off|switch off|enough|enough with|terminate|no longer) {_OF_THESE}*{_TEXTS}(?! (?:and|while|or) (?:driv|walk))",
    rf"{_KEEP_ON}(?:stop|quit|cease) (?:with )?(?:the |all |this |your )*(?:texting|txting|messaging|msging|messing me|contacting|spamming|bothering|harassing|bugging|annoying|pestering|emailing|soliciting|calling|blowing up my phone)(?! (?:and|while|or) (?:driv|walk))(?: (?:{_NAMED}|at|now|please|pls|plz|already|asap|immediately|all|so|and)\b|(?= $))",
    rf"{_KEEP_ON}(?:stop|quit|cease) (?:sending|getting|receiving|recieving|sending me|sending us)(?: \w+){{0,3}} (?:{_TEXTS}|this|these|those|stuff|things|anything)(?! (?:and|while) driv)",
    rf"{_KEEP_ON}(?:stop|quit) sending(?: me| us)?(?= $)",
    rf"(?:make|want|need|wish|get|would like) (?:all )?(?:this|these|those|the|your|it|them|that) (?:{_TEXTS} )?(?:to )?(?:stop|end|cease)\b{_ENDS[:-1]} ?$",
    r"how (?:do|can|would|to|does|could|should)(?: i| you| we| one)? (?:make (?:it|this|these|them) )?(?:stop|end|get off|get out of|unsubscribe|opt out|cancel|quit)(?: (?:this|these|it|them|that|all this))?(?: (?:list|please|texts|messages))*(?= $)",
    r"(?:i )?(?:said|told (?:you|u|ya)(?: guys| people)?(?: already| before)?|asked (?:you|u)(?: guys)?(?: already)?|already (?:said|told (?:you|u)|replied|texted|sent)|replied|have (?:said|asked)|keep saying|keep telling you|sent|typed|texted)(?: you)?(?: to)? (?:stop|unsubscribe|opt out|quit texting)(?: (?:texting|messaging|already|times|twice|before|many|several|\d+).*)?(?= $)",
    r"who (?:is|are|r|tf is|the hell is|dis|this)(?: this| you| u| dis| it)?(?: \w+){0,2} (?:please |pls |plz )?(?:stop|unsubscribe|remove me|go away|leave me alone)(?: texting| texting me| please| now| messaging me)*(?= $)",
    # they are not to come
    rf"{_OTHERS}{_NOT} (?:ever |you ever |dare |want you to |want u to |want anyone to |want to be |wish to be |need to be |like to be |care to be )?(?:te?xt|txt|message|msg|messege|sms|contact|email|contacted|texted|messaged|bothered|bother|spam|harass|disturb|solicit|write to|texting|messaging|contacting)(?: {_NAMED})(?! (?:know|when you|when u|if|until|till|at work|what|how|where|back|about|like|yet|that|ur|your|the|a|on|in|while|during|coz|cos|cuz|because|bcoz|before|after)\b)",
    rf"{_OTHERS}{_NOT} (?:ever |want to be |wish to be |like to be |need to be )?(?:te?xt|txt|message|msg|sms|contact|call|email|contacted|texted|messaged|called|bothered|write|spam)(?: {_NAMED})? (?:again|any ?more|any longer|ever|no more|ever again)\b",
    rf"(?:do not|don't|dont) (?:contact|disturb|te?xt|message|msg|sms|want texted|solicit|spam)(?: (?:please|pls|plz|thanks|thank you))?(?= $)",
    r"(?:do not|don't|dont|no longer|never) (?:want|wish|care|like|need) to be (?:contacted|texted|messaged|bothered|spammed|disturbed|subscribed|on (?:this|your|the|any) (?:\w+ )?list|included|a part of this|part of this)",
    rf"{_OTHERS}(?:do not|don't|dont|never|no longer|not to|not) (?:ever )?(?:send|sending|forward|deliver)(?: me| us| this number| my number| to me)? (?:any (?:more )?|more |anymore |no more |these |those |such |your |the |stupid |another |this )*(?:{_TEXTS}|anything)(?! (?:with|saying|that|to|about|if|when)\b)",
    rf"{_OTHERS}(?:do not|don't|dont|never) (?:ever )?send (?:me |us |this number )?(?:anymore|any more|any|no more|more|again|ever again)(?= $)",
    rf"(?:no|zero) more (?:of )?(?:these |those |your |the |this |of |stupid )*{_TEXTS}",
    rf"(?:no|zero) {_TEXTS} (?:please|pls|plz|ever|anymore|any more|thanks|thank you)",
    rf"{_OTHERS}(?:do not|don't|dont|didn't|did not|didnt|no longer|never|not|wouldn't|would not) (?:really |ever |actually |even )?(?:want|wants|wanted|wanting|need|wish|like|care for|care about|ask for|asked for|request|requested|sign up for|signed up for|sign up to|subscribe to|subscribed to|agree to|agreed to|consent to|consented to|authorize|authorized|interested in|appreciate|wish for|opt in to|opted in to) (?:{_OF_THESE})*(?:{_TEXTS}|te?xted)(?! (?:back|u|you|him|her)\b)",
    r"(?:do not|don't|dont|didn't|did not|didnt|never) (?:sign|signed|subscribe|subscribed|opt|opted|register|registered)(?: up| in)?(?: for| to)?(?: (?:this|these|it|that|any of this|your \w+|the \w+))?(?: (?:and|so|please|stop).*)?(?= $)",
    r"(?:do not|don't|dont|no longer) (?:want|need|wish)(?: to (?:get|receive|have|see))? (?:this|these|those|them|any of (?:this|these|it)|anything from you|any more|anymore|any)(?: (?:any ?more|any longer|please|thanks|thank you|from you|stop|either))*(?= $)",
    r"(?:do not|don't|dont|no longer|never) (?:want|wish|care|need) to (?:hear|receive|get) (?:anything )?(?:from (?:you|u|this|your)|them|any|this|these|more)\b(?: (?:any ?more|again|ever|guys|company|number|people|of|these|texts|anything))*(?= $)",
    r"(?:do not|don't|dont|never|no longer|didn't|did not|didnt) (?:ever )?(?:consent|give (?:you )?(?:my )?(?:consent|permission)|gave (?:you )?(?:my )?(?:consent|permission)|have (?:my )?(?:consent|permission))",
    r"(?:you (?:do not|don't|dont) have|without) (?:my )?(?:consent|permission) to (?:text|contact|message|call)",
    # off the list
    rf"{_UNLESS_NOT}(?:take|get|remove|delete|drop|strike|scratch|cut|pull|cross|keep|leave) (?:me|us|this (?:number|phone)|my (?:phone |cell )?(?:number|name|info|information|data|phone|cell|contact|details|#)|it|phone number|number) (?:off|out|from)(?: (?:of|the|this|that|your|ur|all|any|these|every|my)\b)* (?:\w+ ){{0,2}}(?:lists?|database|db|system|contacts?|records?|distribution|mailings?|subscriptions?|group|thread|texts?|messages?|campaign|file|here|alerts?|service|program|rotation|directory|chat|roster|thing)\b",
    rf"(?:take|get|pull|cross|strike|scratch) (?:me|us|my number|my name) off(?: (?:of )?(?:this|it|these|your|the|here))?{_ENDS[:-1]} ?$",
    rf"{_UNLESS_NOT}(?:remove|unenroll|disenroll|unregister|deregister|delist) (?:me|us|my (?:phone |cell )?(?:number|name|info|data|phone|contact)|this (?:number|phone)|number|phone number)\b",
    rf"{_UNLESS_NOT}(?:delete|erase|lose|forget|block|scrub) (?:my|this) (?:phone |cell )?(?:number|info|information|data|contact|details)\b",
    r"(?:delete|erase) me(?= $| from| please| pls| now| off)",
    r"(?:get|getting|got|want|like|be|am|i'm|im|taken|how|come|asked) (?:to (?:be |get )?)?(?:off|removed|taken off|out|unsubscribed|deleted)(?: (?:from|off|of|the|this|that|your|ur|all))+ (?:\w+ ){0,2}lists?\b",
    r"(?:want|like|need|wish|asked|please|pls|can i|can you|could i|prefer) (?:to )?(?:be )?(?:removed|taken off|unsubscribed|left alone|opted out|deleted|get off this|get off the list)(?! (?:cake|my))",
    # leave me alone
    r"(?:leave|let) (?:me|us|my phone|this number) (?:the (?:fuck|hell|f) |tf |fucking |be )?alone\b(?! (?:at|in|for|with|to)\b)",
    r"(?:just |please |pls |plz |oh |ok |i said |now |so )+go away(?= $| please| now| and stop| leave)|go away (?:please|pls|plz|and leave|stop|leave me)",
    r"(?:lose|forget|delete) (?:my|this) (?:number|#)|cease and desist|do not disturb me|(?:fuck|piss|bugger|sod|buzz|back|eff|f) off(?: please| and| you| with)?(?: \w+){0,3}(?: texts?| texting| spam| messages?| alone)?(?= $)",
    r"(?:report|reporting|reported|block|blocking|blocked) (?:you|u|this|your number|this number|it|ur number)(?: guys)?(?: (?:as|for|to))(?: the| a)? (?:spam\w*|fcc|ftc|harassment|authorities|scam|police|junk)",
    # in the words of the trade
    r"(?<!\bdon't )(?<!\bdont )(?<!\bdo not )(?<!\bnot )(?<!\bnever )(?<!\bdidn't )(?<!\bdidnt )(?<!\baccidentally )(?<!\bi've )unsubscrib\w*(?! by (?:mistake|accident))",
    r"(?<!\bdon't )(?<!\bdont )(?<!\bdo not )unsub (?:me|us|my|this|please|pls|now|from|all|everything)|(?:want|like|wish|need|how|please|pls|to) (?:\w+ )?(?:to )?unsub\b",
    r"(?<!\bnot )(?<!\bdon't )(?<!\bdo not )opt(?:ing|ed)? (?:me |us |my number |this number |myself )?out\b(?! of (?:stock|order|town|the (?:meeting|class|course|exam|trip)))",
    r"(?:cancel|stop|end|terminate|discontinue|deactivate) (?:my|the|this|these|all|your|any)? ?(?:text |texting |sms |message |messaging |mobile )?(?:subscriptions?|alerts?|notifications?|enrollment|membership|opt in|sms|texts?|messages?|updates)\b",
    r"(?:revoke|revoking|revoked|withdraw|withdrawing|rescind|retract|cancel) (?:all |any |my |the |prior )*(?:consent|permission|authorization|authorisation|opt in)",
    r"(?:not|no longer) interested (?:please |so |and |pls )?(?:stop|remove|unsubscribe|take me|don't|do not|leave|quit)",
    r"wrong (?:number|person)(?: \w+){0,4} (?:stop|remove|delete|unsubscribe|do not|don't|quit|take me)\b",
    r"(?:please|pls|plz|kindly) (?:stop|quit|cease|discontinue)(?: (?:please|now|thanks|thank you|texting|it))*(?= $)|(?:stop|quit) (?:please|pls|plz|now|already)(?= $| i| you| who| this)",
    r"stop (?:i|you|who|this is|u|no|we) (?:don't|dont|do not|didn't|did not|am not|are|is|have|never|keep|thank|never|think|got)\b",
    # Spanish and others, as people mix them
    r"stop (?:los|las|les|de|die|le|i|os|de) (?:mensajes|messages|textos|nachrichten|messaggi|mensagens|berichten|sms)",
)  # fmt: skip
#: It tells others how, as companies do.
_INSTRUCTION = re.compile(
    r"(?:reply|rply|text|txt|send|sms|enter|type|answer|msg|respond|repond|reponder|responda|envie|antworten|repondez)"
    r"(?: \w+){0,2}? (?:stop|end|quit|cancel|unsubscribe|optout|opt out|stopp?all|baja|arret|parar)(?: \w+){0,2}? (?:to|2|for|if|or|and|por|para|pour|um)\b"
    r"|(?:to|2) (?:stop|opt ?out|unsubscribe|end|cancel|quit)(?: \w+){0,4}? (?:reply|rply|text|txt|send|call|sms|msg|visit)\b"
    r"|you (?:are|have been|were) (?:now |already |successfully )?(?:un)?subscribed|(?:reply|text|txt|send) start\b"
    r"|stop ?(?:to|2) (?:end|stop|opt ?out|cancel|unsubscribe|quit|leave|exit)\b"
)

_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0655\u0670\u0591-\u05c7]")
_LETTERS = str.maketrans(
    {"ς": "σ", "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه"}
)
#: Long words that may be mistyped, and such that are no typing error of them.
_LONG = (
    "unsubscribe", "unsubscribed", "unsubscribing", "stopall", "darsedebaja", "desuscribir", "desinscribir", "desabonner",
    "desinscrire", "abmelden", "abbestellen", "uitschrijven", "afmelden", "descadastrar", "disiscrivi", "отписаться", "отпишите",
    "odhlasit", "leiratkozas", "avregistrera", "avprenumerera", "rezygnuje",
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
    text = unicodedata.normalize("NFD", text.translate(_LETTERS))
    return unicodedata.normalize("NFC", _ACCENTS.sub("", text)).translate(_LETTERS)


def _alternatives(phrases: str) -> str:
    return "|".join(sorted(map(_plain, phrases.split("|")), key=len, reverse=True))


def _alone(words: str, polite: str) -> str:
    """Nothing but these words and what is polite, in any order, and at least one of the first kind."""
    both = rf"(?:{_alternatives(f'{polite}|please|pls|ok|hi|hello|stop|{words}')})"
    return rf"(?:{both} )*?(?:{_alternatives(words)})(?: {both})*"


#: What asks for silence anywhere in a message: each is searched for in its plain words, with a space behind them.
PHRASES = tuple(
    rf"(?<!\S)(?:{_plain(phrase)})(?!\w)"
    for phrases in (_ENGLISH, *(each.phrases for each in LANGUAGES.values()))
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
    plain = _plain(" ".join(words)[:_LOOKED_AT])
    asks = plain and (
        _asks_alone(plain, len(words))
        or _asks_somewhere(plain)
        or (bool(text) and not _SAID_ALONE.isdisjoint(words) and _asks_between_marks(text[:_LOOKED_AT]))
        or any(_is_mistyped(word) for word in words[:_MOST_WORDS] if len(word) >= _ONE_ERROR_FROM)
    )
    return bool(asks) and _INSTRUCTION.search(plain) is None


def _asks_alone(plain: str, count: int) -> bool:
    """The message is an opt-out and politeness, and nothing else."""
    if count > _FEW_WORDS:
        return False
    if _compiled(_ONLY_POLITE).fullmatch(plain):
        return True
    languages = {each for word in plain.split() for each in _LANGUAGES_OF.get(word, ())}
    return any(_compiled(_ALONE[each]).fullmatch(plain) for each in languages)


def _asks_somewhere(plain: str) -> bool:
    if not plain.isascii() and (is_unspaced(plain) or _HAS_HANGUL(plain)) and _in_unspaced(plain.replace(" ", "")):
        return True
    padded = plain + " "
    found = _filter().Match(padded.encode("utf-8", "replace"), potential=True)
    return found is not None and any(_compiled(PHRASES[each]).search(padded) for each in found)


def _asks_between_marks(text: str) -> bool:
    """One of its sentences is an opt-out by itself, or its one loud word is."""
    if _SMALL.search(text) and _LOUD.search(text) and not _NO_LOUD.search(text):
        return True
    clauses = [each for each in _MARKS.split(text) if each.strip()]
    return len(clauses) > 1 and any(_CLAUSE.fullmatch(" ".join(split_words(each))) for each in clauses[:_MOST_CLAUSES])


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
