#!/usr/bin/env bash
# smtp-sink.sh: prints the path of smtp-sink, the server of Postfix that takes
# every mail and delivers none, or fails. Where it is not installed, Debian's
# package is unpacked into a cache of the user, once; nothing is installed.
set -euo pipefail

for found in "$(command -v smtp-sink || true)" /usr/sbin/smtp-sink; do
	[ ! -x "$found" ] || { echo "$found"; exit 0; }
done

cache=${XDG_CACHE_HOME:-$HOME/.cache}/cartracker
sink=$cache/postfix/smtp-sink
if [ -x "$sink" ]; then
	echo "$sink"
	exit 0
fi

for tool in apt-get dpkg; do
	command -v "$tool" >/dev/null || { echo "There is no smtp-sink: install the programs of Postfix" >&2; exit 1; }
done

mkdir -p "$cache"
work=$(mktemp -d "$cache/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT

# fetch asks for fresh lists only if the package cannot be had with the old ones.
fetch() {
	apt-get -qq -o APT::Sandbox::User=root download postfix || { apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download postfix; }
}

cd "$work"
if ! fetch >log 2>&1 || ! dpkg -x postfix_*.deb postfix >>log 2>&1; then
	cat log >&2
	echo "The package postfix could not be unpacked for smtp-sink" >&2
	exit 1
fi
cat >postfix/smtp-sink <<END
#!/bin/sh
LD_LIBRARY_PATH=$cache/postfix/usr/lib/postfix exec $cache/postfix/usr/sbin/smtp-sink "\$@"
END
chmod 755 postfix/smtp-sink
if LD_LIBRARY_PATH=postfix/usr/lib/postfix ldd postfix/usr/sbin/smtp-sink | grep 'not found' >&2; then
	echo "smtp-sink lacks these libraries" >&2
	exit 1
fi
# Somebody else may have been faster.
mv -T postfix "$cache/postfix" 2>/dev/null || [ -x "$sink" ]
echo "$sink"
