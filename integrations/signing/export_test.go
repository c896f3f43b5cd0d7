package signing

// DictionaryOf parses a structured-field dictionary and returns its members serialised, by key.
func DictionaryOf(text string) (map[string]string, error) {
	members, err := parseDictionary(text)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(members))
	for _, m := range members {
		out[m.key] = m.serialize()
	}
	return out, nil
}

var (
	DigestFits     = digestFits
	IsDERSignature = isDERSignature
	DecodeBase64   = decodeBase64
)

// KnownTestKeys lists what IsTestKey knows.
func KnownTestKeys() []string {
	var all []string
	for fingerprint := range testFingerprints {
		all = append(all, fingerprint)
	}
	return all
}

// ConstantSubCodes lists the sub_codes with a constant refusal body.
func ConstantSubCodes() map[string]string { return constantRefusals }
