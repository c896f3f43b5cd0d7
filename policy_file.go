package citycard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// PolicyProblem is one thing wrong in a policy file. Record is the record's place in the list, as policies[0],
// and Region its region where that can be read; both are empty for the file as a whole. Field is the member's
// name in the file.
type PolicyProblem struct {
	Record  string
	Region  string
	Field   string
	Problem string
}

// PolicyError lists everything that is wrong in a policy file.
type PolicyError struct{ Problems []PolicyProblem }

// Error is one line that names each problem with its record, region and field.
func (e *PolicyError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		place := strings.Join(strings.Fields(p.Record+" "+p.Region+" "+p.Field), " ")
		lines = append(lines, strings.TrimPrefix(place+": "+p.Problem, ": "))
	}
	return "city policies: " + strings.Join(lines, "; ")
}

// optionalPolicyFields may be left out of a record: without valid_to a policy has no end.
var optionalPolicyFields = []string{"valid_to", "texts"}

// ParsePolicies reads a policy file, {"home": region, "policies": [record, …]}, and checks every field of every
// record. Unknown, missing and repeated fields are refused. What is wrong comes back as one PolicyError.
func ParsePolicies(r io.Reader) (*Policies, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	var file struct {
		Home     string            `json:"home"`
		Policies []json.RawMessage `json:"policies"`
	}
	found := &policyProblems{}
	found.decode(text, reflect.ValueOf(&file).Elem())
	policies := &Policies{Home: file.Home, file: map[string][]Policy{}}
	for i, raw := range file.Policies {
		var policy Policy
		found.begin(fmt.Sprintf("policies[%d]", i), regionOf(raw))
		if found.decode(raw, reflect.ValueOf(&policy).Elem()) {
			found.check(policy)
			policies.file[policy.Region] = append(policies.file[policy.Region], policy)
		}
	}
	found.checkSuccession(policies.Home, policies.file)
	if len(found.list) > 0 {
		return nil, &PolicyError{Problems: found.list}
	}
	policies.inForce.Store(&policies.file)
	return policies, nil
}

// ParsePolicy reads one record of a policy file, and checks every field as ParsePolicies does.
func ParsePolicy(raw []byte) (Policy, error) {
	var policy Policy
	found := &policyProblems{}
	if found.decode(raw, reflect.ValueOf(&policy).Elem()) {
		found.check(policy)
	}
	if len(found.list) > 0 {
		return Policy{}, &PolicyError{Problems: found.list}
	}
	return policy, nil
}

// regionOf is a record's region, empty where it cannot be read.
func regionOf(raw json.RawMessage) string {
	var record struct {
		Region string `json:"region"`
	}
	if json.Unmarshal(raw, &record) != nil {
		return ""
	}
	return record.Region
}

// policyProblems collects what is wrong; those from first on belong to the record now looked at.
type policyProblems struct {
	record, region string
	first          int
	list           []PolicyProblem
}

func (p *policyProblems) begin(record, region string) {
	p.record, p.region, p.first = record, region, len(p.list)
}

// addf notes a problem of a field, unless that field or the one it lies in was found wrong before.
func (p *policyProblems) addf(field, format string, args ...any) {
	for _, earlier := range p.list[p.first:] {
		rest, same := strings.CutPrefix(field, earlier.Field)
		if same && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return
		}
	}
	p.list = append(p.list, PolicyProblem{p.record, p.region, field, fmt.Sprintf(format, args...)})
}

// decode fills a struct from a JSON object field by field, so that one bad field does not hide the next. It is
// false where there is no such object at all.
func (p *policyProblems) decode(raw []byte, into reflect.Value) bool {
	members, err := jsonMembers(raw)
	if err != nil {
		p.addf("", "%v", err)
		return false
	}
	for i := range into.NumField() {
		name, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ",")
		value, present := members[name]
		delete(members, name)
		optional := slices.Contains(optionalPolicyFields, name)
		if !present || string(value) == "null" {
			if !optional {
				p.addf(name, "is missing")
			}
			continue
		}
		decoder := json.NewDecoder(bytes.NewReader(value))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(into.Field(i).Addr().Interface()); err != nil {
			p.addf(name, "%v", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		p.addf(name, "is not a known field")
	}
	return true
}

// jsonMembers splits one JSON object into its members; a member given twice and anything after the object are
// refused.
func jsonMembers(raw []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, fmt.Errorf("read member: %w", err)
		}
		name := fmt.Sprint(token)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, fmt.Errorf("read member %s: %w", name, err)
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the member %s is given twice", name)
		}
		members[name] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, fmt.Errorf("read end of object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return members, nil
}
