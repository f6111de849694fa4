#!/usr/bin/env bash
# prometheus.sh: prints the folder of prometheus and promtool, or fails. Where
# they are not installed, Debian's package is unpacked.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
	dirname "$(command -v prometheus)"
	exit 0
fi
echo "$("$here/unpack.sh" prometheus)/usr/bin"
