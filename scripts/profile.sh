#!/usr/bin/env bash
# profile.sh: where the processor's time goes when a page of 100 cars is read from
# the database and when a contract is made, on each database: of all time in the
# program, how much is in a function and what it calls. It leaves the profiles and
# the program that they are of in bin/, for go tool pprof.
# profile.sh ADDRESS: the same of an instance that runs, whatever it does, for half a
# minute (SPAN, in seconds), through its private listener (METRICS_ADDR).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -n "${1:-}" ]; then
	mkdir -p bin
	curl --fail --silent --show-error --output bin/running.profile "http://$1/debug/pprof/profile?seconds=${SPAN:-30}"
	exec go tool pprof -top -cum -nodecount=60 bin/running.profile
fi

scripts/need.sh
mkdir -p bin
go test -c -o bin/bench.test ./bench
for engine in SQLite PostgreSQL; do
	for work in page contract; do
		profile=$PWD/bin/$engine-$work.profile
		(cd bench && ../scripts/with-postgres.sh ../bin/bench.test -test.run '^$' -test.benchtime 5s \
			-test.bench "^BenchmarkHandler\$/^$engine\$/^$work" -test.cpuprofile "$profile" | grep '^Benchmark')
		go tool pprof -top -cum -nodecount=250 bin/bench.test "$profile" 2>/dev/null |
			grep -E '\(\*API\).routed|\(\*Service\)\.|store.\(\*DB\).(query|exec|attempt|writeChanges)$|sql.\(\*Tx\).Commit$|sql.\(\*Rows\).(Next|Scan)$|encodePage|Feed\).look$|gcBgMarkWorker$' |
			cut -c1-110
	done
done
