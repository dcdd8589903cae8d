# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A gateway in commit mode with a device before it and a host behind it, whose packets are watched, for the tests of attacks.
# Sourced after `guarded_inside "$0" "$@"`, as process 1 of namespaces of its own. Gives: $repo (a clone that people work in), $bare (what the
# gateway fetches), keys in $keys, and the functions below.

guarded_inside() { # SCRIPT ARGUMENTS...: again in namespaces of our own
	local script=$1
	if [ "$(id -u)" -ne 0 ]; then
		echo "1..0 # SKIP needs root: $(basename "$script") makes namespaces"
		exit 0
	fi
	if [ "${2:-}" != inside ]; then
		B=$(realpath "${B:-build}") exec unshare --net --mount --pid --fork --kill-child --mount-proc "$BASH" "$script" inside
	fi
}

guarded_begin() {
	export LC_ALL=C.UTF-8 LOG_LEVEL=error PATH=$PATH:/usr/sbin:/sbin
	work=/run/guarded
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p "$work/keys" /run/wireguard /run/netns
	# shellcheck source=tests/e2e/network.bash
	. tests/e2e/network.bash
	export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$work
	export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
	repo=$work/repo bare=$work/forge.git keys=$work/keys state=$work/state socket=$work/ctl.sock log=$work/log
	local who
	for who in alice bob mallory old; do ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$keys/$who" </dev/null; done
	make_network
	if ! in_ns gw wg show wg0 >/dev/null 2>&1; then
		echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
		exit 0
	fi
	make_tree
	write_config
	start_yettd
	waits_for serial_is 1
	result $? 'the first commit, signed by whom the gateway knows, comes into force' <"$log"
	device_by_tree
	start_watching
	reaches_wiki && ! reaches_other
	result $? 'the device reaches what it may and nothing else' <"$log"
}

