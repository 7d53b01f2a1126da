// Package catalog is the list of the providers a policy may use, written out: to add one is to add its line.
package catalog

import (
	"github.com/idvgate/idvgate/providers"
	"github.com/idvgate/idvgate/providers/celerity"
	"github.com/idvgate/idvgate/providers/glodon"
	"github.com/idvgate/idvgate/providers/jdcloud"
	"github.com/idvgate/idvgate/providers/kycloud"
)

// List is every provider, in the order documents list them.
func List() providers.List {
	return providers.List{
		jdcloud.Info(),
		celerity.Info(),
		glodon.Info(),
		kycloud.Info(),
	}
}
