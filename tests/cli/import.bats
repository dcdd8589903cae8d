#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# import: WireGuard's own files and Tailscale policy files to trees that check; what is left out is named with its line.
load helper

WG=$ROOT/tests/data/wireguard
TS=$ROOT/tests/data/tailscale
KEY_A=TFlmmEUC7V7VtiDYLKsbP5rySTKLIZq1yn8lMqK83wo= # secrets of the published examples
KEY_B=2P/3ll/TxGTjGqwcWnqJMnjwPqGw7oX1RaXlPfsf2FQ=
KEY_C=WN+bvd3PCWs5Pk3bvl7abWR0c1L6PCWKYRX56mjVYGo=
PUB_PEER=vBN7qyUTb5lJtWYJ8LhbPio1Z4RcyBPGnqFBGn6O6Qg=
PUB_OTHER=BV5DjXeCugIrjvEZLo4sZ0hN5wveFTH8kOfZ1AIQ5js=

setup() {
	cd "$BATS_TEST_TMPDIR" || exit
}

wg_import() { # FILE...: into tree, which must check
	run -0 yett import wireguard "$@" -o tree
	"$YETT" check --quiet -C tree
}

ts_import() { # the policy on standard input, [OPTION]...: into tree, which must check
	cat >policy.hujson
	run -0 yett import tailscale policy.hujson -o tree "$@"
	"$YETT" check --quiet -C tree 2>check.log || { cat check.log; false; }
}

refused() { # TEXT in the message; the policy on standard input
	cat >policy.hujson
	run -1 yett import tailscale policy.hujson -o tree
	has "$1"
	has E_IMPORT
	[ ! -e tree ]
}

no_secret() { # of the files given: neither in the output nor in the tree
	local secret
	sed -n 's/^[#[:blank:]]*\(PrivateKey\|PresharedKey\)[[:blank:]]*=[[:blank:]]*//p' "$@" >secrets
	while read -r secret; do
		[[ "$output" != *"${secret%=}"* ]]
		[ ! -e tree ] || not grep -rqF "${secret%=}" tree
	done <secrets
}

not() { ! "$@"; } # that a bare ! fails is not seen

in_file() { # FILE TEXT
	grep -qF -- "$2" "$1" || { echo "not in $1: $2"; cat "$1"; false; }
}

# ---- WireGuard ----

