#!/bin/sh
# Downloads the Debian packages that hold the text and unpacks them into $1/root. Installs nothing.
set -eu
mkdir -p "$1" && cd "$1"
apt-get download -q bible-kjv-text bible-kjv wordnet-base r-cran-janeaustenr sqlite3-doc \
    postgresql-doc-15 python3.11-doc
for deb in *.deb; do dpkg -x "$deb" root; done
root/usr/bin/bible -p "$PWD/root/usr/lib" -f 'gen1:1-rev22:21' > root/kjv.txt
