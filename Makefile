# SPDX-License-Identifier: Apache-2.0
# GNU Make. `make help` lists the targets.
prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
mandir ?= $(prefix)/share/man
datadir ?= $(prefix)/share/yett
unitdir ?= $(prefix)/lib/systemd/system
sysusersdir ?= $(prefix)/lib/sysusers.d
tmpfilesdir ?= $(prefix)/lib/tmpfiles.d
bashcompdir ?= $(prefix)/share/bash-completion/completions
zshcompdir ?= $(prefix)/share/zsh/site-functions
fishcompdir ?= $(prefix)/share/fish/vendor_completions.d
DESTDIR ?=
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
O ?= 2
B ?= build

PKGS := yaml-0.1 libgit2 jansson libsodium nettle libnftnl libmnl libmicrohttpd
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion -Wno-sign-conversion -Werror
CPPFLAGS := $(if $(SAN),-DYETT_SANITIZED) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Icompiler -Ischema -Ireconciler -DYETT_VERSION=\"$(shell cat VERSION)\"
CFLAGS ?= -g
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
ALL_CFLAGS = -std=gnu11 -O$(O) $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=$(if $(SAN),0,2) -MMD -MP $(PKG_CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) $(CFLAGS)
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
LIBS_YETT := $(shell pkg-config --libs yaml-0.1 libgit2 jansson libsodium nettle 2>/dev/null) -lm
LIBS_KERNEL := $(shell pkg-config --libs libnftnl libmnl libmicrohttpd 2>/dev/null)

LIB_SRC := $(wildcard schema/*.c) $(filter-out compiler/main.c compiler/cmd_%.c,$(wildcard compiler/*.c compiler/*/*.c))
YETT_SRC := compiler/main.c $(wildcard compiler/cmd_*.c)
REC_SRC := $(filter-out reconciler/yettd.c reconciler/yettctl.c,$(wildcard reconciler/*.c reconciler/*/*.c))
# V=1 shows the commands.
Q := $(if $(V),,@)
said = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

.DELETE_ON_ERROR:
.PHONY: all demo test test-crash test-programs fuzz fuzz-programs help install uninstall check-style clean deps bench test-vm golden-update

all: ## build yett, yettd and yettctl
all: $(B)/yett $(B)/yettd $(B)/yettctl

$(B)/libyett.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/libreconciler.a: $(call obj,$(REC_SRC))
	@rm -f $@
	$(Q)$(AR) rcs $@ $^
$(B)/yett: $(call obj,$(YETT_SRC)) $(B)/libyett.a
	$(call said,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_YETT)
$(B)/yettd: $(call obj,reconciler/yettd.c) $(B)/libreconciler.a $(B)/libyett.a
	$(call said,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_KERNEL) $(LIBS_YETT)
$(B)/yettctl: $(call obj,reconciler/yettctl.c) $(B)/libreconciler.a $(B)/libyett.a
	$(call said,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_KERNEL) $(LIBS_YETT)

# The flags in force: a change of variant rebuilds what it must.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(CPPFLAGS))' | cmp -s - $@ || printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(CPPFLAGS))' > $@
FORCE:

# The packs are in the program: one row of C for each, its text line by line.
PACKS := $(sort $(wildcard policies/*/*.yaml))
$(B)/packs.inc: $(PACKS)
	@mkdir -p $(@D)
	$(Q)for f in $(PACKS); do n=$$(basename $$f .yaml); printf '{ "%s", { { "packs/%s.yaml",\n' $$n $$n; \
		sed 's/[\\"]/\\&/g; s/.*/\t"&\\n"/' $$f; echo '}, { NULL, NULL } } },'; done >$@
$(B)/obj/compiler/init_pack.o: $(B)/packs.inc
$(B)/obj/compiler/init_pack.o: CPPFLAGS += -I$(B)

# The C library's numbers of system calls, with their names.
$(B)/gen/syscall_names.h: $(B)/flags
	@mkdir -p $(@D)
	$(Q)echo '#include <sys/syscall.h>' | $(CC) -E -dM -x c - | sed -n 's/^#define __NR_\([a-z][a-z0-9_]*\) .*/{ "\1", __NR_\1 },/p' | LC_ALL=C sort >$@
