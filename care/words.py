"""What a customer's few words mean. What isn't plainly understood goes to a person.

Keyword sources: Twilio's default opt-out words (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT,
REVOKE, OPTOUT), and 47 CFR 64.1200(a)(10), by which "stop", "quit", "end", "revoke", "opt out",
"cancel" and "unsubscribe" in an answer revoke consent, as does any other reasonable wish.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from care import wish
from care.wish import Wish

STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
    | {"stop all", "opt out"}
    | {"parar", "alto", "baja", "cancelar", "detener"}
    | {"arret", "arrêt", "arrêter", "arreter", "désabonner", "desabonner"}
    | {"stopp", "abmelden", "abbestellen", "beenden"}
    | {"停", "停止", "退订", "退訂", "取消", "取消订阅", "取消訂閱", "我要退订", "请退订"}
)
"""In each language that we write: English, Spanish, French, German, Chinese."""

START_WORDS = frozenset(
    {"start", "unstop", "empezar", "iniciar", "commencer", "reprendre", "starten", "anmelden"}
    | {"开始", "開始", "恢复", "恢復", "恢复订阅", "重新订阅"}
)
HELP_WORDS = {"help": "", "info": "", "ayuda": "es", "aide": "fr", "hilfe": "de", "infos": "de"}
HELP_WORDS |= {"帮助": "zh", "幫助": "zh"}
"""With the language that who asks reads; empty: as on record."""

OPT_OUT_TYPES = {"STOP": "stop", "START": "start", "HELP": "help"}
"""Twilio's parameter OptOutType, where Advanced Opt-Out is on."""

_POLITE = frozenset({"please", "pls", "now", "thanks", "thank", "you", "ok", "okay", "it"})
_POLITE |= {
    "por",
    "favor",
    "gracias",
    "s",
    "il",
    "vous",
    "plaît",
    "plait",
    "merci",
    "bitte",
    "danke",
}
_POLITE |= {"请", "谢谢"}

_STOP_PHRASES = re.compile(
    r"\b(stop|quit) (texting|messaging|sending|contacting|these|this|the (texts|messages))\b"
    r"|\b(stop|quit) (calling|bothering|harassing|spamming|bugging|pestering|annoying|writing)\b"
    r"|\b(do not|dont|don t|never) (text|message|contact|sms) (me|us|this)\b"
    r"|\bno more (texts|messages|sms)\b"
    r"|\bunsubscribe me\b|\bopt me out\b|\bremove me\b|\btake me off\b"
    r"|\bleave me alone\b"
    r"|\bno me (escriban|escriba|envíen|envien|contacten) más\b"
    r"|\bne (m écrivez|m ecrivez|me contactez) plus\b"
    r"|\bkeine (nachrichten|sms) mehr\b"
    r"|(不要|别|別|请勿)(再)?(给我|給我)?(发(短信|信息|消息|了|$)|联系我|聯繫我)"
)

_GO_ON = re.compile(r"\b(do not|dont|don t|never) (stop|quit)\b")

_NUMBERS = {"one": 1, "two": 2, "three": 3, "first": 1, "second": 2, "third": 3}
_NUMBERS |= {"1st": 1, "2nd": 2, "3rd": 3, "1": 1, "2": 2, "3": 3}
_AROUND = frozenset(
    re.findall(
        r"\w+",
        "option number choice slot the please pls thanks thank you ok okay yes yep sure one "
        "i ll take ill would like prefer for me works fine good great hi hello lets let s do go "
        "with that is book",
    )
)
_YES = frozenset({"yes", "y", "yep", "yeah", "sure", "ok", "okay", "book", "book it"})
_YES |= {"好", "好的", "可以", "是", "是的", "行"}
_NO = frozenset({"no", "n", "nope", "not now", "no not now"})
_NO |= {"不", "不用", "不要", "不行", "不需要", "暂时不用"}
_MAYBE_A_NUMBER = re.compile(r"^[123][日号號]$")
"""The third, or the third choice? Nobody knows."""

