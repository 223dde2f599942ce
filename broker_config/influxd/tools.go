//go:build tools

// Package influxd pins the InfluxDB whose influxd small cities and tests run: version in go.mod, checksums in go.sum.
// `make influxd` builds it. Nothing here is compiled; the import keeps the requirement when somebody tidies the module.
package influxd

import _ "github.com/influxdata/influxdb/v2/cmd/influxd"
