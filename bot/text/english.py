"""How people ask in English to get no more messages: whole messages, sentences and phrases.

Phrases are expressions over the plain words of a message, with a space behind each (`bot.text.consent`).
"""

import re

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
_NOT = r"(?:do not|don't|dont|dnt|do nt|donot|never|no longer|not to|not|won't|stop trying to|didn't|did not|didnt|doesn't|does not)"
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
    r"s+t+o+p+|stp|stpo|sotp|tsop|stop ?all|unsubscribed?|unsub|un subscribe|quit|end|cancel|revoke|optout|opt out|opting out|opt me out"
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
ONLY_POLITE = (
    rf"(?!(?:i )?(?:quit|end|end it|cancel|i'm quit\w*) (?:my|for|of|and|from)\b)"
    rf"(?:(?:{_POLITE}) )*?(?:{_VERBS})(?: (?:{_POLITE}|{_VERBS}))*"
)
#: Said for itself, between two marks of punctuation, or in capitals among small letters.
CLAUSE = re.compile(
    r"(?:please |pls |plz |so |now |just |and |ok )*(?:s+top+|stop ?all|unsubscribe|unsub|opt ?out|opt me out|remove me|take me off|leave me alone"
    r"|stop (?:it )?texting(?: me)?|go away|stop (?:now|please|pls|plz|thanks|thank you|all))(?: (?:please|pls|plz|now|thanks|thx))*"
)
#: Every one of them has one of these words.
SAID_ALONE = frozenset({"stop", "stopp", "stoppp", "sstop", "stopall", "unsubscribe", "unsub", "opt", "optout", "remove", "off", "alone", "away", "revoke"})  # fmt: skip
MARKS = re.compile(r"[.!?;,:\n\u2026\u2013\u2014()\"\u201c\u201d]+|\s-+\s")
LOUD = re.compile(
    r"(?<![A-Z] )(?<!\w)(?:STOP|UNSUBSCRIBE|STOPALL|OPT[- ]?OUT|REVOKE)(?!\w)(?!\s(?!NOW|PLEASE|PLS|TEXT|MESSAG|ALL|I )[A-Z]{2})"
)
NO_LOUD = re.compile(
    r"\b(?:bus|don[\u2019']?t|not|non|can[\u2019']?t|next|train|full)[\s-]+stop", re.IGNORECASE
)
SMALL = re.compile(r"[a-z]")

