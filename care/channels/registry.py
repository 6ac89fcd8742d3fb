"""Which channels there are: those with settings."""

from collections.abc import Mapping

from care.channels.contract import Channel
from care.channels.email import Email, MailServer
from care.channels.twilio_client import TIMEOUT_S
from care.channels.twilio_sms import TwilioSms
from care.channels.twilio_whatsapp import PREFIX, TwilioWhatsapp
from care.channels.wecom import Wecom
from care.settings import CareSettings
from care.webhooks import STATUS_PATH


def channels(settings: CareSettings) -> Mapping[str, Channel]:
    """The channels that the settings open, by name."""
    # a claim ages half of this before the call: together they stay within it
    timeout_s = min(TIMEOUT_S, settings.settle_after_s / 3)
    callback_url = settings.public_url + STATUS_PATH
    account = (settings.twilio_account_sid, settings.twilio_auth_token)
    found: dict[str, Channel] = {
        "sms": TwilioSms(
            *account, settings.twilio_from, callback_url, settings.twilio_api_url, timeout_s
        )
    }
    if settings.twilio_whatsapp_from:
        found["whatsapp"] = TwilioWhatsapp(
            *account,
            PREFIX + settings.twilio_whatsapp_from,
            callback_url,
            settings.twilio_api_url,
            timeout_s,
        )
    if settings.smtp_host:
        server = MailServer(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_user,
            settings.smtp_password,
            settings.smtp_ca_file,
        )
        found["email"] = Email(server, settings.mail_from, timeout_s)
    if settings.wecom_corp_id:
        found["wecom"] = Wecom(
            settings.wecom_corp_id, settings.wecom_secret, settings.wecom_api_url, timeout_s
        )
    return found
