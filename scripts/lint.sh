#!/usr/bin/env bash
# lint.sh: what can be said about the code without running it. The tools are run
# at fixed versions and are no part of the program's go.mod.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

gofumpt=mvdan.cc/gofumpt@v0.12.0
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
compose=github.com/compose-spec/compose-go/v2/cmd@v2.16.2
status=0

# check runs a command and tells only of its failure.
check() { # name command...
	local name=$1 out
	shift
	if ! out=$("$@" 2>&1); then
		printf 'lint: %s:\n%s\n' "$name" "$out" >&2
		status=1
	fi
}

# formatted fails with the difference that gofumpt would make.
# shellcheck disable=SC2317 # called by check
formatted() {
	local diff
	diff=$(go run "$gofumpt" -d . 2>&1) && [ -z "$diff" ] && return
	echo "$diff"
	echo 'make fmt mends this'
	return 1
}

# shells parses every shell script, and lets shellcheck read it where there is one.
# shellcheck disable=SC2317 # called by check
shells() {
	local file bad=0
	while IFS= read -r file; do
		head -n1 "$file" | grep -q '^#!.*sh$' || continue
		bash -n "$file" || bad=1
		! command -v shellcheck >/dev/null || shellcheck "$file" || bad=1
	done < <(find scripts .ci bench deploy -type f 2>/dev/null)
	return "$bad"
}

check gofumpt formatted
check 'go vet' go vet ./...
check staticcheck go run "$staticcheck" ./...
check 'go mod verify' go mod verify
check 'go mod tidy' go mod tidy -diff
check 'shell scripts' shells
check 'deploy/compose.yaml' go run "$compose" deploy/compose.yaml
exit "$status"
