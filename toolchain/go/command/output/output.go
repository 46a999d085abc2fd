// Package output keeps what a command writes: each stream for the resource's outputs, both in order for an error,
// and line by line for the engine's log. It refuses to know where the command runs.
package output

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// The environment variables in which an update or a delete finds the output of the run before it.
const (
	PreviousStdout = "PULUMI_COMMAND_STDOUT"
	PreviousStderr = "PULUMI_COMMAND_STDERR"
)

const (
	logStdout = "stdout"
	logStderr = "stderr"
	logBoth   = "stdoutAndStderr"
	logNone   = "none"
)

// Choices are the values of a Logging enum. The schema has one such enum per package, so the type is the caller's.
func Choices[T ~string]() []infer.EnumValue[T] {
	return []infer.EnumValue[T]{
		{Name: logStdout, Value: logStdout, Description: "Log the standard output only"},
		{Name: logStderr, Value: logStderr, Description: "Log the standard error only"},
		{Name: logBoth, Value: logBoth, Description: "Log the standard output and the standard error"},
		{Name: logNone, Value: logNone, Description: "Log nothing"},
	}
}

// Recorder takes a command's two streams, which may be written at the same time.
type Recorder struct {
	mutex          sync.Mutex
	stdout, stderr stream
	both           bytes.Buffer
	log            func(line string)
}

type stream struct {
	recorder *Recorder
	all      bytes.Buffer
	unlogged bytes.Buffer
	logged   bool
}

// NewRecorder makes a recorder that logs what the Logging input chose; both streams when nothing was chosen.
func NewRecorder[T ~string](ctx context.Context, choice *T) *Recorder {
	chosen := logBoth
	if choice != nil {
		chosen = string(*choice)
	}
	recorder := &Recorder{log: provider.GetLogger(ctx).InfoStatus}
	recorder.stdout = stream{recorder: recorder, logged: chosen == logBoth || chosen == logStdout}
	recorder.stderr = stream{recorder: recorder, logged: chosen == logBoth || chosen == logStderr}
	return recorder
}

// Writers are the places to which the command's standard output and standard error go.
func (r *Recorder) Writers() (stdout, stderr io.Writer) {
	return &r.stdout, &r.stderr
}

func (s *stream) Write(written []byte) (int, error) {
	s.recorder.mutex.Lock()
	defer s.recorder.mutex.Unlock()
	s.all.Write(written)
	s.recorder.both.Write(written)
	if s.logged {
		s.unlogged.Write(written)
		s.logWholeLines()
	}
	return len(written), nil
}

func (s *stream) logWholeLines() {
	for {
		end := bytes.IndexByte(s.unlogged.Bytes(), '\n')
		if end < 0 {
			return
		}
		line := string(s.unlogged.Next(end + 1))
		s.recorder.log(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
	}
}

func (s *stream) text() string {
	return strings.TrimSuffix(s.all.String(), "\n")
}

// Finish ends the recording: it logs a last line that has no end, and puts both streams into the error of a command that failed.
func (r *Recorder) Finish(command string, failure error) (stdout, stderr string, err error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, s := range []*stream{&r.stdout, &r.stderr} {
		if s.unlogged.Len() > 0 {
			r.log(s.unlogged.String())
			s.unlogged.Reset()
		}
	}
	if failure != nil {
		return "", "", fmt.Errorf("%w: running %q:\n%s", failure, command, r.both.String())
	}
	return r.stdout.text(), r.stderr.text(), nil
}
