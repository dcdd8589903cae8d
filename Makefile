# SPDX-License-Identifier: Apache-2.0
# GNU Make. `make help` lists the targets.
prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
mandir ?= $(prefix)/share/man
datadir ?= $(prefix)/share/yett
unitdir ?= $(prefix)/lib/systemd/system
DESTDIR ?=
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
SAN ?=
O ?= 2
B ?= build

PKGS := yaml-0.1 libgit2 jansson libsodium libnftnl libmnl
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion -Wno-sign-conversion -Werror
CPPFLAGS := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Icompiler -Ischema -Ireconciler -DYETT_VERSION=\"$(shell cat VERSION)\"
CFLAGS ?= -g
ALL_CFLAGS = -std=gnu11 -O$(O) $(WARN) -fstack-protector-strong -D_FORTIFY_SOURCE=$(if $(SAN),0,2) -MMD -MP $(shell pkg-config --cflags $(PKGS)) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) $(CFLAGS)
ALL_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
LIBS_YETT = $(shell pkg-config --libs yaml-0.1 libgit2 jansson libsodium) -lm
LIBS_KERNEL = $(shell pkg-config --libs libnftnl libmnl)

LIB_SRC := $(wildcard schema/*.c) $(filter-out compiler/main.c compiler/cmd_%.c,$(wildcard compiler/*.c compiler/*/*.c))
YETT_SRC := compiler/main.c $(wildcard compiler/cmd_*.c)
REC_SRC := $(filter-out reconciler/yettd.c reconciler/yettctl.c,$(wildcard reconciler/*.c reconciler/*/*.c))
obj = $(patsubst %.c,$(B)/obj/%.o,$(1))

.DELETE_ON_ERROR:
.PHONY: all demo test help install uninstall check-style clean deps bench fuzz golden-update

all: $(B)/yett $(B)/yettd $(B)/yettctl

$(B)/libyett.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(B)/libreconciler.a: $(call obj,$(REC_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(B)/yett: $(call obj,$(YETT_SRC)) $(B)/libyett.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_YETT)
$(B)/yettd: $(call obj,reconciler/yettd.c) $(B)/libreconciler.a $(B)/libyett.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_KERNEL) $(LIBS_YETT)
$(B)/yettctl: $(call obj,reconciler/yettctl.c) $(B)/libreconciler.a $(B)/libyett.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_KERNEL) $(LIBS_YETT)

# The flags in force: a change of variant rebuilds what it must.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(CPPFLAGS))' | cmp -s - $@ || printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS) $(CPPFLAGS))' > $@
FORCE:

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# Unit and property tests: one program a file, cmocka or TAP, linked against both libraries.
TEST_SRC := $(wildcard tests/unit/*.c tests/prop/*.c tests/bench/*.c tests/kernel/*.c)
TEST_BIN := $(patsubst %.c,$(B)/%,$(TEST_SRC))
$(B)/tests/%: tests/%.c $(B)/libreconciler.a $(B)/libyett.a $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itests $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libreconciler.a $(B)/libyett.a $(LIBS_KERNEL) $(LIBS_YETT) -lcmocka

-include $(shell [ -d $(B)/obj ] && find $(B)/obj -name '*.d')

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /  \1	/p' $(MAKEFILE_LIST) | expand -t 20

clean: ## remove what was built
	rm -rf $(B)
