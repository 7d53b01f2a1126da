# idvgate: identity verification at the API gateway. `make help` lists what there is to do.
GO       ?= go
WASM     := host/cmd/idvgate/wasm/idvgate-extism.wasm
PROXYWASM := host/cmd/idvgate/wasm/idvgate-proxywasm.wasm
HIGRESS  := host/cmd/idvgate/wasm/idvgate-higress.wasm
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STAMP    := -s -w -X main.version=$(VERSION)
# Modules of their own, so that nobody inherits what they need.
MODULES  := tests/gosdk tests/jwt tests/jdsdk tests/proxywasmsdk tests/browser tests/bench tools

# The linter, in the version that its module pins, built once.
LINTER   := $(CURDIR)/.cache/bin/golangci-lint-$(shell sed -n 's|.*golangci-lint/v2 \(v[^ ]*\).*|\1|p' tools/lint/go.mod)
LINTED   := . $(MODULES) tools/lint
export GOLANGCI_LINT_CACHE ?= $(CURDIR)/.cache/golangci-lint
PROFILE  := $(CURDIR)/.cache/cover.out
# The command runs as a process of its own, in make e2e, and is not counted.
COVERED  := ./plugin/...,./providers/...,./host,./host/extism/...,./host/sandbox/...
FUZZTIME ?= 60s

.DEFAULT_GOAL := help
.PHONY: help build guest run test race docs docs-check lint format cover e2e bench bench-envoy performance fuzz clean

help: ## what there is to do
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: guest ## the command with its guest in it: bin/idvgate
	$(GO) build -trimpath -ldflags "$(STAMP)" -o bin/idvgate ./host/cmd/idvgate

guest: ## the guests alone, for Extism, proxy-wasm and Higress: host/cmd/idvgate/wasm/*.wasm
	GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -buildmode=c-shared -ldflags "$(STAMP)" -o $(WASM) ./plugin/extism
	GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -buildmode=c-shared -ldflags "$(STAMP)" -o $(PROXYWASM) ./plugin/proxywasm
	GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -buildmode=c-shared -tags higress -ldflags "$(STAMP)" -o $(HIGRESS) ./plugin/proxywasm

run: build ## gateway, vendors' sandbox and sample upstream in one process, with commands to try
	bin/idvgate demo

test: guest ## everything that needs only Go
	$(GO) test ./...
	@set -e; for m in $(MODULES); do echo "$$m"; (cd $$m && $(GO) test ./...); done

race: guest ## the same, the product under the race detector
	$(GO) test -race ./...
	@set -e; for m in $(MODULES); do echo "$$m"; (cd $$m && $(GO) test ./...); done

docs: ## writes the documents that the code knows best
	$(GO) -C tools run ./docs

docs-check: ## fails where such a document is stale
	$(GO) -C tools run ./docs -check

lint: docs-check $(LINTER) ## format, vet and linters (natively and for wasip1), arrows, tests of these rules, tidy
	$(LINTER) fmt --diff
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet ./plugin/... ./providers/...
	GOOS=wasip1 GOARCH=wasm $(GO) vet -tags higress ./plugin/proxywasm/...
	@set -e; for m in $(LINTED); do echo "golangci-lint $$m"; (cd $$m && $(LINTER) run ./...); done
	GOOS=wasip1 GOARCH=wasm $(LINTER) run ./plugin/... ./providers/...
	$(GO) -C tools/lint test -count=1 ./...
	$(GO) test ./tests -run 'Arrows|Guest'
	@set -e; for m in $(LINTED); do echo "go mod tidy $$m"; (cd $$m && $(GO) mod tidy -diff); done

$(LINTER):
	$(GO) -C tools/lint build -trimpath -ldflags "-s -w" -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

format: $(LINTER) ## gofumpt
	$(LINTER) fmt

cover: guest ## how much of each room the tests run
	@mkdir -p $(dir $(PROFILE))
	$(GO) test -coverprofile=$(PROFILE) -coverpkg=$(COVERED) ./plugin/... ./providers/... ./host/... ./tests >$(PROFILE).log || { cat $(PROFILE).log; exit 1; }
	$(GO) -C tools run ./cover $(PROFILE)

e2e: build ## the command as a user runs it, end to end
	$(GO) test -tags e2e ./tests/e2e ./tests/readers -count=1
	cd tests/hosts && $(GO) test -tags e2e -count=1
	cd tests/envoy && $(GO) test -tags e2e -count=1
	cd tests/browser && $(GO) test -tags e2e -count=1

fuzz: ## every fuzz target, FUZZTIME each (60s), as many side by side as there are cores; a finding stays in testdata/fuzz
	$(GO) -C tools run ./fuzz -time $(FUZZTIME) $(CURDIR)

bench: build ## CPU time per request against peers, in one run
	cd tests/bench && $(GO) run . -guest ../../$(WASM)

bench-envoy: guest ## the same in a real Envoy, against no filter, a Lua filter and ext_authz
	set -e; envoy=$$($(GO) run ./tests/cached/envoy); cd tests/bench && $(GO) run . -envoy $$envoy -json results/envoy.json

performance: bench bench-envoy ## both, kept in docs and drawn
	cp tests/bench/results/bench.json docs/performance.json
	cp tests/bench/results/envoy.json docs/performance-envoy.json
	cd tests/bench && $(GO) run . -docs

clean: ## what was built
	rm -rf bin .cache $(WASM) $(PROXYWASM) $(HIGRESS)
