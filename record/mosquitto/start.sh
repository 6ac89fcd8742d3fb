#!/bin/sh
# Starts Mosquitto when its users are known, and has it read them again whenever they change.
# `python -m record users` replaces the file, so a change shows in the inode.
users=/mosquitto/users/passwords

until [ -s $users ]; do
    sleep 1
done
read_now=$(ls -i $users)
mosquitto -c /mosquitto/config/mosquitto.conf &
mosquitto=$!
trap 'kill -TERM $mosquitto' TERM INT

while kill -0 $mosquitto 2>/dev/null; do
    sleep 1 &
    wait $!
    if [ "$(ls -i $users)" != "$read_now" ]; then
        read_now=$(ls -i $users)
        kill -HUP $mosquitto
    fi
done
wait $mosquitto
