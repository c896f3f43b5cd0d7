package citycard

import "regexp"

// DocumentType says which document a number was printed on. It follows from the number's form.
type DocumentType string

// The document types.
const (
	// DocumentCitizenID is the resident identity card; its number is also the social security number.
	DocumentCitizenID DocumentType = "citizen_id"
	// DocumentHMTResidencePermit is the residence permit of Hong Kong, Macao and Taiwan residents.
	DocumentHMTResidencePermit DocumentType = "hmt_residence_permit"
	// DocumentForeignPermanentResident is the foreign permanent resident card, of the older form (15
	// characters) or of that issued since December 2023 (18 digits beginning with 9).
	DocumentForeignPermanentResident DocumentType = "foreign_permanent_resident"
	// DocumentForeignOther is the number given to other foreigners; a city's policy decides whether it serves.
	DocumentForeignOther DocumentType = "foreign_other"
)

// Sex is what a number says of its holder's sex.
type Sex string

// The sexes; SexUnknown where a number does not tell.
const (
	SexUnknown Sex = ""
	SexMale    Sex = "male"
	SexFemale  Sex = "female"
)

var (
	olderForeignForm = regexp.MustCompile(`^[A-Z]{3}[0-9]{12}$`)
	otherForeignForm = regexp.MustCompile(`^[A-Z]{3}[0-9][0-9A-Z]{14}$`)
)

// provinces are the two-digit prefixes of GB/T 2260. Districts are not checked: they get renamed, and a number
// keeps the code it was given.
var provinces = map[string]bool{
	"11": true, "12": true, "13": true, "14": true, "15": true,
	"21": true, "22": true, "23": true,
	"31": true, "32": true, "33": true, "34": true, "35": true, "36": true, "37": true,
	"41": true, "42": true, "43": true, "44": true, "45": true, "46": true,
	"50": true, "51": true, "52": true, "53": true, "54": true,
	"61": true, "62": true, "63": true, "64": true, "65": true,
	"71": true, "81": true, "82": true, "83": true, "91": true,
}

// documentOf classifies a number of right form; empty where the region it names does not exist. A number
// beginning with 9 and a province is a foreigner's; the rare prefix 91 that no province follows is a citizen's.
func documentOf(text string) DocumentType {
	switch {
	case len(text) == olderForeignLength:
		return DocumentForeignPermanentResident
	case !isDigit(text[0]):
		return DocumentForeignOther
	case text[0] == '9' && provinces[text[1:3]]:
		return DocumentForeignPermanentResident
	case text[0] == '8' && provinces[text[:2]]:
		return DocumentHMTResidencePermit
	case provinces[text[:2]]:
		return DocumentCitizenID
	}
	return ""
}
