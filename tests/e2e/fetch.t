#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# yettd fetching from real servers on loopback: nginx with git-http-backend over TLS, sshd; and from ones that misbehave.
set -u
cd "$(dirname "$0")/../.." || exit 1
bin=$PWD/${B:-build}

if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root: fetch.t makes namespaces"
	exit 0
fi
if [ "${1:-}" != inside ]; then
	exec unshare -n -m --propagation private "$BASH" "$0" inside
fi
ip link set lo up
mkdir -p /run/wireguard /run/sshd && mount -t tmpfs -o mode=755 tmpfs /run/wireguard || exit 1
work=$(mktemp -d)
children=()
cleanup() {
	local child
	for child in "${children[@]}"; do kill "$child" 2>/dev/null; done
	[ ! -S /run/wireguard/wg0.sock ] || ip link del wg0 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
chmod 755 "$work"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null HOME=$work
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
unset SSH_AUTH_SOCK
mkdir -m 700 "$work/.ssh"
{ cat /etc/hosts; echo "127.0.0.1 git.test other.test"; } >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts || exit 1

n=0
status=0
ok() { # NAME COMMAND...
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		echo "# failed: $*"
		sed 's/^/# /' "$work/said"
		[ ! -s "$work/log" ] || tail -n 10 "$work/log" | sed 's/^/# log: /'
		status=1
	fi
}
waits() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	"$@"
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

wireguard-go wg0 >/dev/null 2>&1
if ! wg show wg0 >/dev/null 2>&1; then
	echo "1..0 # SKIP needs /dev/net/tun: wireguard-go cannot make wg0"
	exit 0
fi
(umask 077 && wg genkey >"$work/gw.key")
repo=$work/policy
mkdir -p "$repo" && git -C "$repo" init -q -b main
cat >"$repo/net.yaml" <<END
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
endpoint: vpn.example.com:51820
public_key: $(wg pubkey <"$work/gw.key")
addresses: [10.7.0.1]
END
git -C "$repo" add -A && git -C "$repo" commit -qm first
mkdir "$work/srv"
git clone -q --bare "$repo" "$work/srv/policy.git"

# ---- certificates ----

cd "$work" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj "/CN=test authority" 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca2.key -out ca2.pem -days 30 -subj "/CN=another authority" 2>/dev/null
printf '[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n' >ca.conf
echo 01 >serial
certify() { # FILE NAME AUTHORITY START END
	: >index.txt
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
	openssl ca -batch -notext -config ca.conf -cert "$3.pem" -keyfile "$3.key" -in "$1.csr" -out "$1.pem" -startdate "$4" -enddate "$5" 2>openssl.log || cat openssl.log
}
certify good git.test ca 20200101000000Z 20400101000000Z
certify misnamed elsewhere.test ca 20200101000000Z 20400101000000Z
certify expired git.test ca 20200101000000Z 20210101000000Z
certify strange git.test ca2 20200101000000Z 20400101000000Z
cd - >/dev/null || exit 1

# ---- nginx, sshd ----

printf 'gateway:%s\n' "$(openssl passwd -apr1 'open sesame')" >"$work/htpasswd"
server() { # PORT CERTIFICATE
	cat <<END
	server {
		listen 127.0.0.1:$1 ssl;
		ssl_certificate $work/$2.pem;
		ssl_certificate_key $work/$2.key;
		access_log $work/access-$1.log;
		location /git/ { include $work/git.conf; }
		location /private/ { auth_basic "x"; auth_basic_user_file $work/htpasswd; include $work/git.conf; }
		location /moved/ { return 301 https://other.test:8444/git\$request_uri; }
	}
END
}
cat >"$work/git.conf" <<END
fastcgi_pass unix:$work/fcgi.sock;
rewrite ^/(git|private)(/.*)\$ \$2 break;
fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
fastcgi_param GIT_PROJECT_ROOT $work/srv;
fastcgi_param GIT_HTTP_EXPORT_ALL 1;
fastcgi_param PATH_INFO \$uri;
fastcgi_param QUERY_STRING \$args;
fastcgi_param REQUEST_METHOD \$request_method;
fastcgi_param CONTENT_TYPE \$content_type;
fastcgi_param CONTENT_LENGTH \$content_length;
END
{
	echo "user root; daemon off; pid $work/nginx.pid; error_log $work/nginx.log; events {}"
	echo "http { client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;"
	server 8443 good
	server 8444 misnamed
	server 8445 expired
	server 8446 strange
	echo "}"
} >"$work/nginx.conf"
fcgiwrap -s "unix:$work/fcgi.sock" &
children+=($!)
nginx -c "$work/nginx.conf" &
children+=($!)
ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$work/other_host_key"
ssh-keygen -q -t ed25519 -N '' -f "$work/client_key"
ssh-keygen -q -t ed25519 -N '' -f "$work/stranger_key"
cp "$work/client_key.pub" "$work/authorized"
cat >"$work/sshd.conf" <<END
Port 2222
ListenAddress 127.0.0.1
HostKey $work/host_key
AuthorizedKeysFile $work/authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
END
/usr/sbin/sshd -D -e -f "$work/sshd.conf" 2>"$work/sshd.log" &
children+=($!)
python3 tests/e2e/githost.py 9443 "$work/good.pem" "$work/good.key" 2>"$work/githost.log" &
children+=($!)
python3 tests/e2e/githost.py 9444 "$work/good.pem" "$work/good.key" mute &
children+=($!)
for port in 8443 8444 8445 8446 2222 9443 9444; do
	ok "a server listens on $port" waits listens $port
done

state=$work/state
try() { # STATUS [LINE]...: a turn from nothing
	local want=$1 got
	shift
	rm -rf "$state"
	again "$want" "$@"
}
again() {
	local want=$1 got
	shift
	printf '%s\n' "gateway: gw" "private_key_file: $work/gw.key" "state_dir: $state" "trust: {mode: unsigned}" "fetch_timeout: 3s" "$@" >"$work/yettd.yaml"
	timeout 60 "$bin/yettd" --config="$work/yettd.yaml" --once 2>"$work/log"
	got=$?
	[ "$got" = "$want" ] || { echo "exit status $got, not $want"; return 1; }
}
said() { grep -aqE -- "$1" "$work/log"; }
in_force() { nft list table inet yett >/dev/null; }

# ---- https ----

https=https://git.test
ca="ca_file: $work/ca.pem"
ok "https with an authority of our own" try 0 "repository: $https:8443/git/policy.git" "$ca"
ok "applies" said 'applied|unchanged'
ok "a second turn over https" again 0 "repository: $https:8443/git/policy.git" "$ca"
ok "without the authority" try 2 "repository: $https:8443/git/policy.git"
ok "the certificate proves nothing" said 'certificate is invalid.*E_FETCH_CERT'
ok "a certificate of another name" try 2 "repository: $https:8444/git/policy.git" "$ca"
ok "is told as that" said 'certificate.*(CN|name).*E_FETCH_CERT'
ok "a certificate that expired" try 2 "repository: $https:8445/git/policy.git" "$ca"
ok "is told as that" said 'certificate.*expired.*E_FETCH_CERT'
ok "a certificate of another authority" try 2 "repository: $https:8446/git/policy.git" "$ca"
ok "is told as that" said 'certificate.*E_FETCH_CERT'
ok "a ca_file that is none" try 2 "repository: $https:8443/git/policy.git" "ca_file: $work/htpasswd"
ok "is told with its name" said 'ca_file .*htpasswd holds no certificates'
ok "a redirect" try 2 "repository: $https:8443/moved/policy.git" "$ca"
ok "is not followed" said 'E_FETCH_REDIRECT'
ok "the other host was never asked" sh -c '! grep -q moved "$1"' sh "$work/access-8444.log"
ok "a repository that wants a password" try 2 "repository: $https:8443/private/policy.git" "$ca"
ok "says where to put it" said 'credentials_file.*E_FETCH_AUTH'
(umask 077 && echo 'gateway:wrong' >"$work/wrong" && echo 'gateway:open sesame' >"$work/right")
ok "a wrong password" try 2 "repository: $https:8443/private/policy.git" "$ca" "credentials_file: $work/wrong"
ok "is told as refused" said 'refuses our user and password.*E_FETCH_AUTH'
ok "and stands nowhere in the log" sh -c '! grep -q gateway:wrong "$1"' sh "$work/log"
ok "the right password" try 0 "repository: $https:8443/private/policy.git" "$ca" "credentials_file: $work/right"
cp "$work/right" "$work/open" && chmod 644 "$work/open"
ok "credentials that others can read" try 2 "repository: $https:8443/private/policy.git" "$ca" "credentials_file: $work/open"
ok "are refused with the command to type" said 'credentials_file .*chmod 600'
ok "nobody listens" try 2 "repository: $https:8999/git/policy.git" "$ca"
ok "is told" said 'cannot reach'
ok "an unknown host" try 2 "repository: https://nowhere.test/git/policy.git" "$ca"
ok "is told too" said 'cannot reach.*nowhere\.test'

# ---- ssh ----

ssh=ssh://root@git.test:2222$work/srv/policy.git
host_key() { echo "host_key: $(cut -d' ' -f1,2 "$work/$1.pub")"; }
key="ssh_key_file: $work/client_key"
ok "ssh with a pinned host key" try 0 "repository: $ssh" "$key" "$(host_key host_key)"
ok "another host key" try 2 "repository: $ssh" "$key" "$(host_key other_host_key)"
ok "is told with its fingerprint" said "host key of git\.test, $(ssh-keygen -lf "$work/host_key.pub" | cut -d' ' -f2 | sed 's/+/\\+/g'), is not the one.*E_FETCH_HOSTKEY"
echo "[git.test]:2222 $(cut -d' ' -f1,2 "$work/host_key.pub")" >"$work/hosts.good"
ok "known_hosts" try 0 "repository: $ssh" "$key" "known_hosts: $work/hosts.good"
: >"$work/hosts.none"
ok "an empty known_hosts" try 2 "repository: $ssh" "$key" "known_hosts: $work/hosts.none"
ok "knows no host" said 'E_FETCH_HOSTKEY'
ok "no known_hosts at all" try 2 "repository: $ssh" "$key"
ok "knows none either" said 'E_FETCH_HOSTKEY'
ok "a stranger's key" try 2 "repository: $ssh" "ssh_key_file: $work/stranger_key" "$(host_key host_key)"
ok "is refused" said 'E_FETCH_AUTH'
ok "no key" try 2 "repository: $ssh" "$(host_key host_key)"
ok "is told what to name" said 'ssh_key_file.*E_FETCH_AUTH'
ok "git:// is refused, whoever serves it" try 2 "repository: git://git.test/policy.git"
ok "with its reason" said 'E_REPOSITORY|anybody on the way'

# ---- hosts that misbehave ----

ok "what is in force" try 0 "repository: file://$repo"
bad() { # NAME PATH CODE [PORT]
	ok "$1: the turn ends" again 2 "repository: $https:${4:-9443}/$2/policy.git" "$ca"
	ok "$1: with its code" said "$3"
	ok "$1: what is in force stays" in_force
}
bad "a host that says nothing" mute E_FETCH_LIMIT 9444
bad "a host that stops in the list of branches" stall-refs E_FETCH_LIMIT
bad "a host that sends byte by byte" loris E_FETCH_LIMIT
bad "a host that stops in the pack" stall-pack E_FETCH_LIMIT
bad "a pack that unfolds to a gigabyte" amplified E_PACK_MEM
bad "a pack whose checksum is wrong" cut 'E_PACK\]'
bad "a pack that claims two milliards of objects" count 'E_PACK'
bad "four hundred thousand branches" many 'E_(FETCH_LIMIT|PACK)|E_PACK_MEM'

echo "1..$n"
exit $status
