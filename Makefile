# Tidemark's only build file; `make help` lists what it does. What users type (demo, check, …) first sees to it that the
# packages are there, then calls itself, so that pkg-config is asked only when it can answer.

VERSION := 0.1.0
prefix ?= /usr/local
BUILD ?= build

CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=

# Each variant has objects of its own.
VARIANT ?= plain
OUT := $(BUILD)/$(VARIANT)
SAN_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_tsan := -fsanitize=thread -fno-omit-frame-pointer
SAN_coverage := --coverage -O0
SAN := $(SAN_$(VARIANT))

PKGS := libsodium libcrypto lmdb msgpack libxxhash libutf8proc jansson libzmq inih smartcols libcurl
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
LIBS_lib := -lsodium -lcrypto -llmdb -lmsgpackc -lxxhash -lutf8proc -ljansson -lzmq -lcurl
LIBS_broker := $(LIBS_lib) -linih
LIBS_cli := -ljansson -lsmartcols -linih
LIBS_test := $(LIBS_broker) -lsmartcols -lcmocka

OWN_CFLAGS := -std=gnu11 -Wall -Wextra -Wconversion -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes \
	-fPIC -fvisibility=hidden -pthread $(SAN)
OWN_CPPFLAGS := -I. -Iclient/include -D_GNU_SOURCE -DTIDEMARK_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
COMPILE = $(CC) $(OWN_CPPFLAGS) $(CPPFLAGS) $(OWN_CFLAGS) $(CFLAGS) -MMD -MP
LINK = $(CC) $(OWN_CFLAGS) $(CFLAGS) $(LDFLAGS)

