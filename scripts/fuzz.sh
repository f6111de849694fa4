#!/usr/bin/env bash
# fuzz.sh: runs each fuzz target for FUZZTIME (1m unless told).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
span=${FUZZTIME:-1m}
made=$(mktemp -d)
log=$made/log
trap 'rm -rf "$made"' EXIT

# Only packages whose tests mention one are built to be asked.
folders=$({ grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . || true; } | xargs -r -n1 dirname | sort -u)

# run fuzzes target $2 of the package in folder $1, which was built once for all
# of them. What is of interest is kept where go test keeps it. Go's fuzzer sometimes
# calls the end of its own time a failure; that, and only that, is tried again.
run() {
	local try
	for try in 1 2 3; do
		if (cd "$1" && "$made/fuzz.test" -test.run '^$' -test.fuzz "^$2\$" -test.fuzztime "$span" -test.fuzzcachedir "$kept/${1#./}") >"$log" 2>&1; then
			echo "ok	$1 $2"
			return 0
		fi
		if grep -q 'Failing input written' "$log" || ! grep -q 'context deadline exceeded' "$log"; then
			break
		fi
	done
	cat "$log"
	echo "FAIL	$1 $2 (try $try)"
	return 1
}

kept=$(go env GOCACHE)/fuzz/$(go list -m)
status=0
for folder in $folders; do
	go test -c -vet=off -fuzz . -o "$made/fuzz.test" "$folder"
	targets=$("$made/fuzz.test" -test.list '^Fuzz')
	for target in $(grep '^Fuzz' <<<"$targets" || true); do
		run "$folder" "$target" || status=1
	done
done
exit "$status"
