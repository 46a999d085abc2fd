// This file knows the shape of remote.Command and when which command runs.
package remote

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"golang.org/x/crypto/ssh"

	"kafka-cluster/toolchain/command/output"
)

const randomDigits = 8

// Logging chooses the streams that reach the engine's log.
type Logging string

// Values lists the choices for the schema.
func (Logging) Values() []infer.EnumValue[Logging] { return output.Choices[Logging]() }

// CommandInputs of remote.Command.
type CommandInputs struct {
	Connection             *Connection       `pulumi:"connection" provider:"secret"`
	Stdin                  *string           `pulumi:"stdin,optional"`
	Logging                *Logging          `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool             `pulumi:"addPreviousOutputInEnv,optional"`
	Environment            map[string]string `pulumi:"environment,optional"`
	Triggers               *[]any            `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Create                 *string           `pulumi:"create,optional"`
	Update                 *string           `pulumi:"update,optional"`
	Delete                 *string           `pulumi:"delete,optional"`
}

// Result is what a run leaves behind.
type Result struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// CommandOutputs of remote.Command.
type CommandOutputs struct {
	CommandInputs
	Result
}

// Command is the resource command:remote:Command.
type Command struct{}

// Create runs the create command, if there is one.
func (*Command) Create(
	ctx context.Context, req infer.CreateRequest[CommandInputs],
) (infer.CreateResponse[CommandOutputs], error) {
	response := infer.CreateResponse[CommandOutputs]{Output: CommandOutputs{CommandInputs: req.Inputs}}
	var err error
	response.ID, err = resource.NewUniqueHex(req.Name, randomDigits, 0)
	if err != nil || req.DryRun || req.Inputs.Create == nil {
		return response, err
	}
	response.Output.Result, err = run(ctx, *req.Inputs.Create, req.Inputs, Result{})
	return response, err
}

// Update runs the update command or, where there is none, the create command again.
func (*Command) Update(
	ctx context.Context, req infer.UpdateRequest[CommandInputs, CommandOutputs],
) (infer.UpdateResponse[CommandOutputs], error) {
	response := infer.UpdateResponse[CommandOutputs]{
		Output: CommandOutputs{CommandInputs: req.Inputs, Result: req.State.Result},
	}
	command := req.Inputs.Update
	if command == nil {
		command = req.Inputs.Create
	}
	if req.DryRun || command == nil {
		return response, nil
	}
	var err error
	response.Output.Result, err = run(ctx, *command, req.Inputs, req.State.Result)
	return response, err
}

// Delete runs the delete command, if there is one.
func (*Command) Delete(ctx context.Context, req infer.DeleteRequest[CommandOutputs]) (infer.DeleteResponse, error) {
	if req.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	_, err := run(ctx, *req.State.Delete, req.State.CommandInputs, req.State.Result)
	return infer.DeleteResponse{}, err
}

func run(ctx context.Context, command string, inputs CommandInputs, previous Result) (result Result, err error) {
	recorder := output.NewRecorder(ctx, inputs.Logging)
	err = inputs.Connection.do(ctx, func(client *ssh.Client) error {
		session, err := client.NewSession()
		if err != nil {
			return err
		}
		defer session.Close()
		if err := setEnvironment(ctx, session, inputs, previous); err != nil {
			return err
		}
		if inputs.Stdin != nil {
			session.Stdin = strings.NewReader(*inputs.Stdin)
		}
		session.Stdout, session.Stderr = recorder.Writers()
		result.Stdout, result.Stderr, err = recorder.Finish(command, session.Run(command))
		return err
	})
	return result, err
}

func setEnvironment(ctx context.Context, session *ssh.Session, inputs CommandInputs, previous Result) error {
	for _, name := range slices.Sorted(maps.Keys(inputs.Environment)) {
		if err := session.Setenv(name, inputs.Environment[name]); err != nil {
			provider.GetLogger(ctx).Error(refused(name))
			return fmt.Errorf("could not set environment variable %q: %w", name, err)
		}
	}
	if inputs.AddPreviousOutputInEnv != nil && !*inputs.AddPreviousOutputInEnv {
		return nil
	}
	// Most servers accept no such variables, and most commands do not read them: a refusal is told and not fatal.
	for name, value := range map[string]string{
		output.PreviousStdout: previous.Stdout, output.PreviousStderr: previous.Stderr,
	} {
		if value == "" {
			continue
		}
		if err := session.Setenv(name, value); err != nil {
			provider.GetLogger(ctx).Warning(refused(name))
		}
	}
	return nil
}

func refused(name string) string {
	return fmt.Sprintf("Unable to set '%s': the ssh server accepts only the variables that its AcceptEnv names. "+
		"A shell's prefix does the same without it: 'VAR=value command'.", name)
}
