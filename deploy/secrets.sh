#!/usr/bin/env bash
# secrets.sh: makes the secrets of compose.yaml in deploy/secrets, each at random.
# What is there already stays as it is. Containers see the files themselves, as other
# users than the owner: the files can be read by all, and the folder by nobody else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p -m 0700 secrets
cd secrets
umask 022

# keep writes its input into a file, unless that is there.
keep() { # name
	[ -s "$1" ] || cat >"$1"
}

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

for name in access-token-secret database-password postgres-password repeater-password redis-password; do
	random | keep "$name"
done
password=$(cat database-password)
echo "postgres://cartracker:$password@primary:5432/cartracker?sslmode=disable" | keep database-url
echo "postgres://cartracker:$password@replica:5432/cartracker?sslmode=disable" | keep replica-urls
