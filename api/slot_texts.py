"""The customers' page in their language. English where we have no better."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Texts:
    """Every phrase of the page in one language; ``{…}`` are filled in."""

    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    date: str
    choose: str
    hello: str
    because: str
    causes: dict[str, str]
    trouble_code: str
    service: str
    works: dict[str, str]
    check: str
    takes: str
    book: str
    more: str
    none_fit: str
    call: str
    no_times: str
    taken: str
    see_you: str
    booked: str
    change: str
    calendar: str
    over_title: str
    over: str
    expired_title: str
    expired: str
    broken_title: str
    broken: str
    here_title: str
    here: str
    dealer_time: str
    urgent: str


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_EN = Texts(
    months=_words(
        "January February March April May June July August September October November December"
    ),
    weekdays=_words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    date="{weekday} {day} {month}",
    choose="Choose a time for your {car}",
    hello="Hello {name},",
    because="your car told us that {why}.",
    causes={
        "coolant_overheat": "the engine is running too hot",
        "battery_12v": "the battery is weak and may soon not start the car",
        "coolant_leak": "it is losing coolant",
        "thermostat_stuck_closed": "the engine is running too hot",
        "thermostat_stuck_open": "the engine stays too cold, which costs fuel",
        "radiator_fan": "the fan that cools the engine has a fault",
        "parasitic_drain": "something drains the battery while it is parked",
        "alternator": "the battery is not being charged as it should",
        "high_resistance_cable": "a battery cable makes poor contact",
        "weak_cell": "a cell of the drive battery is weak",
        "slow_tire_leak": "a tire is slowly losing air",
        "tire_puncture": "a tire is losing air fast",
        "brake_wear": "the brake pads are nearly worn out",
        "stuck_caliper": "a brake does not release as it should",
        "vacuum_leak": "the engine draws in air past its meter",
        "misfire": "the engine is misfiring",
        "dpf_clogged": "the soot filter is filling up",
        "oil_consumption": "the engine uses too much oil",
        "sensor_stuck": "one of its sensors is stuck",
        "sensor_drift": "one of its sensors reads wrong",
        "sensors_swapped": "two of its sensors are mixed up",
        "unusual_signal": "one of its readings is unusual",
        "service_due": "its service is due",
    },
    trouble_code="it has found a fault (code {code}) that we should look at",
    service="it should see the workshop",
    works={
        "BATT-TEST": "Battery test",
        "COOL-DIAG": "Cooling system check",
        "TIRE": "Tire check and repair",
        "BRAKES": "Brake check and repair",
        "SERVICE": "Scheduled service",
    },
    check="Workshop check",
    takes="{work}, about {minutes} minutes, at {dealer}.",
    book="Book this time",
    more="Show more times",
    none_fit="None of these suits you?",
    call="Call us: {phone}",
    no_times="We have no free time in the next weeks. Please call us, and we will find one.",
    taken="Someone has just taken that time. Here are the next ones.",
    see_you="See you {day} at {time}",
    booked="Your {car} is booked at {dealer}. We will send you a text message.",
    change="Can't make it? Call us and we will find another time: {phone}",
    calendar="Add to calendar",
    over_title="All done",
    over="This has been dealt with, so there is nothing to book. Questions? {phone}",
    expired_title="This link has expired",
    expired="Your car may still need a visit. Please call your dealer, and they will find a time.",
    broken_title="This link doesn't work",
    broken="It seems to be incomplete. Please open it from our message again.",
    here_title="Your car is with us",
    here="Your {car} is in the workshop at {dealer}. We will tell you when it is ready.",
    dealer_time="{time} at the workshop",
    urgent="Please don't drive on. Call us first: {phone}",
)

_DE = Texts(
    months=_words(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
    ),
    weekdays=_words("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag"),
    date="{weekday}, {day}. {month}",
    choose="Wählen Sie einen Termin für Ihren {car}",
    hello="Guten Tag {name},",
    because="Ihr Auto hat uns gemeldet: {why}.",
    causes={
        "coolant_overheat": "Der Motor wird zu heiß",
        "battery_12v": "Die Batterie ist schwach und startet das Auto vielleicht bald nicht mehr",
        "coolant_leak": "Es verliert Kühlmittel",
        "thermostat_stuck_closed": "Der Motor wird zu heiß",
        "thermostat_stuck_open": "Der Motor bleibt zu kalt und braucht mehr Kraftstoff",
        "radiator_fan": "Der Kühlerlüfter hat einen Fehler",
        "parasitic_drain": "Etwas entlädt die Batterie, während es geparkt ist",
        "alternator": "Die Batterie wird nicht richtig geladen",
        "high_resistance_cable": "Ein Batteriekabel hat schlechten Kontakt",
        "weak_cell": "Eine Zelle der Antriebsbatterie ist schwach",
        "slow_tire_leak": "Ein Reifen verliert langsam Luft",
        "tire_puncture": "Ein Reifen verliert schnell Luft",
        "brake_wear": "Die Bremsbeläge sind fast abgenutzt",
        "stuck_caliper": "Eine Bremse löst nicht richtig",
        "vacuum_leak": "Der Motor zieht Nebenluft",
        "misfire": "Der Motor hat Zündaussetzer",
        "dpf_clogged": "Der Partikelfilter setzt sich zu",
        "oil_consumption": "Der Motor verbraucht zu viel Öl",
        "sensor_stuck": "Ein Sensor hängt",
        "sensor_drift": "Ein Sensor misst falsch",
        "sensors_swapped": "Zwei Sensoren sind vertauscht",
        "unusual_signal": "Ein Messwert ist ungewöhnlich",
        "service_due": "Die Inspektion ist fällig",
    },
    trouble_code="Es hat einen Fehler gefunden (Code {code}), den wir ansehen sollten",
    service="Es sollte in die Werkstatt",
    works={
        "BATT-TEST": "Batterieprüfung",
        "COOL-DIAG": "Prüfung des Kühlsystems",
        "TIRE": "Reifenprüfung und Reparatur",
        "BRAKES": "Bremsenprüfung und Reparatur",
        "SERVICE": "Inspektion",
    },
    check="Prüfung in der Werkstatt",
    takes="{work}, etwa {minutes} Minuten, bei {dealer}.",
    book="Diesen Termin buchen",
    more="Weitere Termine zeigen",
    none_fit="Passt keiner davon?",
    call="Rufen Sie uns an: {phone}",
    no_times="In den nächsten Wochen ist nichts frei. Bitte rufen Sie uns an.",
    taken="Dieser Termin wurde gerade vergeben. Hier sind die nächsten.",
    see_you="Bis {day}, {time} Uhr",
    booked="Ihr {car} ist bei {dealer} angemeldet. Wir schicken Ihnen eine SMS.",
    change="Sie können nicht? Rufen Sie uns an: {phone}",
    calendar="In den Kalender",
    over_title="Schon erledigt",
    over="Das ist bereits erledigt, Sie müssen nichts buchen. Fragen? {phone}",
    expired_title="Dieser Link ist abgelaufen",
    expired="Ihr Auto braucht vielleicht noch einen Termin. Bitte rufen Sie Ihren Händler an.",
    broken_title="Dieser Link funktioniert nicht",
    broken="Er scheint unvollständig zu sein. Bitte öffnen Sie ihn noch einmal aus der Nachricht.",
    here_title="Ihr Auto ist bei uns",
    here="Ihr {car} ist in der Werkstatt bei {dealer}. Wir melden uns, wenn er fertig ist.",
    dealer_time="{time} Uhr in der Werkstatt",
    urgent="Bitte fahren Sie nicht weiter. Rufen Sie uns zuerst an: {phone}",
)

_ES = Texts(
    months=_words(
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    ),
    weekdays=_words("lunes martes miércoles jueves viernes sábado domingo"),
    date="{weekday}, {day} de {month}",
    choose="Elija una hora para su {car}",
    hello="Hola, {name}:",
    because="su coche nos ha avisado: {why}.",
    causes={
        "coolant_overheat": "el motor se calienta demasiado",
        "battery_12v": "la batería está débil y pronto podría no arrancar",
        "coolant_leak": "está perdiendo refrigerante",
        "thermostat_stuck_closed": "el motor se calienta demasiado",
        "thermostat_stuck_open": "el motor se queda demasiado frío y gasta más",
        "radiator_fan": "el ventilador del radiador tiene una avería",
        "parasitic_drain": "algo descarga la batería cuando está aparcado",
        "alternator": "la batería no se carga bien",
        "high_resistance_cable": "un cable de la batería hace mal contacto",
        "weak_cell": "una celda de la batería de tracción está débil",
        "slow_tire_leak": "un neumático pierde aire poco a poco",
        "tire_puncture": "un neumático pierde aire deprisa",
        "brake_wear": "las pastillas de freno están casi gastadas",
        "stuck_caliper": "un freno no se suelta bien",
        "vacuum_leak": "entra aire en el motor sin pasar por el medidor",
        "misfire": "el motor tiene fallos de encendido",
        "dpf_clogged": "el filtro de partículas se está llenando",
        "oil_consumption": "el motor consume demasiado aceite",
        "sensor_stuck": "uno de sus sensores está bloqueado",
        "sensor_drift": "uno de sus sensores mide mal",
        "sensors_swapped": "dos de sus sensores están intercambiados",
        "unusual_signal": "una de sus lecturas es inusual",
        "service_due": "le toca la revisión",
    },
    trouble_code="ha encontrado una avería (código {code}) que deberíamos revisar",
    service="conviene que pase por el taller",
    works={
        "BATT-TEST": "Prueba de la batería",
        "COOL-DIAG": "Revisión del sistema de refrigeración",
        "TIRE": "Revisión y reparación de neumáticos",
        "BRAKES": "Revisión y reparación de frenos",
        "SERVICE": "Revisión periódica",
    },
    check="Revisión en el taller",
    takes="{work}, unos {minutes} minutos, en {dealer}.",
    book="Reservar esta hora",
    more="Ver más horas",
    none_fit="¿No le va bien ninguna?",
    call="Llámenos: {phone}",
    no_times="No tenemos horas libres en las próximas semanas. Llámenos, por favor.",
    taken="Alguien acaba de reservar esa hora. Estas son las siguientes.",
    see_you="Hasta el {day} a las {time}",
    booked="Su {car} tiene hora en {dealer}. Le enviaremos un mensaje.",
    change="¿No puede venir? Llámenos y buscamos otra hora: {phone}",
    calendar="Añadir al calendario",
    over_title="Ya está resuelto",
    over="Esto ya está resuelto; no hace falta reservar. ¿Preguntas? {phone}",
    expired_title="Este enlace ha caducado",
    expired="Puede que su coche aún necesite una visita. Llame a su concesionario, por favor.",
    broken_title="Este enlace no funciona",
    broken="Parece incompleto. Ábralo otra vez desde nuestro mensaje.",
    here_title="Su coche está con nosotros",
    here="Su {car} está en el taller de {dealer}. Le avisaremos cuando esté listo.",
    dealer_time="{time} en el taller",
    urgent="Por favor, no siga conduciendo. Llámenos antes: {phone}",
)

_FR = Texts(
    months=_words(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    ),
    weekdays=_words("lundi mardi mercredi jeudi vendredi samedi dimanche"),
    date="{weekday} {day} {month}",
    choose="Choisissez un horaire pour votre {car}",
    hello="Bonjour {name},",
    because="votre voiture nous a prévenus : {why}.",
    causes={
        "coolant_overheat": "le moteur chauffe trop",
        "battery_12v": "la batterie est faible et pourrait bientôt ne plus démarrer la voiture",
        "coolant_leak": "elle perd du liquide de refroidissement",
        "thermostat_stuck_closed": "le moteur chauffe trop",
        "thermostat_stuck_open": "le moteur reste trop froid et consomme plus",
        "radiator_fan": "le ventilateur du radiateur a un défaut",
        "parasitic_drain": "quelque chose décharge la batterie à l'arrêt",
        "alternator": "la batterie se recharge mal",
        "high_resistance_cable": "un câble de batterie fait mauvais contact",
        "weak_cell": "une cellule de la batterie de traction est faible",
        "slow_tire_leak": "un pneu perd lentement de l'air",
        "tire_puncture": "un pneu perd vite de l'air",
        "brake_wear": "les plaquettes de frein sont presque usées",
        "stuck_caliper": "un frein ne se relâche pas bien",
        "vacuum_leak": "le moteur aspire de l'air parasite",
        "misfire": "le moteur a des ratés d'allumage",
        "dpf_clogged": "le filtre à particules se remplit",
        "oil_consumption": "le moteur consomme trop d'huile",
        "sensor_stuck": "un de ses capteurs est bloqué",
        "sensor_drift": "un de ses capteurs mesure mal",
        "sensors_swapped": "deux de ses capteurs sont intervertis",
        "unusual_signal": "une de ses mesures est inhabituelle",
        "service_due": "sa révision est à faire",
    },
    trouble_code="elle a trouvé un défaut (code {code}) que nous devrions examiner",
    service="un passage à l'atelier est utile",
    works={
        "BATT-TEST": "Contrôle de la batterie",
        "COOL-DIAG": "Contrôle du circuit de refroidissement",
        "TIRE": "Contrôle et réparation des pneus",
        "BRAKES": "Contrôle et réparation des freins",
        "SERVICE": "Révision",
    },
    check="Contrôle à l'atelier",
    takes="{work}, environ {minutes} minutes, chez {dealer}.",
    book="Réserver cet horaire",
    more="Voir d'autres horaires",
    none_fit="Aucun ne vous convient ?",
    call="Appelez-nous : {phone}",
    no_times="Rien de libre dans les prochaines semaines. Appelez-nous, s'il vous plaît.",
    taken="Cet horaire vient d'être pris. Voici les suivants.",
    see_you="À {day}, {time}",
    booked="Votre {car} est attendue chez {dealer}. Nous vous enverrons un SMS.",
    change="Un empêchement ? Appelez-nous : {phone}",
    calendar="Ajouter à l'agenda",
    over_title="C'est réglé",
    over="C'est déjà réglé, il n'y a rien à réserver. Une question ? {phone}",
    expired_title="Ce lien a expiré",
    expired="Votre voiture a peut-être encore besoin de nous. Appelez votre concessionnaire.",
    broken_title="Ce lien ne fonctionne pas",
    broken="Il semble incomplet. Ouvrez-le à nouveau depuis notre message.",
    here_title="Votre voiture est chez nous",
    here="Votre {car} est à l'atelier chez {dealer}. Nous vous préviendrons quand elle sera prête.",
    dealer_time="{time} à l'atelier",
    urgent="S'il vous plaît, ne roulez plus. Appelez-nous d'abord : {phone}",
)

_ZH = Texts(
    months=tuple(f"{n}月" for n in range(1, 13)),
    weekdays=tuple(f"星期{n}" for n in "一二三四五六日"),
    date="{month}{day}日 {weekday}",
    choose="请为您的 {car} 选择时间",
    hello="{name},您好:",
    because="您的车辆提示:{why}。",
    causes={
        "coolant_overheat": "发动机温度过高",
        "battery_12v": "蓄电池电量不足,可能很快无法启动",
        "coolant_leak": "冷却液正在减少",
        "thermostat_stuck_closed": "发动机温度过高",
        "thermostat_stuck_open": "发动机温度上不去,油耗会增加",
        "radiator_fan": "散热风扇有故障",
        "parasitic_drain": "停车时有用电器在耗电",
        "alternator": "蓄电池充电不正常",
        "high_resistance_cable": "蓄电池线缆接触不良",
        "weak_cell": "动力电池有一节电芯偏弱",
        "slow_tire_leak": "有一条轮胎在慢漏气",
        "tire_puncture": "有一条轮胎漏气很快",
        "brake_wear": "刹车片即将磨完",
        "stuck_caliper": "有一个刹车不能完全松开",
        "vacuum_leak": "进气系统漏气",
        "misfire": "发动机缺火",
        "dpf_clogged": "颗粒捕集器快堵塞了",
        "oil_consumption": "机油消耗过多",
        "sensor_stuck": "有一个传感器读数不变",
        "sensor_drift": "有一个传感器读数不准",
        "sensors_swapped": "有两个传感器接反了",
        "unusual_signal": "有一项读数不寻常",
        "service_due": "保养时间已到",
    },
    trouble_code="检测到故障(代码 {code}),建议检查",
    service="建议到店检查",
    works={
        "BATT-TEST": "蓄电池检测",
        "COOL-DIAG": "冷却系统检查",
        "TIRE": "轮胎检修",
        "BRAKES": "制动检修",
        "SERVICE": "定期保养",
    },
    check="到店检查",
    takes="{work},约 {minutes} 分钟,地点:{dealer}。",
    book="预约这个时间",
    more="更多时间",
    none_fit="都不合适?",
    call="请致电:{phone}",
    no_times="近几周没有空档,请致电我们安排。",
    taken="该时间刚被预约,请选择以下时间。",
    see_you="{day} {time} 见",
    booked="您的 {car} 已预约 {dealer}。我们会发短信给您。",
    change="来不了?请致电改期:{phone}",
    calendar="加入日历",
    over_title="已处理",
    over="此事已处理,无需预约。有疑问请致电:{phone}",
    expired_title="链接已过期",
    expired="您的车辆可能仍需检查,请致电您的经销商安排时间。",
    broken_title="链接无效",
    broken="链接似乎不完整,请从短信中重新打开。",
    here_title="您的车在我们店里",
    here="您的 {car} 正在 {dealer} 维修,完成后我们会通知您。",
    dealer_time="店内时间 {time}",
    urgent="请勿继续行驶,请先致电:{phone}",
)

LANGUAGES = {"en": _EN, "de": _DE, "es": _ES, "fr": _FR, "zh": _ZH}


def language_of(wanted: str) -> str:
    """The language we have that fits best: ``de-AT`` is ``de``, an unknown one English.

    Examples
    --------
    >>> language_of("de-AT"), language_of("xx")
    ('de', 'en')
    """
    code = wanted.replace("_", "-").split("-")[0].lower()
    return code if code in LANGUAGES else "en"


def accepted(header: str) -> str:
    """The first language of an ``Accept-Language`` header that we have.

    Examples
    --------
    >>> accepted("pt-BR,fr;q=0.8,en;q=0.5"), accepted("")
    ('fr', 'en')
    """
    for part in header.split(","):
        code = part.split(";")[0].strip().split("-")[0].lower()
        if code in LANGUAGES:
            return code
    return "en"


def day(at: datetime, zone: str, language: str, country: str = "") -> str:
    """A local day in words, as the country writes it.

    Examples
    --------
    >>> from datetime import UTC
    >>> at = datetime(2026, 12, 3, 8, 30, tzinfo=UTC)
    >>> [day(at, "Europe/Berlin", code) for code in ("en", "de", "zh")]
    ['Thursday 3 December', 'Donnerstag, 3. Dezember', '12月3日 星期四']
    >>> day(at, "America/Chicago", "en", "US")
    'Thursday, December 3'
    """
    local = at.astimezone(ZoneInfo(zone))
    texts = LANGUAGES[language]
    pattern = "{weekday}, {month} {day}" if (language, country) == ("en", "US") else texts.date
    return pattern.format(
        weekday=texts.weekdays[local.weekday()], day=local.day, month=texts.months[local.month - 1]
    )


def work(op_code: str, language: str) -> str:
    """What the workshop will do, in the customer's words; a check where we have none better."""
    texts = LANGUAGES[language]
    return texts.works.get(op_code, texts.check)


def why(cause: str | None, language: str) -> str:
    """What the car told us, in the middle of a sentence."""
    texts = LANGUAGES[language]
    if cause is None:
        return texts.service
    known = texts.causes.get(cause)
    if known:
        return known
    if cause.startswith("dtc_"):
        return texts.trouble_code.format(code=cause.removeprefix("dtc_").upper())
    return texts.service