@test "wireguard: a hub and its peers, each machine once, the hub as the gateway" {
	wg_import "$WG"/hub/*.conf
	no_secret "$WG"/hub/*.conf
	[ "$(find tree/devices -type f | wc -l)" -eq 4 ]
	in_file tree/gateways/public-server1.example-vpn.tld.yaml 'endpoint: public-server1.example-vpn.tld:51820'
	in_file tree/gateways/public-server1.example-vpn.tld.yaml 'public_key: "q/+jwmL5tNuYSB3z+t9Caj00Pc1YQ8zf+uNPu/UE1wE="'
	in_file tree/devices/laptop.example-vpn.dev.yaml "public_key: \"$PUB_OTHER\""
	in_file tree/network.yaml '  - 10.0.44.0/24'
	in_file tree/network.yaml 'keepalive: 25s'
	run -0 yett can -C tree laptop.example-vpn.dev 10.0.44.3 tcp/22
	has 'path: public-server1'
}

@test "wireguard: what has no counterpart is named with file and line, on standard error and in IMPORT.md" {
	wg_import "$WG"/hub/*.conf
	has "hub/public-server1.conf:10:12: warning: Endpoint is left out"
	has W_IMPORT
	in_file tree/IMPORT.md 'public-server1.conf:10: Endpoint is left out'
	in_file tree/IMPORT.md 'home-server.conf:4: ListenPort is left out'
	in_file tree/IMPORT.md 'imported-everything'
}

@test "wireguard: the good file of a parser's tests checks; a gateway without an address is a comment" {
	wg_import "$WG/parser/working.conf"
	no_secret "$WG/parser/working.conf"
	in_file tree/devices/working.yaml 'tunnel: full'
	has 'no file gives its address'
	not grep -qv '^#' tree/gateways/*.yaml
}

@test "wireguard: every broken file is refused at its line, and no line of it is shown" {
	expect() {
		run -1 yett import wireguard "$WG/parser/$1.conf" -o tree
		has "parser/$1.conf:$2: error: $3"
		has 'nothing was written'
		no_secret "$WG/parser/$1.conf"
		[[ "$output" != *l0lth1s* ]]
		[ ! -e tree ]
	}
	expect broken 2:14 'PrivateKey is not a key'
	expect invalid-key 9:13 'PublicKey is not a key'
	expect invalid-number 8:23 'PersistentKeepalive is a number'
	expect invalid-value 3:17 'DNS holds what is neither'
	expect missing-attribute 5:1 'this [Peer] has no PublicKey'
	expect missing-section 1:1 'the file has no [Interface]'
	expect syntax-error 7:1 'Endpoint has no value'
	expect unknown-attribute 8:1 'there is no key DontLetTheFeelingFade in [Peer]'
	expect unknown-section 5:1 'the sections of such a file'
}

@test "wireguard: all mistakes of all files in one run" {
	run -1 yett import wireguard "$WG"/parser/*.conf
	[ "$(grep -c 'E_IMPORT' <<<"$output")" -eq 9 ]
}

@test "wireguard: a hub alone needs --endpoint; without, its gateway is a comment" {
	wg_import "$WG/hub/public-server1.conf"
	has 'import again with --endpoint'
	rm -r tree
	wg_import "$WG/hub/public-server1.conf" --endpoint vpn.example.com
	in_file tree/gateways/public-server1.example-vpn.tld.yaml 'endpoint: vpn.example.com:51820'
	[ "$(find tree/devices -type f | wc -l)" -eq 4 ]
}

@test "wireguard: wg-quick's directives, secrets and comments that may hold one are named and not copied" {
	cat >wg0.conf <<-EOF
		# The company's hub
		[Interface]
		Address = 10.9.0.1/24, fd09::1/64
		ListenPort = 51900
		PrivateKey = $KEY_B
		Table = off
		FwMark = 0x1
		MTU = 1400
		PreUp = echo $KEY_C
		PostUp = iptables -A FORWARD -i %i -j ACCEPT
		PreDown = true
		PostDown = true
		SaveConfig = false

		# Ana's laptop
		[Peer]
		PublicKey = $PUB_PEER
		PresharedKey = $KEY_A
		AllowedIPs = 10.9.0.2/32, fd09::2/128, 192.168.7.0/24
		# PrivateKey = $KEY_C

		[Peer]
		PublicKey = $PUB_OTHER
		AllowedIPs = 10.9.0.3/32, fd09::3/128
	EOF
	wg_import wg0.conf --endpoint 192.0.2.1
	no_secret wg0.conf
	for word in 6:1:Table 7:1:FwMark 9:1:PreUp 10:1:PostUp 11:1:PreDown 12:1:PostDown 13:1:SaveConfig; do
		has "wg0.conf:${word%:*}: warning: ${word##*:} is not carried over"
	done
	has 'wg0.conf:18:16: warning: PresharedKey is a secret'
	has 'wg0.conf:20:1: warning: a comment that may hold a key'
	[[ "$output" != *iptables* ]]
	in_file tree/devices/ana-s-laptop.yaml '  - 192.168.7.0/24'
	in_file tree/devices/ana-s-laptop.yaml "# Ana's laptop"
	in_file tree/gateways/wg0.yaml 'endpoint: 192.0.2.1:51900'
	in_file tree/gateways/wg0.yaml "# The company's hub"
	in_file tree/network.yaml 'mtu: 1400'
	[ -f tree/devices/peer-bv5djxec.yaml ]
}

mesh() { # N NAME: a machine with a LAN that knows the two others
	local secrets=("$KEY_A" "$KEY_B" "$KEY_C") publics=(
		NYZxBGjCBKo2aAVTyMOIH5NMN9nLdUHMPO9kJfLbyko= q/+jwmL5tNuYSB3z+t9Caj00Pc1YQ8zf+uNPu/UE1wE=
		8bSk5fATxg9qdxbK20iTGdrQ7SWvxIBhxdMo+W54pEg=) k
	printf '[Interface]\nAddress = 10.8.0.%d/24\nListenPort = 51820\nPrivateKey = %s\n' "$1" "${secrets[$1 - 1]}"
	for k in 1 2 3; do
		[ "$k" -eq "$1" ] || printf '[Peer]\nPublicKey = %s\nEndpoint = 192.0.2.%d:51820\nAllowedIPs = 10.8.0.%d/32, 10.1%d.0.0/16\n' \
			"${publics[$k - 1]}" "$k" "$k" "$k"
	done
}

@test "wireguard: a mesh becomes sites with a gateway each and a link, and sites reach each other" {
	for i in 1 2 3; do mesh $i >"m$i.conf"; done
	wg_import m1.conf m2.conf m3.conf
	for i in 1 2 3; do
		in_file "tree/gateways/m$i.yaml" "endpoint: 192.0.2.$i:51820"
		in_file "tree/sites/m$i.yaml" "  - 10.1$i.0.0/16"
	done
	in_file tree/links/imported.yaml 'topology: mesh'
	run -0 yett build -C tree -o out
}

@test "wireguard: one address is claimed by two, networks overlap: named, and the tree checks" {
	printf '[Interface]\nAddress = 10.9.0.1/24\nListenPort = 1\nPrivateKey = %s\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.9.0.2, 172.16.0.0/16\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.9.0.3, 10.9.0.4, 172.16.5.0/24\n' \
		"$KEY_B" "$PUB_PEER" "$PUB_OTHER" >wg0.conf
	wg_import wg0.conf --endpoint h:1
	has '172.16.5.0/24 overlaps'
	has 'one address of each family'
}

@test "wireguard: hostile files end with a message: bytes, long lines, size" {
	printf '[Interface]\nAddress = 10.0.0.1\001\n' >a.conf
	run -1 yett import wireguard a.conf
	has 'a.conf:2:19: error: a control character'
	printf '[Interface]\nAddress = \377\n' >b.conf
	run -1 yett import wireguard b.conf
	has 'not UTF-8'
	{ printf '[Interface]\nDNS = '; head -c 70000 /dev/zero | tr '\0' a; } >c.conf
	run -1 yett import wireguard c.conf
	has 'longer than 64 KiB'
	head -c $((4 * 1024 * 1024 + 1)) /dev/zero | tr '\0' '\n' >d.conf
	run -1 yett import wireguard d.conf
	has 'larger than 4 MiB'
	run -2 yett import wireguard nowhere.conf
	run -2 yett import wireguard .
	: >e.conf
	run -1 yett import wireguard e.conf
	has 'no [Interface]'
}

# ---- Tailscale ----

@test "tailscale: every capture that the service took gives a tree that checks; every one that it refused is refused or named" {
	jq -c '{id, api_response_code, policy, topology}' "$TS/captures.jsonl" | while IFS= read -r line; do
		id=$(jq -r .id <<<"$line")
		code=$(jq -r .api_response_code <<<"$line")
		jq 'if (.policy | type) == "string" then .policy | fromjson else .policy end' <<<"$line" >policy.hujson
		jq .topology <<<"$line" >nodes.json
		rm -rf tree
		ended=0
		"$YETT" import tailscale policy.hujson --nodes nodes.json --placeholder-keys -o tree >out 2>&1 || ended=$?
		if [ "$ended" -eq 1 ]; then
			grep -q 'policy.hujson:[0-9]*:[0-9]*: error: .*\[E_IMPORT\]' out || { echo "$id: refused without a line"; cat out; exit 1; }
		elif [ "$ended" -ne 0 ]; then
			echo "$id ended with $ended"
			cat out
			exit 1
		else
			"$YETT" check --quiet -C tree >check.log 2>&1 || { echo "$id does not check"; cat check.log; exit 1; }
		fi
		[ "$code" -eq 200 ] || [ "$ended" -eq 1 ] || grep -qE '(the test test-[0-9]+ fails here|left out of the test|of this test|the capability|nodeAttrs is not)' out ||
			{ echo "$id: neither refused nor named"; cat out; exit 1; }
		[ "$code" -ne 200 ] || [ "$ended" -eq 0 ] || { echo "$id: refused"; cat out; exit 1; }
		[ "$code" -ne 200 ] || not grep -q 'fails here' out || { echo "$id: a test fails that held"; cat out; exit 1; }
		echo "$id" >>seen
	done
	[ "$(wc -l <seen)" -eq 179 ]
}

@test "tailscale: nodes keep their addresses, routes become sites, the narrower keeps its own" {
	jq -r 'select(.id == "routes-f18-subnet-to-subnet-tag-acl") | .topology' "$TS/captures.jsonl" |
		jq '.nodes.caterpie.approved_routes = ["10.0.0.0/8"] | .nodes.squirtle.approved_routes = ["10.33.0.0/16"]' >nodes.json
	ts_import --nodes nodes.json --placeholder-keys <<-'EOF'
		{"tagOwners": {"tag:ha": []}, "acls": [
			{"action": "accept", "src": ["10.0.0.0/8"], "dst": ["tag:ha:22"]},
			{"action": "accept", "src": ["10.33.1.0/24"], "dst": ["tag:ha:23"]},
			{"action": "accept", "src": ["*"], "dst": ["10.33.0.0/16:80"]}
		]}
	EOF
	in_file tree/devices/bulbasaur.yaml "  - $(jq -r .nodes.bulbasaur.ipv4 nodes.json)"
	in_file tree/devices/bulbasaur.yaml "  - $(jq -r .nodes.bulbasaur.ipv6 nodes.json)"
	in_file tree/devices/bulbasaur.yaml 'owner: odin@example.com'
	in_file tree/devices/bulbasaur.yaml "# A placeholder: nobody holds this key's secret"
	in_file tree/sites/route-10.33.0.0-16.yaml '  - 10.33.0.0/16'
	not grep -q '10.33' tree/sites/route-10.0.0.0-8.yaml
	in_file tree/policies/acl-1.yaml '  - site:route-10.33.0.0-16'
	in_file tree/policies/acl-1.yaml '  - site:route-10.0.0.0-8'
	has 'policy.hujson:3:30: warning: a part of the site route-10.33.0.0-16 cannot be a source'
	in_file tree/policies/acl-3.yaml '  - any'
	has 'offered and not approved'
}

@test "tailscale: without --placeholder-keys a node without a key makes no device, and is named" {
	cat >nodes.json <<-EOF
		{"users": [{"name": "ana"}], "nodes": {
			"a": {"ipv4": "100.64.0.1", "user": "ana"},
			"b": {"ipv4": "100.64.0.2", "user": "ana", "public_key": "$PUB_PEER"}}}
	EOF
	ts_import --nodes nodes.json <<<'{}'
	has 'nodes.json:2:1: warning: the node "a" has no public_key; --placeholder-keys'
	[ ! -e tree/devices/a.yaml ]
	in_file tree/devices/b.yaml "public_key: \"$PUB_PEER\""
	not grep -q placeholder tree/devices/b.yaml
	not grep -q fd7a tree/network.yaml
}

@test "tailscale: what a rule's words become" {
	ts_import <<-'EOF'
		{
			"groups": {"group:Eng": ["ana@example.com", "group:ops"], "group:ops": ["ben@example.com"], "group:none": []},
			"tagOwners": {"tag:prod": ["group:ops"]},
			"hosts": {"db": "10.1.0.5", "lan": "192.168.0.0/16", "node": "100.64.0.9"},
			"ipsets": {"ipset:most": ["add 10.0.0.0/24", "remove 10.0.0.128/25", "host:db", "ipset:deep"], "ipset:deep": ["10.2.0.1-10.2.0.3"]},
			"acls": [
				{"action": "accept", "src": ["group:Eng"], "dst": ["ipset:most:443", "lan:443", "node:22,80-81"]},
				{"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:self:*", "autogroup:internet:*", "tag:prod:*"]},
				{"action": "accept", "src": ["autogroup:tagged", "autogroup:admin", "user:*@example.com"], "dst": ["*:*"], "proto": "icmp"},
				{"Action": "accept", "Users": ["ana@example.com"], "Ports": ["10.5.5.5:53"], "proto": "17"},
			],
			"grants": [{"src": ["tag:prod"], "dst": ["group:ops"], "ip": ["tcp:80-90", "udp:53", "22", "gre:*"]}],
		}
	EOF
	in_file tree/groups/eng.yaml '  - group:ops'
	in_file tree/groups/none.yaml 'members: []'
	in_file tree/users/ana@example.com.yaml 'email: ana@example.com'
	in_file tree/groups/autogroup-member.yaml '  - user:ben@example.com'
	in_file tree/groups/autogroup-tagged.yaml '  - tag:prod'
	in_file tree/groups/autogroup-admin.yaml 'members: []'
	has 'who is in autogroup:admin is not in the policy file'
	in_file tree/groups/example.com.yaml '  - user:ana@example.com'
	diff <(sed -n '/^addresses/,/^[^ ]*site/p' tree/resources/most.yaml | grep '^  -') <(printf '  - %s\n' 10.0.0.0/25 10.1.0.5 10.2.0.1-10.2.0.3)
	in_file tree/resources/lan.yaml 'site: tailnet'
	has '"node" is no Resource'
	diff <(sed '/^#/d' tree/policies/acl-1.1.yaml) <(printf '%s\n' 'kind: Policy' 'name: acl-1.1' 'from:' '  - group:eng' 'to:' '  - resource:most' '  - resource:lan' 'ports:' '  - tcp/443' '  - udp/443' '  - icmp')
	in_file tree/policies/acl-1.2.yaml '  - 100.64.0.9 # node'
	in_file tree/policies/acl-1.2.yaml '  - tcp/80-81'
	diff <(sed -n '/^to/,$p' tree/policies/acl-2.yaml) <(printf '%s\n' to: '  - self' '  - internet' '  - tag:prod' ports: '  - tcp' '  - udp' '  - icmp')
	diff <(sed -n '/^to/,$p' tree/policies/acl-3.yaml) <(printf '%s\n' to: '  - any' ports: '  - icmp')
	diff <(sed -n '/^to/,$p' tree/policies/acl-4.yaml) <(printf '%s\n' to: '  - 10.5.5.5' ports: '  - udp/53')
	diff <(sed -n '/^ports/,$p' tree/policies/grant-1.yaml) <(printf '%s\n' ports: '  - tcp/80-90' '  - udp/53' '  - tcp/22' '  - udp/22' '  - icmp' '  - proto/47')
}

@test "tailscale: what has no counterpart is named with its line; a rule with a posture is disabled, never widened" {
	ts_import <<-'EOF'
		{
			"tagOwners": {
				"tag:exit": ["autogroup:admin"]
			},
			"postures": {
				"posture:mac": ["node:os == 'macos'"]
			},
			"grants": [
				{"src": ["*"], "dst": ["10.0.0.0/8"], "ip": ["*"],
				 "srcPosture": ["posture:mac"]},
				{"src": ["*"], "dst": ["10.0.0.0/8"], "ip": ["*"],
				 "via": ["tag:exit"]},
				{"src": ["*"], "dst": ["*"],
				 "app": {"example.com/cap/x": [{}]}},
				{"src": ["*"], "dst": ["*"], "ip": ["22"],
				 "someday": true},
				{"src": ["*"], "dst": ["svc:web"], "ip": ["22"]}
			],
			"ssh": [
				{"action": "check", "src": ["autogroup:member"], "dst": ["autogroup:self"], "users": ["root"]}
			],
			"nodeAttrs": [
				{"target": ["*"], "attr": ["funnel"]}
			],
			"autoApprovers": {
				"routes": {
					"10.0.0.0/8": ["tag:exit"]
				},
				"exitNode": ["tag:exit"]
			},
			"randomizeClientPort": true,
			"inventedSection": 1
		}
	EOF
	for at in '3:tag:exit' '6:postures' '10:posture' '12:via' '14:capability' '16:disabled' '17:service' '17:nothing is left' \
		'20:ssh' '23:nodeAttrs' '27:autoApprovers: routes: 10.0.0.0/8' '29:autoApprovers: exitNode' \
		'31:randomizeClientPort' '32:inventedSection'; do
		grep -q "policy.hujson:${at%%:*}:[0-9]*: warning: .*${at#*:}" <<<"$output" || { echo "not named: $at"; echo "$output"; false; }
		grep -q "    policy.hujson:${at%%:*}: .*${at#*:}" tree/IMPORT.md || { echo "not in IMPORT.md: $at"; cat tree/IMPORT.md; false; }
	done
	in_file tree/policies/grant-1.yaml 'enabled: false'
	in_file tree/policies/grant-4.yaml 'enabled: false'
	not grep -q enabled tree/policies/grant-2.yaml
	[ ! -e tree/policies/grant-3.yaml ]
	[ ! -e tree/policies/grant-5.yaml ]
	in_file tree/IMPORT.md '"action": "check"'
}

@test "tailscale: every comment is in the tree or in IMPORT.md" {
	ts_import <<-'EOF'
		// comment-1
		{ // comment-2
			/* comment-3
			   comment-4 */
			"groups": { // comment-5
				// comment-6
				"group:a": ["ana@example.com", // comment-7
					/* comment-8 */ "ben@example.com"], // comment-9
				// comment-10
			},
			"acls": [
				// comment-11
				{"action": "accept", // comment-12
				 "src": ["group:a"], "dst": ["h:22"]}, // comment-13
				// comment-14
				{"action": "accept", "src": ["autogroup:shared"], "dst": ["h:22"]}, // comment-15
				// comment-16
			], // comment-17
			"hosts": {"h": "10.0.0.1", /* comment-18 */ "own": "100.64.0.1", /* comment-19 */},
			"tagOwners": {"tag:x": []}, // comment-20
			// comment-21
			"ssh": [], // comment-22
			"tests": [{"src": "ghost@example.com", "accept": ["h:1"]}, // comment-23
			],
		} // comment-24
		// comment-25
	EOF
	for i in $(seq 25); do
		grep -rqw "comment-$i" tree || { echo "comment-$i is lost"; cat tree/*.yaml tree/*/*.yaml tree/IMPORT.md; false; }
	done
	in_file tree/policies/acl-1.yaml '# comment-11'
	in_file tree/policies/acl-1.yaml '# comment-13'
	in_file tree/groups/a.yaml '# comment-8'
}

