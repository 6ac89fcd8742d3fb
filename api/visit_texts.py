"""What the customers' page says of a visit beyond its time, in their language."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """Phrases of one language; ``{…}`` are filled in."""

    also: str
    only: str
    loaner: str
    fetch: str
    fetch_hint: str
    too_late: str
    site: str
    directions: str
    mobile: str
    pick_up: str
    tow: str
    ask: str
    asked: str
    move: str
    move_title: str
    late: str
    cancel: str
    cancel_sure: str
    cancelled: str
    uncalendar: str
    loaner_ready: str
    fetched: str
    fetch_asked: str
    refused: dict[str, str]


_EN = Texts(
    also="On the same visit we also do: {works}.",
    only="Only this: {work}",
    loaner="I need a loaner car",
    fetch="Fetch my car from (address)",
    fetch_hint="Leave this empty if you bring the car.",
    too_late="We have no free time before it may be too late. This is what we can do instead:",
    site="{site} can see your car on {day} at {time}",
    directions="Show the way",
    mobile="A technician can come to you",
    pick_up="We can fetch your car and bring it back",
    tow="We can have your car towed",
    ask="Please arrange this",
    asked="We have your wish and will call you soon.",
    move="Choose another time",
    move_title="Choose another time for your {car}",
    late="A part comes later than planned, so this visit has to move. Please choose another time.",
    cancel="Cancel this visit",
    cancel_sure="Yes, cancel it",
    cancelled="Your visit is cancelled. You can choose another time.",
    uncalendar="Remove it from your calendar",
    loaner_ready="A loaner car is ready for you.",
    fetched="We fetch your car between {a} and {b}, and bring it back after {c}.",
    fetch_asked="We will call you about fetching your car.",
    refused={
        "no loaner": "No loaner car is free at that time. Choose another, or come without.",
        "no seat": "Our driver has no room left then. Choose another, or bring the car.",
        "too far": "Our driver does not come as far as your address. Please bring the car.",
        "no parts": "A part will not be here by then. Please choose a later time.",
    },
)

_DE = Texts(
    also="Beim selben Besuch erledigen wir auch: {works}.",
    only="Nur dies: {work}",
    loaner="Ich brauche einen Ersatzwagen",
    fetch="Mein Auto abholen bei (Adresse)",
    fetch_hint="Leer lassen, wenn Sie das Auto selbst bringen.",
    too_late="Vorher ist leider kein Termin frei. Das können wir stattdessen tun:",
    site="{site} hat einen Termin: {day}, {time} Uhr",
    directions="Weg zeigen",
    mobile="Ein Techniker kann zu Ihnen kommen",
    pick_up="Wir können Ihr Auto abholen und zurückbringen",
    tow="Wir können Ihr Auto abschleppen lassen",
    ask="Bitte so machen",
    asked="Wir haben Ihren Wunsch und rufen Sie bald an.",
    move="Anderen Termin wählen",
    move_title="Wählen Sie einen anderen Termin für Ihren {car}",
    late="Ein Teil kommt später als geplant. Bitte wählen Sie einen anderen Termin.",
    cancel="Termin absagen",
    cancel_sure="Ja, absagen",
    cancelled="Ihr Termin ist abgesagt. Sie können einen anderen wählen.",
    uncalendar="Aus dem Kalender entfernen",
    loaner_ready="Ein Ersatzwagen steht für Sie bereit.",
    fetched="Wir holen Ihr Auto zwischen {a} und {b} Uhr ab und bringen es nach {c} Uhr zurück.",
    fetch_asked="Wegen der Abholung rufen wir Sie an.",
    refused={
        "no loaner": "Zu dieser Zeit ist kein Ersatzwagen frei. Bitte wählen Sie neu.",
        "no seat": "Unser Fahrer hat zu dieser Zeit keinen Platz mehr. Bitte wählen Sie neu.",
        "too far": "So weit fährt unser Fahrer leider nicht. Bitte bringen Sie das Auto.",
        "no parts": "Ein Teil ist bis dahin nicht hier. Bitte wählen Sie einen späteren Termin.",
    },
)

_ES = Texts(
    also="En la misma visita también haremos: {works}.",
    only="Solo esto: {work}",
    loaner="Necesito un coche de sustitución",
    fetch="Recoger mi coche en (dirección)",
    fetch_hint="Déjelo vacío si trae usted el coche.",
    too_late="No tenemos hora libre antes de que sea tarde. Esto es lo que podemos hacer:",
    site="{site} puede atenderle el {day} a las {time}",
    directions="Cómo llegar",
    mobile="Un técnico puede ir adonde esté",
    pick_up="Podemos recoger su coche y devolverlo",
    tow="Podemos enviar una grúa",
    ask="Quiero esto",
    asked="Hemos anotado su deseo y le llamaremos pronto.",
    move="Elegir otra hora",
    move_title="Elija otra hora para su {car}",
    late="Una pieza llega más tarde de lo previsto. Elija otra hora, por favor.",
    cancel="Anular esta visita",
    cancel_sure="Sí, anular",
    cancelled="Su visita está anulada. Puede elegir otra hora.",
    uncalendar="Quitar del calendario",
    loaner_ready="Le espera un coche de sustitución.",
    fetched="Recogemos su coche entre las {a} y las {b} y lo devolvemos después de las {c}.",
    fetch_asked="Le llamaremos por la recogida.",
    refused={
        "no loaner": "A esa hora no hay coche de sustitución. Elija otra hora o venga sin él.",
        "no seat": "Nuestro conductor ya no tiene sitio a esa hora. Elija otra, por favor.",
        "too far": "Nuestro conductor no llega tan lejos. Traiga usted el coche, por favor.",
        "no parts": "Una pieza no estará para entonces. Elija una hora posterior.",
    },
)

_FR = Texts(
    also="Lors de la même visite, nous ferons aussi : {works}.",
    only="Seulement ceci : {work}",
    loaner="J'ai besoin d'une voiture de prêt",
    fetch="Chercher ma voiture à (adresse)",
    fetch_hint="Laissez vide si vous amenez la voiture.",
    too_late="Aucun horaire n'est libre à temps. Voici ce que nous pouvons faire :",
    site="{site} peut vous recevoir {day}, {time}",
    directions="Itinéraire",
    mobile="Un technicien peut venir chez vous",
    pick_up="Nous pouvons chercher votre voiture et la ramener",
    tow="Nous pouvons faire remorquer votre voiture",
    ask="Je voudrais cela",
    asked="Nous avons noté votre souhait et vous appelons bientôt.",
    move="Choisir un autre horaire",
    move_title="Choisissez un autre horaire pour votre {car}",
    late="Une pièce arrive plus tard que prévu. Choisissez un autre horaire, s'il vous plaît.",
    cancel="Annuler cette visite",
    cancel_sure="Oui, annuler",
    cancelled="Votre visite est annulée. Vous pouvez choisir un autre horaire.",
    uncalendar="Retirer de l'agenda",
    loaner_ready="Une voiture de prêt vous attend.",
    fetched="Nous cherchons votre voiture entre {a} et {b} et la ramenons après {c}.",
    fetch_asked="Nous vous appellerons pour venir chercher votre voiture.",
    refused={
        "no loaner": "Aucune voiture de prêt n'est libre alors. Choisissez un autre horaire.",
        "no seat": "Notre chauffeur n'a plus de place alors. Choisissez un autre horaire.",
        "too far": "Notre chauffeur ne va pas si loin. Amenez la voiture, s'il vous plaît.",
        "no parts": "Une pièce ne sera pas là. Choisissez un horaire plus tardif.",
    },
)

_ZH = Texts(
    also="同一次到店还可完成:{works}。",
    only="只做这一项:{work}",
    loaner="我需要代步车",
    fetch="上门取车地址",
    fetch_hint="自己送车则留空。",
    too_late="在可能发生故障之前没有空档。我们可以这样安排:",
    site="{site} 可在 {day} {time} 接待您",
    directions="查看路线",
    mobile="技师可以上门服务",
    pick_up="我们可以上门取车并送回",
    tow="我们可以安排拖车",
    ask="请这样安排",
    asked="已收到您的要求,我们会尽快致电。",
    move="改约时间",
    move_title="请为您的 {car} 另选时间",
    late="配件比计划晚到,请另选时间。",
    cancel="取消预约",
    cancel_sure="确认取消",
    cancelled="预约已取消,您可以另选时间。",
    uncalendar="从日历中移除",
    loaner_ready="代步车已为您备好。",
    fetched="我们会在 {a} 至 {b} 取车,{c} 之后送回。",
    fetch_asked="取车事宜我们会致电确认。",
    refused={
        "no loaner": "该时间没有代步车,请另选时间。",
        "no seat": "该时间司机已排满,请另选时间。",
        "too far": "您的地址超出取车范围,请自行送车。",
        "no parts": "届时配件未到,请选择更晚的时间。",
    },
)

LANGUAGES = {"en": _EN, "de": _DE, "es": _ES, "fr": _FR, "zh": _ZH}
