#!/usr/bin/env bash
# smtp-sink.sh: prints the path of smtp-sink, the server of Postfix that takes
# every mail and delivers none, or fails. Where it is not installed, Debian's
# package is unpacked.
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")

for found in "$(command -v smtp-sink || true)" /usr/sbin/smtp-sink; do
	[ ! -x "$found" ] || { echo "$found"; exit 0; }
done

files=$("$here/unpack.sh" postfix)
libraries=$files/usr/lib/postfix
if LD_LIBRARY_PATH=$libraries ldd "$files/usr/sbin/smtp-sink" | grep 'not found' >&2; then
	echo "smtp-sink lacks these libraries" >&2
	exit 1
fi
sink=$files/smtp-sink
if [ ! -x "$sink" ]; then
	made=$(mktemp "$sink.XXXXXX") # somebody else may do the same
	cat >"$made" <<END
#!/bin/sh
LD_LIBRARY_PATH=$libraries exec $files/usr/sbin/smtp-sink "\$@"
END
	chmod 755 "$made"
	mv "$made" "$sink"
fi
echo "$sink"
