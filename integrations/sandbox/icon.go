package sandbox

import "html/template"

// strokes are the pictures of the tiles, drawn on a field of 24 by 24.
var strokes = map[string]string{
	"city":   "M3 21V10l6-4v15M9 21V4l6-2v19M15 21V9l6 3v9M2 21h20M6 13v.01M6 17v.01M12 8v.01M12 12v.01M12 16v.01M18 15v.01M18 18v.01",
	"scan":   "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 12h16",
	"pay":    "M4 6h16v12H4zM4 10h16M8 15h4",
	"bus":    "M5 17V6c0-2 14-2 14 0v11M5 12h14M4 17h16M8 20v-3M16 20v-3M8.5 14.5v.01M15.5 14.5v.01",
	"wallet": "M4 7h14v12H4zM4 7l10-3v3M14 13h6v-2h-6zM18 19v-6",
	"bill":   "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
	"phone":  "M8 3h8v18H8zM11 18h2",
	"more":   "M6 12v.01M12 12v.01M18 12v.01",
	"shield": "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
	"house":  "M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6",
	"health": "M12 20c-5-4-8-7-8-11 0-5 6-6 8-2 2-4 8-3 8 2 0 4-3 7-8 11zM12 9v6M9 12h6",
	"school": "M3 9l9-4 9 4-9 4zM7 11v5c2 2 8 2 10 0v-5M21 9v6",
	"people": "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3 20c0-8 12-8 12 0M16 11a2.5 2.5 0 1 0 0-5M17 14c3 0 4 3 4 6",
	"card":   "M3 6h18v12H3zM3 10h18M7 15h3M14 15h3",
	"check":  "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 12l3 3 5-6",
	"search": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L21 21",
	"alert":  "M12 4l9 16H3zM12 10v4M12 17v.01",
	"pin":    "M12 21c-4-5-6-8-6-11a6 6 0 0 1 12 0c0 3-2 6-6 11zM12 12a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
}

// icon is a picture as inline SVG, hidden from screen readers: the words beside it say the same.
func icon(name string) template.HTML {
	//nolint:gosec // made of constants
	return template.HTML(`<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.8" ` +
		`stroke-linecap="round" stroke-linejoin="round"><path d="` + strokes[name] + `"/></svg>`)
}
