package policy

// MetricLabels is all labels of the guest's metrics. A host that has no labels finds them in a metric's name.
func MetricLabels() []string {
	return []string{"rule", "decision", "reason", "mode", "provider", "outcome", "billed", "currency", "result", "per", "state", "by"}
}