@test "tailscale: tests pass here, or are named and written as comments" {
	cat >nodes.json <<-'EOF'
		{"users": [{"name": "ana", "email": "ana@example.com"}, {"name": "ben", "email": "ben@example.com"}], "nodes": {
			"laptop": {"ipv4": "100.64.0.1", "ipv6": "fd7a:115c:a1e0::1", "user": "ana"},
			"phone": {"ipv4": "100.64.0.3", "ipv6": "fd7a:115c:a1e0::3", "user": "ben"},
			"db": {"ipv4": "100.64.0.2", "ipv6": "fd7a:115c:a1e0::2", "tags": ["tag:db"]}}}
	EOF
	policy='{"tagOwners": {"tag:db": []}, "acls": [{"action": "accept", "src": ["ana@example.com"], "dst": ["tag:db:5432"]}],
		"tests": [
			{"src": "ana@example.com", "accept": ["tag:db:5432"], "deny": ["tag:db:22"]},
			{"src": "ana@example.com", "accept": ["tag:db:22"]},
			{"src": "ben@example.com", "deny": ["tag:db:5432", "100.64.0.2:5432"]},
			{"src": "ana@example.com", "proto": "udp", "deny": ["tag:db:5432"]},
			{"src": "ana@example.com", "accept": ["100.64.0.0/24:22"]}
		]}'
	ts_import --nodes nodes.json --placeholder-keys <<<"$policy"
	has 'policy.hujson:4:4: warning: the test test-2 fails here'
	has 'policy.hujson:6:4: warning: the test test-4 fails here'
	has 'policy.hujson:7:4: warning: nothing is left of this test'
	run -0 yett test -C tree
	has 'ok 1 - test-1'
	has 'ok 2 - test-3'
	not grep -qv '^#' tree/tests/test-2.yaml
	in_file tree/IMPORT.md 'tests/test-2.yaml (from policy.hujson:4): the test fails here'
	rm -r tree
	ts_import <<<"$policy" # nobody has a device: every test that names one fails, and none is lost
	has 'test-1 fails here'
}

