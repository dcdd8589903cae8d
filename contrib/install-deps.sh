#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing to build, run and test yett, by Debian's package names.
#
#   contrib/install-deps.sh [build|demo|test|ci|vm]
#
# Nothing is downloaded when nothing is missing. Without apt, or without the right to use it, every missing
# thing gets one sentence, and the exit status is 1.
set -eu

what=${1:-test}

# One line a need: for what, how to see that it is there, Debian's package, what it is.
#   c:NAME  a program in PATH       h:FILE  a header       p:MODULE  a module of /usr/bin/python3
#   l:NAME  a library of pkg-config  r:NAME  a runtime library of clang
needs='
build c:gcc              gcc                 the C compiler
build c:make             make                GNU Make
build c:pkg-config       pkg-config          finds the libraries below
build h:stdio.h          libc6-dev           the C library headers
build l:yaml-0.1         libyaml-dev         reads YAML
build l:libgit2          libgit2-dev         reads git repositories
build l:jansson          libjansson-dev      reads and writes JSON
build l:libsodium        libsodium-dev       keys and digests
build l:nettle           nettle-dev          hashes of git objects
build l:libnftnl         libnftnl-dev        nftables over netlink
build l:libmnl           libmnl-dev          netlink
build l:libmicrohttpd    libmicrohttpd-dev   metrics over HTTP
demo  c:wg               wireguard-tools     shows and sets WireGuard devices
demo  c:wireguard-go     wireguard-go        WireGuard where the kernel has none
demo  c:nft              nftables            shows and loads firewall rules
demo  c:ip               iproute2            network namespaces
demo  c:ping             iputils-ping        echo requests
demo  c:git              git                 makes the repositories
demo  c:jq               jq                  reads JSON
demo  c:/usr/bin/python3 python3             small servers and measurements
test  h:cmocka.h         libcmocka-dev       unit tests
test  c:prove            perl                runs the tests
test  c:bats             bats                command line tests
test  c:promtool         prometheus          judges metrics and alert rules
test  c:curl             curl                asks for them
test  c:strace           strace              shows what an apply does
test  c:nginx            nginx-light         serves a repository over TLS
test  c:fcgiwrap         fcgiwrap            runs git-http-backend for it
test  c:sshd             openssh-server      serves a repository over ssh
test  c:openssl          openssl             makes certificates
test  c:systemd-analyze  systemd             judges the units
demo  c:ssh-keygen       openssh-client      signs commits
test  c:zsh            zsh                 its completion
test  c:fish           fish                its completion
test  c:node           nodejs              runs the YAML language server
test  c:npm            npm                 fetches the YAML language server
test  c:shellcheck       shellcheck          judges the scripts
test  p:yaml             python3-yaml        test generators
test  p:jsonschema       python3-jsonschema  judges the JSON Schema
test  c:clang            clang               the second compiler, and the one for fuzzing
test  r:fuzzer           libclang-rt-14-dev  what fuzzers and sanitizers link with
vm    c:qemu-system-x86_64 qemu-system-x86   emulates a machine with another kernel
vm    c:/bin/busybox     busybox-static      its first files
vm    c:cpio             cpio                packs them
vm    c:modprobe         kmod                finds kernel modules
vm    c:xz               xz-utils            unpacks kernel modules
vm    c:zstd             zstd                unpacks kernels
vm    c:lz4              lz4                 unpacks kernels
'

wanted() {
	case $what in
	build) [ "$1" = build ] ;;
	demo) [ "$1" = build ] || [ "$1" = demo ] ;;
	test) [ "$1" != ci ] && [ "$1" != vm ] ;;
	ci) [ "$1" != vm ] ;;
	vm) [ "$1" != ci ] ;;
	*)
		echo "install-deps.sh: '$what' is none of build, demo, test, ci, vm" >&2
		exit 2
		;;
	esac
}

# sbin is not in an ordinary user's PATH, and nft and ip live there.
PATH=$PATH:/usr/sbin:/sbin

present() {
	case $1 in
	c:*) command -v "${1#c:}" >/dev/null 2>&1 ;;
	h:*) [ -e "/usr/include/${1#h:}" ] || [ -e "/usr/local/include/${1#h:}" ] || header "${1#h:}" ;;
	l:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "${1#l:}" 2>/dev/null ;;
	r:*) runtime "${1#r:}" ;;
	p:*) [ -e "/usr/lib/python3/dist-packages/${1#p:}" ] || module "${1#p:}" ;;
	esac
}

header() {
	command -v "${CC:-cc}" >/dev/null 2>&1 && echo "#include <$1>" | "${CC:-cc}" -E -x c - >/dev/null 2>&1
}

runtime() {
	command -v clang >/dev/null 2>&1 &&
		[ -e "$(clang --print-file-name="libclang_rt.$1-$(uname -m).a")" ]
}

module() {
	[ -x /usr/bin/python3 ] && /usr/bin/python3 -c "import $1" >/dev/null 2>&1
}

packages='' sentences=''
while read -r stage probe package text; do
	[ -n "$stage" ] || continue
	wanted "$stage" || continue
	present "$probe" && continue
	packages="$packages $package"
	sentences="$sentences  ${probe#?:} is missing ($text): install the package $package, or what your system calls it
"
done <<EOF
$needs
EOF

[ -n "$packages" ] || exit 0

give_up() {
	echo "install-deps.sh: $1" >&2
	printf '%s' "$sentences" >&2
	exit 1
}

command -v apt-get >/dev/null 2>&1 || give_up 'this system has no apt-get, so these have to be installed by hand:'

root=''
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || give_up 'not root and no sudo here, so somebody who may has to install these:'
	root='sudo -n'
	$root true 2>/dev/null || { [ -t 0 ] && root=sudo; } || give_up 'sudo wants a password and there is no terminal; install these first:'
fi

echo "install-deps.sh: installing$packages" >&2
apt_get() {
	# shellcheck disable=SC2086  # $root is empty, or a command with options
	$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >&2
}
# shellcheck disable=SC2086  # a list of package names
if ! apt_get install -y --no-install-recommends $packages 2>/dev/null; then
	apt_get update || give_up 'apt-get update failed (see above), and these are missing:'
	# shellcheck disable=SC2086
	apt_get install -y --no-install-recommends $packages || give_up 'apt-get install failed (see above), and these are missing:'
fi
