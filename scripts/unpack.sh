#!/usr/bin/env bash
# unpack.sh PACKAGE: prints the folder in which the files of a package of Debian
# are, or fails. They are unpacked into a cache of the user, once; nothing is
# installed.
set -euo pipefail

package=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cartracker
if [ -d "$cache/$package" ]; then
	echo "$cache/$package"
	exit 0
fi

for tool in apt-get dpkg; do
	command -v "$tool" >/dev/null || { echo "There is no $tool to get the package $package with: install it" >&2; exit 1; }
done

mkdir -p "$cache"
work=$(mktemp -d "$cache/unpack.XXXXXX")
trap 'rm -rf "$work"' EXIT

# fetch asks for fresh lists only if the package cannot be had with the old ones.
fetch() {
	apt-get -qq -o APT::Sandbox::User=root download "$package" || { apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download "$package"; }
}

cd "$work"
if ! fetch >log 2>&1 || ! dpkg -x "$package"_*.deb files >>log 2>&1; then
	cat log >&2
	echo "The package $package could not be unpacked" >&2
	exit 1
fi
# Somebody else may have been faster.
mv -T files "$cache/$package" 2>/dev/null || [ -d "$cache/$package" ]
echo "$cache/$package"
