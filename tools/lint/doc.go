// Package lint pins golangci-lint, in a module of its own since it needs two hundred others, and shows with broken code
// that the settings in .golangci.yml catch what they are for. `make lint` builds the linter into .cache/bin.
package lint