@test "tailscale: what the service would refuse is refused with its place" {
	refused 'policy.hujson:1:42: error: the action of an acl' <<<'{"tagOwners": {}, "acls": [ {"action":   "deny", "src": ["*"], "dst": ["*:*"]}]}'
	refused 'not declared in tagOwners' <<<'{"acls": [{"action": "accept", "src": ["tag:x"], "dst": ["*:*"]}]}'
	refused 'there is no group' <<<'{"acls": [{"action": "accept", "src": ["group:x"], "dst": ["*:*"]}]}'
	refused 'autogroup:self is not valid as a source' <<<'{"acls": [{"action": "accept", "src": ["autogroup:self"], "dst": ["*:*"]}]}'
	refused 'autogroup:self can only' <<<'{"acls": [{"action": "accept", "src": ["100.64.0.1"], "dst": ["autogroup:self:*"]}]}'
	refused 'is not an address, a user' <<<'{"acls": [{"action": "accept", "src": ["nohost"], "dst": ["*:*"]}]}'
	refused 'write * or autogroup:internet' <<<'{"grants": [{"src": ["*"], "dst": ["::/0"], "ip": ["*"]}]}'
	refused 'via can only be a tag' <<<'{"grants": [{"src": ["*"], "dst": ["*"], "ip": ["*"], "via": ["group:a"]}]}'
	refused 'not a port' <<<'{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:70000"]}]}'
	refused 'not a port' <<<'{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:90-80"]}]}'
	refused 'names no ports' <<<'{"acls": [{"action": "accept", "src": ["*"], "dst": ["*"]}]}'
	refused 'not a protocol' <<<'{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"], "proto": "tpc"}]}'
	refused 'takes * for its ports' <<<'{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:22"], "proto": "gre"}]}'
	refused 'holds itself' <<<'{"ipsets": {"ipset:a": ["ipset:b"], "ipset:b": ["ipset:a"]}}'
	refused 'stands twice' <<<'{"acls": [], "ACLs": []}'
	refused 'must be an array, not a string' <<<'{"acls": "*"}'
	refused 'is an object' <<<'[]'
}

