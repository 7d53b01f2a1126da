// Package shape says what a document may look like and what is wrong with one that does not: a tree of values that
// remembers where each stands, a grammar of fields and kinds, and a check of one against the other that reports every
// fault instead of the first. What the values mean is the policy's affair. The grammar of a policy, and with it the
// JSON Schema and the advice for a misspelt word, is written down once, in these types.
package shape
