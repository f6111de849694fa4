#!/usr/bin/env bash
# test.sh: every test with the race detector on both databases, then what depends
# on the clock of the machine in two other zones, then each fuzz target briefly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/need.sh

# What tests write is gone a moment later, and no test looks whether it reached the
# disk: where there is room it stays in memory. A PostgreSQL alone makes and removes
# a hundred thousand files. The name is always the same, or no result would be kept.
memory=/dev/shm/cartracker-test-$(id -u)
if [ "$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n1)" -ge 6000 ] 2>/dev/null && mkdir -p "$memory" &&
	echo exit >"$memory/try" && chmod 700 "$memory/try" && "$memory/try" 2>/dev/null; then
	rm "$memory/try"
	trap 'rmdir --ignore-fail-on-non-empty "$memory"' EXIT
	chmod 1777 "$memory" # as /tmp is: servers run as other users
	export GOTMPDIR=${GOTMPDIR:-${TMPDIR:-/tmp}} TMPDIR=$memory # what is built is large
fi
# The suites for PostgreSQL, Redis, SMTP, Node, nginx, systemd and Prometheus fail, and do not skip, when they have none.
export TEST_REQUIRE_POSTGRES=1 TEST_REQUIRE_REDIS=1 TEST_REQUIRE_SMTP=1 TEST_REQUIRE_NODE=1 TEST_REQUIRE_NGINX=1 TEST_REQUIRE_SYSTEMD=1 TEST_REQUIRE_PROMETHEUS=1 CGO_ENABLED=1
# To check each pointer finds nothing, since what uses unsafe is not ours, and takes
# a twentieth of the time, in SQLite, which is C that was translated, a third. That one
# still has to be built with -race: a generic function of the standard library that
# it shares with the program would be linked without, and races reported that are
# none. In GOFLAGS it also is for the program that tests build. Programs that were
# built with -race wait for a second before they exit, and tests start hundreds.
export GORACE="atexit_sleep_ms=50 ${GORACE:-}" GOGC=${GOGC:-400}
GOFLAGS="${GOFLAGS:-} -gcflags=all=-d=checkptr=0" \
	scripts/with-postgres.sh go test -race -vet=off -timeout 20m "$@" ./internal/app ./internal/store ./...

# Uncached, since what a result depends on does not include the zone.
for zone in UTC Asia/Tokyo; do
	TZ=$zone go test -count=1 ./internal/date/... ./internal/money/... ./internal/rental/...
done

# What the race detector would spoil: how much memory an idle client takes.
go test -count=1 -run '^TestIdle$' ./internal/socketio/engine

FUZZTIME=${FUZZTIME:-3s} scripts/fuzz.sh
