"""The page on which a customer follows a repair, in their language. English where we have none."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """Every phrase of the page in one language; ``{…}`` are filled in."""

    title: str
    states: dict[str, str]
    now: str
    steps: str
    notes: str
    photo: str
    estimate: str
    estimate_ask: str
    consent: str
    labour: str
    hours: str
    tax: str
    total: str
    approved: str
    declined: str
    approved_total: str
    choose: str
    all_lines: str
    changed: str
    thanks_answer: str
    work_done: str
    invoice: str
    rate: str
    poor: str
    good: str
    why: str
    send: str
    rated: str
    change: str
    too_late: str
    watch: str
    watching: str
    verified: str
    came_back: str
    no_data: str
    questions: str
    call: str
    follow: str
    expired_title: str
    expired: str
    broken_title: str
    broken: str


_EN = Texts(
    title="Your {car}",
    states={
        "open": "We have received your car",
        "diagnosing": "We are looking for the cause",
        "waiting_approval": "Waiting for your approval",
        "waiting_parts": "Waiting for parts",
        "in_progress": "We are working on your car",
        "quality_check": "Final check",
        "ready": "Ready to be picked up",
        "closed": "Picked up",
    },
    now="now",
    steps="How it goes",
    notes="From the workshop",
    photo="Photo from the workshop",
    estimate="Estimate",
    estimate_ask="Tick what we may do. What you don't tick is declined.",
    consent="I approve this work at this price, with tax.",
    labour="labour",
    hours="{n} h",
    tax="Tax",
    total="Total",
    approved="approved",
    declined="declined",
    approved_total="You approved",
    choose="Send my choice",
    all_lines="Approve everything",
    changed="The estimate has changed since. Please look at it again.",
    thanks_answer="Thank you, we have your answer.",
    work_done="What we did",
    invoice="Invoice",
    rate="How did we do?",
    poor="poor",
    good="very good",
    why="A few words why (if you like)",
    send="Send",
    rated="Thank you. You gave {stars} of 5.",
    change="Change it",
    too_late="A rating can be changed for a week. Please call us.",
    watch="Does it hold?",
    watching="We watch until {day} whether the fault returns. You don't have to do anything.",
    verified="Driven on {days} days since, and the fault did not return.",
    came_back="Your car shows the fault again. We will contact you, or call us.",
    no_data="The car's data could not show us yet whether it holds. If in doubt, call us.",
    questions="Questions?",
    call="Call us: {phone}",
    follow="Follow the repair",
    expired_title="This link has expired",
    expired="The repair was finished some time ago. Questions? Please call your dealer.",
    broken_title="This link doesn't work",
    broken="It seems to be incomplete. Please open it from our message again.",
)

_DE = Texts(
    title="Ihr {car}",
    states={
        "open": "Wir haben Ihr Auto angenommen",
        "diagnosing": "Wir suchen die Ursache",
        "waiting_approval": "Wir warten auf Ihre Zustimmung",
        "waiting_parts": "Wir warten auf Teile",
        "in_progress": "Wir arbeiten an Ihrem Auto",
        "quality_check": "Endkontrolle",
        "ready": "Bereit zur Abholung",
        "closed": "Abgeholt",
    },
    now="jetzt",
    steps="So geht es voran",
    notes="Aus der Werkstatt",
    photo="Foto aus der Werkstatt",
    estimate="Kostenvoranschlag",
    estimate_ask="Kreuzen Sie an, was wir tun dürfen. Der Rest gilt als abgelehnt.",
    consent="Ich stimme dieser Arbeit zu diesem Preis zu, mit Steuer.",
    labour="Arbeit",
    hours="{n} Std.",
    tax="Steuer",
    total="Summe",
    approved="zugestimmt",
    declined="abgelehnt",
    approved_total="Sie haben zugestimmt",
    choose="Auswahl senden",
    all_lines="Allem zustimmen",
    changed="Der Kostenvoranschlag hat sich geändert. Bitte sehen Sie ihn noch einmal an.",
    thanks_answer="Danke, wir haben Ihre Antwort.",
    work_done="Was gemacht wurde",
    invoice="Rechnung",
    rate="Wie zufrieden sind Sie?",
    poor="schlecht",
    good="sehr gut",
    why="Ein paar Worte dazu (wenn Sie mögen)",
    send="Senden",
    rated="Danke. Sie haben {stars} von 5 gegeben.",
    change="Ändern",
    too_late="Eine Bewertung lässt sich eine Woche lang ändern. Bitte rufen Sie uns an.",
    watch="Hält die Reparatur?",
    watching="Bis {day} achten wir darauf, ob der Fehler wiederkommt. Sie müssen nichts tun.",
    verified="Seither an {days} Tagen gefahren, und der Fehler kam nicht wieder.",
    came_back="Ihr Auto zeigt den Fehler wieder. Wir melden uns, oder rufen Sie uns an.",
    no_data="Die Daten des Autos zeigen es noch nicht. Im Zweifel rufen Sie uns an.",
    questions="Fragen?",
    call="Rufen Sie uns an: {phone}",
    follow="Reparatur verfolgen",
    expired_title="Dieser Link ist abgelaufen",
    expired="Die Reparatur ist schon länger fertig. Fragen? Bitte rufen Sie Ihren Händler an.",
    broken_title="Dieser Link funktioniert nicht",
    broken="Er scheint unvollständig zu sein. Bitte öffnen Sie ihn noch einmal aus der Nachricht.",
)

_ES = Texts(
    title="Su {car}",
    states={
        "open": "Hemos recibido su coche",
        "diagnosing": "Buscamos la causa",
        "waiting_approval": "A la espera de su aprobación",
        "waiting_parts": "A la espera de piezas",
        "in_progress": "Trabajamos en su coche",
        "quality_check": "Control final",
        "ready": "Listo para recoger",
        "closed": "Recogido",
    },
    now="ahora",
    steps="Cómo va",
    notes="Desde el taller",
    photo="Foto del taller",
    estimate="Presupuesto",
    estimate_ask="Marque lo que podemos hacer. Lo que no marque queda rechazado.",
    consent="Apruebo este trabajo a este precio, con impuestos.",
    labour="mano de obra",
    hours="{n} h",
    tax="Impuestos",
    total="Total",
    approved="aprobado",
    declined="rechazado",
    approved_total="Usted aprobó",
    choose="Enviar mi elección",
    all_lines="Aprobar todo",
    changed="El presupuesto ha cambiado. Mírelo otra vez, por favor.",
    thanks_answer="Gracias, tenemos su respuesta.",
    work_done="Lo que hicimos",
    invoice="Factura",
    rate="¿Qué tal lo hicimos?",
    poor="mal",
    good="muy bien",
    why="Unas palabras (si quiere)",
    send="Enviar",
    rated="Gracias. Nos dio {stars} de 5.",
    change="Cambiar",
    too_late="La valoración se puede cambiar durante una semana. Llámenos, por favor.",
    watch="¿Aguanta la reparación?",
    watching="Hasta el {day} vigilamos si vuelve la avería. Usted no tiene que hacer nada.",
    verified="Ha circulado {days} días desde entonces y la avería no ha vuelto.",
    came_back="Su coche muestra la avería otra vez. Le contactaremos, o llámenos.",
    no_data="Los datos del coche aún no lo muestran. En caso de duda, llámenos.",
    questions="¿Preguntas?",
    call="Llámenos: {phone}",
    follow="Seguir la reparación",
    expired_title="Este enlace ha caducado",
    expired="La reparación terminó hace tiempo. ¿Preguntas? Llame a su concesionario, por favor.",
    broken_title="Este enlace no funciona",
    broken="Parece incompleto. Ábralo otra vez desde nuestro mensaje.",
)

_FR = Texts(
    title="Votre {car}",
    states={
        "open": "Nous avons reçu votre voiture",
        "diagnosing": "Nous cherchons la cause",
        "waiting_approval": "En attente de votre accord",
        "waiting_parts": "En attente de pièces",
        "in_progress": "Nous travaillons sur votre voiture",
        "quality_check": "Contrôle final",
        "ready": "Prête à être reprise",
        "closed": "Vous avez repris votre voiture",
    },
    now="maintenant",
    steps="Où nous en sommes",
    notes="De l'atelier",
    photo="Photo de l'atelier",
    estimate="Devis",
    estimate_ask="Cochez ce que nous pouvons faire. Le reste est refusé.",
    consent="J'accepte ce travail à ce prix, taxes comprises.",
    labour="main-d'œuvre",
    hours="{n} h",
    tax="Taxes",
    total="Total",
    approved="accepté",
    declined="refusé",
    approved_total="Vous avez accepté",
    choose="Envoyer mon choix",
    all_lines="Tout accepter",
    changed="Le devis a changé. Veuillez le regarder à nouveau.",
    thanks_answer="Merci, nous avons votre réponse.",
    work_done="Ce que nous avons fait",
    invoice="Facture",
    rate="Êtes-vous content de nous ?",
    poor="mauvais",
    good="très bien",
    why="Quelques mots (si vous voulez)",
    send="Envoyer",
    rated="Merci. Vous avez donné {stars} sur 5.",
    change="Modifier",
    too_late="Une note peut être modifiée pendant une semaine. Appelez-nous, s'il vous plaît.",
    watch="La réparation tient-elle ?",
    watching="Jusqu'au {day}, nous surveillons si le défaut revient. Vous n'avez rien à faire.",
    verified="{days} jours de conduite depuis, et le défaut n'est pas revenu.",
    came_back="Votre voiture montre à nouveau le défaut. Nous vous contactons, ou appelez-nous.",
    no_data="Les données de la voiture ne le montrent pas encore. En cas de doute, appelez-nous.",
    questions="Une question ?",
    call="Appelez-nous : {phone}",
    follow="Suivre la réparation",
    expired_title="Ce lien a expiré",
    expired="La réparation est finie depuis longtemps. Appelez votre concessionnaire.",
    broken_title="Ce lien ne fonctionne pas",
    broken="Il semble incomplet. Ouvrez-le à nouveau depuis notre message.",
)

_ZH = Texts(
    title="您的 {car}",
    states={
        "open": "已收到您的车",
        "diagnosing": "正在检查原因",
        "waiting_approval": "等待您确认",
        "waiting_parts": "等待配件",
        "in_progress": "正在维修",
        "quality_check": "完工检验",
        "ready": "可以取车",
        "closed": "已取车",
    },
    now="当前",
    steps="维修进度",
    notes="来自车间",
    photo="车间照片",
    estimate="报价",
    estimate_ask="请勾选同意的项目,未勾选即为不同意。",
    consent="我同意以此价格(含税)进行该项工作。",
    labour="工时",
    hours="{n} 小时",
    tax="税",
    total="合计",
    approved="已同意",
    declined="不同意",
    approved_total="您已同意",
    choose="提交选择",
    all_lines="全部同意",
    changed="报价已更新,请重新查看。",
    thanks_answer="谢谢,已收到您的答复。",
    work_done="维修内容",
    invoice="发票金额",
    rate="您对我们满意吗?",
    poor="差",
    good="很好",
    why="说说原因(可不填)",
    send="提交",
    rated="谢谢,您打了 {stars} 分(满分 5 分)。",
    change="修改",
    too_late="评分一周内可以修改,之后请致电我们。",
    watch="修好了吗?",
    watching="我们会观察到 {day},看故障是否再次出现。您无需做任何事。",
    verified="之后行驶了 {days} 天,故障没有再出现。",
    came_back="您的车再次出现该故障。我们会联系您,也可致电我们。",
    no_data="车辆数据暂时无法判断。如有疑问请致电我们。",
    questions="有疑问?",
    call="请致电:{phone}",
    follow="查看维修进度",
    expired_title="链接已过期",
    expired="维修早已完成。有疑问请致电您的经销商。",
    broken_title="链接无效",
    broken="链接似乎不完整,请从短信中重新打开。",
)

LANGUAGES = {"en": _EN, "de": _DE, "es": _ES, "fr": _FR, "zh": _ZH}
"""The same codes as `api.slot_texts.LANGUAGES`, which chooses among them."""
