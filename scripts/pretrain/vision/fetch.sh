#!/bin/sh
# Downloads the packages that hold pictures, fonts and words and unpacks them into $1/root. Installs nothing.
set -eu
mkdir -p "$1/root" && cd "$1"
apt-get download -q dataset-fashion-mnist tuxpaint-stamps-default openclipart-png wordnet-base \
    fonts-dejavu-core fonts-liberation fonts-freefont-ttf fonts-comfortaa fonts-quicksand \
    fonts-inconsolata fonts-hack fonts-cantarell fonts-comic-neue fonts-jura fonts-dosis
for deb in *.deb; do dpkg -x "$deb" root; done
npm pack -s emoji-datasource-twitter@16.0.0
tar -xzf emoji-datasource-twitter-16.0.0.tgz -C root --wildcards \
    package/emoji.json 'package/img/twitter/64/*'
