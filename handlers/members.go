package handlers

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
)

// members are the names an object of some Go type may have. A nil map takes any name: the target is a map, an
// interface, a type that reads its own JSON, or not an object at all, which encoding/json will say.
type members map[string]reflect.Type

func (m members) find(name string) (t reflect.Type, known bool) {
	if m == nil {
		return nil, true
	}
	t, known = m[name]
	return t, known
}

// known are the members of each type that was asked for. The types are the program's own, so there is an end to them.
var known sync.Map

func membersOf(t reflect.Type) members {
	t = target(t)
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	found, asked := known.Load(t)
	if !asked {
		found, _ = known.LoadOrStore(t, readMembers(t))
	}
	names, _ := found.(members)
	return names
}

// readMembers reads a struct's members off its fields.
func readMembers(t reflect.Type) members {
	if readsItself(t) {
		return nil
	}
	names := members{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case !field.IsExported() && !field.Anonymous, name == "-":
		case field.Anonymous && name == "":
			for promoted, kind := range membersOf(field.Type) {
				names[promoted] = kind
			}
		case name == "":
			names[field.Name] = field.Type
		default:
			names[name] = field.Type
		}
	}
	return names
}

func elementOf(t reflect.Type) reflect.Type {
	t = target(t)
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		return t.Elem()
	}
	return nil
}

// takesNull tells whether null says something to the type: a type of unknown shape takes it too.
func takesNull(t reflect.Type) bool {
	if t == nil {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	}
	return false
}

func target(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func readsItself(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
