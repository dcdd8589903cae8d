#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# enroll: a key pair of this machine, its document, and where the private half is and is not.
load helper

setup() {
	cd "$BATS_TEST_TMPDIR"
	export HOME=$BATS_TEST_TMPDIR/home
	unset XDG_CONFIG_HOME
	mkdir "$HOME"
	cp -R "$QUICK" tree
}

@test "the document passes check, and its key is the public half of the file's" {
	run -0 --separate-stderr yett enroll new-laptop --owner ana --key key -C tree
	printf '%s\n' "$output" >tree/devices/new-laptop.yaml
	run -0 yett check -C tree
	[ "$(wg pubkey <key)" = "$(sed -n 's/^public_key: //p' tree/devices/new-laptop.yaml)" ]
	run -0 yett can -C tree new-laptop resource:intranet tcp/443
	run -0 yett fmt --check tree/devices/new-laptop.yaml
}

@test "the key is clamped, has the form of wg genkey and is another each time" {
	for i in 1 2 3 4 5; do
		yett enroll -q "d$i" --key "k$i" --tag t >/dev/null
		[ "$(stat -c '%s %a' "k$i")" = '45 600' ]
		wg pubkey <"k$i" >/dev/null
		# shellcheck disable=SC2207
		byte=($(base64 -d "k$i" | od -An -v -tu1))
		[ "${#byte[@]}" -eq 32 ]
		(((byte[0] & 7) == 0 && (byte[31] & 192) == 64))
	done
	[ "$(sort -u k? | wc -l)" -eq 5 ]
}

@test "0600 under any umask" {
	(umask 0 && yett enroll -q a --tag t --key k0 >/dev/null)
	(umask 0277 && yett enroll -q a --tag t --key k1 >/dev/null)
	[ "$(stat -c %a k0)" = 600 ]
	[ "$(stat -c %a k1)" = 600 ]
}

@test "the private key is never printed, nor left elsewhere" {
	run -0 yett enroll a --owner ana -C tree --key key
	[[ "$output" != *"$(cat key)"* ]]
	[ "$(grep -rlF "$(cat key)" .)" = ./key ]
}

@test "a key is never overwritten, not through a link either" {
	echo mine >key
	run -2 --separate-stderr yett enroll a --tag t --key key
	[ -z "$output" ]
	[ "$(cat key)" = mine ]
	ln -s target link
	run -2 yett enroll a --tag t --key link
	[ ! -e target ]
}

@test "without --key it goes to the user's own configuration" {
	run -0 yett enroll a --tag t
	[ "$(stat -c %a "$HOME/.config/yett/a.key")" = 600 ]
	XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/xdg
	export XDG_CONFIG_HOME
	run -0 yett enroll a --tag t
	[ -s xdg/yett/a.key ]
	unset XDG_CONFIG_HOME HOME
	run -2 yett enroll a --tag t
}

@test "a private key is not put into a git repository" {
	git init -q repo
	mkdir repo/sub
	for key in repo/key repo/sub/key repo/sub/../sub/key; do
		run -2 --separate-stderr yett enroll a --tag t --key "$key"
		[[ "$stderr" == *"git repository"* ]]
		[ ! -e "$key" ]
	done
	cd repo/sub
	run -2 yett enroll a --tag t --key key
	run -0 yett enroll a --tag t --key ../../key
}

@test "without a tree there are no addresses, and it says so" {
	mkdir empty
	cd empty
	run -0 --separate-stderr yett enroll a --owner ana --platform ios --key key
	[[ "$output" != *addresses* ]]
	[[ "$output" == *$'owner: ana\n'* ]]
	[[ "$output" == *$'platform: ios\n'* ]]
	[[ "$stderr" == *'yett address a'* ]]
	run -2 yett enroll b --owner ana --key key2 -C /no/such/folder
	[ ! -e key2 ]
}

@test "in the tree's own folder -C is not needed" {
	cd tree
	run -0 --separate-stderr yett enroll a --owner ana --key ../key
	[[ "$output" == *$'addresses:\n  - 10.7.0.'* ]]
}

@test "an owner or device that cannot be, or a broken tree, makes no key" {
	run -2 yett enroll a --owner anna --key key -C tree
	has ana
	run -2 yett enroll ana-laptop --owner ana --key key -C tree
	has devices/ana-laptop.yaml
	echo 'nonsense: 1' >>tree/network.yaml
	run -1 yett enroll a --owner ana --key key -C tree
	run -2 yett enroll A --key key
	run -2 yett enroll a --owner 'An A' --key key
	run -2 yett enroll a --platform toaster --key key
	run -2 yett enroll --key key
	[ ! -e key ]
}

@test "with neither owner nor tag it says what is missing" {
	run -0 --separate-stderr yett enroll a --key key
	[[ "$stderr" == *owner* ]]
}

@test "a full pool is told" {
	printf 'kind: Network\nname: n\npools: [10.9.0.1/32]\n---\nkind: Site\nname: s\n' >tree.yaml
	rm -rf tree && mkdir tree && mv tree.yaml tree/network.yaml
	yett enroll -q a --tag t --key ka -C tree >tree/a.yaml
	run -0 --separate-stderr yett enroll b --tag t --key kb -C tree
	[[ "$stderr" == *'no free address'* ]]
}

@test "nothing is sent: no socket is made" {
	command -v strace >/dev/null
	# Its leak check cannot run under a tracer.
	ASAN_OPTIONS=detect_leaks=0 run -0 strace -f -e trace=socket,connect,sendto -o trace "$YETT" enroll a --owner ana --key key -C tree
	! grep -E 'socket|connect|sendto' trace
}

@test "a document that could not be written leaves no key behind" {
	run -2 bash -c "$YETT enroll a --tag t --key key >/dev/full"
	has 'so the key is gone again'
	[ ! -e key ]
	run -0 yett enroll a --tag t --key key
}
