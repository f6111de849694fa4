#!/usr/bin/env bash
# with-postgres.sh CMD...: runs CMD beside a PostgreSQL of its own, which is gone
# afterwards whatever happens, and exits as CMD did. CMD finds in its environment:
#
#   TEST_POSTGRES_URL   of an empty database whose user may do everything
#   TEST_POSTGRES_DATA  the data directory. The first line of its postmaster.pid is
#                       what to kill. To start the server again, run it as a child
#                       and wait for it: $TEST_POSTGRES_BIN/postgres -D this
#   TEST_POSTGRES_BIN   the folder of the server's programs
#   TEST_POSTGRES_USER  the user of the machine who must run them
#   TEST_POSTGRES_LOG   what the server logs
#
# PG_FSYNC=on makes commits wait for the disk. By default they do not: what a
# killed server had committed is safe without, and tests are faster.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")

[ $# -gt 0 ] || { echo "usage: with-postgres.sh CMD..." >&2; exit 2; }
bin=$("$here/postgres-bin.sh") || { echo "There is no PostgreSQL 15 or newer: run scripts/need.sh" >&2; exit 1; }
durable=${PG_FSYNC:-off}
owner=$(id -un)
if [ "$(id -u)" = 0 ]; then
	owner=postgres # the server refuses to run as root
	id "$owner" >/dev/null 2>&1 || { echo "There is no user postgres to run the server as" >&2; exit 1; }
fi

# as_owner runs a command as the user who owns the server.
as_owner() {
	if [ "$(id -u)" != 0 ]; then
		(cd "$folder" && "$@")
	elif command -v setpriv >/dev/null; then
		(cd "$folder" && HOME=$folder setpriv --reuid "$owner" --regid "$(id -g "$owner")" --init-groups "$@")
	else
		(cd "$folder" && HOME=$folder runuser -u "$owner" -- "$@")
	fi
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/cartracker-pg.XXXXXX")
folder=$(cd "$folder" && pwd -P)
data=$folder/data log=$folder/log child='' signal=0

# shellcheck disable=SC2317 # called by a trap
finish() {
	local status=$?
	trap '' INT TERM HUP
	trap - EXIT
	if [ -s "$data/postmaster.pid" ]; then
		as_owner "$bin/pg_ctl" -D "$data" -m immediate -t 30 -w stop >/dev/null 2>&1 || true
	fi
	rm -rf "$folder" || { sleep 1 && rm -rf "$folder"; } # a killed server's last children write
	exit "$status"
}
trap finish EXIT

# caught passes a signal on to CMD, and ends this if there is none yet.
# shellcheck disable=SC2317 # called by a trap
caught() { # name number
	signal=$((128 + $2))
	if [ -n "$child" ]; then
		kill -s "$1" -- "-$child" 2>/dev/null || true
	else
		exit "$signal"
	fi
}
trap 'caught INT 2' INT
trap 'caught TERM 15' TERM
trap 'caught HUP 1' HUP

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
(umask 077 && echo "$password" >"$folder/password")
: >"$log"
[ "$(id -u)" != 0 ] || chown -R "$owner" "$folder"

if ! as_owner "$bin/initdb" -D "$data" -U cartracker --pwfile "$folder/password" --auth scram-sha-256 \
	-E UTF8 --locale C.UTF-8 --no-sync >"$log.initdb" 2>&1; then
	cat "$log.initdb" >&2
	exit 1
fi
echo "include 'test.conf'" >>"$data/postgresql.conf"

settings() { # for port $1
	local sockets=$folder
	[ "${#folder}" -le 80 ] || sockets='' # a socket's path is at most 107 bytes
	cat <<-END
		listen_addresses = '127.0.0.1'
		port = $1
		unix_socket_directories = '$sockets'
		max_connections = 300
		fsync = $durable
		synchronous_commit = on
		full_page_writes = $durable
		jit = off
		timezone = 'UTC'
		lc_messages = 'C'
	END
}

# launch runs the server as a child of this, since in a container nobody else may
# collect it once it is killed, and tells whether it came up. Its process group is
# its own: Ctrl-C is for CMD.
launch() {
	set -m
	as_owner "$bin/postgres" -D "$data" >>"$log" 2>&1 </dev/null &
	set +m
	local server=$! tries=600
	disown "$server"
	while kill -0 "$server" 2>/dev/null; do
		if sed -n 8p "$data/postmaster.pid" 2>/dev/null | grep -q '^ready'; then
			return 0
		fi
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
	return 1
}

# start takes a port at random, below those that the system gives to clients,
# and another one if somebody was faster.
start() {
	local try
	for try in 1 2 3 4 5 6 7 8 9 10; do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		: >"$log"
		settings "$port" >"$data/test.conf"
		if launch; then
			return 0
		fi
		grep -q 'could not bind' "$log" || break
	done
	cat "$log" >&2
	echo "PostgreSQL did not start (try $try)" >&2
	return 1
}
start

export PGPASSWORD=$password
as_owner "$bin/createdb" -h 127.0.0.1 -p "$port" -U cartracker cartracker
unset PGPASSWORD
export TEST_POSTGRES_URL="postgres://cartracker:$password@127.0.0.1:$port/cartracker?sslmode=disable"
export TEST_POSTGRES_DATA=$data TEST_POSTGRES_BIN=$bin TEST_POSTGRES_USER=$owner TEST_POSTGRES_LOG=$log

# On a terminal CMD may want to read from it, so it stays in the foreground,
# where Ctrl-C reaches it without us.
if [ -t 0 ]; then
	status=0
	"$@" || status=$?
	exit $((signal ? signal : status))
fi

set -m # a process group of its own, so that a signal reaches all of CMD
"$@" <&0 &
child=$!
set +m
while :; do
	status=0
	wait "$child" || status=$?
	kill -0 "$child" 2>/dev/null || break # else a signal ended the wait, not CMD
done
exit $((signal ? signal : status))
