// Package gosdk plays the scenarios on extism/go-sdk, somebody else's host: the guest's stepped form with a small driver,
// and its synchronous one. It is a module of its own, so that nobody inherits the SDK.
package gosdk
