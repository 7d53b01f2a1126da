// Package envoy plays the scenarios on a real Envoy, and tries there what no scenario can say: clients that leave,
// workers that break, configurations that change. It runs with the build tag e2e.
package envoy
