// Command pulumi-resource-command serves what the published SDK of pulumi-command 1.2.1 asks of its plugin.
//
// It knows which resources and functions there are. It refuses to know what they do: see the packages local and remote.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

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
	if err := serve(served); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve returns when the engine interrupts the plugin, and then leaves no command running.
func serve(served provider.Provider) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() {
		if err := served.Cancel(context.WithoutCancel(ctx)); err != nil {
			slog.Error("cancelling what runs", "error", err)
		}
	})
	err := provider.RunProvider(ctx, name, version, served)
	local.AwaitAll()
	return err
}
