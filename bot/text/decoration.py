"""What a message says once what says nothing is left out: emoji, signatures, `Re:`, dots between letters.

Only opt-outs are looked for so: STOP with a heart and a name below is STOP.
"""

import re
from collections.abc import Iterator

from bot.text.words import split_plain_words

Words = tuple[str, ...]

_REPLY_MARK = re.compile(
    r"\s*(?:(?:re|fwd?|aw|wg|sv|vs|antw|odp|rif|rv|res|enc|tr|ynt|回复|回覆|答复|返信|답장)(?:\[\d+\])?\s*[:\uff1a]"
    r"|subject\s*:|\(no subject\)|\(auto\))\s*",
    re.IGNORECASE,
)
#: From here on, it is what a program or a habit adds.
_SIGNATURE = re.compile(
    r"(?:^|\s)[-\u2013\u2014_=*~]{2,}\s*(?:\n|$)"
    r"|(?:^|\s)(?:sent|get|shared|gesendet|envoyé|enviado|enviada"
    r"|inviato|verzonden"
    r"|skickat|sendt|lähetetty|wysłane|wysłano|odesláno"
    r"|отправлено|надіслано|trimis|küldve|gönderildi|dikirim)"
    r" (?:from|via|using|by|with|outlook|mit|von|de(?:puis|sde)?|do|da(?:l|lla)?"
    r"|vanaf|van|met|via|från|fra|med|z(?:e)?|с|из|з|pe|dari)\b"
    r"|(?:^|\s)(?:von meinem|envoyé de mon|mijn|min) iphone\b|发自我的|發自我的|\S*から送信|나의 \S+에서 보냄"
    r"|^(?:best(?: regards| wishes)?|(?:kind |warm )?regards|thanks|thank you|thx|cheers|yours|sincerely|love"
    r"|mfg|lg|viele grüße"
    r"|cordialement|saludos|atentamente|saluti|abraços|groet(?:en|jes)?|med vänlig hälsning|mvh|pozdrawiam"
    r"|с уважением)\W*\n"
    r"|^[+(]?\d[\d\s().-]{6,}$"
    r"|^(?:>|on .{4,80} wrote:|am .{4,80} schrieb|le .{4,80} a écrit|el .{4,80} escribió)",
    re.IGNORECASE | re.MULTILINE,
)
#: A name behind a dash or on a line of its own, of at most three words.
_NAME = r"[-\u2013\u2014~\u00b7|]*\s*(?:[^\W\d_][\w'\u2019.-]*\s*){1,3}"
_SIGNED = re.compile(rf"(?P<said>.+?)(?:\s+[-\u2013\u2014~|]+\s*|\s*\n\s*)(?P<name>{_NAME})", re.DOTALL)
#: No name has one of these in it: it goes on with what the message is about.
_NO_NAME_TEXT = (
    "a an the my our your his her their its it this that these those order orders booking bookings appointment "
    "reservation subscription at of for to from in on by with not no don't dont never go and or but is are was be "
    "i you we they he she who what when where why how if until before after tomorrow today tonight monday tuesday "
    "wednesday thursday friday saturday sunday road sign bus please start help yes ok all table delivery payment "
    "one two wait just kidding joking sorry"
)
_NO_NAME = frozenset(_NO_NAME_TEXT.split())
_JOINED = re.compile(r"(?P<first>\w+?)(?:2|to)(?:end|stop|quit|cancel|opt ?out|out|unsub(?:scribe)?)")
#: What a customer may also cancel or end: "cancel - pizza".
_AMBIGUOUS = frozenset({"cancel", "end", "quit", "remove", "delete", "alto", "parar", "cancelar", "fin"})
#: Longer texts say more than an opt-out and a signature.
_LONGEST = 320
_FEWEST_SPELLED = 3


def undecorated(text: str) -> Iterator[Words]:
    """What a text may come down to: its words with less and less around them, each to be tried as a whole message."""
    if len(text) > _LONGEST:
        return
    while mark := _REPLY_MARK.match(text):
        text = text[mark.end() :]
    bare = text
    if signature := _SIGNATURE.search(text):
        bare = text[: signature.start()]
    for each in (text, bare):
        words = _spelled_out(split_plain_words(each))
        yield words
        if len(set(words)) == 1:
            yield words[:1]
        if joined := _JOINED.fullmatch("".join(words)):  # STOP2END, STOP to END
            yield (joined["first"],)
    if signed := _SIGNED.fullmatch(bare.strip()):
        said = _spelled_out(split_plain_words(signed["said"]))
        if _is_name(signed["name"], is_sure=_AMBIGUOUS.isdisjoint(said)):
            yield said


def _is_name(name: str, *, is_sure: bool) -> bool:
    """Whether words are a name: in capitals, or a single one behind a word that can only mean an opt-out."""
    words = split_plain_words(name)
    parts = re.findall(r"[^\W\d_][\w'\u2019.]*", name)
    is_capital = all(part[0].isupper() or not part[0].islower() for part in parts)
    return bool(words) and _NO_NAME.isdisjoint(words) and (is_capital or (is_sure and len(words) == 1))


def _spelled_out(words: Words) -> Words:
    """`s`, `t`, `o`, `p` are `stop`."""
    if len(words) >= _FEWEST_SPELLED and all(len(word) == 1 for word in words):
        return ("".join(words),)
    return words
