#!/usr/bin/env bash
# postgres-bin.sh: prints the folder of the newest PostgreSQL server programs
# that are at least version 15, or fails. Debian keeps them outside of PATH.
set -euo pipefail

complete() { # tells whether folder $1 has all that the tests run
	local program
	for program in initdb postgres pg_ctl createdb; do
		[ -x "$1/$program" ] || return 1
	done
}

version() { # of the initdb in folder $1
	"$1/initdb" --version 2>/dev/null | sed -nE 's/.* ([0-9]+)[^ ]*( \(.*)?$/\1/p'
}

best='' newest=14
for folder in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
	complete "$folder" || continue
	found=$(version "$folder")
	if [ "${found:-0}" -gt "$newest" ]; then
		best=$folder newest=$found
	fi
done
[ -n "$best" ] || exit 1
echo "$best"
