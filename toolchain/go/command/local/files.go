// This file knows how the globs of assetPaths and archivePaths choose files.
package local

import (
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/gobwas/glob"
	"github.com/pulumi/pulumi-go-provider/infer/types"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// collect adds the files that the command left behind, as assetPaths and archivePaths ask for them.
func collect(result *Result, dir string, process Process) error {
	if process.AssetPaths != nil {
		files, err := matching(dir, *process.AssetPaths)
		if err != nil {
			return err
		}
		assets := map[string]types.AssetOrArchive{}
		for name, file := range files {
			assets[name] = types.AssetOrArchive{Asset: file}
		}
		result.Assets = &assets
	}
	if process.ArchivePaths == nil {
		return nil
	}
	files, err := matching(dir, *process.ArchivePaths)
	if err != nil {
		return err
	}
	members := map[string]any{}
	for name, file := range files {
		members[name] = file
	}
	result.Archive, err = resource.NewAssetArchive(members)
	return err
}

type rule struct {
	pattern  glob.Glob
	excludes bool
}

func parseRules(patterns []string) ([]rule, error) {
	rules := make([]rule, 0, len(patterns))
	for _, pattern := range patterns {
		bare, excludes := strings.CutPrefix(pattern, "!")
		compiled, err := glob.Compile(bare, '/')
		if err != nil {
			return nil, err
		}
		rules = append(rules, rule{compiled, excludes})
	}
	return rules, nil
}

// matching finds the files, not directories, below dir. The last rule that matches a file decides.
func matching(dir string, patterns []string) (map[string]*resource.Asset, error) {
	rules, err := parseRules(patterns)
	if err != nil {
		return nil, err
	}
	found := map[string]*resource.Asset{}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !included(rules, name) {
			return err
		}
		found[name], err = resource.NewPathAsset(path.Join(dir, name))
		return err
	})
	return found, err
}

func included(rules []rule, name string) bool {
	result := false
	for _, rule := range rules {
		if rule.pattern.Match(name) {
			result = !rule.excludes
		}
	}
	return result
}
