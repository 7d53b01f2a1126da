# idvgate: identity verification at the API gateway. `make help` lists what there is to do.
GO       ?= go
WASM     := host/cmd/idvgate/wasm/idvgate-extism.wasm
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
STAMP    := -s -w -X main.version=$(VERSION)
# Modules of their own, so that nobody inherits what they need.
MODULES  := tests/gosdk tests/jdsdk

.DEFAULT_GOAL := help
.PHONY: help build guest run test race vectors lint format e2e bench fuzz clean

help: ## what there is to do
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: guest ## the command with its guest in it: bin/idvgate
	$(GO) build -trimpath -ldflags "$(STAMP)" -o bin/idvgate ./host/cmd/idvgate

guest: ## the Extism guest alone: host/cmd/idvgate/wasm/idvgate-extism.wasm
	GOOS=wasip1 GOARCH=wasm $(GO) build -trimpath -buildmode=c-shared -ldflags "$(STAMP)" -o $(WASM) ./plugin/extism

run: build ## gateway, vendors' sandbox and sample upstream in one process, with commands to try
	bin/idvgate demo

test: guest ## everything that needs only Go
	$(GO) test ./...
	@set -e; for m in $(MODULES); do echo "$$m"; (cd $$m && $(GO) test ./...); done

race: guest ## the same under the race detector
	$(GO) test -race ./...
	@set -e; for m in $(MODULES); do echo "$$m"; (cd $$m && $(GO) test -race ./...); done

lint: ## format, vet (natively and for wasip1), arrows, tidy
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet ./plugin/extism/... ./plugin ./plugin/flow ./plugin/policy ./providers ./providers/catalog
	$(GO) test ./tests -run 'Arrows|Guest'
	$(GO) mod tidy -diff
	@set -e; for m in $(MODULES) tests/bench; do echo "$$m"; (cd $$m && $(GO) vet ./... && $(GO) mod tidy -diff); done

format: ## gofmt
	gofmt -w $$(git ls-files '*.go')

e2e: build ## the command as a user runs it, end to end
	$(GO) test -tags e2e ./tests/e2e -count=1

bench: build ## CPU time per request against peers, in one run
	cd tests/bench && $(GO) run . -guest ../../$(WASM)

clean: ## what was built
	rm -rf bin .cache $(WASM)