ENGLISH = (
    # the texts are to end
    rf"{_KEEP_ON}(?:stop|quit|cease|end|halt|discontinue|cancel|block|disable|turn off|shut off|switch off|enough|enough with|terminate|no longer) {_OF_THESE}*{_TEXTS}(?! (?:and|while|or) (?:driv|walk))",
    rf"{_KEEP_ON}(?:stop|quit|cease) (?:with )?(?:the |all |this |your )*(?:texting|txting|messaging|msging|messing me|contacting|spamming|bothering|harr?ass?ing|bugging|annoying|pestering|emailing|soliciting|calling|blowing up my phone)(?! (?:and|while|or) (?:driv|walk))(?: (?:{_NAMED}|at|now|please|pls|plz|already|asap|immediately|all|so|and)\b|(?= $))",
    rf"{_KEEP_ON}(?:stop|quit|cease) (?:sending|getting|receiving|recieving|sending me|sending us)(?: \w+){{0,3}} (?:{_TEXTS}|this|these|those|stuff|things|anything)(?! (?:and|while) driv)",
    rf"{_KEEP_ON}(?:stop|quit) sending(?: me| us)?(?= $)",
    rf"(?:make|want|need|wish|get|would like) (?:all )?(?:this|these|those|the|your|it|them|that) (?:{_TEXTS} )?(?:to )?(?:stop|end|cease)\b{_ENDS[:-1]} ?$",
    r"how (?:do|can|would|to|does|could|should)(?: i| you| we| one)? (?:make (?:it|this|these|them) )?(?:stop|end|get off|get out of|unsubscribe|opt out|cancel|quit)(?: (?:receiving|recieving|getting))?(?: (?:this|these|it|them|that|all this))?(?: (?:list|please|texts|messages))*(?= $)",
    r"(?:i )?(?:said|told (?:you|u|ya)(?: guys| people)?(?: already| before)?|asked (?:you|u)(?: guys)?(?: already)?|already (?:said|told (?:you|u)|replied|texted|sent)|replied|have (?:said|asked)|keep saying|keep telling you|sent|typed|texted)(?: you)?(?: to)? (?:stop|unsubscribe|opt out|quit texting)(?: (?:texting|messaging|already|times|twice|before|many|several|\d+).*)?(?= $)",
    r"who (?:is|are|r|tf is|the hell is|dis|this)(?: this| you| u| dis| it)?(?: \w+){0,2} (?:please |pls |plz )?(?:stop|unsubscribe|remove me|go away|leave me alone)(?: texting| texting me| please| now| messaging me)*(?= $)",
    # they are not to come
    rf"{_OTHERS}{_NOT} (?:ever |you ever |dare |want you to |want u to |want anyone to |want to be |wish to be |need to be |like to be |care to be )?(?:te?xt|txt|message|msg|messege|sms|contact|email|contacted|texted|messaged|bothered|bother|spam|harass|disturb|solicit|write to|texting|messaging|contacting)(?: {_NAMED})(?! (?:know|when you|when u|if|until|till|at work|what|how|where|back|about|like|yet|that|ur|your|the|a|on|in|while|during|coz|cos|cuz|because|bcoz|before|after)\b)",
    rf"{_OTHERS}{_NOT} (?:ever |want to be |wish to be |like to be |need to be )?(?:te?xt|txt|message|msg|sms|contact|call|email|contacted|texted|messaged|called|bothered|write|spam)(?: {_NAMED})? (?:again|any ?more|any longer|ever|no more|ever again)\b",
    r"(?:do not|don't|dont) (?:contact|disturb|te?xt|message|msg|sms|want texted|solicit|spam)(?: (?:please|pls|plz|thanks|thank you))?(?= $)",
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
    r"(?:cancel|stop|end|terminate|discontinue|deactivate) (?:my|the|this|these|all|your|any)? ?(?:text |texting |sms |message |messaging |mobile )?(?:subscriptions?(?! box)|alerts?|notifications?|enrollment|membership|opt in|sms|texts?|messages?|updates)\b",
    r"(?:revoke|revoking|revoked|withdraw|withdrawing|rescind|retract|cancel) (?:all |any |my |the |prior )*(?:consent|permission|authorization|authorisation|opt in)",
    r"(?:not|no longer) interested (?:please |so |and |pls )?(?:stop|remove|unsubscribe|take me|don't|do not|leave|quit)",
    r"wrong (?:number|person)(?: \w+){0,4} (?:stop|remove|delete|unsubscribe|do not|don't|quit|take me)\b",
    r"(?:please|pls|plz|kindly) (?:stop|quit|cease|discontinue)(?: (?:please|now|thanks|thank you|texting|it))*(?= $)|(?:stop|quit) (?:please|pls|plz|now|already)(?= $| i| you| who| this)",
    r"stop (?:i|you|who|this is|u|no|we) (?:don't|dont|do not|didn't|did not|am not|are|is|have|never|keep|thank|never|think|got)\b",
    # Spanish and others, as people mix them
    r"stop (?:los|las|les|de|die|le|i|os|de) (?:mensajes|messages|textos|nachrichten|messaggi|mensagens|berichten|sms)",
)  # fmt: skip
#: It tells others how, as companies do.
INSTRUCTION = re.compile(
    r"(?:reply|rply|text|txt|send|sms|enter|type|answer|msg|respond|repond|reponder|responda|envie|antworten|repondez)"
    r"(?: \w+){0,2}? (?:stop|end|quit|cancel|unsubscribe|optout|opt out|stopp?all|baja|arret|parar)(?: \w+){0,2}? (?:to|2|for|if|or|and|por|para|pour|um)\b"
    r"|(?:to|2) (?:stop|opt ?out|unsubscribe|end|cancel|quit)(?: \w+){0,4}? (?:reply|rply|text|txt|send|call|sms|msg|visit)\b"
    r"|you (?:are|have been|were) (?:now |already |successfully )?(?:un)?subscribed|(?:reply|text|txt|send) start\b"
    r"|stop ?(?:to|2) (?:end|stop|opt ?out|cancel|unsubscribe|quit|leave|exit)\b"
)
