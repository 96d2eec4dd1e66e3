# Everything that is done with this repository. `make` lists it.
.DEFAULT_GOAL := help
SHELL := /bin/sh

GO      ?= go
PORT    ?= 8080
BIN     := bin/dreamapi
TOOLS   := $(CURDIR)/.tools/bin
SQLC    := $(TOOLS)/sqlc
LINT    := $(TOOLS)/golangci-lint
MOCKS   := $(TOOLS)/stripe-mock-v0.203.0 $(TOOLS)/stripe-mock-v0.148.0

SQLC_VERSION := v1.31.1
LINT_VERSION := v2.15.0

# What tests look for faults with in pages.
AXE_VERSION := 4.14.1
export AXE := $(CURDIR)/.tools/axe-$(AXE_VERSION).min.js

# What the JavaScript client is built into; this file of it is written last.
SDK := sdk/js/dist/cjs/package.json

# A copy of Clerk's published API description. Where there is one, the sandbox's answers are held to it too.
CLERK_CONTRACT ?= $(abspath $(firstword $(wildcard ../shared/contracts/clerk-bapi-*.yml)))
export CLERK_CONTRACT

# Stripe's own stand-ins without memory, to which the sandbox is held: one knows the present API, one that of our SDK.
empty :=
space := $(empty) $(empty)
export STRIPE_MOCKS := $(subst $(space),:,$(MOCKS))

.PHONY: help run demo tally example build sdk test e2e torture bench verify generate fmt lint screenshots db/reset

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9\/]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## run everything on this machine, on PORT (8080); DEMO=1 makes a year of customers and money first
	@scripts/need postgres
	@PORT=$(PORT) exec $(BIN) dev $(if $(DEMO),--demo)

demo: ## run with a year of customers and money: the same as make run DEMO=1
	@$(MAKE) --no-print-directory run DEMO=1

tally: ## run a small product with sign-in and a limit beside `make run`, on port 4000 (examples/demo)
	@exec $(GO) run ./examples/demo

example: $(SDK) examples/blurb/node_modules/.package-lock.json ## run an AI product beside `make run`, on port 4001
	@cd examples/blurb && exec node server.js

build: ## build bin/dreamapi
	@test -x $(BIN) || echo "Building $(BIN), a minute or two the first time …"
	@$(GO) build -o $(BIN) ./cmd/dreamapi

sdk: $(SDK) ## build the JavaScript client, sdk/js/dist

# Nothing from the cache: a test that runs the program depends on more than its own code.
test: $(MOCKS) $(AXE) $(SDK) ## run every test
	@DATABASE_URL= scripts/need postgres chromium node
	$(GO) test -race -count=1 -timeout 18m ./...
	cd sdk/go && $(GO) test -race -count=1 ./...

e2e: $(AXE) $(SDK) ## run only the tests of the built program, in a browser too
	@DATABASE_URL= scripts/need postgres chromium node
	$(GO) test -race -count=1 -timeout 18m ./e2e/...

torture: ## try for a long time to have the program count wrongly
	@DATABASE_URL= scripts/need postgres
	TORTURE=long $(GO) test -count=1 -timeout 12h ./e2e/torture/

screenshots: build ## take the pictures of every page in docs/screenshots
	@DATABASE_URL= scripts/need postgres chromium
	$(GO) test -tags screenshots -count=1 -timeout 40m -run Screenshots ./e2e/screenshots

bench: build ## measure the hot path, as ratios
	@DATABASE_URL= scripts/need postgres
	@$(GO) build -o bin/bench ./bench
	@exec bin/bench $(BIN)

verify: $(SQLC) $(LINT) sdk/js/node_modules/.package-lock.json ## check that generated code is up to date, and formatting, vet and lint
	@$(SQLC) diff
	@test -z "$$(gofmt -l bench cmd examples internal migrations e2e sdk/go)" || { echo "not formatted (make fmt):"; gofmt -l bench cmd examples internal migrations e2e sdk/go; exit 1; }
	@$(GO) run ./internal/sdkcodes -diff
	$(GO) mod tidy -diff
	cd sdk/go && $(GO) mod tidy -diff
	$(GO) vet ./...
	cd sdk/go && $(GO) vet ./...
	$(LINT) run
	cd sdk/go && $(LINT) run --config ../../.golangci.yml
	cd sdk/js && npm run --silent check

generate: $(SQLC) ## generate the code of the queries, and the lists of error codes
	$(SQLC) generate
	$(GO) run ./internal/sdkcodes

fmt: ## format the code
	gofmt -w bench cmd examples internal migrations e2e sdk/go

lint: $(LINT) ## run the linters alone
	$(LINT) run
	cd sdk/go && $(LINT) run --config ../../.golangci.yml

db/reset: ## delete what `make run` keeps in .dreamapi
	@if [ -f .dreamapi/dev.json ] && curl -sf "$$(sed -n 's/.*"opsUrl": "\(.*\)",/\1/p' .dreamapi/dev.json)/livez" >/dev/null 2>&1; then \
		echo "dreamapi is running in this folder: stop it first"; exit 1; fi
	rm -rf .dreamapi
	@if [ "$$(id -u)" = 0 ] && [ -d /var/lib/dreamapi ]; then \
		rm -rf "/var/lib/dreamapi/$$(printf %s "$(CURDIR)/.dreamapi/postgres" | sha256sum | cut -c1-16)"; fi

sdk/js/node_modules/.package-lock.json: sdk/js/package-lock.json
	@scripts/need node
	cd sdk/js && npm ci

examples/blurb/node_modules/.package-lock.json: examples/blurb/package-lock.json
	cd examples/blurb && npm ci

$(SDK): sdk/js/node_modules/.package-lock.json sdk/js/package.json sdk/js/tsconfig.json sdk/js/build.mjs $(wildcard sdk/js/src/*.ts)
	cd sdk/js && npm run --silent build

$(SQLC): Makefile
	@echo "Building sqlc $(SQLC_VERSION) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/sqlc-dev/sqlc/cmd/sqlc@$(SQLC_VERSION) && touch $@

$(TOOLS)/stripe-mock-%:
	@echo "Building stripe-mock $* …"
	@mkdir -p $(TOOLS)/.$* && GOBIN=$(TOOLS)/.$* $(GO) install github.com/stripe/stripe-mock@$* && mv $(TOOLS)/.$*/stripe-mock $@ && rm -r $(TOOLS)/.$*

$(AXE):
	@scripts/need node
	@echo "Fetching axe-core $(AXE_VERSION) …"
	@mkdir -p $(@D)/axe && cd $(@D)/axe && npm pack --silent axe-core@$(AXE_VERSION) >/dev/null && tar -xzf axe-core-$(AXE_VERSION).tgz && \
		mv package/axe.min.js $@ && rm -r $(@D)/axe

$(LINT): Makefile
	@echo "Building golangci-lint $(LINT_VERSION) …"
	@GOBIN=$(TOOLS) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) && touch $@
