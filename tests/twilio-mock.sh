#!/usr/bin/env bash
# Our calls, by the unmodified Twilio client, against a mock that is made of Twilio's own public API
# description: see docs/twilio-mock.md. Needs npm (Node.js 20 or newer) and the virtual environment.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
work=$(mktemp -d)
mock=
trap '[ -z "$mock" ] || kill "$mock"; rm -rf "$work"' EXIT

npm install --prefix "$work" --no-audit --no-fund --silent --ignore-scripts \
	@stoplight/prism-cli@5.16.0 @twilio/cli-core@8.3.2
api=$work/node_modules/@twilio/cli-core/src/services/twilio-api/twilio_api_v2010.json
port=$("$python" -c 'from record.local import free_port; print(free_port())')
"$work/node_modules/.bin/prism" mock -p "$port" "$api" >"$work/log" 2>&1 &
mock=$!
for _ in $(seq 60); do grep -q "Prism is listening" "$work/log" && break; sleep 1; done

"$python" - "http://127.0.0.1:$port" <<'PY'
import sys

from care.channels.contract import Later, Message, News, Refused, Sent
from care.channels.twilio_sms import TwilioSms
from care.channels.twilio_whatsapp import TwilioWhatsapp

sid, token, back = "AC" + "0" * 32, "token", "https://care.example.com/twilio/status"
sms = TwilioSms(sid, token, "+13125550100", back, sys.argv[1])
whatsapp = TwilioWhatsapp(sid, token, "whatsapp:+13125550100", back, sys.argv[1])
hello = Message(1, 1, "+13125551200", "Hello")
approved = Message(
    2, 1, "whatsapp:+13125551200", "", "whatsapp",
    content_sid="HX" + "0" * 32, variables={"1": "Ada"},
)
told = {
    "a text is handed over": isinstance(sms.send(hello), Sent),
    "a number's messages are listed": isinstance(sms.look(hello), list),
    "a message's fate is asked": isinstance(sms.news(hello, "SM" + "0" * 32), News),
    "a WhatsApp template is handed over": isinstance(whatsapp.send(approved), Sent),
    "a wrong number's form is refused": isinstance(
        TwilioSms("AC" + "0" * 31, token, "+1", back, sys.argv[1]).send(hello), Refused | Later
    ),
}
for what, right in told.items():
    print("✓" if right else "✗", what)
sys.exit(not all(told.values()))
PY
echo "rules of Twilio's description that our requests broke: $(grep -c 'Request did not pass' "$work/log" || true) (1 is meant)"
