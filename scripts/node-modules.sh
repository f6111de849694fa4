#!/usr/bin/env bash
# node-modules.sh: installs the reference client and server of Socket.IO, as their
# lock says and once, beside the programs that tests run with them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../internal/socketio/nodetest"
installed=node_modules/.installed

[ ! -e "$installed" ] || ! cmp -s package-lock.json "$installed" || exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier >"$log" 2>&1; then
	cat "$log" >&2
	echo "socket.io-client, for the tests of socketio, could not be installed by npm ci in $PWD" >&2
	exit 1
fi
cp package-lock.json "$installed"
