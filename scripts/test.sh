#!/usr/bin/env bash
# test.sh: every test with the race detector on both databases, then what depends
# on the clock of the machine in two other zones, then each fuzz target briefly.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/need.sh
# The suites for PostgreSQL, Redis, SMTP and Node fail, and do not skip, when they have none.
export TEST_REQUIRE_POSTGRES=1 TEST_REQUIRE_REDIS=1 TEST_REQUIRE_SMTP=1 TEST_REQUIRE_NODE=1 CGO_ENABLED=1
# SQLite is C that was translated: checking each of its pointers finds nothing and
# takes a third of the time. It still has to be built with -race: a generic function
# of the standard library that it shares with the program would be linked without,
# and races reported that are none. In GOFLAGS it also is for the program that tests build.
GOFLAGS="${GOFLAGS:-} -gcflags=modernc.org/...=-d=checkptr=0" \
	scripts/with-postgres.sh go test -race -timeout 20m "$@" ./...

# Uncached, since what a result depends on does not include the zone.
for zone in UTC Asia/Tokyo; do
	TZ=$zone go test -count=1 ./internal/date/... ./internal/money/... ./internal/rental/...
done

FUZZTIME=${FUZZTIME:-3s} scripts/fuzz.sh
