// Package readers asks whether anybody is verified whom the upstream does not see.
//
// Each trick of the corpus (tricks_*_test.go) is one raw request. Three upstreams (upstreams/, and upstream_test.go)
// say what a handler reads of it with what Go's net/http, Node and Python's standard library themselves offer: sent
// straight, and forwarded as the gateway does. What they said is kept in testdata/readings.json. The test then gives
// the same bytes to the engine and demands of each trick that the engine refuses it, or that
//
//   - the rule that matched is the one of the path to which every upstream routes, and
//   - every claim that was verified is what every upstream reads in its place, all of it.
//
// With the tag e2e the upstreams are run again, and what they read has to be what is kept; -update keeps it anew.
package readers
