#!/bin/sh
# Unpacks libphonenumber from Debian's packages into a folder: its -dev package wants another Boost than ours, so that
# it cannot be installed. Nothing is installed or changed elsewhere.
#
#   bench/peers/libphonenumber.sh FOLDER      the headers are then in FOLDER/usr/include
set -eu
folder=$1
[ -e "$folder/usr/include/phonenumbers/phonenumberutil.h" ] && exit 0
mkdir -p "$folder"
cd "$folder"
packages="libphonenumber-dev libphonenumber8 libprotobuf-dev libprotobuf32 libicu72"
apt-get download -qq $packages 2>apt.log || {
  if [ "$(id -u)" = 0 ]; then apt-get update -qq; else sudo -n apt-get update -qq; fi
  apt-get download -qq $packages
}
for package in *.deb; do dpkg -x "$package" .; done
rm -f -- *.deb apt.log
