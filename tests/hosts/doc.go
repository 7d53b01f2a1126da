// Package hosts plays the scenarios on Extism runtimes that nobody here wrote, through the gateways of examples/, as
// processes of their own: libextism from Python, and Extism's JavaScript SDK on Node. It runs with the build tag e2e.
package hosts
