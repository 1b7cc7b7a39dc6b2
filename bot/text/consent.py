"""Does a message ask to be left alone? In the words that carriers prescribe, or in anyone's own.

US law (47 CFR 64.1200(a)(10)) takes any reasonable wording for a revocation, so what these functions suspect is
for a person to decide; they only make sure that somebody looks.
"""

import re

Words = tuple[str, ...]

#: What the CTIA and the carriers require to be an opt-out, as whole messages.
REQUIRED: tuple[Words, ...] = (("stop",), ("stopall",), ("unsubscribe",), ("cancel",), ("end",), ("quit",))
#: What US law adds since April 2025.
BY_LAW: tuple[Words, ...] = (("revoke",), ("opt", "out"))
#: What gets help, whatever else is going on.
HELP: frozenset[Words] = frozenset({("help",), ("info",)})

#: Without one of these words no message is suspected: one look for all the others.
_SUSPECT = frozenset(
    {
        "stop", "stopp", "stops", "stopped", "stopall", "unsubscribe", "unsubscribed", "unsub", "quit",
        "end", "cancel", "revoke", "revoked", "optout", "opt", "out", "remove", "delete", "off", "alone",
        "away", "arret", "arrêt", "alto", "parar", "more", "text", "texting", "message", "messaging",
        "contact", "contacting", "sending", "subscribed",
    }
)  # fmt: skip
#: Alone, or with nothing but politeness around it, each of these is an opt-out.
_VERBS = (
    "stop|stopp|stopall|unsubscribe|unsub|quit|end|cancel|revoke|optout|opt out|remove|arret|arrêt|alto|parar"
)
_POLITE = (
    "please|pls|plz|thank|thanks|thx|ty|you|u|now|it|this|that|these|those|all|me|my|i|i'd|id|like|want|wanna|need"
    "|to|just|immediately|already|asap|right|hi|hello|hey|ok|okay|no|more|can|could|would|will|the|your|from"
    "|texts?|texting|msgs?|messages?|messaging|sms|sending|subscription|number|consent|kindly|so|much|and|for|good"
    "|sir|ma'am|very|guys|yes|us"
)
_ONLY_POLITE = re.compile(rf"(?:(?:{_POLITE}) )*?(?:{_VERBS})(?: (?:{_POLITE}|{_VERBS}))*")
_PHRASES = re.compile(
    r"\b(?:"
    r"(?:take|get|remove|delete) (?:me|us|my (?:phone )?(?:number|info|data)|this number) (?:off|out|from)\b"
    r"|(?:remove|delete) (?:me|my (?:phone )?number|this number)\b"
    r"|(?:off|from) (?:of )?(?:this|your|the|that|all) (?:\w+ )?lists?\b"
    r"|(?:stop|quit|cease) (?:the |these |those |all |your |with )*(?:texts?|texting|messages?|messaging|msgs"
    r"|sending|contacting|spamming|bothering|calling|sms|spam)\b"
    r"|(?:don't|dont|do not|never|not) (?:ever )?(?:text|message|contact|msg|send me|bother|sms)\b"
    r"|no more (?:texts?|messages?|msgs|sms)\b"
    r"|(?:don't|dont|do not) (?:want|need|wish) (?:any |to (?:get|receive) |more |these |your |any more )*"
    r"(?:texts?|messages?|msgs|sms)\b"
    r"|leave (?:me|us) alone|go away"
    r"|unsub(?:scribe)? (?:me|us|my|this)|(?:want|like|wish|need|how|please|pls) (?:\w+ )?(?:to )?unsub(?:scribe)?\b"
    r"|opt(?:ing)? (?:me |us |my number )?out\b(?! of (?:stock|order|town))"
    r"|cancel (?:my|the|this|these|all) (?:text )?(?:subscription|texts?|messages?|alerts?)\b"
    r"|revoke (?:my )?(?:consent|permission)"
    r")"
)


def looks_like_opt_out(words: Words) -> bool:
    """Whether a message asks, in words that no rule may know, to get no more messages."""
    if _SUSPECT.isdisjoint(words):
        return False
    text = " ".join(words)
    return bool((len(words) <= 15 and _ONLY_POLITE.fullmatch(text)) or _PHRASES.search(text))
