// Package tenant owns what belongs to one platform: its settings, keys, price list and customers; and how a request
// from outside is resolved to its platform. Counting is package usage's, payment is package billing's, and who owns a
// platform is package platform's.
//
// The work is split by surface, because each surface has a role of its own in the database: Gate and Customers for the
// customer surface, Admin for the developer surface, Background for the worker.
package tenant

import (
	"github.com/dream-api/dream-api/internal/tenant/tenantdb"
)

var queries = tenantdb.New()
