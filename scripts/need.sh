#!/usr/bin/env bash
# need.sh: sees to it that what the tests need beside Go is there: a C compiler
# (for the race detector), curl (for the README's session), the programs of
# PostgreSQL 15 or newer, redis-server, nginx, systemd-analyze (for the unit),
# Chromium (for the pages), Node with npm and socket.io-client, smtp-sink, and
# prometheus with promtool. What is missing is installed if this is root on Debian,
# else named; smtp-sink and prometheus are only unpacked into the user's cache, and
# socket.io-client into a folder of the repository. No database cluster is made, no server is started, and
# no file of the machine's owner is changed.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")
common=/etc/postgresql-common

headers() { # tells whether the C library can be compiled against
	if command -v "${CC:-gcc}" >/dev/null; then
		echo '#include <stdlib.h>' | "${CC:-gcc}" -E -x c - >/dev/null 2>&1
	else
		[ -e /usr/include/stdlib.h ]
	fi
}

browser() { # tells whether there is one that the tests can drive
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null
}

missing() { # prints the packages that are
	command -v "${CC:-gcc}" >/dev/null || echo gcc
	headers || echo libc6-dev
	command -v curl >/dev/null || echo curl
	"$here/postgres-bin.sh" >/dev/null || echo postgresql
	command -v redis-server >/dev/null || echo redis-server
	command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || echo nginx-light
	command -v systemd-analyze >/dev/null || echo systemd
	browser || echo chromium
	command -v node >/dev/null || echo nodejs
	command -v npm >/dev/null || echo npm
}

# unpack gets what is not of Debian's packages, or is not to be installed.
unpack() {
	"$here/smtp-sink.sh" >/dev/null
	"$here/prometheus.sh" >/dev/null
	"$here/node-modules.sh"
}

# may_install tells whether this can install without making a cluster: not if
# the owner's own defaults ask for one.
may_install() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	local conf=$common/createcluster.conf
	[ -e "$conf" ] || return 0
	! grep -Eqs '^[[:space:]]*create_main_cluster' "$conf" "$common"/createcluster.d/*.conf &&
		grep -Eqs "^[[:space:]]*include_dir[ =]*'$common/createcluster.d'" "$conf"
}

# Both files are there only while packages are installed.
no_cluster=$common/createcluster.d/zz-cartracker.conf
no_start=/usr/sbin/policy-rc.d
made=() # files and folders to be removed, in that order

tidy() {
	local path
	for path in "${made[@]}"; do
		if [ -d "$path" ]; then rmdir "$path" 2>/dev/null || true; else rm -f "$path"; fi
	done
}

keep_quiet() {
	local folder
	for folder in "$common" "$common/createcluster.d"; do
		[ -d "$folder" ] || { mkdir "$folder" && made=("$folder" "${made[@]}"); }
	done
	made=("$no_cluster" "${made[@]}")
	echo 'create_main_cluster = false' >"$no_cluster"
	if [ ! -e "$no_start" ]; then
		made=("$no_start" "${made[@]}")
		printf '#!/bin/sh\nexit 101\n' >"$no_start"
		chmod 755 "$no_start"
	fi
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# install asks for fresh lists only if the packages cannot be had with the old ones.
install() {
	apt install -y --no-install-recommends "$@" || { apt update && apt install -y --no-install-recommends "$@"; }
}

# keep_off lets no Redis and no nginx start when the machine does, if it was installed here.
keep_off() {
	case " $* " in *' redis-server '*) update-rc.d redis-server disable >/dev/null 2>&1 || true ;; esac
	case " $* " in *' nginx-light '*) update-rc.d nginx disable >/dev/null 2>&1 || true ;; esac
}

mapfile -t packages < <(missing)
if [ "${#packages[@]}" = 0 ]; then
	unpack
	exit
fi

if ! may_install; then
	echo "The tests need these packages, which are not installed: ${packages[*]}" >&2
	echo "On Debian and Ubuntu: sudo apt-get install --no-install-recommends ${packages[*]}" >&2
	exit 1
fi

echo "installing ${packages[*]}" >&2
log=$(mktemp)
trap 'tidy; rm -f "$log"' EXIT
trap 'exit 130' INT TERM HUP
keep_quiet
if ! install "${packages[@]}" >"$log" 2>&1; then
	cat "$log" >&2
	echo "These packages could not be installed: ${packages[*]}" >&2
	exit 1
fi
keep_off "${packages[@]}"
mapfile -t packages < <(missing)
if [ "${#packages[@]}" -gt 0 ]; then
	echo "Installed, but still not usable: ${packages[*]}. PostgreSQL must be 15 or newer." >&2
	exit 1
fi
unpack
