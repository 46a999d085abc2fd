// This file knows how files reach a machine: where each one goes and what is in its way.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

func withFiles(ctx context.Context, connection *Connection, work func(*sftp.Client) error) error {
	return connection.do(ctx, func(client *ssh.Client) error {
		files, err := sftp.NewClient(client, sftp.UseConcurrentWrites(true))
		if err != nil {
			return fmt.Errorf("the ssh server's sftp: %w", err)
		}
		defer files.Close()
		return work(files)
	})
}

// copyPath copies a file or a folder as it is.
//
//	source | to a folder          | to nothing            | to a file
//	file   | into it, by its name | becomes that file     | overwrites it
//	dir    | into it, by its name | new folder, into it   | an error
//	dir/   | its content into it  | new folder            | an error
func copyPath(ctx context.Context, files *sftp.Client, source, destination string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	isFolder, err := remoteFolder(files, destination)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if !strings.HasSuffix(source, "/") {
			destination = path.Join(destination, filepath.Base(source))
		}
		return copyFolder(ctx, files, source, destination)
	}
	if isFolder {
		destination = path.Join(destination, filepath.Base(source))
	}
	return copyFile(ctx, files, source, destination)
}

func copyFolder(ctx context.Context, files *sftp.Client, source, destination string) error {
	return filepath.WalkDir(source, func(found string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(source, found)
		if err != nil {
			return err
		}
		target := path.Join(destination, filepath.ToSlash(below))
		if !entry.IsDir() {
			return copyFile(ctx, files, found, target)
		}
		if err := files.MkdirAll(target); err != nil {
			return fmt.Errorf("failed to create remote directory %s: %w", target, err)
		}
		return nil
	})
}

func copyFile(ctx context.Context, files *sftp.Client, source, destination string) error {
	content, err := os.Open(source)
	if err != nil {
		return err
	}
	defer content.Close()
	info, err := content.Stat()
	if err != nil {
		return err
	}
	return write(ctx, files, content, info.Size(), destination)
}

func copyText(ctx context.Context, files *sftp.Client, text, destination string) error {
	isFolder, err := remoteFolder(files, destination)
	if err != nil {
		return err
	}
	if isFolder {
		return fmt.Errorf("remote path %s is a directory: a text needs the path of a file", destination)
	}
	return write(ctx, files, strings.NewReader(text), int64(len(text)), destination)
}

func write(ctx context.Context, files *sftp.Client, content io.Reader, size int64, destination string) error {
	if err := files.MkdirAll(path.Dir(destination)); err != nil {
		return fmt.Errorf("failed to create remote directory %s: %w", path.Dir(destination), err)
	}
	remote, err := files.Create(destination)
	if err != nil {
		return fmt.Errorf("failed to create remote file %s: %w", destination, err)
	}
	sent := &upload{content: content, size: size}
	stop := sent.tell(ctx, destination)
	_, err = remote.ReadFrom(sent)
	stop()
	if err = errors.Join(err, remote.Close()); err != nil {
		return fmt.Errorf("failed to write remote file %s: %w", destination, err)
	}
	return nil
}

func remoteFolder(files *sftp.Client, name string) (bool, error) {
	info, err := files.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("failed to look at remote path %s: %w", name, err)
	}
	return info.IsDir(), nil
}
