// Licences lists the licence of every module that ends up in a user's program, and fails
// when docs/dependencies.md does not name one of them as it is, or when one is not among
// those that a company may ship without asking its lawyers.
//
//	licences -root DIR    checks DIR and the modules named in importers
//
// The licence texts are recognised by google/licensecheck; this program only walks modules.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// importers are the modules that a user imports; the others of the repository test it.
var importers = []string{".", "mobifone/sale/sqlstore", "mobifone/quota", "mobifone/mobifoneotel"}

// allowed are licences under which a program may be shipped, whatever its own licence.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"}

// main reads the flag; a licence that is wrong ends the program with status 1.
func main() {
	log.SetFlags(0)
	log.SetPrefix("licences: ")
	root := flag.String("root", ".", "the root of the repository")
	flag.Parse()
	if err := run(context.Background(), *root); err != nil {
		log.Fatal(err)
	}
}

// run collects the licences of all importers and judges them by the page.
func run(ctx context.Context, root string) error {
	found := map[string]string{}
	for _, dir := range importers {
		if err := collect(ctx, filepath.Join(root, dir), found); err != nil {
			return err
		}
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md")) //nolint:gosec // the repository that is checked
	if err != nil {
		return err
	}
	return judge(os.Stdout, found, string(page))
}

// and joins the licences of a file that holds the texts of several.
const and = " AND "

// judge prints each module with its licence and says what is wrong with the page.
func judge(out io.Writer, found map[string]string, page string) error {
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(found)) {
		licence := found[path]
		_, _ = fmt.Fprintf(out, "%s\t%s\n", path, licence)
		if slices.ContainsFunc(strings.Split(licence, and), func(one string) bool { return !slices.Contains(allowed, one) }) {
			errs = append(errs, fmt.Errorf("%s has the licence %q, which is not allowed: "+
				"replace the module, or add the licence to internal/tools/licences", path, licence))
		}
		if row := fmt.Sprintf("| %s | %s |", path, licence); !strings.Contains(page, row) {
			errs = append(errs, fmt.Errorf("docs/dependencies.md lacks the line %q", row))
		}
	}
	return errors.Join(errs...)
}

// module is what go list says of the module of one package.
type module struct {
	Path    string  `json:"Path"`
	Dir     string  `json:"Dir"`
	Main    bool    `json:"Main"`
	Replace *module `json:"Replace"`
}

// collect adds the modules that the packages below dir are built from, without our own.
func collect(ctx context.Context, dir string, found map[string]string) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Module", "./...")
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list in %s: %w", dir, err)
	}
	for list := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			Module *module `json:"Module"`
		}
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		m := p.Module
		if m == nil || m.Main || m.Replace != nil || found[m.Path] != "" {
			continue // the standard library, or a module of this repository
		}
		if found[m.Path], err = licence(m.Dir); err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
	}
}

// licence recognises the licence text in a module's root. Of a file that holds several texts
// all of them count. One that holds much beside them is an error: a person has to read it.
func licence(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		if name := strings.ToUpper(filepath.Base(file)); !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		text, err := os.ReadFile(file) //nolint:gosec // a module that go list names
		if err != nil {
			return "", err
		}
		if cover := licensecheck.Scan(text); len(cover.Match) > 0 && cover.Percent > 75 {
			ids := make([]string, 0, len(cover.Match))
			for _, m := range cover.Match {
				ids = append(ids, m.ID)
			}
			slices.Sort(ids)
			return strings.Join(slices.Compact(ids), and), nil
		}
	}
	return "", errors.New("no licence text that is known: read it and decide")
}