_ORDINAL_ONE = re.compile(r"\b(first|second|third|1st|2nd|3rd) one\b")
_ZH_CHOICE = re.compile(r"^(?:我?(?:选|要|选择))?第?([一二三123])(?:个|项)?(?:吧|谢谢|可以)?$")
_ZH_NUMBERS = {"一": 1, "二": 2, "三": 3, "1": 1, "2": 2, "3": 3}
_DOUBT = re.compile(
    r"\b(not|no|never|haven t|hasn t|havent|didn t|didnt|don t|dont|if|when|should|could|would|"
    r"might|may|maybe|almost|nearly|what|why|how|you|dealer)\b|没|不|如果|要是|可能|吗|想"
)
_SOLD = re.compile(
    r"^(sorry |hi |hello )*(i |we |i ve |we ve |i have |we have )?(already )?(just )?sold "
    r"(it|(the|that|this|my|our) (car|vehicle))\b"
    r"|^(我|我们)?(已经)?(把)?(这|那)?(辆)?车?(已经)?卖(掉)?了"
)
LONGEST = 200
"""Letters of a statement; who writes more wants to be read by a person."""

_TIMES = (
    "today yesterday last this week weeks month months year years day days ago a an few couple of "
    "one two three four five six in on at the of monday tuesday wednesday thursday friday saturday "
    "sunday january february march april may june july august september october november december "
    "mon tue tues wed thu thur thurs fri sat sun jan feb mar apr jun jul aug sep sept oct nov dec "
    "km kms k miles mi kilometers kilometres sorry hi hello thanks thank already just now it and"
)
_SOLD_TOO = frozenset(
    re.findall(r"\w+", f"{_TIMES} to my brother sister friend neighbor neighbour son daughter")
)
_ELSEWHERE_TOO = _SOLD_TOO | frozenset(
    re.findall(
        r"\w+",
        "i we ve m have has had is was been got that this our car service serviced oil change done "
        "by another other different shop garage workshop mechanic place elsewhere somewhere else "
        "too husband wife dad father",
    )
)
"""Words that may stand beside the statement: with any other, a person reads it."""

_NUMBER = re.compile(r"\d+(k|km|mi|st|nd|rd|th)?")

_ZH_TIMES = (
    "今天|昨天|前天|刚刚|上个?(?:周|星期|礼拜)[一二三四五六日天]?|上个?月|去年"
    r"|(?:几|[一二两三四五六七八九十]|\d+)个?(?:天|周|星期|月|年)以?前"
    r"|(?:[一二三四五六七八九十]|\d+)月(?:\d+)?[日号號]?"
    r"|[\d ,.]*\d(?:\s?万)?\s?(?:公里|千米|英里|km)|谢谢|您好|你好|啦|啊|了"
)
_ZH_SOLD_TOO = re.compile(f"{_ZH_TIMES}|给(?:朋友|别人|亲戚)|早就|已经")
_ZH_ELSEWHERE_TOO = re.compile(
    f"{_ZH_TIMES}|在|去|我们?|的|这|那|辆|车|别处|外面|其他|别的|另一?家|店|修理厂|做|保养|过"
)

_WRONG_NUMBER = re.compile(
    r"^(sorry |hi |hello )*(you have (the )?|this is (the |a )?)?wrong (number|person)\b"
    r"|^(你)?(打错|发错)(号码|人|电话)?了?|^号码错了"
)
_ELSEWHERE = re.compile(
    r"\b(already|had it|got it) (done|fixed|repaired|serviced|replaced)\b"
    r"|(已经|已)(修|保养|换)(好|过)?"
)
_WHO = re.compile(r"^(who is this|who are you|who s this|whos this|你是谁|你们是谁|哪位)\b")
_RESCHEDULE = re.compile(
    r"\b(reschedule|change my (appointment|booking|visit)|(another|different|other) (time|day)s?)\b"
    r"|^(no )?(none|neither)( of (them|those|these)( work| suits?)?)?$|都不行|都不合适"
    r"|改(期|时间|天|到)|换(个)?时间",
    re.IGNORECASE,
)
_CANT = re.compile(r"\b(can t|cant|cannot|can not) (make it|come)\b|(来|去)不了")
_THANKS = frozenset({"thanks", "thank you", "thank you very much", "谢谢", "多谢"})
_CALL = re.compile(r"\b(call|ring|phone) (me|us|back)\b|^(call|ring)$|给我[打回]个?电话")


def plain(body: str) -> str:
    """Lower case, letters, digits and single spaces only.

    Examples
    --------
    >>> plain("  Option 2, please!! ")
    'option 2 please'
    """
    body = unicodedata.normalize("NFKC", body).casefold().replace("’", "'").replace("'", " ")
    return " ".join(re.sub(r"[^\w]+|_", " ", body).split())


