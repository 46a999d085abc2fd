// This file knows how a command's process is started, heard and ended.
package local

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"kafka-cluster/toolchain/command/output"
)

// How long a cancelled command has, between being asked to end and being killed.
const graceBeforeKill = 10 * time.Second

var running sync.WaitGroup

// AwaitAll returns when no command runs any more, so that the plugin outlives those it is ending.
func AwaitAll() { running.Wait() }

func run(ctx context.Context, command string, process Process, previous Result) (Result, error) {
	running.Add(1)
	defer running.Done()

	recorder := output.NewRecorder(ctx, process.Logging)
	cmd, err := prepare(ctx, command, process, previous)
	if err != nil {
		return Result{}, err
	}
	cmd.Stdout, cmd.Stderr = recorder.Writers()
	failure := runGroup(ctx, cmd)

	var result Result
	result.Stdout, result.Stderr, err = recorder.Finish(command, failure)
	if err != nil {
		return Result{}, err
	}
	err = collect(&result, cmd.Dir, process)
	return result, err
}

func prepare(ctx context.Context, command string, process Process, previous Result) (*exec.Cmd, error) {
	words := []string{"/bin/sh", "-c"}
	if process.Interpreter != nil && len(*process.Interpreter) > 0 {
		words = append([]string{}, *process.Interpreter...)
	}
	words = append(words, command)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = environment(process, previous)
	if process.Stdin != nil {
		cmd.Stdin = strings.NewReader(*process.Stdin)
	}
	if process.Dir == nil {
		var err error
		cmd.Dir, err = os.Getwd()
		return cmd, err
	}
	cmd.Dir = *process.Dir
	// Starting a process group somewhere that does not exist would name the interpreter as what is missing.
	_, err := os.Stat(cmd.Dir)
	return cmd, err
}

func environment(process Process, previous Result) []string {
	env := os.Environ()
	if process.Environment != nil {
		for name, value := range *process.Environment {
			env = append(env, name+"="+value)
		}
	}
	if process.AddPreviousOutputInEnv != nil && !*process.AddPreviousOutputInEnv {
		return env
	}
	if previous.Stdout != "" {
		env = append(env, output.PreviousStdout+"="+previous.Stdout)
	}
	if previous.Stderr != "" {
		env = append(env, output.PreviousStderr+"="+previous.Stderr)
	}
	return env
}

// runGroup gives the command a process group of its own, because a cancelled run has to end the children of the shell too.
func runGroup(ctx context.Context, cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = graceBeforeKill
	cmd.Cancel = func() error { return signalGroup(cmd, syscall.SIGTERM) }
	err := cmd.Run()
	if ctx.Err() == nil {
		return err
	}
	return errors.Join(ctx.Err(), err, signalGroup(cmd, syscall.SIGKILL))
}

func signalGroup(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.Process == nil {
		return nil
	}
	err := syscall.Kill(-cmd.Process.Pid, signal)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
