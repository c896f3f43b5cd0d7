// Package static holds what is served as it is: the pages of citizens and of staff and their texts in both
// languages, the style sheet, and the OpenAPI document.
package static

import "embed"

// FS holds pages/*.html (Go templates), text.zh.json and text.en.json (the pages' texts by key), assets/*
// (served under /static) and openapi.json; admin/* are the pages and texts of staff.
//
//go:embed admin pages/*.html text.*.json assets/* openapi.json
var FS embed.FS
