# Everything that is done with this repository. `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

GO      ?= go
PORT    ?= 8080
BIN     := bin/dreamapi
TOOLS   := $(CURDIR)/.tools/bin
SQLC    := $(TOOLS)/sqlc
LINT    := $(TOOLS)/golangci-lint

SQLC_VERSION := v1.31.1
LINT_VERSION := v2.15.0

# A copy of Clerk's published API description. Where there is one, the sandbox's answers are held to it too.
CLERK_CONTRACT ?= $(abspath $(firstword $(wildcard ../shared/contracts/clerk-bapi-*.yml)))
export CLERK_CONTRACT

.PHONY: help run build test e2e bench verify generate fmt lint db/reset

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9\/]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## run everything on this machine, on PORT (8080)
	@scripts/need postgres
	@PORT=$(PORT) exec $(BIN) dev

build: ## build bin/dreamapi
	@test -x $(BIN) || echo "Building $(BIN), a minute or two the first time …"
	@$(GO) build -o $(BIN) ./cmd/dreamapi

test: ## run every test
	@DATABASE_URL= scripts/need postgres chromium
	$(GO) test -race ./...

e2e: ## run only the tests of the built program, in a browser too
	@DATABASE_URL= scripts/need postgres chromium
	$(GO) test -race -count=1 ./e2e/...

bench: ## measure the hot path
	@DATABASE_URL= scripts/need postgres
	$(GO) test -run '^$$' -bench . -benchmem ./internal/usage/

verify: $(SQLC) $(LINT) ## check that generated code is up to date, and formatting, vet and lint
	@$(SQLC) diff
	@test -z "$$(gofmt -l cmd internal migrations e2e)" || { echo "not formatted (make fmt):"; gofmt -l cmd internal migrations e2e; exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(LINT) run

generate: $(SQLC) ## generate the code of the queries
	$(SQLC) generate

fmt: ## format the code
	gofmt -w cmd internal migrations e2e

lint: $(LINT) ## run the linters alone
	$(LINT) run

db/reset: ## delete what `make run` keeps in .dreamapi
	@if [ -f .dreamapi/dev.json ] && curl -sf "$$(sed -n 's/.*"opsUrl": "\(.*\)",/\1/p' .dreamapi/dev.json)/livez" >/dev/null 2>&1; then \
		echo "dreamapi is running in this folder: stop it first"; exit 1; fi
	rm -rf .dreamapi
	@if [ "$$(id -u)" = 0 ] && [ -d /var/lib/dreamapi ]; then \
		rm -rf "/var/lib/dreamapi/$$(printf %s "$(CURDIR)/.dreamapi/postgres" | sha256sum | cut -c1-16)"; fi

$(SQLC): Makefile
	@echo "Building sqlc $(SQLC_VERSION) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/sqlc-dev/sqlc/cmd/sqlc@$(SQLC_VERSION) && touch $@

$(LINT): Makefile
	@echo "Building golangci-lint $(LINT_VERSION) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) && touch $@
