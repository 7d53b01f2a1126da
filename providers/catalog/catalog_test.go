package catalog

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/idvgate/idvgate/providers"
)

func TestList(t *testing.T) {
	var names []string
	for _, i := range List() {
		names = append(names, i.Name)
	}
	if want := []string{"jdcloud", "celerity", "glodon", "kycloud"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	answered := map[providers.Check]bool{}
	for _, name := range names {
		i, ok := List().Find(name)
		if !ok || i.New == nil {
			t.Errorf("%s cannot be made", name)
		}
		for _, c := range i.Checks {
			answered[c] = true
		}
	}
	for _, c := range providers.Checks() {
		if !answered[c] {
			t.Errorf("nobody answers %s", c)
		}
	}
	if _, ok := List().Find("nobody"); ok {
		t.Error("found a provider that is not in the list")
	}
}

func TestEveryConfigurationFieldIsDescribed(t *testing.T) {
	for _, i := range List() {
		described(t, i.Name, reflect.TypeOf(i.Config))
	}
}

// described proves that each field of a configuration has a camelCase name and a description.
func described(t *testing.T, path string, of reflect.Type) {
	t.Helper()
	for f := range fields(of) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name[0] < 'a' || name[0] > 'z' || strings.ContainsAny(name, "_-") {
			t.Errorf("%s.%s: json name %q is no camelCase word", path, f.Name, name)
		}
		if f.Tag.Get("jsonschema_description") == "" {
			t.Errorf("%s.%s has no description", path, f.Name)
		}
		described(t, path+"."+f.Name, f.Type)
	}
}

// fields is the exported fields of a struct, or of what a pointer or list holds; none of anything else.
func fields(of reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		for i := range of.NumField() {
			if f := of.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}
