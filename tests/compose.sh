#!/bin/bash
# `make test-compose`: builds the images, brings docker-compose.yml up for real with the demo, and
# looks whether it flows: a car that signs in by itself is stored and gets its receipt, the pages
# answer, an alert appears. Takes everything down again, volumes too.
#
# Where no image registry can be reached, run tests/standin-images.sh first.
# API_PORT and MQTT_PORT choose other ports than 8000 and 1883.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "• $*"; }
fail() {
    echo "✗ $*" >&2
    exit 1
}

docker info >/dev/null 2>&1 ||
    fail "No container engine answers. Install Docker (or start it, or set DOCKER_HOST) and try again."
if docker compose version >/dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose >/dev/null; then
    compose=(docker-compose)
else
    fail "Docker is here, but neither 'docker compose' nor docker-compose."
fi

secret() { openssl rand -hex 32; }
work=$(mktemp -d)
export API_PORT=${API_PORT:-8000} MQTT_PORT=${MQTT_PORT:-1883}
cat >"$work/env" <<EOF
POSTGRES_PASSWORD=$(secret)
DATABASE_PASSWORD=$(secret)
INGEST_MQTT_PASSWORD=$(secret)
SIMULATOR_MQTT_PASSWORD=$(secret)
MQTT_VEHICLE_SECRET=$(secret)
SECRET_KEY=$(secret)
PUBLIC_URL=http://127.0.0.1:8000
TWILIO_ACCOUNT_SID=AC00000000000000000000000000000001
TWILIO_AUTH_TOKEN=$(secret)
TWILIO_FROM=+16175550199
TWILIO_API_URL=http://api:4010
DEMO_PASSWORD=$(secret)
EOF
compose+=(--env-file "$work/env" --project-name "roadworthytest$$" --profile demo)

finish() {
    status=$?
    if [ $status != 0 ]; then
        "${compose[@]}" ps || true
        "${compose[@]}" logs --tail=40 || true
    fi
    "${compose[@]}" down --volumes --remove-orphans >"$work/down" 2>&1 || cat "$work/down"
    rm -r "$work"
    exit $status
}
trap finish EXIT

# within SECONDS WHAT COMMAND...: try the command until it succeeds.
within() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || fail "not in time: $what"
        sleep 1
    done
    say "$what"
}
sql() { "${compose[@]}" exec -T database psql -U postgres -d roadworthy -Atqc "$1"; }
some() { [ "$(sql "SELECT count(*) > 0 FROM $1")" = t ]; }
page() { curl --fail --silent --output "$work/page" "http://127.0.0.1:$API_PORT$1"; }

say "building"
"${compose[@]}" build >"$work/build" 2>&1 || {
    tail -n 40 "$work/build" >&2
    fail "the image can't be built (no registry to be reached? See tests/standin-images.sh)"
}
say "starting"
began=$SECONDS
"${compose[@]}" up --detach --scale detectors=2 >"$work/up" 2>&1 || {
    cat "$work/up" >&2
    fail "not everything came up"
}
say "up and healthy after $((SECONDS - began)) s"

within 30 "/health answers" page /health
within 10 "the sign-in page answers" page /sign-in
grep -q 'type="password"' "$work/page" || fail "the sign-in page asks for no password"

# A car of its own, that signs in at the broker as any gateway would.
vin=WVWZZZ1KZAW000001
password=$("${compose[@]}" exec -T broker-users python -c "
import os; from record.broker import vehicle_password
print(vehicle_password(os.environ['MQTT_VEHICLE_SECRET'], '$vin'))")
sql "INSERT INTO vehicle (vin, dealer_id) SELECT '$vin', min(id) FROM dealer"
users() { "${compose[@]}" exec -T broker-users grep -q "^$vin:" /broker/passwords; }
within 30 "a registered car may sign in" users
sleep 3 # the broker looks for new users every second

now_ms=$(sql "SELECT (extract(epoch FROM coalesce(
    (SELECT base_time + (now() - base_wall) * rate FROM clock), now())) * 1000)::bigint")
publish() { # AS PASSWORD TOPIC MESSAGE
    "${compose[@]}" exec -T broker mosquitto_pub -V mqttv5 -q 1 -u "$1" -P "$2" -t "$3" -m "$4"
}
frame="{\"ts\": $now_ms, \"seq\": 1, \"signals\": {\"Vehicle.LowVoltageBattery.CurrentVoltage\": 12.5}}"
publish $vin "$password" "vehicles/$vin/frames" "$frame"
stored() { some "telemetry JOIN vehicle ON vehicle.id = vehicle_id WHERE vin = '$vin' AND battery_voltage_v = 12.5"; }
within 30 "its frame is stored" stored
if publish $vin wrong "vehicles/$vin/frames" "$frame" 2>/dev/null; then
    fail "the broker let a car in with a wrong password"
fi
say "a wrong password is refused"
other=$(sql "SELECT vin FROM vehicle WHERE vin <> '$vin' ORDER BY id LIMIT 1")
publish $vin "$password" "vehicles/$other/frames" \
    '[{"ts": 1, "seq": 1, "signals": {"Vehicle.Speed": 99}}]' || true
sleep 3
if some "quarantine WHERE topic = 'vehicles/$other/frames' AND ts < '1980-01-01'"; then
    fail "a car spoke under another car's VIN"
fi
say "a car can't speak for another"

within 180 "an alert appears" some alert
within 180 "a message is sent" some "outreach WHERE state IN ('sent', 'delivered')"
say "$(sql "SELECT format('%s frames, %s findings, %s alerts, %s messages, %s replies, %s bookings',
    (SELECT count(*) FROM telemetry), (SELECT count(*) FROM finding), (SELECT count(*) FROM alert),
    (SELECT count(*) FROM outreach WHERE state IN ('sent', 'delivered')),
    (SELECT count(*) FROM reply), (SELECT count(*) FROM booking))")"
say "TimescaleDB edition: $(sql "SHOW timescaledb.license")"

restarts=$(docker ps --all --quiet --filter "label=com.docker.compose.project=roadworthytest$$" |
    xargs docker inspect --format '{{.Name}} {{.RestartCount}}' | grep -v ' 0$' || true)
[ -z "$restarts" ] || fail "restarted by itself: $restarts"
echo "✓ docker-compose.yml works"
