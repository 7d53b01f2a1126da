package policy

// String is the word used in policies.
func (a Annotation) String() string {
	switch a {
	case AnnotateOutcome:
		return "outcome"
	case AnnotateCheck:
		return "check"
	case AnnotateProvider:
		return "provider"
	case AnnotateReference:
		return "reference"
	case AnnotateSubject:
		return "subject"
	case AnnotateCarrier:
		return "carrier"
	case AnnotateAgeBand:
		return "ageBand"
	case AnnotateVersion:
		return "version"
	}
	return "outcome"
}