# ---- the layers, each an archive ----
srcs = $(wildcard $(1)/*.c)
objs = $(patsubst %.c,$(OUT)/%.o,$(1))
SRC_crypto := $(call srcs,crypto)
SRC_storage := $(call srcs,storage)
SRC_market := $(call srcs,broker/market)
SRC_server := $(call srcs,broker/server)
SRC_client := $(call srcs,client/lib)
SRC_cli := $(filter-out client/cli/main.c,$(call srcs,client/cli))

CRYPTO := $(OUT)/crypto.a
STORAGE := $(OUT)/storage.a
MARKET := $(OUT)/market.a
SERVER := $(OUT)/server.a
CLIENT := $(OUT)/client.a
CLI := $(OUT)/cli.a
SHARED := $(OUT)/libtidemark.so.$(VERSION)
TIDEMARKD := $(OUT)/tidemarkd
TIDEMARK := $(OUT)/tidemark
VENDOR := $(OUT)/vendor

UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT := $(patsubst tests/unit/%.c,$(OUT)/unit/%,$(UNIT_SRC))
SCENARIO := $(OUT)/scenario
MODEL := $(OUT)/model/test_model
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY := $(patsubst %,$(OUT)/replay/fuzz_%,$(FUZZ_NAMES))
BENCH := $(patsubst tests/bench/%.c,$(OUT)/bench/%,$(wildcard tests/bench/bench_*.c))

.PHONY: all demo check check-built check-asan check-tsan check-layers check-long fuzz bench tidy coverage deps deps-bench \
	vectors docs install uninstall dist clean help
.DELETE_ON_ERROR:
.SECONDARY:

.DEFAULT_GOAL := help
help:
	@echo "make demo          one real trade on this machine, step by step (installs what is missing)"
	@echo "make check         every test but soaks (installs what is missing)"
	@echo "make check-asan    the same under AddressSanitizer and UBSan; check-tsan: units and a short trade"
	@echo "make check-long    soaks"
	@echo "make bench         speed, each figure held to a reference in the same run"
	@echo "make fuzz          a minute of libFuzzer for each decoder (FUZZ_SECONDS=60)"
	@echo "make all           tidemarkd, tidemark, libtidemark, the example vendor; make install [prefix=…] [DESTDIR=…]"
	@echo "make docs          docs/protocol.md from the field tables, man pages"
	@echo "make check-layers | tidy (formats changed lines) | coverage | deps | dist | clean"

all: $(TIDEMARKD) $(TIDEMARK) $(SHARED) $(VENDOR)

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

define archive
	@rm -f $@
	$(AR) rcs $@ $^
endef
$(CRYPTO): $(call objs,$(SRC_crypto)) ; $(archive)
$(STORAGE): $(call objs,$(SRC_storage)) ; $(archive)
$(MARKET): $(call objs,$(SRC_market)) ; $(archive)
$(SERVER): $(call objs,$(SRC_server)) ; $(archive)
$(CLIENT): $(call objs,$(SRC_client)) ; $(archive)
$(CLI): $(call objs,$(SRC_cli)) ; $(archive)

$(TIDEMARKD): $(OUT)/broker/main.o $(SERVER) $(MARKET) $(STORAGE) $(CRYPTO)
	$(LINK) -o $@ $^ $(LIBS_broker)

$(SHARED): $(CLIENT) $(STORAGE) $(CRYPTO)
	$(LINK) -shared -Wl,-soname,libtidemark.so.0 -Wl,--exclude-libs,$(notdir $(STORAGE)):$(notdir $(CRYPTO)) -o $@ \
		-Wl,--whole-archive $(CLIENT) -Wl,--no-whole-archive $(STORAGE) $(CRYPTO) $(LIBS_lib)
	ln -sf $(notdir $@) $(OUT)/libtidemark.so.0
	ln -sf libtidemark.so.0 $(OUT)/libtidemark.so

$(TIDEMARK): $(OUT)/client/cli/main.o $(CLI) $(SHARED)
	$(LINK) -o $@ $(filter-out $(SHARED),$^) -L$(OUT) -ltidemark $(LIBS_cli) -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'

# As a vendor builds it: the public header and pkg-config, nothing of ours.
$(OUT)/pkgconfig/tidemark.pc: client/tidemark.pc.in Makefile
	@mkdir -p $(@D)
	sed -e 's|@VERSION@|$(VERSION)|' -e 's|@INCLUDEDIR@|$(CURDIR)/client/include|' -e 's|@LIBDIR@|$(abspath $(OUT))|' $< > $@
$(VENDOR): client/examples/vendor.c client/include/tidemark.h $(SHARED) $(OUT)/pkgconfig/tidemark.pc
	$(CC) -std=c11 -Wall -Wextra $(SAN) $(CFLAGS) -o $@ $< \
		$$(PKG_CONFIG_PATH=$(OUT)/pkgconfig pkg-config --cflags --libs tidemark) -Wl,-rpath,'$$ORIGIN'

# ---- tests ----
ALL_ARCHIVES := $(CLI) $(CLIENT) $(SERVER) $(MARKET) $(STORAGE) $(CRYPTO)
# The CLI's units see the library through its public header only; the others see no CLI.
$(OUT)/unit/test_cli_%: $(OUT)/tests/unit/test_cli_%.o $(ALL_ARCHIVES)
	@mkdir -p $(@D)
	$(LINK) -o $@ $< -Wl,--start-group $(ALL_ARCHIVES) -Wl,--end-group $(LIBS_test)
# The market's units drive the scenario runner's world.
WORLD := $(call objs,$(filter-out tests/scenario/run.c,$(wildcard tests/scenario/*.c)))
$(OUT)/unit/test_market_%: $(OUT)/tests/unit/test_market_%.o $(WORLD) $(MARKET) $(STORAGE) $(CRYPTO)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS_test)
$(OUT)/unit/%: $(OUT)/tests/unit/%.o $(filter-out $(CLI),$(ALL_ARCHIVES))
	@mkdir -p $(@D)
	$(LINK) -o $@ $< -Wl,--start-group $(filter-out $(CLI),$(ALL_ARCHIVES)) -Wl,--end-group $(LIBS_test) -lz
$(SCENARIO): $(call objs,$(wildcard tests/scenario/*.c)) $(MARKET) $(STORAGE) $(CRYPTO)
	$(LINK) -o $@ $^ $(LIBS_broker)
# The market against a model of its law that was written from docs/market.md alone.
$(MODEL): $(call objs,$(wildcard tests/model/*.c)) $(MARKET) $(STORAGE) $(CRYPTO)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS_broker)
$(OUT)/replay/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/tests/fuzz/replay.o $(CLIENT) $(MARKET) $(STORAGE) $(CRYPTO)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS_broker)
$(OUT)/bench/%: $(OUT)/tests/bench/%.o $(call objs,$(filter-out $(wildcard tests/bench/bench_*.c),$(wildcard tests/bench/*.c))) $(CLIENT) $(SERVER) $(MARKET) $(STORAGE) $(CRYPTO)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS_broker) -lsqlite3

# Peers for the e2e tests: one over the public header, one over the wire, one that signs lies.
E2E := $(OUT)/e2e/load $(OUT)/e2e/hostile $(OUT)/e2e/liar
$(OUT)/e2e/load: tests/e2e/load.c client/include/tidemark.h $(SHARED)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -Wall -Wextra $(SAN) $(CFLAGS) -Iclient/include -o $@ $< -L$(OUT) -ltidemark -Wl,-rpath,'$$ORIGIN/..'
$(OUT)/e2e/hostile: $(OUT)/tests/e2e/hostile.o $(STORAGE) $(CRYPTO)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS_lib)
$(OUT)/e2e/liar: $(call objs,$(wildcard tests/e2e/liar*.c)) $(CLIENT) $(STORAGE) $(CRYPTO)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS_lib)

# What npm has for the tests: age's vectors, and the JSON-LD processor that reads `listing show --dcat` (tests/e2e/dcat.mjs).
MODULES := $(BUILD)/vectors/node_modules
vectors: $(MODULES)/cctv-age/package.json $(MODULES)/jsonld/package.json
$(MODULES)/cctv-age/package.json $(MODULES)/jsonld/package.json &:
	npm install --silent --no-audit --no-fund --prefix $(BUILD)/vectors cctv-age jsonld@9

check: deps
	+$(MAKE) --no-print-directory check-built
check-asan: deps
	+$(MAKE) --no-print-directory check-built VARIANT=asan
check-tsan: deps
	+$(MAKE) --no-print-directory check-built VARIANT=tsan CHECK=short
check-long: deps
	+$(MAKE) --no-print-directory check-built CHECK=long
check-built: all $(UNIT) $(SCENARIO) $(MODEL) $(REPLAY) $(E2E) vectors
	@tests/run.sh $(OUT) $(or $(CHECK),all)

check-layers:
	@tests/layers.sh

demo: deps
	+@$(MAKE) --no-print-directory all
	@tests/demo.sh $(OUT) $(DATASET)

bench: deps-bench
	+@$(MAKE) --no-print-directory bench-built
.PHONY: bench-built
bench-built: all $(BENCH)
	@tests/bench/run.sh $(OUT)

# libFuzzer proper; the corpus is replayed by every `make check`.
FUZZ_SECONDS ?= 60
fuzz: deps
	@tests/fuzz/fuzz.sh $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZ_NAMES)

.PHONY: fuzz-seeds
fuzz-seeds: $(OUT)/seeds
	$(OUT)/seeds
$(OUT)/seeds: $(OUT)/tests/fuzz/seeds.o $(STORAGE) $(CRYPTO)
	$(LINK) -o $@ $^ $(LIBS_lib)

docs: deps
	+@$(MAKE) --no-print-directory docs-built
.PHONY: docs-built
docs-built: $(OUT)/unit/test_storage_protocol $(SCENARIO) $(BUILD)/man/tidemark.1 $(BUILD)/man/tidemarkd.8
	TIDEMARK_WRITE_DOCS=1 $(OUT)/unit/test_storage_protocol
	TIDEMARK_WRITE_DOCS=1 $(SCENARIO) --docs docs/market.md tests/scenario/*.market
$(BUILD)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

# Formats the lines that are not committed yet: tables are set by hand, and a formatter would undo them.
tidy:
	@tests/deps.sh clang-format
	git clang-format --force
coverage: deps
	+$(MAKE) --no-print-directory check-built VARIANT=coverage
	gcovr -r . $(BUILD)/coverage --exclude tests --print-summary

# ---- packages ----
DEPS := gcc libc6-dev make pkg-config libzmq3-dev libsodium-dev libssl-dev liblmdb-dev libmsgpack-dev libjansson-dev \
	libsmartcols-dev libinih-dev libxxhash-dev libutf8proc-dev libcurl4-openssl-dev zlib1g-dev libcmocka-dev bats age ieee-data scdoc procps \
	python3 openssl expect curl jq xxd
deps:
	@tests/deps.sh $(DEPS)
deps-bench:
	@tests/deps.sh $(DEPS) libsqlite3-dev

# ---- installing ----
install: all $(BUILD)/man/tidemark.1 $(BUILD)/man/tidemarkd.8
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/sbin $(DESTDIR)$(prefix)/lib/pkgconfig \
		$(DESTDIR)$(prefix)/include $(DESTDIR)$(prefix)/share/man/man1 $(DESTDIR)$(prefix)/share/man/man8
	install -m 755 $(TIDEMARK) $(DESTDIR)$(prefix)/bin/
	install -m 755 $(TIDEMARKD) $(DESTDIR)$(prefix)/sbin/
	install -m 755 $(SHARED) $(DESTDIR)$(prefix)/lib/
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(prefix)/lib/libtidemark.so.0
	ln -sf libtidemark.so.0 $(DESTDIR)$(prefix)/lib/libtidemark.so
	install -m 644 client/include/tidemark.h $(DESTDIR)$(prefix)/include/
	sed -e 's|@VERSION@|$(VERSION)|' -e 's|@INCLUDEDIR@|$(prefix)/include|' -e 's|@LIBDIR@|$(prefix)/lib|' \
		client/tidemark.pc.in > $(DESTDIR)$(prefix)/lib/pkgconfig/tidemark.pc
	install -m 644 $(BUILD)/man/tidemark.1 $(DESTDIR)$(prefix)/share/man/man1/
	install -m 644 $(BUILD)/man/tidemarkd.8 $(DESTDIR)$(prefix)/share/man/man8/
uninstall:
	rm -f $(DESTDIR)$(prefix)/bin/tidemark $(DESTDIR)$(prefix)/sbin/tidemarkd $(DESTDIR)$(prefix)/lib/libtidemark.so* \
		$(DESTDIR)$(prefix)/include/tidemark.h $(DESTDIR)$(prefix)/lib/pkgconfig/tidemark.pc \
		$(DESTDIR)$(prefix)/share/man/man1/tidemark.1 $(DESTDIR)$(prefix)/share/man/man8/tidemarkd.8
dist:
	git archive --prefix=tidemark-$(VERSION)/ -o tidemark-$(VERSION).tar.gz HEAD
clean:
	rm -rf $(BUILD)

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
