package citycard

import (
	"cmp"
	"slices"
)

// Entry is what the catalogue says of a code: the HTTP status (RFC 9110), what happened in words for the
// person concerned, and what they can do about it.
type Entry struct {
	Code    Code
	Status  int
	Message Text
	Next    NextStep
}

// Catalogue lists every code once, by status and then by code.
func Catalogue() []Entry { return slices.Clone(catalogue) }

// EntryOf is a code's entry; that of internal_error for a code the catalogue does not know.
func EntryOf(code Code) Entry {
	if entry, known := catalogueByCode[code]; known {
		return entry
	}
	return catalogueByCode[CodeInternal]
}

// statusCodes are the codes of what is refused by its HTTP status alone, before a handler runs.
var statusCodes = map[int]Code{
	400: CodeMalformedRequest, 404: CodeNotFound, 405: CodeMethodNotAllowed, 413: CodeBodyTooLarge, 415: CodeUnsupportedMediaType,
}

// CodeOfStatus is the code of what is refused by its HTTP status alone; internal_error for any other status.
func CodeOfStatus(status int) Code { return cmp.Or(statusCodes[status], CodeInternal) }

var (
	catalogue       = sortedCatalogue()
	catalogueByCode = indexedCatalogue()
)

func sortedCatalogue() []Entry {
	entries := slices.Concat(requestEntries, partnerEntries, permissionEntries, cardEntries, eventEntries, serviceEntries)
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Code, b.Code))
	})
	return entries
}

func indexedCatalogue() map[Code]Entry {
	index := make(map[Code]Entry, len(catalogue))
	for _, entry := range catalogue {
		index[entry.Code] = entry
	}
	return index
}
