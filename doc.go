// Package citycard holds what is true of social security cards: who holds them, which states they pass
// through, which rules decide, and the use cases built of those rules. It knows nothing of HTTP, SQL or any
// platform's SDK; those reach it through the small interfaces it declares. It reads no clock, no environment
// and no random source: times, identifiers and text normalisation are passed in.
package citycard
