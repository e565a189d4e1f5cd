package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/zip"
)

// source is the module as it stands in the working tree.
type source struct {
	path  string // the module path
	goMod []byte
	files []zip.File
}

// openSource reads the module at dir. Its files are those git knows or would add: a
// build product in an ignored directory must not make an import work.
func openSource(ctx context.Context, dir string) (*source, error) {
	goMod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return nil, err
	}
	path := modfile.ModulePath(goMod)
	if path == "" {
		return nil, fmt.Errorf("%s has no module line", filepath.Join(dir, "go.mod"))
	}
	list := exec.CommandContext(ctx, "git", "-C", dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Stderr = os.Stderr
	names, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", dir, err)
	}
	src := &source{path: path, goMod: goMod}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		f := file{root: dir, name: name}
		// A file deleted but not yet committed is still listed.
		if info, err := f.Lstat(); err != nil || !info.Mode().IsRegular() {
			continue
		}
		src.files = append(src.files, f)
	}
	return src, nil
}

// file is one file of the module, named relative to its root with slashes.
type file struct{ root, name string }

func (f file) Path() string                 { return f.name }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.onDisk()) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.onDisk()) }
func (f file) onDisk() string               { return filepath.Join(f.root, filepath.FromSlash(f.name)) }
