package shape

import "strings"

// checkObject reports unknown, refused and missing fields, then what is wrong below.
func checkObject(n *Node, o *Object, found *Problems) {
	fields, all := o.Fields, true
	if o.Switch != "" {
		fields, all = o.with(n.Get(o.Switch))
	}
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.Refused == "" {
			names = append(names, f.Name)
		}
	}
	meant := make(map[string]bool) // what misspelt fields were meant to be
	for _, m := range n.Members {
		f := find(fields, m.Key)
		switch {
		case f == nil && !all: // which fields there are is not known
		case f == nil:
			found.Add(m.Value, true, "unknown field "+Quote(m.Key)+Instead(m.Key, names))
			meant[nearest(m.Key, names)] = true
		case f.Refused != "":
			found.Add(m.Value, true, Quote(m.Key)+" "+f.Refused)
		default:
			Check(m.Value, f.Type, found)
		}
	}
	for _, f := range fields {
		if f.Required && n.Get(f.Name) == nil && !meant[f.Name] && !n.has(f.Unless) {
			found.Missing(n, "missing field "+Quote(f.Name))
		}
	}
	for _, group := range o.OneOf {
		if !checkOneOf(n, group, meant, found) {
			n.Faulty = true
			return
		}
	}
}

// with is the object's fields with those of the case picked; false where the switch picks none.
func (o *Object) with(pick *Node) ([]Field, bool) {
	if pick != nil && pick.Kind == Text {
		for _, c := range o.Cases {
			if c.Word == pick.Text {
				return append(o.Fields[:len(o.Fields):len(o.Fields)], c.Fields...), true
			}
		}
	}
	return o.Fields, false
}

// checkOneOf reports a group of which none or more than one is there; a misspelt field counts as what was meant.
func checkOneOf(n *Node, group []string, meant map[string]bool, found *Problems) bool {
	var there []string
	for _, name := range group {
		if meant[name] || n.Get(name) != nil {
			there = append(there, Quote(name))
		}
	}
	switch len(there) {
	case 0:
		found.Missing(n, "missing field: one of "+strings.Join(group, ", "))
	case 1:
		return true
	default:
		found.Missing(n, "only one of "+strings.Join(there, ", ")+" may be written")
	}
	return false
}