@test "tailscale: broken files end at their line; depth and size have limits" {
	refused 'policy.hujson:2:1: error: a value is missing' <<<$'{"acls":\n}'
	refused 'policy.hujson:1:15: error: this key stands twice' <<<'{"hosts": {}, "hosts": {}}'
	refused 'this comment does not end' <<<'{} /* x'
	refused 'a string ends on the line' <<<'{"acls'
	refused 'goes on after its value' <<<'{} {}'
	refused 'half of a pair' <<<'{"a": "\ud800"}'
	refused 'not UTF-8' <<<$'{"a": "\xff"}'
	deep() { printf '{"x": %s%s}' "$(printf '[%.0s' $(seq "$1"))" "$(printf ']%.0s' $(seq "$1"))"; }
	ts_import < <(deep 63)
	rm -r tree
	deep 64 | refused 'nested deeper than 64'
	{ printf '{}'; head -c $((4 * 1024 * 1024 - 2)) /dev/zero | tr '\0' ' '; } >big.hujson
	run -0 yett import tailscale big.hujson
	printf ' ' >>big.hujson
	run -1 yett import tailscale big.hujson
	has 'larger than 4 MiB'
}

@test "tailscale: names fit the language, two never become one, and no text leaves its place in the YAML" {
	ts_import <<-'EOF'
		{
			"groups": {"group:Ops Team": ["Ana@Example.com"], "group:ops-team": ["ana@example.com"], "group:ÜÜ": [],
				"group:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": []},
			"hosts": {"null": "10.0.0.1", "a: b\nkind: Policy": "100.64.0.1", "\u202e": "10.0.0.3"}, // # evil: "\ ‮ x
			"acls": [{"action": "accept", "src": ["group:Ops Team"], "dst": ["a: b\nkind: Policy:22", "null:22"]}]
		}
	EOF
	[ "$(find tree/groups -type f | wc -l)" -eq 4 ]
	[ "$(find tree/users -type f | wc -l)" -eq 2 ]
	[ -f tree/groups/ops-team.yaml ]
	find tree/groups -name 'ops-team-????????.yaml' | grep -q .
	in_file tree/policies/acl-1.yaml '  - resource:null'
	not grep -rq $'\u202e' tree
	[ "$(grep -rlx 'kind: Policy' tree | wc -l)" -eq 1 ]
}

