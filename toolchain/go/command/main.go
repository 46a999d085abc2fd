// Command pulumi-resource-command serves what the published SDK of pulumi-command 1.2.1 asks of its plugin.
//
// It knows which resources and functions there are. It refuses to know what they do: see the packages local and remote.
package main

import (
	"context"
	"fmt"
	"os"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/middleware/schema"

	"kafka-cluster/toolchain/command/local"
	"kafka-cluster/toolchain/command/remote"
)

const name = "command"

// Set when linking: the number of the published package, whose SDK asks for exactly it.
var version string

func main() {
	served := infer.Provider(infer.Options{
		Metadata: schema.Metadata{
			DisplayName: "Command",
			Description: "Runs commands here or over ssh as part of the Pulumi resource model.",
			License:     "Apache-2.0",
		},
		Resources: []infer.InferredResource{
			infer.Resource(&local.Command{}),
			infer.Resource(&remote.Command{}),
			infer.Resource(&remote.CopyToRemote{}),
			infer.Resource(&remote.CopyFile{}),
		},
		Functions: []infer.InferredFunction{
			infer.Function(&local.Run{}),
		},
	})
	err := provider.RunProvider(context.Background(), name, version, served)
	local.AwaitAll()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
