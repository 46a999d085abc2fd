// Command schemagen writes plugin/schema.json anew. Run it in this module after a change of the mapping or of
// the Terraform provider's version:  go run ./schemagen schema --out plugin
package main

import (
	libvirt "kafka-cluster/toolchain/libvirt"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
)

func main() {
	tfgen.Main(libvirt.Name, libvirt.Version, libvirt.Provider())
}
