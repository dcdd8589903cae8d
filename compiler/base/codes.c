/* SPDX-License-Identifier: Apache-2.0 */
/* A new code is one row here, where its group ends; then `make golden-update` writes docs/diagnostics.md anew. */
#include "base/codes.h"

#include <string.h>

#include "base/bug.h"

const char *const code_group_titles[CODE_GROUP_COUNT] = {
	[CODES_FILES] = "Files and folders",
	[CODES_YAML] = "YAML",
	[CODES_DOCUMENTS] = "Documents and fields",
	[CODES_MEANING] = "What documents say of each other",
	[CODES_UNWISE] = "What is probably not meant",
	[CODES_IMPORT] = "Imports",
	[CODES_DAEMON] = "The daemon",
	[CODES_SIGNATURES] = "Signatures",
};

const struct code_row code_rows[] = {
	/* ---- files ---- */
	{ .code = "E_TREE_NAME", .group = CODES_FILES, .told = true,
	  .title = "a file or folder has a name that some system would read otherwise: `.git` in any spelling, `-x`, "
	           "control characters",
	  .about = "Every machine that checks the tree out must see the same files. Names that Windows or macOS "
	           "fold, that a command would take for an option, or that a terminal would act on are refused.",
	  .bad = "policies/-ops.yaml\n",
	  .good = "policies/ops.yaml\n" },
	{ .code = "E_TREE_CASE", .group = CODES_FILES, .told = true,
	  .title = "two names in one folder differ only in upper and lower case",
	  .about = "On a disk that folds case one of the two would replace the other, and the tree would mean "
	           "something else there.",
	  .bad = "users/Anna.yaml\nusers/anna.yaml\n",
	  .good = "users/anna.yaml\nusers/anna-b.yaml\n" },
	{ .code = "E_TREE_ORDER", .group = CODES_FILES, .told = true,
	  .title = "a git tree names an entry twice or out of order",
	  .about = "git never writes such a tree; it was made by hand, and different programs would read it "
	           "differently. Find the commit that brought it, and write that folder anew with git.",
	  .bad = "100644 blob 8ab686ea    network.yaml\n100644 blob 3f1c20d9    network.yaml\n",
	  .good = "100644 blob 8ab686ea    network.yaml\n" },
	{ .code = "E_TREE_MODE", .group = CODES_FILES, .told = true,
	  .title = "a symbolic link, a submodule or something else that is not a regular file or folder",
	  .about = "A link may lead out of what was reviewed, and a submodule's content is not in the commit. Copy "
	           "the file, or move it to where it belongs; `.yettignore` leaves out what is no policy.",
	  .bad = "ops.yaml -> ../other/ops.yaml\n",
	  .good = "ops.yaml\n" },
	{ .code = "E_TREE_DEPTH", .group = CODES_FILES, .told = true,
	  .title = "folders are nested too deep",
	  .about = "Folder names carry no meaning, so nothing is lost by a flatter tree.",
	  .bad = "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e/f/g/h/ops.yaml\n",
	  .good = "groups/ops.yaml\n" },
	{ .code = "E_TREE_COUNT", .group = CODES_FILES, .told = true,
	  .title = "the tree has too many files and folders of any kind",
	  .about = "A commit's folders can share their contents and so stand for more paths than were ever written: at "
	           "most 800 000 are looked at.",
	  .bad = "twenty folders in each other, each twice in the one above\n",
	  .good = "devices/, groups/, users/\n" },
	{ .code = "E_ODB_MISSING", .group = CODES_FILES, .told = true,
	  .title = "the repository lacks an object that the commit names",
	  .about = "The clone is damaged or partial: `git fsck` says what is missing, a new clone brings it.",
	  .bad = "git clone --filter=blob:none ...\n",
	  .good = "git clone ...\n" },
	{ .code = "E_LIMIT_FILE", .group = CODES_FILES, .told = true,
	  .title = "a file is larger than 4 MiB",
	  .about = "Nobody reviews a file of that size. Split it: a document's place in files and folders carries no "
	           "meaning.",
	  .bad = "devices.yaml (6 MiB)\n",
	  .good = "devices/alice-laptop.yaml, devices/bob-laptop.yaml, and so on\n" },
	{ .code = "E_LIMIT_FILES", .group = CODES_FILES, .told = true,
	  .title = "the tree has too many files and folders",
	  .about = "At most 200 000 are read. Several small documents can stand in one file, parted by a line `---`; "
	           "`.yettignore` leaves folders out that hold no policy.",
	  .bad = "200 001 files\n",
	  .good = "users.yaml with many documents\n" },
	{ .code = "E_LIMIT_BYTES", .group = CODES_FILES, .told = true,
	  .title = "all files together are larger than 64 MiB, or than `--max-bytes`",
	  .about = "The limit keeps a gateway from being fed more than it can hold. Where the tree really is that "
	           "large, raise it with `--max-bytes`; otherwise look for generated files that `.yettignore` should "
	           "name.",
	  .bad = "yett check                     # of 80 MiB of YAML\n",
	  .good = "yett check --max-bytes 128M\n" },
	{ .code = "W_TREE_MODE", .group = CODES_FILES, .told = true,
	  .title = "a policy file is marked as executable",
	  .about = "Nothing runs it, so the mark is a slip: `git update-index --chmod=-x FILE`.",
	  .bad = "100755 network.yaml\n",
	  .good = "100644 network.yaml\n" },

	/* ---- yaml ---- */
	{ .code = "E_BYTES", .group = CODES_YAML,
	  .title = "bytes that are not UTF-8, a NUL, a byte-order mark, or characters that change what a reader sees",
	  .about = "A reviewer must see what the compiler reads. Bidirectional controls, line separators other than "
	           "LF, NUL and byte-order marks are refused wherever they stand, also as escapes. Save the file as "
	           "UTF-8 with LF line ends.",
	  .bad = "kind: User\nname: dora\ndescription: \"trusted \\u202Erotcartnoc\"\n",
	  .good = "kind: User\nname: dora\ndescription: trusted contractor\n" },
	{ .code = "E_YAML_SYNTAX", .group = CODES_YAML,
	  .title = "the YAML cannot be read",
	  .about = "Most often: indentation by tabs, a quote that is not closed, or a value that starts with a sign "
	           "that YAML keeps for itself and so has to be quoted.",
	  .bad = "kind: Group\nname: admins\nmembers: [user:ana\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_YAML_ALIAS", .group = CODES_YAML,
	  .title = "an anchor, an alias or a merge key",
	  .about = "With them a change in one place changes another that no reviewer looks at. Write the value out "
	           "where it is needed; what several policies share belongs in a Group or a Resource.",
	  .bad = "kind: Group\nname: admins\nmembers: &people [user:ana]\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_YAML_TAG", .group = CODES_YAML,
	  .title = "a tag such as `!!int`",
	  .about = "The field says which type its value has. A value that starts with `!` has to be quoted.",
	  .bad = "kind: User\nname: dora\nemail: !!str dora@example.com\n",
	  .good = "kind: User\nname: dora\nemail: dora@example.com\n" },
	{ .code = "E_YAML_DIRECTIVE", .group = CODES_YAML,
	  .title = "a directive such as `%YAML`",
	  .about = "Leave the line out. Documents are parted by `---` alone.",
	  .bad = "%YAML 1.2\n---\nkind: User\nname: dora\n",
	  .good = "kind: User\nname: dora\n" },
	{ .code = "E_YAML_DUP", .group = CODES_YAML,
	  .title = "a key stands twice in one mapping",
	  .about = "Which of the two would count depends on the reader, so neither does. Two lists that were meant "
	           "to be one are joined; a second object begins after a line `---`.",
	  .bad = "kind: Group\nname: admins\nmembers: [user:ana]\nmembers: [user:ben]\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana, user:ben]\n" },
	{ .code = "E_YAML_KEY", .group = CODES_YAML,
	  .title = "a key is missing or not a plain word",
	  .about = "The names of fields are words. A list or a mapping in place of a key, or a line that begins with "
	           "a colon, is a slip.",
	  .bad = "kind: Group\nname: admins\n[members]: [user:ana]\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_YAML_DEPTH", .group = CODES_YAML,
	  .title = "nesting deeper than 16",
	  .about = "Nothing in the language is nested deeper than four.",
	  .bad = "kind: Group\nname: admins\nmembers: [[[[[[[[[[[[[[[[[user:ana]]]]]]]]]]]]]]]]]\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_LIMIT_SCALAR", .group = CODES_YAML, .told = true,
	  .title = "a value is longer than 64 KiB",
	  .about = "Long texts belong in the repository's documentation, not in a description.",
	  .bad = "description: (seventy thousand letters)\n",
	  .good = "description: See docs/network.md\n" },

	/* ---- documents ---- */
	{ .code = "E_KIND", .group = CODES_DOCUMENTS,
	  .title = "there is no such kind",
	  .about = "The kinds are those of docs/language.md, with a capital letter.",
	  .bad = "kind: user\nname: dora\n",
	  .good = "kind: User\nname: dora\n" },
	{ .code = "E_UNKNOWN_FIELD", .group = CODES_DOCUMENTS,
	  .title = "the kind has no such field; the nearest one is offered",
	  .about = "A misspelt field would otherwise be a rule that nobody enforces, so every unknown field is an "
	           "error.",
	  .bad = "kind: User\nname: dora\nmail: dora@example.com\n",
	  .good = "kind: User\nname: dora\nemail: dora@example.com\n" },
	{ .code = "E_REQUIRED", .group = CODES_DOCUMENTS,
	  .title = "a field that must be there is missing",
	  .about = "docs/language.md says for each kind what it needs. A Device without an owner needs a tag, a Test "
	           "needs `allow` or `deny`.",
	  .bad = "kind: Group\nname: admins\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_ONE_OF", .group = CODES_DOCUMENTS,
	  .title = "of some fields exactly one may stand, and there are two",
	  .about = "A Guardrail says one thing: `never`, `only` or `require`. Write two documents.",
	  .bad = "kind: Guardrail\nname: nas\n"
	         "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\n"
	         "only: {to: [resource:nas], from: [group:everyone]}\n",
	  .good = "kind: Guardrail\nname: nas\n"
	          "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\n" },
	{ .code = "E_NULL", .group = CODES_DOCUMENTS,
	  .title = "a field or an item holds nothing",
	  .about = "A field without a value, `null` and `~` are nothing. Leave the field out, or give it what it "
	           "should hold; an empty list is `[]`.",
	  .bad = "kind: User\nname: dora\nemail:\n",
	  .good = "kind: User\nname: dora\n" },
	{ .code = "E_LIST", .group = CODES_DOCUMENTS,
	  .title = "one value where a list is wanted",
	  .about = "A list is written as a list, also when it holds one thing, so adding a second is a one-line "
	           "change.",
	  .bad = "kind: Group\nname: admins\nmembers: user:ana\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_EMPTY", .group = CODES_DOCUMENTS,
	  .title = "a list that may not be empty is",
	  .about = "`from` and `to` say whom and what a policy speaks of; without anything in them it would speak of "
	           "nothing. Write `any` where everything is meant.",
	  .bad = "kind: Policy\nname: ops\nfrom: []\nto: [site:office]\n",
	  .good = "kind: Policy\nname: ops\nfrom: [user:ben]\nto: [site:office]\n" },
	{ .code = "E_TYPE", .group = CODES_DOCUMENTS,
	  .title = "a value is not of the field's type",
	  .about = "The message says what the field takes and gives examples.",
	  .bad = "kind: User\nname: dora\nexpires: next summer\n",
	  .good = "kind: User\nname: dora\nexpires: 2040-07-01\n" },
	{ .code = "E_RANGE", .group = CODES_DOCUMENTS,
	  .title = "a number outside what the field allows",
	  .about = "The hint says the least and the most.",
	  .bad = "kind: Policy\nname: ops\nfrom: [user:ben]\nto: [site:office]\npriority: 5000\n",
	  .good = "kind: Policy\nname: ops\nfrom: [user:ben]\nto: [site:office]\npriority: 500\n" },
	{ .code = "E_NAME", .group = CODES_DOCUMENTS,
	  .title = "not a name: 1 to 63 of `a-z0-9._@+-`, with a letter or digit at both ends",
	  .about = "Names stand in selectors, file names and firewall comments, so they are kept to what reads the "
	           "same everywhere. What people call it goes into `description`.",
	  .bad = "kind: User\nname: Dora Miller\n",
	  .good = "kind: User\nname: dora.miller\ndescription: Dora Miller\n" },
	{ .code = "E_DUP_NAME", .group = CODES_DOCUMENTS,
	  .title = "two documents of one kind have the same name",
	  .about = "The later place is reported and the first one named. Names are unique within a kind; a User and "
	           "a Group may share one.",
	  .bad = "kind: User\nname: dora\n---\nkind: User\nname: dora\n",
	  .good = "kind: User\nname: dora\n---\nkind: User\nname: dora-b\n" },
	{ .code = "E_NETWORK", .group = CODES_DOCUMENTS,
	  .title = "no Network, or more than one",
	  .about = "A tree describes one VPN. A second network is a second tree, with its own repository or folder "
	           "(`--path`).",
	  .bad = "kind: Network\nname: second\npools: [10.8.0.0/24]\n",
	  .good = "kind: Network\nname: example\ndomain: vpn.example.com\n"
	          "pools: [10.7.0.0/24, 10.8.0.0/24]\n" },
	{ .code = "E_LATER", .group = CODES_DOCUMENTS,
	  .title = "the language names it, and this version does not have it yet",
	  .about = "Nothing that is written is ignored: what cannot be enforced is refused.",
	  .bad = "kind: Network\nname: example\npools: [10.7.0.0/24]\n"
	         "devices: {require_preshared_key: true}\n",
	  .good = "kind: Network\nname: example\npools: [10.7.0.0/24]\n" },
	{ .code = "E_IP_FORM", .group = CODES_DOCUMENTS,
	  .title = "not an address, prefix or range in its one accepted form; the right prefix is offered where host "
	           "bits are set",
	  .about = "One way to write an address, so that a search finds it: no zero-padding, no IPv4-mapped IPv6, no "
	           "zones, and a prefix without host bits.",
	  .bad = "kind: Site\nname: lab\nnetworks: [192.168.20.5/24]\n",
	  .good = "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n" },
	{ .code = "E_KEY_FORMAT", .group = CODES_DOCUMENTS,
	  .title = "not a WireGuard public key in canonical base64",
	  .about = "A public key is 44 characters that end in `=`, as `wg pubkey` prints it. The private key never "
	           "goes into the tree.",
	  .bad = "kind: Device\nname: ben-laptop\nowner: ben\npublic_key: ben's key\n"
	         "addresses: [10.7.0.12]\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n" },
	{ .code = "E_KEY_WEAK", .group = CODES_DOCUMENTS,
	  .title = "a key that gives no secrecy: zero, or a point of low order",
	  .about = "With such a key anybody could compute the session's secret. Make a key pair: `(umask 077; wg genkey | "
	           "tee private.key | wg pubkey)`.",
	  .bad = "kind: Device\nname: ben-laptop\nowner: ben\n"
	         "public_key: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\naddresses: [10.7.0.12]\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n" },
	{ .code = "E_ENDPOINT", .group = CODES_DOCUMENTS,
	  .title = "not `host:port`",
	  .about = "A name or an address and a UDP port; an IPv6 address stands in brackets.",
	  .bad = "kind: Gateway\nname: office\nsite: office\nendpoint: vpn.example.com\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: vpn.example.com:51820\n"
	          "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n" },
	{ .code = "E_IFNAME", .group = CODES_DOCUMENTS,
	  .title = "not a name that an interface may have",
	  .about = "1 to 15 of `a-zA-Z0-9_.-`, and not one that a machine has for something else, such as `lo` or "
	           "`eth0`.",
	  .bad = "kind: Gateway\nname: office\nsite: office\nendpoint: vpn.example.com:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n"
	         "interface: eth0\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: vpn.example.com:51820\n"
	          "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n"
	          "interface: wg-office\n" },

	/* ---- meaning ---- */
	{ .code = "E_REF", .group = CODES_MEANING,
	  .title = "a name that does not exist; the nearest one is offered",
	  .about = "A selector or a field names an object that no document declares. A tag is not declared, so a "
	           "`tag:` that nothing carries is `W_EMPTY_SELECTOR` instead.",
	  .bad = "kind: Policy\nname: ops\nfrom: [group:evryone]\nto: [resource:nas]\nports: [tcp/22]\n",
	  .good = "kind: Policy\nname: ops\nfrom: [group:everyone]\nto: [resource:nas]\nports: [tcp/22]\n" },
	{ .code = "E_SELECTOR", .group = CODES_MEANING,
	  .title = "a selector that cannot stand in this place",
	  .about = "`from` names devices, so a Resource or `internet` cannot stand there; `to` names destinations; "
	           "members of a group are users, groups, devices and tags.",
	  .bad = "kind: Policy\nname: ops\nfrom: [resource:nas]\nto: [site:office]\n",
	  .good = "kind: Policy\nname: ops\nfrom: [group:everyone]\nto: [resource:nas]\nports: [tcp/22]\n" },
	{ .code = "E_CYCLE", .group = CODES_MEANING,
	  .title = "groups contain each other; the cycle is printed",
	  .about = "Take one of the memberships out; who is in a cycle has no answer that everybody would agree on.",
	  .bad = "kind: Group\nname: admins\nmembers: [user:ana, group:everyone]\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_LIMIT_DEPTH", .group = CODES_MEANING,
	  .title = "groups are nested more than 8 deep",
	  .about = "Nobody can review who is in the outermost one. Name the members themselves instead of groups of groups.",
	  .bad = "kind: Group\nname: n1\nmembers: [group:n2]\n---\n"
	         "kind: Group\nname: n2\nmembers: [group:n3]\n---\n"
	         "kind: Group\nname: n3\nmembers: [group:n4]\n---\n"
	         "kind: Group\nname: n4\nmembers: [group:n5]\n---\n"
	         "kind: Group\nname: n5\nmembers: [group:n6]\n---\n"
	         "kind: Group\nname: n6\nmembers: [group:n7]\n---\n"
	         "kind: Group\nname: n7\nmembers: [group:n8]\n---\n"
	         "kind: Group\nname: n8\nmembers: [group:n9]\n---\n"
	         "kind: Group\nname: n9\nmembers: [user:ana]\n",
	  .good = "kind: Group\nname: admins\nmembers: [user:ana]\n" },
	{ .code = "E_IP_DUP", .group = CODES_MEANING,
	  .title = "an address that another device or gateway has",
	  .about = "Two branches took the same address. Whoever merges later takes the next free one.",
	  .bad = "kind: Device\nname: ben-laptop\nowner: ben\n"
	         "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.11]\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n" },
	{ .code = "E_IP_FAMILY", .group = CODES_MEANING,
	  .title = "an address of a family is missing, or there are two",
	  .about = "A device has exactly one address of each family that the network has pools for. Addresses of "
	           "what stands behind it belong in `networks`.",
	  .bad = "kind: Device\nname: ben-laptop\nowner: ben\n"
	         "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\n"
	         "addresses: [10.7.0.12, 10.7.0.15]\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n" },
	{ .code = "E_IP_POOL", .group = CODES_MEANING,
	  .title = "an address outside every pool",
	  .about = "Addresses of devices and gateways come from the Network's `pools`. Take another, or add a pool.",
	  .bad = "kind: Device\nname: ben-laptop\nowner: ben\n"
	         "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.8.0.12]\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n" },
	{ .code = "E_IP_RESERVED", .group = CODES_MEANING,
	  .title = "the network or broadcast address of a pool",
	  .about = "The first and the last address of an IPv4 pool are no host's.",
	  .bad = "kind: Device\nname: ben-laptop\nowner: ben\n"
	         "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.255]\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n" },
	{ .code = "E_IP_OVERLAP", .group = CODES_MEANING,
	  .title = "networks, pools or routed prefixes overlap",
	  .about = "A packet has one way to go. Networks of sites, pools and prefixes behind devices are disjoint; "
	           "where two places really use the same addresses, one of them has to be renumbered.",
	  .bad = "kind: Site\nname: lab\nnetworks: [192.168.10.128/25]\n",
	  .good = "kind: Site\nname: lab\nnetworks: [192.168.20.0/25]\n" },
	{ .code = "E_KEY_DUP", .group = CODES_MEANING,
	  .title = "a public key that another device or gateway has, or that was revoked",
	  .about = "WireGuard knows a peer by its key alone, so each device makes its own. A revoked key never comes "
	           "back.",
	  .bad = "kind: Device\nname: ben-laptop\nowner: ben\n"
	         "public_key: E+U5JbsX9myHstmWoWF/7al9edpWtWapnHzpuMUXB2M=\naddresses: [10.7.0.12]\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n" },
	{ .code = "E_RESOURCE_SITE", .group = CODES_MEANING,
	  .title = "no site, or more than one, holds the resource's address",
	  .about = "Something has to carry it. Add the address to the networks of the site that reaches it, or say "
	           "`site:`.",
	  .bad = "kind: Resource\nname: nas\naddresses: [172.16.0.5]\n",
	  .good = "kind: Resource\nname: nas\naddresses: [172.16.0.5]\nsite: office\n" },
	{ .code = "E_PLAN_DEVICES", .group = CODES_MEANING,
	  .title = "a user has more devices than the plan allows",
	  .about = "The first device beyond the plan's `max_devices` is named. Revoke one, or give the user another "
	           "plan.",
	  .bad = "kind: Plan\nname: basic\nmax_devices: 1\n---\nkind: User\nname: ana\nplan: basic\n",
	  .good = "kind: Plan\nname: basic\nmax_devices: 2\n---\nkind: User\nname: ana\nplan: basic\n" },
	{ .code = "E_USER_DEVICES", .group = CODES_MEANING,
	  .title = "a user has more devices than the network allows",
	  .about = "The Network's `devices.max_per_user` holds for everybody.",
	  .bad = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndevices: {max_per_user: 1}\n",
	  .good = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndevices: {max_per_user: 2}\n" },
	{ .code = "E_CAPACITY", .group = CODES_MEANING,
	  .title = "a gateway would have to admit more devices than its capacity",
	  .about = "Raise it, or add a gateway to the site and say with the site's `redundancy` how many of them "
	           "admit each device. Counted are also those that only meet other devices of their home there.",
	  .bad = "kind: Gateway\nname: office\nsite: office\nendpoint: vpn.example.com:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n"
	         "capacity: 2\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: vpn.example.com:51820\n"
	          "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n"
	          "capacity: 200\n" },
	{ .code = "E_TEST", .group = CODES_MEANING,
	  .title = "a Test does not hold; a counterexample follows",
	  .about = "The message names a device, an address and a port at which the answer is another, and the policy "
	           "that decided. Either the change is wrong, or the test says what is no longer wanted.",
	  .bad = "kind: Test\nname: ben-has-no-shell\nfrom: [user:ben]\ndeny:\n  - to: [resource:intranet]\n",
	  .good = "kind: Test\nname: ben-has-no-shell\nfrom: [user:ben]\ndeny:\n"
	          "  - to: [resource:intranet]\n    ports: [tcp/22]\n" },
	{ .code = "E_GUARDRAIL", .group = CODES_MEANING,
	  .title = "a Guardrail does not hold; a counterexample follows",
	  .about = "The message names a device, an address and a port at which somebody may do what the guardrail "
	           "forbids, and the policy that allows it. Narrow the policy, or excuse a part of it with a waiver "
	           "that has a reason and an end.",
	  .bad = "kind: Guardrail\nname: nas\nnever: {from: [user:cleo], to: [resource:nas]}\n",
	  .good = "kind: Guardrail\nname: nas\n"
	          "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\n" },
	{ .code = "E_WAIVER", .group = CODES_MEANING,
	  .title = "a waiver that says nothing of what it excuses, or what its rule cannot use",
	  .about = "A waiver excuses a part of what its guardrail finds, until a date and with a reason that "
	           "somebody can read next year. To let all of it pass, give the guardrail `severity: warning`.",
	  .bad = "kind: Guardrail\nname: nas\n"
	         "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\nwaivers:\n"
	         "  - reason: She moves the archive\n    expires: 2040-01-01\n",
	  .good = "kind: Guardrail\nname: nas\nnever: {from: [user:cleo], to: [resource:nas]}\nwaivers:\n"
	          "  - policy: files\n    reason: She moves the archive\n    expires: 2040-01-01\n" },
	{ .code = "E_LINK_SITES", .group = CODES_MEANING,
	  .title = "a link names too few or too many sites, or one of them twice",
	  .about = "A mesh or a hub connects at least two sites, a pair exactly two.",
	  .bad = "kind: Link\nname: wan\ntopology: mesh\nsites: [office]\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: pair\nsites: [office, lab]\n" },
	{ .code = "E_LINK_HUB", .group = CODES_MEANING,
	  .title = "the hub of a link is missing, not one of its sites, or named where there is none",
	  .about = "`topology: hub` needs to know which site stands in the middle: every other site reaches the rest "
	           "through it. The other topologies have no such site.",
	  .bad = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: hub\nsites: [office, lab]\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: hub\nhub: office\nsites: [office, lab]\n" },
	{ .code = "E_LINK_TWICE", .group = CODES_MEANING,
	  .title = "two sites are linked by two links",
	  .about = "WireGuard gives each address to one peer, so two sites have one way to each other. Spokes of one "
	           "hub are linked through it already.",
	  .bad = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: pair\nsites: [office, lab]\n"
	         "---\nkind: Link\nname: again\ntopology: mesh\nsites: [lab, office]\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: pair\nsites: [office, lab]\n" },
	{ .code = "E_LINK_GATEWAY", .group = CODES_MEANING,
	  .title = "a linked site has no gateway",
	  .about = "A link connects the gateways of its sites. Declare a Gateway at the site, or take the site out.",
	  .bad = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Link\nname: wan\ntopology: pair\nsites: [office, lab]\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: pair\nsites: [office, lab]\n" },
	{ .code = "E_LINK_ENDPOINT", .group = CODES_MEANING,
	  .title = "the endpoint of a linked gateway is a name, or lies inside the tunnel",
	  .about = "Gateways of linked sites send to each other's endpoints from the first moment on, without asking a "
	           "name server that may itself lie behind the tunnel. So these are addresses, outside of the pools "
	           "and of what the linked sites carry.",
	  .bad = "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: pair\nsites: [office, lab]\n",
	  .good = "kind: Gateway\nname: office\nsite: office\nendpoint: 192.0.2.1:51820\n"
	         "public_key: kQJrQKo8F3e3iZtlQFv+5HD+egOYB/L+u6J/NgFwQVc=\naddresses: [10.7.0.1]\n---\n"
	         "kind: Site\nname: lab\nnetworks: [192.168.20.0/24]\n---\n"
	         "kind: Gateway\nname: lab\nsite: lab\nendpoint: 192.0.2.2:51820\n"
	         "public_key: MjFi4388vbkgdlpsPSupSYXkZczLBmTGLOxD/cdURnA=\naddresses: [10.7.0.2]\n---\n"
	         "kind: Link\nname: wan\ntopology: pair\nsites: [office, lab]\n" },

	/* ---- unwise ---- */
	{ .code = "W_GUARDRAIL", .group = CODES_UNWISE,
	  .title = "a Guardrail of severity warning does not hold; a counterexample follows",
	  .about = "What it says is wanted and not enforced: the access is there.",
	  .bad = "kind: Guardrail\nname: nas\nseverity: warning\n"
	         "never: {from: [user:cleo], to: [resource:nas]}\n",
	  .good = "kind: Guardrail\nname: nas\nseverity: warning\n"
	          "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\n" },
	{ .code = "W_GUARDRAIL_EMPTY", .group = CODES_UNWISE,
	  .title = "a Guardrail that speaks of nothing, so it forbids nothing",
	  .about = "A selector that matches nothing protects nothing: a tag that is misspelt, a group without "
	           "members. The guardrail would stay silent when it is needed.",
	  .bad = "kind: Guardrail\nname: prod\nnever: {from: [any], to: [tag:prod]}\n",
	  .good = "kind: Guardrail\nname: nas\n"
	          "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\n" },
	{ .code = "W_WAIVER", .group = CODES_UNWISE,
	  .title = "a waiver that has expired, or that excuses nothing that anybody may do",
	  .about = "It is left over; delete it.",
	  .bad = "kind: Guardrail\nname: nas\n"
	         "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\nwaivers:\n"
	         "  - to: [192.168.10.30]\n    reason: She moves the archive\n    expires: 2040-01-01\n",
	  .good = "kind: Guardrail\nname: nas\n"
	          "never: {from: [user:cleo], to: [resource:nas], ports: [tcp/22]}\n" },
	{ .code = "W_EMPTY_SELECTOR", .group = CODES_UNWISE,
	  .title = "a selector matches nothing, so it grants nothing",
	  .about = "It never widens anything, but somebody meant something by it: a tag that is misspelt, a group "
	           "without members, a user without devices.",
	  .bad = "kind: Policy\nname: ops\nfrom: [tag:opps]\nto: [site:office]\n",
	  .good = "kind: Policy\nname: ops\nfrom: [user:ben]\nto: [site:office]\n" },
	{ .code = "W_NEVER", .group = CODES_UNWISE,
	  .title = "a policy never holds: it expires before it begins",
	  .about = "Its two dates were swapped, or only one of them was moved.",
	  .bad = "kind: Policy\nname: audit\nfrom: [user:ben]\nto: [resource:nas]\nnot_before: 2040-06-01\n"
	         "expires: 2040-01-01\n",
	  .good = "kind: Policy\nname: audit\nfrom: [user:ben]\nto: [resource:nas]\nnot_before: 2040-01-01\n"
	          "expires: 2040-06-01\n" },
	{ .code = "W_NO_PATH", .group = CODES_UNWISE,
	  .title = "a policy allows what no gateway carries",
	  .about = "Access is permission, not a path: without a gateway that carries the destination for the source, "
	           "no packet gets there.",
	  .bad = "kind: Policy\nname: everywhere\nfrom: [user:ben]\nto: [internet]\n",
	  .good = "kind: Site\nname: office\nnetworks: [192.168.10.0/24]\nexit: true\n---\nkind: Policy\n"
	          "name: everywhere\nfrom: [user:ben]\nto: [internet]\n" },
	{ .code = "W_SHADOWED", .group = CODES_UNWISE,
	  .title = "a policy changes nothing, because others decide all that it speaks of; they are named",
	  .about = "The highest priority decides; among equals a deny before an allow. Every device, address and "
	           "port that the policy speaks of is decided by the policies named before it is asked, so it can "
	           "go, or it needs another priority.",
	  .bad = "kind: Policy\nname: nas-closed\naction: deny\nfrom: [any]\nto: [resource:nas]\n"
	         "priority: 10\n---\nkind: Policy\nname: ben-backs-up\nfrom: [user:ben]\n"
	         "to: [resource:nas]\nports: [tcp/22]\n",
	  .good = "kind: Policy\nname: ben-backs-up\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\n" },
	{ .code = "W_DEAD_POLICY", .group = CODES_UNWISE,
	  .title = "a policy decides nothing: it has expired, or none of its ports is one of its destinations'",
	  .about = "A policy's ports are narrowed by each resource's own. Where nothing is left, the policy grants "
	           "and denies nothing; one that has expired can be deleted, git remembers it.",
	  .bad = "kind: Policy\nname: shares\nfrom: [user:ben]\nto: [resource:intranet]\nports: [tcp/445]\n",
	  .good = "kind: Policy\nname: shares\nfrom: [user:ben]\nto: [resource:nas]\nports: [tcp/22]\n" },
	{ .code = "W_UNUSED_GROUP", .group = CODES_UNWISE,
	  .title = "a group that no policy, test or other group names",
	  .about = "Its members gain nothing by it. It is left over, or the policy that was to name it is missing.",
	  .bad = "kind: Group\nname: ops\nmembers: [user:ben]\n",
	  .good = "kind: Group\nname: ops\nmembers: [user:ben]\n---\nkind: Policy\nname: ops\n"
	          "from: [group:ops]\nto: [resource:nas]\nports: [tcp/22]\n" },
	{ .code = "W_UNUSED_RESOURCE", .group = CODES_UNWISE,
	  .title = "a resource that no policy reaches",
	  .about = "Nothing names it, no tag of its own is named, and no policy's destinations touch its addresses: "
	           "nobody reaches it.",
	  .bad = "kind: Resource\nname: cameras\naddresses: [172.16.0.0/24]\nsite: office\n",
	  .good = "kind: Resource\nname: cameras\naddresses: [172.16.0.0/24]\nsite: office\n---\n"
	          "kind: Policy\nname: cameras\nfrom: [user:ben]\nto: [resource:cameras]\n" },
	{ .code = "W_KEY_AGE", .group = CODES_UNWISE,
	  .title = "a device's key is older than the network's `devices.max_key_age`, or its age is not known",
	  .about = "The device makes a new key pair, and its document gets the new `public_key` and `key_created`. "
	           "It warns and shuts nobody out.",
	  .bad = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndevices: {max_key_age: 365d}\n---\n"
	         "kind: Device\nname: ben-laptop\nowner: ben\n"
	         "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n"
	         "key_created: 2020-01-01\n",
	  .good = "kind: Device\nname: ben-laptop\nowner: ben\n"
	          "public_key: rRC7WEkkl0YjxePEwPdkLIFq0QvEGmTsw2rI4xqpgg8=\naddresses: [10.7.0.12]\n"
	          "key_created: 2020-01-01\n" },
	{ .code = "W_DNS_UNREACHABLE", .group = CODES_UNWISE,
	  .title = "a DNS server that devices may not reach on udp/53",
	  .about = "Their profiles name the server, and the gateways drop their questions to it: names do not "
	           "resolve while they are connected. A server outside the VPN that devices reach beside the tunnel "
	           "is not meant.",
	  .bad = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndns: {servers: [192.168.10.53]}\n",
	  .good = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndns: {servers: [192.168.10.53]}\n"
	          "---\nkind: Policy\nname: names\nfrom: [any]\nto: [192.168.10.53]\n"
	          "ports: [udp/53, tcp/53]\n" },
	{ .code = "W_FULL_TUNNEL_DNS", .group = CODES_UNWISE,
	  .title = "a full tunnel without a DNS server: names are asked for outside the VPN, or not at all",
	  .about = "Everything of the device goes through the VPN but for its questions about names, which tell "
	           "whoever answers where it goes. Say `dns.servers` in the Network.",
	  .bad = "kind: Network\nname: example\npools: [10.7.0.0/24]\n"
	         "profile: {tunnel: full, block_ipv6: true}\n",
	  .good = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndns: {servers: [192.168.10.53]}\n"
	          "profile: {tunnel: full, block_ipv6: true}\n---\nkind: Policy\nname: names\nfrom: [any]\n"
	          "to: [192.168.10.53]\nports: [udp/53, tcp/53]\n" },
	{ .code = "W_FULL_TUNNEL_IPV6", .group = CODES_UNWISE,
	  .title = "a full tunnel that IPv6 passes by",
	  .about = "The network has no IPv6 pool, so a profile takes IPv4 alone into the tunnel, and whatever speaks "
	           "IPv6 goes around it. Say `block_ipv6: true` or `kill_switch: true`, or give the network an IPv6 "
	           "pool.",
	  .bad = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndns: {servers: [192.168.10.20]}\n"
	         "profile: {tunnel: full}\n"
	         "---\nkind: Policy\nname: names\nfrom: [any]\nto: [192.168.10.20]\nports: [udp/53]\n",
	  .good = "kind: Network\nname: example\npools: [10.7.0.0/24]\ndns: {servers: [192.168.10.20]}\n"
	          "profile: {tunnel: full, block_ipv6: true}\n"
	          "---\nkind: Policy\nname: names\nfrom: [any]\nto: [192.168.10.20]\nports: [udp/53]\n" },
	{ .code = "W_PROFILE_QR", .group = CODES_UNWISE, .told = true,
	  .title = "a phone's profile is too large for a QR code",
	  .about = "A QR code holds at most 2953 bytes. AllowedIPs grow with the number of separate addresses that a "
	           "device may reach: neighbouring resources that join to one prefix, or a full tunnel, make them "
	           "short. The file itself can still be sent.",
	  .bad = "to: [10.1.0.1, 10.1.0.3, 10.1.0.5, and some hundred more]\n",
	  .good = "to: [10.1.0.0/16]\n" },

	/* ---- imports ---- */
	{ .code = "E_IMPORT", .group = CODES_IMPORT, .told = true,
	  .title = "the file to import cannot be read, or the system it comes from would refuse it",
	  .about = "`yett import` reads WireGuard's own files and Tailscale policy files as strictly as their own programs do, "
	           "and writes nothing when one is broken. Of a WireGuard file no line is shown: it may hold a key.",
	  .bad = "[Interface]\nAddress = 10.0.0.300/32\n",
	  .good = "[Interface]\nAddress = 10.0.0.30/32\n" },
	{ .code = "W_IMPORT", .group = CODES_IMPORT, .told = true,
	  .title = "something in the imported file has no counterpart",
	  .about = "It is named with its line and left out, or written as a comment or a disabled policy, so that no "
	           "import gives more access in silence. `DIR/IMPORT.md` keeps the list; docs/import.md has the mapping.",
	  .bad = "PostUp = iptables -A FORWARD -i %i -j ACCEPT\n",
	  .good = "Address = 10.0.0.1/24\n" },

	/* ---- daemon ---- */
	{ .code = "E_FIELD", .group = CODES_DAEMON, .told = true,
	  .title = "the configuration has no such field",
	  .about = "yettd.yaml is read as strictly as a tree. `yettd(8)` lists the fields.",
	  .bad = "gateway: office\nrepo: https://git.example.com/net.git\n",
	  .good = "gateway: office\nrepository: https://git.example.com/net.git\n" },
	{ .code = "E_REPOSITORY", .group = CODES_DAEMON, .told = true,
	  .title = "the repository's address is of a kind that is not accepted",
	  .about = "`https://`, `ssh://`, `user@host:path` and a path on this machine are; an address that carries a "
	           "password is not.",
	  .bad = "repository: http://git.example.com/net.git\n",
	  .good = "repository: https://git.example.com/net.git\n" },
	{ .code = "E_TRUST", .group = CODES_DAEMON, .told = true,
	  .title = "the configuration does not say whom to trust",
	  .about = "In commit mode a gateway's own file says who may sign the first commit that it takes, or which commit that comes after; the "
		   "trust folder of each accepted tree says who may sign the next. A gateway that obeys whoever may push to a branch has to be told "
		   "so in words: `trust: {mode: unsigned}`.",
	  .bad = "trust: {mode: commit}\n",
	  .good = "trust: {mode: commit, allowed_signers: /etc/yett/allowed_signers}\n" },
	{ .code = "E_KERNEL_TZ", .group = CODES_DAEMON, .told = true,
	  .title = "the kernel's own time zone is not UTC, so windows would be shifted",
	  .about = "The kernel judges hours and days by its own clock. Set the hardware clock to UTC: `timedatectl "
	           "set-local-rtc 0`, and boot again.",
	  .bad = "timedatectl set-local-rtc 1\n",
	  .good = "timedatectl set-local-rtc 0\n" },
	{ .code = "E_NO_WIREGUARD", .group = CODES_DAEMON, .told = true,
	  .title = "neither the kernel nor a userspace process offers the WireGuard interface",
	  .about = "Load the module (`modprobe wireguard`), or start `wireguard-go` for that interface.",
	  .bad = "modprobe: FATAL: Module wireguard not found\n",
	  .good = "wireguard-go wg0\n" },
	{ .code = "E_PACK_SIZE", .group = CODES_DAEMON, .told = true,
	  .title = "the repository sends more than a fetch may bring",
	  .about = "At most 2 GiB come with the first fetch and 64 MiB with each later one, so that nobody who may push can "
	           "fill a gateway's disk. What is in force stays. Large files do not belong beside policies: take them out "
	           "of the branch.",
	  .bad = "a film in the policy repository\n",
	  .good = "YAML\n" },
	{ .code = "E_FETCH_CERT", .group = CODES_DAEMON, .told = true,
	  .title = "the git host's certificate does not prove that it is the git host",
	  .about = "It is of another name, expired, or signed by nobody who is trusted; the message says which. For a certificate of your own "
	           "authority put the authority's certificate into a file and name it in `ca_file`: then that authority alone counts.",
	  .bad = "repository: https://git.internal/net.git\n",
	  .good = "repository: https://git.internal/net.git\nca_file: /etc/yett/ca.pem\n" },
	{ .code = "E_FETCH_HOSTKEY", .group = CODES_DAEMON, .told = true,
	  .title = "the git host shows an SSH host key that is not the one it should have",
	  .about = "Nothing is fetched from it. Either somebody stands between, or the host got a new key: compare the fingerprint in the message with what "
	           "the host's operator says, then write the new key into `host_key` or `known_hosts`.",
	  .bad = "repository: ssh://git@git.example.com/net.git\n",
	  .good = "repository: ssh://git@git.example.com/net.git\nhost_key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...\n" },
	{ .code = "E_FETCH_AUTH", .group = CODES_DAEMON, .told = true,
	  .title = "the git host does not accept who we are",
	  .about = "For https put one line `USER:PASSWORD` (a deploy token will do) into a file of mode 0600 and name it in `credentials_file`; for ssh "
	           "name a key without passphrase in `ssh_key_file`. Reading is all that it must allow.",
	  .bad = "repository: https://git.example.com/private.git\n",
	  .good = "repository: https://git.example.com/private.git\ncredentials_file: /etc/yett/git.credentials\n" },
	{ .code = "E_FETCH_REDIRECT", .group = CODES_DAEMON, .told = true,
	  .title = "the git host sends us to another address",
	  .about = "Redirects are not followed: who answers a request could lead the gateway to any host, with its password. If the "
	           "repository has moved, write its new address.",
	  .bad = "repository: https://git.example.com/old/net.git\n",
	  .good = "repository: https://git.example.com/new/net.git\n" },
	{ .code = "E_FETCH_LIMIT", .group = CODES_DAEMON, .told = true,
	  .title = "the git host is too slow, or stopped in the middle",
	  .about = "Nothing came for `fetch_timeout` (60 s if it is not set), or a fetch took more than 30 minutes in all. It is tried again, each "
	           "time later up to every 15 minutes. What is in force stays.",
	  .bad = "a host that accepts connections and says nothing\n",
	  .good = "fetch_timeout: 2m\n" },
	{ .code = "E_PACK", .group = CODES_DAEMON, .told = true,
	  .title = "what the git host sent is no pack of objects as git makes it",
	  .about = "It was cut off, damaged on the way, or made by hand. Nothing of it is used, and what is in force stays. `git fsck` on the host "
	           "tells whether the repository itself is damaged.",
	  .bad = "a pack whose checksum is wrong\n",
	  .good = "a repository that git fsck likes\n" },
	{ .code = "E_PACK_MEM", .group = CODES_DAEMON, .told = true,
	  .title = "unpacking what the git host sent takes more memory than a fetch may use",
	  .about = "A few bytes can unfold to gigabytes. The process that fetches has 640 MiB of addresses; that is enough for every repository of "
	           "policies. Nothing of it is used, and what is in force stays.",
	  .bad = "a pack of 177 bytes that unfolds to 500 MB\n",
	  .good = "YAML\n" },
	{ .code = "E_PLAN_SCOPE", .group = CODES_DAEMON, .told = true,
	  .title = "a plan reaches for what `yettd` does not own",
	  .about = "`yettd` touches one table, one WireGuard interface and routes of its own protocol number, whatever the tree says and whoever made "
	           "the plan. The interface that a Gateway names must be a WireGuard device, or not exist yet.",
	  .bad = "kind: Gateway\nname: office-1\ninterface: eth0\n",
	  .good = "kind: Gateway\nname: office-1\ninterface: wg0\n" },
	{ .code = "E_SANDBOX", .group = CODES_DAEMON, .told = true,
	  .title = "a process of `yettd` left its lock-down, or this machine cannot give it one",
	  .about = "Each process may make only the system calls on its list. One that asks for another is ended and started again, and what "
	           "is in force stays; the message names the process and the call. Either it was made to do something it was not written "
	           "for, or a library of this system works in a way that the list does not know: then it is a bug, please report both "
	           "names. With `require_sandbox: true` `yettd` also does not start where something of the lock-down is missing; "
	           "`yettctl status` lists what.",
	  .bad = "the fetch role asked for the system call execve (59)\n",
	  .good = "sandbox     enforced\n" },
	{ .code = "E_ROLE_LIMIT", .group = CODES_DAEMON, .told = true,
	  .title = "a process of `yettd` used more processor time than one job may take",
	  .about = "A fetch may take 120 seconds of processor time and a compile 60, many times what the largest trees need. What takes more "
	           "was probably made to. The process is started again; what is in force stays.",
	  .bad = "a pack whose objects unfold for ever\n",
	  .good = "a repository that git fsck likes\n" },
	{ .code = "E_GATEWAY_KEY", .group = CODES_DAEMON, .told = true,
	  .title = "the gateway's private key is not the one whose public half the tree names",
	  .about = "Devices would send to a key that nobody here holds, so the plan is not applied. Either the file\n"
		   "or the Gateway's `public_key` is wrong: `wg pubkey <FILE` prints what belongs into the tree.",
	  .bad = "public_key: ZCvESA3Ivr9yS1ca22Csd+SlNUf9izAFvQHWdyTDoDc=\n",
	  .good = "public_key: gMrJYh+i5WwaWcQZIy8yu9r+Eygx34juDe0ncOJmW3Y=\n" },
	{ .code = "W_FORWARDING_OFF", .group = CODES_DAEMON, .told = true,
	  .title = "the machine forwards no packets, so devices reach nothing behind it",
	  .about = "The kernel forwards between interfaces only when told to; yettd does not change that setting.",
	  .bad = "sysctl -w net.ipv4.ip_forward=0\n",
	  .good = "sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1\n" },

	{ .code = "W_FOREIGN_DROP", .group = CODES_DAEMON, .told = true,
	  .title = "another program's rules drop what yett lets through",
	  .about = "Every chain at the forward hook has its say: what `inet yett` accepts, a FORWARD policy of drop (Docker, ufw) or "
	           "a chain that ends in a reject (firewalld) still drops. yettd never touches other tables; the warning has the "
	           "command that lets the gateway's interface pass there, where `inet yett` judges anyway. It is silent once a rule "
	           "of that table asks for the interface. Rules of the legacy iptables are not seen.",
	  .bad = "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; } }\n",
	  .good = "nft insert rule ip filter FORWARD iifname wg0 accept\nnft insert rule ip filter FORWARD oifname wg0 accept\n" },

	/* ---- signatures ---- */
	{ .code = "E_TRUST_FILE", .group = CODES_SIGNATURES, .told = true,
	  .title = "the trust file says something that it cannot",
	  .about = "Who must sign what is read strictly: one mistake, and nothing of it is believed.",
	  .bad = "root: {threshold: 2, members: [alice]}\n",
	  .good = "root: {threshold: 1, members: [alice]}\n" },
	{ .code = "E_SIGFORMAT", .group = CODES_SIGNATURES, .told = true,
	  .title = "the commit is signed with PGP or X.509",
	  .about = "Only SSH signatures count: `git config gpg.format ssh`, then sign on top: `git commit --allow-empty -S && git push`.",
	  .bad = "-----BEGIN PGP SIGNATURE-----\n",
	  .good = "-----BEGIN SSH SIGNATURE-----\n" },
	{ .code = "E_SIGNER", .group = CODES_SIGNATURES, .told = true,
	  .title = "the signature is good, and its key may not sign commits here",
	  .about = "The key must stand in `trust/allowed_signers` of the tree in force, with `namespaces=\"git\"` or a list that holds it.",
	  .bad = "a commit signed by a key that nobody listed\n",
	  .good = "alice namespaces=\"git\" ssh-ed25519 AAAA...\n" },
	{ .code = "E_KEY_EXPIRED", .group = CODES_SIGNATURES, .told = true,
	  .title = "the signer's key is outside its validity window",
	  .about = "The verifier's clock counts, never a date in the commit. A root member gives the key a new window or lists a new key.",
	  .bad = "valid-before=\"20200101Z\"\n",
	  .good = "valid-before=\"20400101Z\"\n" },
	{ .code = "E_APPROVALS", .group = CODES_SIGNATURES, .told = true,
	  .title = "a changed path asks for a signature that is not there",
	  .about = "The message names the path, the rule, the role and who could sign. The rules are those of the tree in force, not of the change.",
	  .bad = "policies/prod/db.yaml, signed by somebody outside the role security\n",
	  .good = "policies/prod/db.yaml, signed by a member of security\n" },
	{ .code = "E_ROOT", .group = CODES_SIGNATURES, .told = true,
	  .title = "a change below `trust/` is not signed by the root role",
	  .about = "Who may sign is for the root role alone to change, whatever the rules say.",
	  .bad = "trust/trust.yaml, signed by a netops member\n",
	  .good = "trust/trust.yaml, signed by a root member\n" },
	{ .code = "E_SIGNER_REVOKED", .group = CODES_SIGNATURES, .told = true,
	  .title = "a signature by a key that is revoked for this release",
	  .about = "`revoked` in trust/trust.yaml names the key and the last serial that it may sign; what it signed up to there "
		   "stays good. The other signatures still count.",
	  .bad = "a record of serial 42, signed by a key with after-serial: 41\n",
	  .good = "a record of serial 41, signed by it\n" },
	{ .code = "E_RECORD", .group = CODES_SIGNATURES, .told = true,
	  .title = "the release record does not fit the repository or its content",
	  .about = "A record names its repository, the version of its trust file and the release before; it counts nowhere else. "
		   "Make it anew: `yett approve`.",
	  .bad = "trust: 6, over a content whose trust file says version: 7\n",
	  .good = "trust: 7\n" },
	{ .code = "E_MASS_CHANGE", .group = CODES_SIGNATURES, .told = true,
	  .title = "more peers go than a release may take without saying so",
	  .about = "`max-removed-peers-percent` of trust/trust.yaml guards against a tree that was emptied by mistake. If it is "
		   "meant, the approvers say so: `yett approve --mass-change`.",
	  .bad = "flags: -\n",
	  .good = "flags: mass-change\n" },
	{ .code = "E_REWIND", .group = CODES_SIGNATURES, .told = true,
	  .title = "the release goes back in history without saying so",
	  .about = "Its commit does not come after the one of the release before. If it is meant, the approvers say so: `yett "
		   "approve --rewind`. The serial goes up all the same.",
	  .bad = "flags: -\n",
	  .good = "flags: rewind\n" },
	{ .code = "E_NOT_BEFORE", .group = CODES_SIGNATURES, .told = true,
	  .title = "the release is approved and waits for its time",
	  .about = "`not-before` in its record lies ahead; until then what is in force stays.",
	  .bad = "not-before: 2099-01-01T00:00:00Z\n",
	  .good = "not-before: -\n" },
	{ .code = "E_TOOMANY", .group = CODES_SIGNATURES, .told = true,
	  .title = "more records or signatures for one release than are read",
	  .about = "At most 8 signed records of one serial and 64 signatures of one record by known keys are looked at.",
	  .bad = "65 signatures of one record\n",
	  .good = "64 of them\n" },
	{ .code = "E_CONTENT", .group = CODES_SIGNATURES, .told = true,
	  .title = "the released commit is not what its record says",
	  .about = "The commit is missing, its tree holds what no policy tree may, has errors, or has another content digest "
		   "than the approvers signed. On a gateway: the process that reads the repository handed over other policy files than the signed "
		   "tree names; it may have been taken over by what a git host served, and nothing of it is believed.",
	  .bad = "content: sha256: of another tree\n",
	  .good = "content: sha256: of the commit's tree\n" },
	{ .code = "E_FORMAT", .group = CODES_SIGNATURES, .told = true,
	  .title = "a release was made for plans of another version of yett",
	  .about = "The approvers' yett encodes plans in another format than this gateway's, so what was approved cannot be "
		   "compared. Bring both to the same version; what is in force stays.",
	  .bad = "format: 2\n",
	  .good = "format: 3\n" },
	{ .code = "E_PLAN_MISMATCH", .group = CODES_SIGNATURES, .told = true,
	  .title = "the approved release has another plan for this gateway, or none",
	  .about = "The approvers signed the plans that their machines computed. A gateway whose own plan is not among them "
		   "applies nothing: its compiler, or the log's list of plans, is not what they had.",
	  .bad = "a plan that the record's root does not hold\n",
	  .good = "the plan that yett approve computed\n" },
	{ .code = "E_ANCHOR", .group = CODES_SIGNATURES, .told = true,
	  .title = "the log lacks the release to begin from",
	  .about = "An anchor names a release by serial and digest, as `yett verify --release` prints it. Either it is of "
		   "another repository, or somebody keeps the log back.",
	  .bad = "--anchor 42:0000...\n",
	  .good = "--anchor 42:e40305bb...\n" },
	{ .code = "W_WITHHELD", .group = CODES_SIGNATURES, .told = true,
	  .title = "a signed tick names a later release than the log shows",
	  .about = "Whoever serves the repository keeps releases back, or serves an old copy. What is in force stays; fetch from "
		   "another place and compare.",
	  .bad = "a tick of serial 43, a log up to 42\n",
	  .good = "a tick and a log of serial 43\n" },
	{ .code = "E_TICK", .group = CODES_SIGNATURES, .told = true,
	  .title = "a tick that is damaged or of another repository",
	  .about = "A tick says that a release is still the newest one. It is made by `yett tick`.",
	  .bad = "serial: 042\n",
	  .good = "serial: 42\n" },
	{ .code = "E_FORK", .group = CODES_SIGNATURES, .told = true,
	  .title = "the branch does not come after the commit in force",
	  .about = "Somebody rewrote history, or shows this machine another one. A gateway stays where it is and keeps both commits in "
		   "`evidence/`. If the rewriting was meant, `yettctl trust reanchor --commit=COMMIT` on the gateway begins anew from a commit.",
	  .bad = "git commit --amend -S && git push --force\n",
	  .good = "git commit -S && git push\n" },
	{ .code = "E_SIGNERS", .group = CODES_SIGNATURES, .told = true,
	  .title = "`trust/allowed_signers` has a line that cannot be taken at its word",
	  .about = "One literal name a line, `namespaces`, perhaps a validity in UTC, an Ed25519 key. One malformed line makes the whole file "
		   "invalid: skipping it would believe less or more than was reviewed.",
	  .bad = "* ssh-ed25519 AAAA...\n",
	  .good = "alice@example.com namespaces=\"git\" ssh-ed25519 AAAA...\n" },
	{ .code = "E_TRUST_MODE", .group = CODES_SIGNATURES, .told = true,
	  .title = "the tree asks for a mode that the gateway does not have",
	  .about = "A gateway in commit mode follows trees whose `trust/trust.yaml` says `mode: commit`.",
	  .bad = "mode: release\n",
	  .good = "mode: commit\n" },
	{ .code = "E_ROLLBACK", .group = CODES_SIGNATURES, .told = true,
	  .title = "the commit does not come after the one in force",
	  .about = "History only goes forward. To undo a change, commit its revert and sign that.",
	  .bad = "git push --force of an older commit\n",
	  .good = "git revert HEAD && git commit --amend -S\n" },
	{ .code = "E_SIZE", .group = CODES_SIGNATURES, .told = true,
	  .title = "larger than a signature or a commit may be",
	  .about = "An armored signature has at most 4096 bytes, a commit object 64 KiB. A change with a longer "
	           "message is split.",
	  .bad = "a commit message of 100 KiB\n",
	  .good = "a commit message of a few lines\n" },
	{ .code = "E_ARMOR", .group = CODES_SIGNATURES, .told = true,
	  .title = "the armor around the signature is not exactly as ssh-keygen writes it",
	  .about = "Also PGP and X.509 signatures, which are not accepted. Sign with an SSH key: `git config "
	           "gpg.format ssh`.",
	  .bad = "-----BEGIN PGP SIGNATURE-----\n",
	  .good = "-----BEGIN SSH SIGNATURE-----\n" },
	{ .code = "E_B64", .group = CODES_SIGNATURES, .told = true,
	  .title = "not canonical base64",
	  .about = "Something changed the signature's text on its way. Sign again.",
	  .bad = "U1NIU0lH*AAB\n",
	  .good = "U1NIU0lHAAAAAQ==\n" },
	{ .code = "E_MAGIC", .group = CODES_SIGNATURES, .told = true,
	  .title = "not an SSH signature",
	  .about = "The armor is right and what it holds is something else.",
	  .bad = "a blob that does not begin with SSHSIG\n",
	  .good = "a blob that begins with SSHSIG\n" },
	{ .code = "E_VER", .group = CODES_SIGNATURES, .told = true,
	  .title = "a version of the format that is not known",
	  .about = "Version 1 of OpenSSH's format is read.",
	  .bad = "version 2\n",
	  .good = "version 1\n" },
	{ .code = "E_TRUNC", .group = CODES_SIGNATURES, .told = true,
	  .title = "it ends too early",
	  .about = "Part of the signature is missing. Sign again.",
	  .bad = "a signature that lost its last line\n",
	  .good = "the whole signature\n" },
	{ .code = "E_TRAIL", .group = CODES_SIGNATURES, .told = true,
	  .title = "bytes follow its end",
	  .about = "Something was added behind the signature. Sign again.",
	  .bad = "a signature and one more line\n",
	  .good = "the signature alone\n" },
	{ .code = "E_LEN", .group = CODES_SIGNATURES, .told = true,
	  .title = "a field has a length that it cannot have",
	  .about = "The signature was not made by OpenSSH or was changed. Sign again.",
	  .bad = "an Ed25519 key of 31 bytes\n",
	  .good = "an Ed25519 key of 32 bytes\n" },
	{ .code = "E_KEYTYPE", .group = CODES_SIGNATURES, .told = true,
	  .title = "a kind of key that is not accepted",
	  .about = "Ed25519 keys, in a file or on a security key, are.",
	  .bad = "ssh-keygen -t rsa\n",
	  .good = "ssh-keygen -t ed25519-sk\n" },
	{ .code = "E_NS", .group = CODES_SIGNATURES, .told = true,
	  .title = "made for another namespace",
	  .about = "A signature made for a file or a login says nothing about a commit.",
	  .bad = "ssh-keygen -Y sign -n file\n",
	  .good = "ssh-keygen -Y sign -n git\n" },
	{ .code = "E_RESERVED", .group = CODES_SIGNATURES, .told = true,
	  .title = "the reserved field is not empty",
	  .about = "A later version of the format may use it; this one must not.",
	  .bad = "four bytes in the reserved field\n",
	  .good = "an empty reserved field\n" },
	{ .code = "E_HASH", .group = CODES_SIGNATURES, .told = true,
	  .title = "a hash that is not accepted",
	  .about = "sha256 and sha512 are.",
	  .bad = "ssh-keygen -Y sign -O hashalg=sha1\n",
	  .good = "ssh-keygen -Y sign -O hashalg=sha512\n" },
	{ .code = "E_SIGTYPE", .group = CODES_SIGNATURES, .told = true,
	  .title = "the signature's type is not the key's",
	  .about = "A signature of one kind was put together with a key of another.",
	  .bad = "ssh-ed25519 key, ssh-rsa signature\n",
	  .good = "ssh-ed25519 key, ssh-ed25519 signature\n" },
	{ .code = "E_FLAGS", .group = CODES_SIGNATURES, .told = true,
	  .title = "a security key's flags do not say that its owner was present",
	  .about = "Somebody has to touch the token for each signature; keys made with no-touch-required are not "
	           "accepted.",
	  .bad = "ssh-keygen -t ed25519-sk -O no-touch-required\n",
	  .good = "ssh-keygen -t ed25519-sk\n" },
	{ .code = "E_BADSIG", .group = CODES_SIGNATURES, .told = true,
	  .title = "the signature does not fit the message",
	  .about = "The commit is not what was signed, or another key signed it.",
	  .bad = "a commit that was rewritten after it was signed\n",
	  .good = "git commit --amend -S\n" },
	{ .code = "E_NUL", .group = CODES_SIGNATURES, .told = true,
	  .title = "a NUL byte in a commit",
	  .about = "Programs disagree on where such a commit ends.",
	  .bad = "a commit object that holds a NUL\n",
	  .good = "a commit made by git commit\n" },
	{ .code = "E_HDR", .group = CODES_SIGNATURES, .told = true,
	  .title = "a commit's headers are not of the one accepted form",
	  .about = "tree, parents, author, committer, encoding and signature, in this order; nothing else.",
	  .bad = "mergetag object 8ab686ea\n",
	  .good = "tree, parent, author, committer, gpgsig\n" },
	{ .code = "E_UNSIGNED", .group = CODES_SIGNATURES, .told = true,
	  .title = "a commit without a signature",
	  .about = "Sign it: `git commit -S`, or `git config commit.gpgsign true` once.",
	  .bad = "git commit\n",
	  .good = "git commit -S\n" },
};

const size_t ncode_rows = ARRAY_SIZE(code_rows);

enum diag_severity code_severity(const char *code)
{
	return code[0] == 'E' ? DIAG_ERROR : DIAG_WARNING;
}

const struct code_row *code_find(const char *code)
{
	for (size_t i = 0; i < ncode_rows; i++)
		if (strcmp(code_rows[i].code, code) == 0)
			return &code_rows[i];
	return NULL;
}

const struct code_row *code_nearest(const char *word)
{
	const char *names[ARRAY_SIZE(code_rows)];
	char upper[64];
	size_t n = strlen(word);

	if (n >= sizeof(upper))
		return NULL;
	for (size_t i = 0; i <= n; i++)
		upper[i] = word[i] == '-' ? '_' : word[i] >= 'a' && word[i] <= 'z' ? (char)(word[i] - 'a' + 'A') : word[i];
	for (size_t i = 0; i < ncode_rows; i++)
		names[i] = code_rows[i].code;
	const char *near = diag_nearest(upper, names, ncode_rows);

	return near ? code_find(near) : NULL;
}
