// Package local runs commands on the computer that the engine runs on.
//
// This file knows the shape of local.Command and local.run and when which command runs.
// It refuses to know how a process is run: see process.go.
package local

import (
	"context"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/infer/types"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"kafka-cluster/toolchain/command/output"
)

const randomDigits = 8

// Logging chooses the streams that reach the engine's log.
type Logging string

// Values lists the choices for the schema.
func (Logging) Values() []infer.EnumValue[Logging] { return output.Choices[Logging]() }

// Process is what local.Command and local.run have in common.
type Process struct {
	Stdin                  *string            `pulumi:"stdin,optional"`
	Logging                *Logging           `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool              `pulumi:"addPreviousOutputInEnv,optional"`
	Interpreter            *[]string          `pulumi:"interpreter,optional"`
	Dir                    *string            `pulumi:"dir,optional"`
	Environment            *map[string]string `pulumi:"environment,optional"`
	AssetPaths             *[]string          `pulumi:"assetPaths,optional"`
	ArchivePaths           *[]string          `pulumi:"archivePaths,optional"`
}

// Result is what a run leaves behind.
type Result struct {
	Stdout  string                           `pulumi:"stdout"`
	Stderr  string                           `pulumi:"stderr"`
	Assets  *map[string]types.AssetOrArchive `pulumi:"assets,optional"`
	Archive *resource.Archive                `pulumi:"archive,optional"`
}

// Inputs of local.Command.
type Inputs struct {
	Process
	Triggers *[]any  `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Create   *string `pulumi:"create,optional"`
	Update   *string `pulumi:"update,optional"`
	Delete   *string `pulumi:"delete,optional"`
}

// Outputs of local.Command.
type Outputs struct {
	Inputs
	Result
}

// Command is the resource command:local:Command.
type Command struct{}

// Create runs the create command, if there is one.
func (*Command) Create(
	ctx context.Context, req infer.CreateRequest[Inputs],
) (infer.CreateResponse[Outputs], error) {
	response := infer.CreateResponse[Outputs]{Output: Outputs{Inputs: req.Inputs}}
	var err error
	response.ID, err = resource.NewUniqueHex(req.Name, randomDigits, 0)
	if err != nil || req.DryRun || req.Inputs.Create == nil {
		return response, err
	}
	response.Output.Result, err = run(ctx, *req.Inputs.Create, req.Inputs.Process, Result{})
	return response, err
}

// Update runs the update command or, where there is none, the create command again.
func (*Command) Update(
	ctx context.Context, req infer.UpdateRequest[Inputs, Outputs],
) (infer.UpdateResponse[Outputs], error) {
	response := infer.UpdateResponse[Outputs]{Output: Outputs{Inputs: req.Inputs, Result: req.State.Result}}
	command := req.Inputs.Update
	if command == nil {
		command = req.Inputs.Create
	}
	if req.DryRun || command == nil {
		return response, nil
	}
	var err error
	response.Output.Result, err = run(ctx, *command, req.Inputs.Process, req.State.Result)
	return response, err
}

// Delete runs the delete command, if there is one.
func (*Command) Delete(ctx context.Context, req infer.DeleteRequest[Outputs]) (infer.DeleteResponse, error) {
	if req.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	_, err := run(ctx, *req.State.Delete, req.State.Process, req.State.Result)
	return infer.DeleteResponse{}, err
}

// RunInputs of local.run.
type RunInputs struct {
	Process
	Command string `pulumi:"command"`
}

// RunOutputs of local.run.
type RunOutputs struct {
	RunInputs
	Result
}

// Run is the function command:local:run.
type Run struct{}

// Invoke runs the command whenever the program does, at preview too.
func (*Run) Invoke(
	ctx context.Context, req infer.FunctionRequest[RunInputs],
) (infer.FunctionResponse[RunOutputs], error) {
	result, err := run(ctx, req.Input.Command, req.Input.Process, Result{})
	return infer.FunctionResponse[RunOutputs]{Output: RunOutputs{RunInputs: req.Input, Result: result}}, err
}