@test "import: the same bytes each time, whatever the folder; nothing that is there is replaced" {
	jq 'select(.id == "via-grant-v36") | .policy | if type == "string" then fromjson else . end' "$TS/captures.jsonl" >policy.hujson
	jq 'select(.id == "via-grant-v36") | .topology' "$TS/captures.jsonl" >nodes.json
	mkdir sub
	cp policy.hujson nodes.json sub
	yett import tailscale policy.hujson --nodes nodes.json --placeholder-keys --quiet -o one
	(cd sub && TZ=Pacific/Apia LC_ALL=C "$YETT" import tailscale "$PWD/policy.hujson" --nodes ./nodes.json --placeholder-keys --quiet -o ../two)
	diff -r one two
	echo mine >one/mine
	run -2 yett import tailscale policy.hujson -o one
	has 'not empty'
	[ "$(cat one/mine)" = mine ]
}

@test "import: without -o every document goes to standard output, as a tree of one file that checks" {
	mkdir tree
	"$YETT" import wireguard "$WG"/hub/*.conf >tree/all.yaml 2>/dev/null
	run -0 yett check -C tree
	has '4 devices'
}

@test "import: the nodes file of docs/import.md is read as it says" {
	sed -n '/^    {"users"/,/^$/s/^    //p' "$ROOT/docs/import.md" >nodes.json
	ts_import --nodes nodes.json <<<'{"tagOwners": {"tag:router": []}, "grants": [{"src": ["ana@example.com"], "dst": ["10.33.0.0/16"], "ip": ["22"]}]}'
	[ -f tree/devices/ana-laptop.yaml ]
	[ ! -e tree/devices/router.yaml ]
	[ -f tree/sites/route-10.33.0.0-16.yaml ]
}

@test "import: usage" {
	run -2 yett import
	run -2 yett import wireguard
	run -2 yett import openvpn x.conf
	has 'wireguard or tailscale'
	run -2 yett import tailscale a b
	run -0 yett import --help
	has placeholder-keys
	echo '{' >p
	run -1 yett import tailscale p --format=json
	jq -e '.[0].code == "E_IMPORT" and .[0].line == 2' <<<"$(grep -v '^yett:' <<<"$output")"
}

@test "import: an address or a key of two machines stays with the first, and the other is named" {
	printf '[Interface]\nAddress = 10.9.0.1/24\nListenPort = 1\nPrivateKey = %s\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.9.0.2\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.9.0.2\n[Peer]\nPublicKey = %s\nAllowedIPs = 10.9.0.255, 172.16.0.0/24\n' \
		"$KEY_B" "$PUB_PEER" "$PUB_OTHER" 8bSk5fATxg9qdxbK20iTGdrQ7SWvxIBhxdMo+W54pEg= >wg0.conf
	wg_import wg0.conf --endpoint h.example:1
	has 'wg0.conf:10:14: warning: peer-bv5djxec makes no document: its address 10.9.0.2 already belongs'
	has 'wg0.conf:13:14: warning: peer-8bsk5fat makes no document: its address 10.9.0.255 is the first or last'
	rm -r tree
	cat >nodes.json <<-'EOF'
		{"users": [{"name": "ana"}], "nodes": [
			{"hostname": "a", "ipv4": "100.64.0.1", "user": "ana"},
			{"hostname": "a", "ipv4": "100.64.0.2", "user": "ana"},
			{"hostname": "c", "ipv4": "100.64.0.2", "user": "ana"}]}
	EOF
	ts_import --nodes nodes.json --placeholder-keys <<<'{}'
	has 'nodes.json:4:1: warning: the node "c" has an address or a key that another node has'
	[ "$(find tree/devices -type f | wc -l)" -eq 2 ]
}
