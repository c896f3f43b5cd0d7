.DEFAULT_GOAL := help
.PHONY: help run build check test lint bench bench-short bench-callbacks bench-go fuzz install

version := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
commit := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
ldflags := -s -w -X main.version=$(version) -X main.commit=$(commit)
golangci := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
deadcode := go run golang.org/x/tools/cmd/deadcode@v0.52.0
fuzztime ?= 30s
# The race detector watches our code and its libraries, except SQLite and its C library in translation, which it makes several
# times slower. What SQLite's connections share lies under its own locks, and each is used by one goroutine at a time.
uninstrumented := -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start the service with its stand-in super-app and demo people
	go run ./server

build: ## build the static binary bin/citycard
	CGO_ENABLED=0 go build -trimpath -ldflags '$(ldflags)' -o bin/citycard ./server

check: ## format, lint, tests with the race detector, build
	gofmt -w $$(find . -name '*.go' -not -path '*/node_modules/*')
	$(MAKE) lint test build

test: install ## install what is missing and run every test, both engines, race detector on
	go vet ./...
	go test -race $(uninstrumented) -timeout 40m -p 2 ./...

lint: ## golangci-lint and deadcode, at zero findings
	$(golangci) run
	@found=$$($(deadcode) -test ./...); test -z "$$found" || { echo "dead code:"; echo "$$found"; exit 1; }

bench: ## measure the service on both engines with 10,000, 1,000,000 and 10,000,000 cards (hours)
	.ci/install bench
	go run ./server/bench -cards 10000,1000000,10000000 $(BENCH)
	$(MAKE) bench-callbacks

bench-short: ## measure it in two minutes with 50,000 cards
	.ci/install bench
	go run ./server/bench -short $(BENCH)

bench-callbacks: ## measure signed callbacks on both engines beside bare verification, and beside a flood of forgeries
	go test ./server -run '^$$' -bench 'BenchmarkCallbacks|BenchmarkGoodCallbacks' -benchtime 2000x

bench-go: ## every Go benchmark once
	go test -run '^$$' -bench . -benchmem -benchtime 0.3s ./...

fuzz: ## every fuzz target for fuzztime (30s) each
	@for package in $$(go list ./...); do \
		for target in $$(go test -run '^$$' -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(fuzztime) $$package || exit 1; \
		done; \
	done

install: ## install what the tests need beside Go (Debian packages as root, npm projects)
	.ci/install