def keyword(body: str) -> str | None:
    """``stop``, ``start`` or ``help`` where the words plainly mean it.

    Examples
    --------
    >>> keyword("Stop."), keyword("please stop texting me"), keyword("can I stop by at 3?")
    ('stop', 'stop', None)
    >>> keyword("Stop bothering me with these messages!!")
    'stop'
    """
    text = plain(body)
    bare = " ".join(w for w in text.split() if w not in _POLITE) if text else ""
    if text in STOP_WORDS or bare in STOP_WORDS:
        return "stop"
    if _STOP_PHRASES.search(text) and not _GO_ON.search(text):
        return "stop"
    if text in START_WORDS:
        return "start"
    if text in HELP_WORDS:
        return "help"
    return None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the offered slots, by number."""

    number: int


@dataclass(frozen=True, slots=True)
class Call:
    """The customer wants to talk."""


@dataclass(frozen=True, slots=True)
class When:
    """Days and times that would suit."""

    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class Says:
    """Something plain that is neither a choice nor a time.

    ``yes``, ``no``, ``sold``, ``wrong number``, ``done elsewhere``, ``who``, ``reschedule``,
    ``cannot come`` or ``thanks``.
    """

    what: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """A person must read it."""


def understand(
    body: str, offered: int, today: date, names: frozenset[str] = frozenset()
) -> Choice | Call | When | Says | Unclear:
    """What an answer to an offer means; keywords are told apart before.

    Parameters
    ----------
    body : str
    offered : int
        How many choices the last message gave; a number beyond them is unclear.
    today : date
        The customer's, for "tomorrow".
    names : frozenset of str
        Words that name the cars in question.

    Examples
    --------
    >>> day = date(2026, 11, 23)
    >>> understand("the second please", 3, day), understand("yes", 3, day)
    (Choice(number=2), Says(what='yes'))
    >>> understand("2 or 3", 3, day)
    Unclear()
    """
    text = plain(body)
    if _CALL.search(text):
        return Call()
    plainly = _says(text, body, names)
    if plainly == "reschedule" and (wishes := wish.read(_RESCHEDULE.sub(" ", body), today)):
        return When(wishes)
    if plainly is not None:
        return Says(plainly)
    zh = _ZH_CHOICE.match(text.replace(" ", ""))
    if zh and 1 <= _ZH_NUMBERS[zh[1]] <= offered:
        return Choice(_ZH_NUMBERS[zh[1]])
    said = _ORDINAL_ONE.sub(r"\1", text).split()
    numbers = [_NUMBERS[w] for w in said if w in _NUMBERS]
    rest = [w for w in said if w not in _NUMBERS and w not in _AROUND]
    if len(numbers) == 1 and not rest and 1 <= numbers[0] <= offered:
        return Choice(numbers[0])
    if _MAYBE_A_NUMBER.search(text):
        return Unclear()
    wishes = wish.read(body, today)
    return When(wishes) if wishes else Unclear()


def _alone(found: re.Match[str] | None, beside: frozenset[str], zh_beside: re.Pattern[str]) -> bool:
    """Whether a statement stands alone, but for words that may stand beside it."""
    if found is None or len(found.string) > LONGEST:
        return False
    rest = f"{found.string[: found.start()]} {found.string[found.end() :]}"
    rest = " ".join(w for w in rest.split() if w not in beside and not _NUMBER.fullmatch(w))
    return not zh_beside.sub("", rest.replace(" ", ""))


def _says(text: str, body: str, names: frozenset[str]) -> str | None:
    """A plain statement; what has a doubt, a negation or a question in it, states nothing."""
    doubt = _DOUBT.search(text) is not None or "?" in body or "？" in body
    if _WRONG_NUMBER.search(text) and "?" not in body and "？" not in body:
        return "wrong number"
    if not doubt and _alone(_SOLD.search(text), _SOLD_TOO | names, _ZH_SOLD_TOO):
        return "sold"
    if not doubt and _alone(_ELSEWHERE.search(text), _ELSEWHERE_TOO | names, _ZH_ELSEWHERE_TOO):
        return "done elsewhere"
    if _WHO.search(text):
        return "who"
    if _CANT.search(text):
        return "cannot come"
    if _RESCHEDULE.search(text):
        return "reschedule"
    if text in _THANKS:
        return "thanks"
    bare = " ".join(word for word in text.split() if word not in _POLITE) or text
    if bare in _YES or text in _YES:
        return "yes"
    return "no" if bare in _NO or text in _NO else None
