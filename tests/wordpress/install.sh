#!/bin/sh
# Installs what a Debian 12 or 13 machine lacks, and only that, in one transaction:
#   install.sh base     python with venv
#   install.sh demo     and PHP for WordPress on SQLite
#   install.sh          and everything else: MariaDB, PostgreSQL, nginx, php-fpm, Chromium, a Korean font, wrk, gcc
set -eu
wanted=${1:-all}
missing=

need() { # need PACKAGE COMMAND...: notes the package unless the command succeeds
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}
has() { PATH="$PATH:/usr/sbin" command -v "$1"; }
php_has() { php -r 'exit((int) !extension_loaded($argv[1]));' "$1"; }
any() { # any FILE...: whether a pattern met at least one file
	[ -e "$1" ]
}

need python3-venv "${PYTHON3:-python3}" -c 'import ensurepip, venv'
need ca-certificates any /etc/ssl/certs/ca-certificates.crt
if [ "$wanted" != base ]; then
	need php-cli has php
	need php-sqlite3 php_has pdo_sqlite
	need php-curl php_has curl
	need php-mbstring php_has mbstring
	need php-xml php_has dom
fi
if [ "$wanted" = all ]; then
	need php-mysql php_has mysqli
	need php-fpm any /usr/sbin/php-fpm*
	need mariadb-server-core has mariadbd
	need mariadb-client-core has mariadb
	need nginx has nginx
	need postgresql any /usr/lib/postgresql/*/bin/postgres
	need libatomic1 any /usr/lib/*/libatomic.so.1
	need fonts-nanum any /usr/share/fonts/truetype/nanum/*
	need wrk has wrk
	need gcc has gcc
	need gettext has xgettext
	need libc6-dev any /usr/include/stdlib.h
	# The shell is quicker; the whole browser, on a screen, has a popup blocker.
	need chromium-headless-shell has chromium-headless-shell
	need chromium has chromium
	need xvfb has Xvfb
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "These packages are missing; as root, run: apt-get install$missing" >&2
	exit 1
fi
echo "Installing$missing"

# No daemon may start by itself: every stand starts its own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT INT TERM
fi

install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--path-exclude=/usr/share/man/* -o Dpkg::Options::=--path-exclude=/usr/share/doc/* \
		$missing
}
log=$(mktemp)
if ! install >"$log" 2>&1; then
	# The lists may be old or never fetched, and an older suite has no shell of the browser.
	apt-get update -qq
	apt-cache show chromium-headless-shell >/dev/null 2>&1 ||
		missing=$(echo "$missing" | sed 's/chromium-headless-shell//')
	if ! install >"$log" 2>&1; then
		cat "$log" >&2
		exit 1
	fi
fi
rm -f "$log"
