// Command plugin is pulumi-resource-libvirt: it serves the mapping to the Pulumi engine.
package main

import (
	_ "embed"

	libvirt "kafka-cluster/toolchain/libvirt"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

//go:embed schema.json
var schema []byte

func main() {
	tfbridge.Main(libvirt.Name, libvirt.Version, libvirt.Provider(), schema)
}
