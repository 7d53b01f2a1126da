package shape

// Kind says what a place in a document takes.
type Kind uint8

const (
	Anything      Kind = iota // not looked into
	AText                     // text; Words if not nil, at least Min bytes
	AWhole                    // a whole number from Min to Max; Max 0: no most
	ANumber                   // any number
	ABool                     // true or false
	AScalar                   // text, a number, or true or false
	ADuration                 // text such as 2s, from Min to Max nanoseconds
	ASize                     // text such as 256KiB, from Min to Max bytes
	APercent                  // text such as 5%, above 0% and at most 100%
	APrice                    // text such as 0.25 CNY
	ASecret                   // {secret: NAME} or {secret: [NAME, OLD_NAME]}
	AList                     // of Elem, at least Min items
	AMap                      // from names the author chooses to Elem
	AnObject                  // Object
	AWordOrObject             // one of Words, or Object
)

// A Type is what a place takes.
type Type struct {
	Kind     Kind
	Words    []string
	Refused  []Refusal // words that one could take for allowed, with the reason why they are not
	Min, Max int64
	Elem     *Type
	Object   *Object
}

// A Refusal is a word that exists but not here.
type Refusal struct{ Word, Because string }

// An Object is a mapping with known fields.
type Object struct {
	Name   string // of its definition in the JSON Schema; "" for one that is written in place
	About  string
	Fields []Field
	// OneOf is groups of fields of which exactly one must be there.
	OneOf [][]string
	// Switch names the text field whose value picks one of Cases, which adds fields; "" for none.
	Switch string
	Cases  []Case
}

// A Case is the fields an Object has besides its own where its Switch has that value.
type Case struct {
	Word   string
	About  string
	Fields []Field
}

// A Field is one key an Object may have.
type Field struct {
	Name     string
	Type     Type
	Required bool
	Unless   []string // a path below the object: where that is written, Required does not hold
	About    string
	// Refused says why the field is known but may not be written; it follows the field's name in the problem.
	Refused string
}

// find is the field of that name.
func find(fields []Field, name string) *Field {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
	}
	return nil
}
