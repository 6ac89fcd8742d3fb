"""What we write about a repair, by template and language: short, and with the link to its page."""

from collections.abc import Mapping

from psycopg import Connection

from care.money import money
from care.store import people
from record.flow import Booking

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "progress": "{dealer}: Hello{name}, your {car} is with us. Follow the repair: {{link}}",
        "estimate": (
            "{dealer}: Hello{name}, the estimate for your {car} is {total}. Please approve or "
            "decline each line: {{link}} Questions? {phone}"
        ),
        "ready": "{dealer}: Your {car} is ready to be picked up. What we did: {{link}}",
        "rating": (
            "{dealer}: How did we do with your {car}{name}? Reply 1 (poor) to 5 (very good), "
            "with a word why if you like, or: {{link}}"
        ),
    },
    "de": {
        "progress": "{dealer}: Guten Tag{name}, Ihr {car} ist bei uns. So geht es voran: {{link}}",
        "estimate": (
            "{dealer}: Guten Tag{name}, der Kostenvoranschlag für Ihren {car}: {total}. Bitte "
            "stimmen Sie den Posten zu oder lehnen Sie sie ab: {{link}} Fragen? {phone}"
        ),
        "ready": "{dealer}: Ihr {car} kann abgeholt werden. Was gemacht wurde: {{link}}",
        "rating": (
            "{dealer}: Wie zufrieden sind Sie mit der Reparatur Ihres {car}{name}? Antworten Sie "
            "mit 1 (schlecht) bis 5 (sehr gut), gern mit Grund, oder: {{link}}"
        ),
    },
    "es": {
        "progress": "{dealer}: Hola{name}, su {car} está con nosotros. Siga su avance: {{link}}",
        "estimate": (
            "{dealer}: Hola{name}, el presupuesto de su {car} es de {total}. Apruebe o rechace "
            "cada línea: {{link}} ¿Preguntas? {phone}"
        ),
        "ready": "{dealer}: Su {car} está listo para recoger. Lo que hicimos: {{link}}",
        "rating": (
            "{dealer}: ¿Qué tal la reparación de su {car}{name}? Responda de 1 (mal) a 5 (muy "
            "bien), con el motivo si quiere, o aquí: {{link}}"
        ),
    },
    "fr": {
        "progress": "{dealer}: Bonjour{name}, votre {car} est chez nous. Suivez-la: {{link}}",
        "estimate": (
            "{dealer}: Bonjour{name}, le devis pour votre {car} est de {total}. Acceptez ou "
            "refusez chaque ligne: {{link}} Une question? {phone}"
        ),
        "ready": "{dealer}: Votre {car} est prête. Ce que nous avons fait: {{link}}",
        "rating": (
            "{dealer}: Êtes-vous content de la réparation de votre {car}{name}? Répondez de 1 "
            "(mauvais) à 5 (très bien), avec un mot si vous voulez, ou: {{link}}"
        ),
    },
    "zh": {
        "progress": "{dealer}:{name} 您好,您的 {car} 已到店。查看维修进度:{{link}}",
        "estimate": (
            "{dealer}:{name} 您好,您的 {car} 维修报价为 {total},请逐项确认:{{link}} 咨询:{phone}"
        ),
        "ready": "{dealer}:您的 {car} 可以取车了。维修内容:{{link}}",
        "rating": (
            "{dealer}:{name} 您对 {car} 的维修满意吗?请回复 1(差)到 5(很好),"
            "也可写明原因,或打开:{{link}}"
        ),
    },
}

TEMPLATES = frozenset(TEXTS["en"])
"""Their ``{link}`` leads to the repair's page."""

ASKS_RATING = "rating"

LOST_WHEN_DONE = frozenset({"progress", "estimate", "ready"})
"""Nobody needs these once the car was picked up."""


def text(template: str, language: str, **fields: str) -> str:
    """The text in the language, in English where there is none. ``{link}`` stays.

    Examples
    --------
    >>> text("ready", "fr-CA", dealer="Lakeside", car="Leon").split(".")[0]
    'Lakeside: Votre Leon est prête'
    """
    return TEXTS.get(language.split("-")[0], TEXTS["en"])[template].format(**fields)


def draft(
    conn: Connection, template: str, booking: Booking, total: tuple[int, str] = (0, "USD")
) -> str:
    """Write a text about the repair of a booking.

    Parameters
    ----------
    total : tuple of int and str
        Minor units and their currency, where the text names a sum.
    """
    customer = people.customer(conn, booking.customer_id)
    assert customer is not None
    dealer = people.dealer(conn, booking.dealer_id)
    car = people.car(conn, booking.vehicle_id)
    assert dealer is not None and car is not None
    first = customer.name.split()[0] if customer.name.split() else ""
    comma = ", " if template == ASKS_RATING else " "
    name = f"{comma}{first}" if first else ""
    return text(
        template,
        customer.language,
        dealer=dealer.name,
        phone=dealer.phone,
        car=f"{car.make} {car.model}".strip() or "car",
        name=name.strip(", ") if customer.language.startswith("zh") else name,
        total=money(*total, customer.language.split("-")[0]),
    )
