// Fsproxy writes the working tree's module into a directory that the go command reads
// as a module proxy:
//
//	fsproxy -module DIR -out DIR -version v0.0.0-dev
//
// A program in another module can then require that version without a replace line, and it
// gets the files that a real release would have: nested modules and files that git ignores
// are left out. scripts/importer-test uses it. It reads the module and writes only below -out.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// main reads the flags; what goes wrong ends the program with status 1.
func main() {
	log.SetFlags(0)
	log.SetPrefix("fsproxy: ")
	dir := flag.String("module", ".", "the root of the module to publish")
	out := flag.String("out", "", "the proxy's directory, made when missing")
	version := flag.String("version", "v0.0.0-dev", "the version to publish as")
	flag.Parse()

	if err := run(context.Background(), *dir, *out, *version); err != nil {
		log.Fatal(err)
	}
}

// run publishes the module in dir below out and prints how many files it took.
func run(ctx context.Context, dir, out, version string) error {
	if out == "" {
		return errors.New("-out is required")
	}
	src, err := openSource(ctx, dir)
	if err != nil {
		return err
	}
	if err := publish(src, out, version); err != nil {
		return fmt.Errorf("publish %s@%s: %w", src.path, version, err)
	}
	_, err = fmt.Fprintf(os.Stdout, "%s@%s: %d files\n", src.path, version, len(src.files))
	return err
}

// source is the module as it is in the working tree.
type source struct {
	// path is the module path, as go.mod has it.
	path  string // the module path
	goMod []byte
	files []zip.File
}

// openSource reads the module at dir. Its files are those that git tracks or would add: a build
// product in an ignored directory must not make an import work.
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

// Path, Lstat and Open are what zip.File asks for.
func (f file) Path() string                 { return f.name }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.onDisk()) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.onDisk()) }
func (f file) onDisk() string               { return filepath.Join(f.root, filepath.FromSlash(f.name)) }

// publish writes the four files that the go command asks a proxy for.
func publish(src *source, out, version string) error {
	escaped, err := module.EscapePath(src.path)
	if err != nil {
		return err
	}
	dir := filepath.Join(out, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string    `json:"Version"`
		Time    time.Time `json:"Time"`
	}{version, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"list":            []byte(version + "\n"),
		version + ".info": info,
		version + ".mod":  src.goMod,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return writeZip(filepath.Join(dir, version+".zip"), module.Version{Path: src.path, Version: version}, src.files)
}

// writeZip makes the archive; zip.Create leaves out nested modules and refuses what no
// proxy would serve.
func writeZip(name string, m module.Version, files []zip.File) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return zip.Create(f, m, files)
}
