// This file knows the shapes of remote.CopyToRemote and remote.CopyFile and when they copy.
package remote

import (
	"context"

	"github.com/pkg/sftp"
	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/infer/types"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// CopyToRemoteInputs of remote.CopyToRemote.
type CopyToRemoteInputs struct {
	Connection *Connection          `pulumi:"connection" provider:"secret"`
	Triggers   *[]any               `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Source     types.AssetOrArchive `pulumi:"source"`
	RemotePath string               `pulumi:"remotePath"`
}

// CopyToRemoteOutputs of remote.CopyToRemote.
type CopyToRemoteOutputs struct {
	CopyToRemoteInputs
}

// CopyToRemote is the resource command:remote:CopyToRemote.
type CopyToRemote struct{}

// Check refuses sources that are not on this computer's disk or in the program's text.
func (*CopyToRemote) Check(
	ctx context.Context, req infer.CheckRequest,
) (infer.CheckResponse[CopyToRemoteInputs], error) {
	inputs, failures, err := infer.DefaultCheck[CopyToRemoteInputs](ctx, req.NewInputs)
	if err == nil && len(failures) == 0 && !req.NewInputs.Get("source").IsComputed() {
		failures = inputs.checkSource()
	}
	return infer.CheckResponse[CopyToRemoteInputs]{Inputs: inputs, Failures: failures}, err
}

func (i CopyToRemoteInputs) checkSource() []provider.CheckFailure {
	asset, archive := i.Source.Asset, i.Source.Archive
	switch {
	case asset == nil && archive == nil:
		return []provider.CheckFailure{{Property: "source", Reason: "either an asset or an archive must be given"}}
	case asset != nil && !asset.IsPath() && !asset.IsText():
		return []provider.CheckFailure{{Property: "source", Reason: "an asset must be a file's path or a text"}}
	case archive != nil && !archive.IsPath():
		return []provider.CheckFailure{{Property: "source", Reason: "an archive must be the path of a file or a folder"}}
	}
	return nil
}

// Create copies.
func (*CopyToRemote) Create(
	ctx context.Context, req infer.CreateRequest[CopyToRemoteInputs],
) (infer.CreateResponse[CopyToRemoteOutputs], error) {
	response := infer.CreateResponse[CopyToRemoteOutputs]{Output: CopyToRemoteOutputs{req.Inputs}}
	if req.DryRun {
		return response, nil
	}
	var err error
	if response.ID, err = resource.NewUniqueHex("", randomDigits, 0); err != nil {
		return response, err
	}
	return response, req.Inputs.copy(ctx)
}

// Update copies again when the content or the destination is another one: a changed connection alone moves nothing.
func (*CopyToRemote) Update(
	ctx context.Context, req infer.UpdateRequest[CopyToRemoteInputs, CopyToRemoteOutputs],
) (infer.UpdateResponse[CopyToRemoteOutputs], error) {
	response := infer.UpdateResponse[CopyToRemoteOutputs]{Output: CopyToRemoteOutputs{req.Inputs}}
	same := req.Inputs.hash() == req.State.hash() && req.Inputs.RemotePath == req.State.RemotePath
	if req.DryRun || same {
		return response, nil
	}
	return response, req.Inputs.copy(ctx)
}

func (i CopyToRemoteInputs) hash() string {
	if i.Source.Archive != nil {
		return i.Source.Archive.Hash
	}
	return i.Source.Asset.Hash
}

func (i CopyToRemoteInputs) copy(ctx context.Context) error {
	return withFiles(ctx, i.Connection, func(files *sftp.Client) error {
		switch asset := i.Source.Asset; {
		case asset == nil:
			return copyPath(ctx, files, i.Source.Archive.Path, i.RemotePath)
		case asset.IsText():
			return copyText(ctx, files, asset.Text, i.RemotePath)
		default:
			return copyPath(ctx, files, asset.Path, i.RemotePath)
		}
	})
}

// CopyFileInputs of remote.CopyFile.
type CopyFileInputs struct {
	Connection *Connection `pulumi:"connection" provider:"secret"`
	Triggers   *[]any      `pulumi:"triggers,optional"`
	LocalPath  string      `pulumi:"localPath"`
	RemotePath string      `pulumi:"remotePath"`
}

// CopyFileOutputs of remote.CopyFile.
type CopyFileOutputs struct {
	CopyFileInputs
}

// CopyFile is the resource command:remote:CopyFile, which has no update: every change replaces it.
type CopyFile struct{}

// Annotate marks the resource as one that has a successor.
func (c *CopyFile) Annotate(a infer.Annotator) {
	a.Deprecate(&c, "Use CopyToRemote, which this resource will be removed for.")
}

// Create copies.
func (*CopyFile) Create(
	ctx context.Context, req infer.CreateRequest[CopyFileInputs],
) (infer.CreateResponse[CopyFileOutputs], error) {
	response := infer.CreateResponse[CopyFileOutputs]{Output: CopyFileOutputs{req.Inputs}}
	if req.DryRun {
		return response, nil
	}
	var err error
	if response.ID, err = resource.NewUniqueHex("", randomDigits, 0); err != nil {
		return response, err
	}
	err = withFiles(ctx, req.Inputs.Connection, func(files *sftp.Client) error {
		return copyFile(ctx, files, req.Inputs.LocalPath, req.Inputs.RemotePath)
	})
	return response, err
}
