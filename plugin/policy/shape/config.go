package shape

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/idvgate/idvgate/providers"
)

// Config is the fields of a configuration struct, given as a value of it or a pointer; nil for nil. Names come from
// json tags, the rest from jsonschema tags (required, enum=WORD, minimum=N, maximum=N, description=…) and
// jsonschema_description.
func Config(v any) []Field {
	if v == nil {
		return nil
	}
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return structFields(t)
}

func structFields(t reflect.Type) []Field {
	var fields []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			fields = append(fields, structFields(f.Type)...)
			continue
		}
		if name == "-" || !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		field := Field{Name: name, Type: typeOf(f.Type), About: f.Tag.Get("jsonschema_description")}
		readTags(&field, f.Tag.Get("jsonschema"))
		fields = append(fields, field)
	}
	return fields
}

func typeOf(t reflect.Type) Type {
	if t == reflect.TypeFor[providers.Secret]() {
		return Type{Kind: ASecret}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeOf(t.Elem())
	case reflect.String:
		return Type{Kind: AText}
	case reflect.Bool:
		return Type{Kind: ABool}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Type{Kind: AWhole, Min: math.MinInt64}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Type{Kind: AWhole}
	case reflect.Float32, reflect.Float64:
		return Type{Kind: ANumber}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return Type{}
		}
		elem := typeOf(t.Elem())
		return Type{Kind: AList, Elem: &elem}
	case reflect.Map:
		elem := typeOf(t.Elem())
		return Type{Kind: AMap, Elem: &elem}
	case reflect.Struct:
		return Type{Kind: AnObject, Object: &Object{Fields: structFields(t)}}
	default:
		return Type{}
	}
}

// readTags takes what a jsonschema tag says. Words of a list or map are those of its elements.
func readTags(f *Field, tag string) {
	words := &f.Type
	for words.Elem != nil {
		words = words.Elem
	}
	// As invopop/jsonschema reads it: a comma within a value is written \\,
	for _, part := range strings.Split(strings.ReplaceAll(tag, `\,`, "\x00"), ",") {
		name, value, _ := strings.Cut(strings.ReplaceAll(part, "\x00", ","), "=")
		number, err := strconv.ParseInt(value, 10, 64)
		switch {
		case name == "required":
			f.Required = true
		case name == "enum" && !slices.Contains(words.Words, value):
			words.Words = append(words.Words, value)
		case name == "minimum" && err == nil:
			f.Type.Min = number
		case name == "maximum" && err == nil:
			f.Type.Max = number
		case name == "minItems" && err == nil && f.Type.Kind == AList, name == "minLength" && err == nil && f.Type.Kind == AText:
			f.Type.Min = number
		case name == "description" && f.About == "":
			f.About = value
		}
	}
	if f.Required && f.Type.Min == 0 && (f.Type.Kind == AText || f.Type.Kind == AList) {
		f.Type.Min = 1
	}
}
