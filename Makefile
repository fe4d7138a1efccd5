# The front door.  Each target brings in what it needs (tools/setup), builds, and says what it does.
# What follows a target's `##` is its help.
PREFIX ?= /usr/local

help: ## say this
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: ## build, start a server here, deploy the example and let it live a fortnight, say where the dashboard is; Ctrl-C ends it
	@tools/run
build: ## build/sculler
	@tools/setup build
	@tools/build build
test: ## everything that must hold before a change lands, also under ASan and UBSan
	@tools/test
check: ## the long way: gcc and clang, release and sanitizers, and every fuzzer for a minute
	@tools/check
bench: ## how fast calls are
	@tools/setup bench
	@tools/build build
	@bench/run
install: ## into PREFIX (/usr/local)
	@tools/setup build
	@tools/build build-install --prefix=$(PREFIX)
	@meson install -C build-install --no-rebuild --quiet
	@echo "installed: $(DESTDIR)$(PREFIX)/bin/sculler"
clean: ## remove what was built (what was downloaded stays in .deps/)
	rm -rf build build-*
.PHONY: help run build test check bench install clean
