package main

import (
	"archive/zip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPublish checks what an importer would get: the files git knows or would add, and
// nothing of nested modules, ignored files or files that are gone.
func TestPublish(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	for name, content := range map[string]string{
		"go.mod":           "module example.com/Shop/sdk\n\ngo 1.26.0\n",
		"sdk.go":           "package sdk\n",
		"gone.go":          "package sdk\n",
		".gitignore":       "/bin/\n",
		"bin/tool":         "built",
		"nested/go.mod":    "module example.com/Shop/sdk/nested\n",
		"nested/nested.go": "package nested\n",
		"LICENSE":          "licence\n",
	} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", "gone.go")
	if err := os.Remove(filepath.Join(dir, "gone.go")); err != nil {
		t.Fatal(err)
	}

	if err := run(t.Context(), dir, out, "v0.0.0-dev"); err != nil {
		t.Fatal(err)
	}

	// Capital letters are escaped, as the go command asks for them.
	served := filepath.Join(out, "example.com", "!shop", "sdk", "@v")
	archive, err := zip.OpenReader(filepath.Join(served, "v0.0.0-dev.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	got := make([]string, 0, len(archive.File))
	for _, f := range archive.File {
		got = append(got, strings.TrimPrefix(f.Name, "example.com/Shop/sdk@v0.0.0-dev/"))
	}
	slices.Sort(got)
	if want := []string{".gitignore", "LICENSE", "go.mod", "sdk.go"}; !slices.Equal(got, want) {
		t.Errorf("the archive holds %q, want %q", got, want)
	}
	for name, want := range map[string]string{
		"list":            "v0.0.0-dev\n",
		"v0.0.0-dev.mod":  "module example.com/Shop/sdk\n\ngo 1.26.0\n",
		"v0.0.0-dev.info": `{"Version":"v0.0.0-dev","Time":"`,
	} {
		content, err := os.ReadFile(filepath.Join(served, name))
		if err != nil {
			t.Error(err)
		} else if !strings.HasPrefix(string(content), want) {
			t.Errorf("%s is %q, want %q", name, content, want)
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), t.TempDir(), t.TempDir(), "v0.0.0-dev"); err == nil {
		t.Error("a directory without go.mod was published")
	}
	if err := run(t.Context(), "../../..", "", "v0.0.0-dev"); err == nil {
		t.Error("no output directory was asked for")
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}
