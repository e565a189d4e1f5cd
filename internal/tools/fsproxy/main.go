// Fsproxy writes the working tree's module into a directory that the go command reads
// as a module proxy:
//
//	fsproxy -module DIR -out DIR -version v0.0.0-dev
//
// A program in another module can then require that version without a replace line,
// with the files a real release would have: nested modules and files that git ignores
// are left out. scripts/importer-test uses it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
)

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
