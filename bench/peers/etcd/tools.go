//go:build tools

// Keeps the server among the requirements of this module, which builds it.
package tools

import _ "go.etcd.io/etcd/server/v3"