make_network() {
	local i=0 name
	ip link set lo up
	ip link add internet type bridge
	ip link set internet up
	for name in gw laptop; do
		i=$((i + 1))
		make_ns "$name"
		plug_in "$name" "$i"
		(umask 077 && wg genkey >"$keys/$name")
		wg pubkey <"$keys/$name" >"$keys/$name.pub"
		start_wireguard "$name"
	done
	make_ns wiki
	ip link add lan netns gw type veth peer name lan netns wiki
	ip -n gw addr add 192.168.10.1/24 dev lan
	ip -n wiki addr add 192.168.10.20/24 dev lan
	ip -n gw link set lan up
	ip -n wiki link set lan up
	ip -n wiki route add default via 192.168.10.1
	ip netns exec gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

signers_line() { # NAME [OPTIONS]: a line of allowed_signers
	echo "$1 ${2:-namespaces=\"git\"} $(cut -d' ' -f1,2 "$keys/$1.pub")"
}

make_tree() {
	git init -q --bare -b main "$bare"
	git init -q -b main "$repo"
	git -C "$repo" config gpg.format ssh
	git -C "$repo" remote add origin "$bare"
	mkdir -p "$repo/trust" "$repo/policies"
	cat >"$repo/net.yaml" <<-END
		kind: Network
		name: example
		pools: [10.7.0.0/24]
		---
		kind: Site
		name: office
		networks: [192.168.10.0/24]
		---
		kind: Gateway
		name: gw
		site: office
		endpoint: 192.0.2.1:51820
		public_key: $(cat "$keys/gw.pub")
		addresses: [10.7.0.1]
		---
		kind: User
		name: ana
		---
		kind: Resource
		name: wiki
		addresses: [192.168.10.20]
		ports: [udp/443]
		---
		kind: Resource
		name: other
		addresses: [192.168.10.20]
		ports: [udp/80]
	END
	cat >"$repo/devices.yaml" <<-END
		kind: Device
		name: laptop
		owner: ana
		public_key: $(cat "$keys/laptop.pub")
		addresses: [10.7.0.11]
	END
	cat >"$repo/policies/wiki.yaml" <<-END
		kind: Policy
		name: wiki
		from: [user:ana]
		to: [resource:wiki]
	END
	cat >"$repo/trust/trust.yaml" <<-END
		format: 1
		mode: commit
		repo-id: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
		version: 1
		root: {threshold: 1, members: [alice]}
		roles:
		  netops: {threshold: 1, members: [alice, bob, old]}
		  security: {threshold: 1, members: [alice]}
		  hardware: {threshold: 1, members: [alice], require-hardware: true}
		rules:
		  - {paths: ["policies/**"], roles: [security]}
		  - {paths: ["hardware/**"], roles: [hardware]}
		  - {paths: ["**"], roles: [netops]}
		ignore: ["docs/**"]
	END
	{
		signers_line alice
		signers_line bob
		signers_line old 'namespaces="git",valid-before="20200101Z"'
		signers_line mallory 'namespaces="tick@yett"'
	} >"$repo/trust/allowed_signers"
	signers_line alice >"$work/allowed_signers"
	git -C "$repo" add -A
	sign alice first
	push
}

# What people do in the clone.
sign() { # WHO MESSAGE: everything that changed
	git -C "$repo" add -A
	git -C "$repo" -c user.signingkey="$keys/$1" commit -q -S --allow-empty -m "$2"
}
push() { git -C "$repo" push -q --force origin HEAD:main; }
serve() { # COMMIT: what the forge shows from now on, whatever it is
	git --git-dir="$bare" fetch -q --force "$repo" "+$1:refs/heads/main" 2>/dev/null || git --git-dir="$bare" update-ref refs/heads/main "$1"
}
id_of() { git -C "$repo" rev-parse "$1"; }
opens_other() { # the change that an attacker wants: access to what nobody may reach
	printf 'kind: Policy\nname: other\nfrom: [user:ana]\nto: [resource:other]\n' >"$repo/${1:-policies/other.yaml}"
}
begin_anew() { # the clone as it is in force
	git -C "$repo" reset -q --hard in-force
	git -C "$repo" clean -qfdx
}
accept() { # WHO: what changed comes into force
	sign "$1" "by $1" && push && ctl sync >"$work/said" 2>&1 && git -C "$repo" tag -f in-force >/dev/null
}

write_config() { # [LINE]...
	{
		printf '%s\n' "gateway: gw" "repository: file://$bare" "private_key_file: $keys/gw" "state_dir: $state" \
			"control_socket: $socket" "interval: 1h"
		if [ $# -gt 0 ]; then printf '%s\n' "$@"; else echo "trust: {mode: commit, allowed_signers: $work/allowed_signers}"; fi
	} >"$work/yettd.yaml"
}
start_yettd() {
	# shellcheck disable=SC2154 # make_ns sets it
	nsenter --target "$pid_gw" --net --mount -- "$B/yettd" --config="$work/yettd.yaml" 2>>"$log" &
	daemon=$! # of itself: in_ns would be a shell around it
	waits_for ctl status
}
stop_yettd() {
	kill "$daemon" && wait "$daemon" 2>/dev/null
	waits_for test ! -S "$socket"
}
ctl() { in_ns gw "$B/yettctl" --socket="$socket" "$@"; }
json() { ctl --format=json status | jq -r "$1"; } # FILTER over the status
waits_for() { # COMMAND... within 20 s
	for _ in $(seq 200); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	"$@"
}
serial_is() { [ "$(json .trust.serial)" = "$1" ]; }
rejected() { json ".counters.rejected.$1 // 0"; } # CODE: how often
said() { grep -aqE -- "$1" "$log"; }

# The device's own side, by the profile that the tree compiles to.
device_by_tree() {
	"$B/yett" build --quiet -C "$repo" "$work/out" 2>>"$log" || "$B/yett" build --quiet -C "$repo" -o "$work/out"
	device_by_profile laptop "$work/out"
	waits_for handshaken laptop
}

# A watcher sends to both ports all the time; what nobody may reach never answers.
start_watching() {
	cat >"$work/watch.py" <<-'END'
		import socket, sys, time
		if sys.argv[1] == "serve":
		    import selectors
		    sel = selectors.DefaultSelector()
		    for port in (443, 80):
		        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		        s.bind(("0.0.0.0", port))
		        sel.register(s, selectors.EVENT_READ)
		    while True:
		        for key, _ in sel.select():
		            data, peer = key.fileobj.recvfrom(100)
		            key.fileobj.sendto(data, peer)
		def ask(port, wait):
		    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    s.settimeout(wait)
		    s.sendto(b"hello", ("192.168.10.20", port))
		    try:
		        return s.recv(100) == b"hello"
		    except OSError:
		        return False
		if sys.argv[1] == "ask":
		    sys.exit(not any(ask(int(sys.argv[2]), 1) for _ in range(int(sys.argv[3]))))
		answered = lost = leaked = 0
		while True:
		    if ask(443, 1): answered += 1
		    else: lost += 1
		    leaked += ask(80, 0.1)
		    with open(sys.argv[2] + ".new", "w") as f: f.write(f"{answered} {lost} {leaked}\n")
		    import os; os.rename(sys.argv[2] + ".new", sys.argv[2])
		    time.sleep(0.05)
	END
	in_ns wiki /usr/bin/python3 "$work/watch.py" serve &
	waits_for reaches_wiki
	in_ns laptop /usr/bin/python3 "$work/watch.py" watch "$work/watched" &
	waits_for test -s "$work/watched"
}
reaches_wiki() { in_ns laptop /usr/bin/python3 "$work/watch.py" ask 443 10; }
reaches_other() { in_ns laptop /usr/bin/python3 "$work/watch.py" ask 80 1; }

# The heart of every attack: the branch shows COMMIT; the gateway says CODE, counts it, and stays what it was.
attack() { # NAME CODE COMMIT
	local name=$1 code=$2 before plan serial commit
	before=$(rejected "$code") plan=$(json .plan) serial=$(json .trust.serial) commit=$(json .commit)
	: >"$log"
	serve "$3"
	ctl sync >"$work/said" 2>&1
	{
		cat "$work/said"
		cat "$log"
	} >"$work/told"
	grep -q "$code" "$work/told"
	result $? "$name: $code is told" <"$work/told"
	[ "$(json .plan) $(json .trust.serial) $(json .commit)" = "$plan $serial $commit" ]
	result $? "$name: what was in force stays" <"$work/told"
	[ "$(rejected "$code")" -eq $((before + 1)) ]
	result $? "$name: it is counted" < <(json .counters; cat "$work/told")
	reaches_wiki && ! reaches_other
	result $? "$name: packets pass as before" <"$work/told"
}

guarded_end() {
	local answered lost leaked
	read -r answered lost leaked <"$work/watched"
	[ "$leaked" -eq 0 ] && [ "$answered" -gt 0 ]
	result $? "all the while nothing came through that nobody may reach ($answered answered, $lost lost)" <"$work/watched"
	stop_yettd
	echo "1..$n"
	exit $status
}