$(B)/obj/reconciler/sandbox/names.o: $(B)/gen/syscall_names.h
$(B)/obj/reconciler/sandbox/names.o: CPPFLAGS += -I$(B)/gen

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call said,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# Unit and property tests: one program a file, cmocka or TAP, linked against both libraries.
TEST_SRC := $(wildcard tests/unit/*.c tests/prop/*.c tests/bench/*.c tests/kernel/*.c tests/e2e/*.c)
TEST_BIN := $(patsubst %.c,$(B)/%,$(TEST_SRC))
$(B)/tests/%: tests/%.c $(B)/libreconciler.a $(B)/libyett.a $(B)/flags
	@mkdir -p $(@D)
	$(call said,TEST,$<)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libreconciler.a $(B)/libyett.a $(LIBS_KERNEL) $(LIBS_YETT) -lcmocka

-include $(shell find $(B)/obj $(B)/tests -name "*.d" 2>/dev/null)

JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
DEPS := contrib/install-deps.sh
BIN := $(abspath $(B))

demo: ## network namespaces, a git repository and real packets: what yett does, in under a minute
	@$(DEPS) demo
	@$(MAKE) --no-print-directory $(JOBS) all
	@B=$(BIN) contrib/demo/demo.sh

test: ## build everything and run the tests; T=tests/cli or T=tests/unit/addr.c runs a part
	@$(DEPS) test
	@$(MAKE) --no-print-directory $(JOBS) all test-programs
	@$(MAKE) --no-print-directory $(JOBS) CC=clang SAN=address,undefined,fuzzer-no-link O=1 B=$(B)/fuzz fuzz-programs
	@B=$(BIN) tests/run $(T)

test-crash: ## kill yettd at every call that the disk or the kernel sees, and start it again
	@$(DEPS) test
	@$(MAKE) --no-print-directory $(JOBS) all
	@B=$(BIN) tests/e2e/crash.t all

test-programs: $(TEST_BIN)

# libFuzzer targets, in a build of their own: clang with sanitizers and coverage.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(patsubst %.c,$(B)/%,$(FUZZ_SRC))
$(B)/tests/fuzz/%: tests/fuzz/%.c $(B)/libreconciler.a $(B)/libyett.a $(B)/flags
	@mkdir -p $(@D)
	$(call said,FUZZ,$<)
	$(Q)$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $< $(B)/libreconciler.a $(B)/libyett.a $(LIBS_KERNEL) $(LIBS_YETT)

fuzz-programs: $(FUZZ_BIN)

FUZZ_SECONDS ?= 3600
fuzz: ## fuzz every reader of foreign bytes for FUZZ_SECONDS (an hour) each
	@$(DEPS) test
	@$(MAKE) --no-print-directory $(JOBS) CC=clang SAN=address,undefined,fuzzer-no-link O=1 B=$(B)/fuzz fuzz-programs
	@$(MAKE) --no-print-directory $(JOBS) $(B)/tests/e2e/sigdiff
	@B=$(BIN) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/fuzz.t
	@B=$(BIN) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/e2e/sigdiff.t

check-style: all ## layers, banned functions, headers, scripts, generated files
	@B=$(BIN) tests/run tests/lint

# VM_TESTS: what runs in the guest. Its whole time is bounded, since an emulated machine may hang.
VM_TESTS ?= tests/kernel tests/e2e tests/vm
VM_SECONDS ?= 5400
test-vm: ## kernel and end-to-end tests in an emulated machine with Debian's kernel, which has WireGuard (qemu)
	@$(DEPS) vm
	@$(MAKE) --no-print-directory $(JOBS) all test-programs
	@tests/vm/prepare $(BIN)/vm
	@YETT_VM=$(BIN)/vm tests/vm/guest -t $(VM_SECONDS) env B=$(B) tests/vm/suite $(VM_TESTS)

golden-update: all ## write what the golden tests expect from what the build says now; review the diff
	@set -e; for t in tests/golden/*.t; do echo "$$t"; B=$(BIN) GOLDEN_UPDATE=1 $$t >/dev/null; done

bench: ## time and memory on big trees
	@$(DEPS) test
	@$(MAKE) --no-print-directory $(JOBS) all $(filter $(B)/tests/bench/%,$(TEST_BIN))
	@B=$(BIN) tests/bench/run
	@B=$(BIN) tests/bench/cold
	@B=$(BIN) tests/bench/warm
	@B=$(BIN) tests/bench/log

deps: ## install what is missing to build, run and test
	@$(DEPS) test

MAN1 := $(wildcard docs/man/*.1)
MAN5 := $(wildcard docs/man/*.5)
MAN8 := $(wildcard docs/man/*.8)
install: all ## into DESTDIR and prefix (default /usr/local)
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(unitdir) $(DESTDIR)$(datadir)
	install -m 755 $(B)/yett $(B)/yettctl $(DESTDIR)$(bindir)
	install -m 755 $(B)/yettd $(DESTDIR)$(sbindir)
	install -m 644 $(MAN1) $(DESTDIR)$(mandir)/man1
	$(if $(MAN5),install -d $(DESTDIR)$(mandir)/man5 && install -m 644 $(MAN5) $(DESTDIR)$(mandir)/man5)
	$(if $(MAN8),install -d $(DESTDIR)$(mandir)/man8 && install -m 644 $(MAN8) $(DESTDIR)$(mandir)/man8)
	sed 's,@sbindir@,$(sbindir),' contrib/systemd/yettd.service >$(DESTDIR)$(unitdir)/yettd.service
	chmod 644 $(DESTDIR)$(unitdir)/yettd.service
	install -d $(DESTDIR)$(sysusersdir) $(DESTDIR)$(tmpfilesdir)
	install -m 644 contrib/systemd/yett.sysusers.conf $(DESTDIR)$(sysusersdir)/yett.conf
	install -m 644 contrib/systemd/yett.tmpfiles.conf $(DESTDIR)$(tmpfilesdir)/yett.conf
	install -m 644 contrib/systemd/users.conf $(DESTDIR)$(datadir)/yettd-users.conf
	install -m 644 schema/json/yett.schema.json schema/json/diff.schema.json contrib/prometheus/yett.rules.yml $(DESTDIR)$(datadir)
	install -m 644 contrib/grafana/yett.json $(DESTDIR)$(datadir)/grafana.json
	install -d $(DESTDIR)$(datadir)/policies
	install -m 644 policies/README.md $(PACKS) $(DESTDIR)$(datadir)/policies
	install -d $(DESTDIR)$(bashcompdir) $(DESTDIR)$(zshcompdir) $(DESTDIR)$(fishcompdir)
	install -m 644 contrib/completions/yett.bash $(DESTDIR)$(bashcompdir)/yett
	install -m 644 contrib/completions/_yett $(DESTDIR)$(zshcompdir)
	install -m 644 contrib/completions/yett.fish $(DESTDIR)$(fishcompdir)

uninstall: ## take away what install put there
	rm -f $(DESTDIR)$(bindir)/yett $(DESTDIR)$(bindir)/yettctl $(DESTDIR)$(sbindir)/yettd
	rm -f $(addprefix $(DESTDIR)$(mandir)/man5/,$(notdir $(MAN5)))
	rm -f $(addprefix $(DESTDIR)$(mandir)/man1/,$(notdir $(MAN1))) $(addprefix $(DESTDIR)$(mandir)/man8/,$(notdir $(MAN8)))
	rm -f $(DESTDIR)$(sysusersdir)/yett.conf $(DESTDIR)$(tmpfilesdir)/yett.conf $(DESTDIR)$(datadir)/yettd-users.conf
	rm -f $(DESTDIR)$(unitdir)/yettd.service $(addprefix $(DESTDIR)$(datadir)/,yett.schema.json diff.schema.json yett.rules.yml grafana.json)
	rm -f $(DESTDIR)$(bashcompdir)/yett $(DESTDIR)$(zshcompdir)/_yett $(DESTDIR)$(fishcompdir)/yett.fish
	rm -f $(addprefix $(DESTDIR)$(datadir)/policies/,README.md $(notdir $(PACKS)))
	-rmdir $(DESTDIR)$(datadir)/policies $(DESTDIR)$(datadir)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20
	@echo
	@echo '  variables: B=DIR (build folder)  CC=clang  SAN=address,undefined  O=0  T=tests/...  V=1  DESTDIR= prefix='

clean: ## remove what was built
	rm -rf $(B)
