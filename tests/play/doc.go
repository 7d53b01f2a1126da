// Package play plays scenarios on runtimes. A scenario (tests/scenarios/*.yaml) says a policy, requests and what must
// be seen; a Runtime is one way of running the engine. What a scenario says holds on every one of them.
//
// # A scenario
//
//	name:     a sentence; unique
//	policy:   a file of tests/policies, or the policy itself; the latter takes version, providers and subject from
//	          tests/policies/base.yaml where it does not say them. Absent: vendors.yaml
//	env:      variables and secrets besides those of the sandbox, which are the demo's credentials, a URL for each
//	          vendor as in examples/policies.DemoURLs, SANDBOX_URL, below which every vendor's prefix is, and WEBDIS_URL
//	faults:   faults of whole vendors, as PUT /_sandbox/faults takes them
//	only:     the runtimes it is for, where it shows what is a host's affair; absent: all
//	except:   the runtimes it is not for
//	request:  one request, with expect beside it
//	steps:    or several, each with request and expect, played in order on one gateway; page: approved or declined
//	          is what the person says first, on the page that the last step's problem named; faults replaces the
//	          scenario's first, and store is what happens to the fleet's store: down, up, emptied, or moved, each value
//	          to another's key
//
// # A request
//
//	method, host, path, headers (a list of [name, value]), client, jwt (a verified payload), upgrade, trailers
//	person, fields   the body is JSON of these claims of a person of the sandbox
//	json             the body is this, as JSON; form: as a form
//	body, bodyBase64, bodyRepeat {text, times, before, after}   the body as it stands
//	contentType      instead of the body's own; "": none
//
// {PERSON.CLAIM} in any text is that claim of that person, {step N: NAME} in a header that response header of step N. The method is POST with a body and GET without.
//
// # What is expected
//
// See Expect. What is not written is expected not to be: no calls, nothing billed, no x-idv- header at the upstream but
// the decision's id. Some things are looked at in every scenario: that what was denied never reached the upstream, that
// a passed body is whole, that problem, audit line and headers agree, that nothing names a claim's value.
package play
