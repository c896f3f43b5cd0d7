package static

import _ "embed" // the policies below

// Policy is the built-in city policies: examples, for development.
//
//go:embed policy.json
var Policy string
