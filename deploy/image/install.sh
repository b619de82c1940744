#!/bin/sh
# Makes a Debian system that holds what dmthin needs and little else. Runs in the image while it is built: install.sh LIST-OF-PACKAGES
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

missing=
for package in $(cat "$1"); do is_installed "$package" || missing="$missing $package"; done
if [ -n "$missing" ]; then
  apt-get -q update
  # shellcheck disable=SC2086 # a list
  apt-get -q install -y --no-install-recommends $missing
fi

# Nothing is ever installed here again, so what only serves that goes; so do Python and ICU, which only xfs_scrub takes, and what
# only people who log in need. dpkg's list of packages stays true: scanners read it.
# shellcheck disable=SC2016 # dpkg-query expands it
unused=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
  'apt*' 'libapt-pkg*' 'debian-archive-keyring' 'sqv' 'gpgv' 'libgmp10' 'libhogweed*' 'libnettle*' \
  'python3*' 'libpython3*' 'libdbus-1-3' 'libglib2.0-0*' 'libicu*' 'libsqlite3-0' 'libexpat1' 'media-types' 'tzdata' \
  'login' 'passwd' 'libpam-*' 'libsemanage*' 'libsepol*' 'debconf*' 'perl-base' 2>/dev/null | sed -n 's/ installed$//p')
# Their own scripts call each other, and have nothing to do in a system that never ran.
for package in $unused; do rm -f "/var/lib/dpkg/info/$package".prerm "/var/lib/dpkg/info/$package".postrm "/var/lib/dpkg/info/$package":*.p*rm; done
# shellcheck disable=SC2086 # a list
dpkg --purge --force-depends --force-remove-essential --force-remove-protected $unused >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
rm -rf /usr/lib/python3* /usr/share/python3* /usr/sbin/xfs_scrub /usr/sbin/xfs_scrub_all

echo 'dmthin:x:65532:65532:dmthin:/:/usr/sbin/nologin' >>/etc/passwd
echo 'dmthin:x:65532:' >>/etc/group

find / -xdev -perm /6000 -type f -exec chmod ug-s {} +

# What differs from one build to the next, and what names the machine that built it.
rm -rf /etc/apt /var/lib/apt /var/cache/* /var/log/* /run/* /tmp/* /usr/share/man /usr/share/locale /usr/share/info /usr/share/lintian
rm -f /etc/machine-id /etc/*- /var/lib/dpkg/*-old /root/.*history
find /usr/share/doc -type f ! -name copyright -delete
find /usr/share/doc -depth -type d -empty -delete
