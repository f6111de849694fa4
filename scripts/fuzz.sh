#!/usr/bin/env bash
# fuzz.sh: runs each fuzz target for FUZZTIME (1m unless told).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
span=${FUZZTIME:-1m}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Only packages whose tests mention one are built to be asked.
folders=$({ grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' . || true; } | xargs -r -n1 dirname | sort -u)

# run fuzzes target $2 of package $1. Go's fuzzer sometimes calls the end of its
# own time a failure; that, and only that, is tried again.
run() {
	local try
	for try in 1 2 3; do
		if go test -run '^$' -fuzz "^$2\$" -fuzztime "$span" "$1" >"$log" 2>&1; then
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

status=0
for folder in $folders; do
	targets=$(go test -list '^Fuzz' "$folder")
	for target in $(grep '^Fuzz' <<<"$targets" || true); do
		run "$folder" "$target" || status=1
	done
done
exit "$status"
