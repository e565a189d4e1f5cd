//go:build !windows

// Windows refuses to move or delete a file that SQLite has open.

package sqlstore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fptshop/mobifone-go/mobifone/sale/sqlstore"
)

// sold is how many sales the tests here store before something happens to the files.
const sold = 3

// copied copies a store's files into a directory of their own while the store is open,
// through another process, and returns the path of the copy.
func copied(t *testing.T, path string, suffixes ...string) string {
	t.Helper()
	into := t.TempDir()
	names := []string{into}
	for _, suffix := range suffixes {
		names = append(names, path+suffix)
	}
	require.NoError(t, child(t, "copy", names...).Run())
	return filepath.Join(into, filepath.Base(path))
}

// mustMove renames a file, over another one if there is one.
func mustMove(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.Rename(from, to))
}

// A change is not acknowledged when the next start would not find it: when what stands at
// the store's path is no longer what the store has open.
func TestAMovedFileAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, dir, path string){
		"renamed":  func(t *testing.T, _, path string) { mustMove(t, path, path+".old") },
		"deleted":  func(t *testing.T, _, path string) { require.NoError(t, os.Remove(path)) },
		"replaced": func(t *testing.T, _, path string) { mustMove(t, copied(t, path, ""), path) },
		"cut":      func(t *testing.T, _, path string) { require.NoError(t, os.Truncate(path, 4096)) },
		"all three renamed": func(t *testing.T, _, path string) {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				mustMove(t, path+suffix, filepath.Dir(path)+"/old"+suffix)
			}
		},
		"the log deleted":  func(t *testing.T, _, path string) { require.NoError(t, os.Remove(path+"-wal")) },
		"the log replaced": func(t *testing.T, _, path string) { mustMove(t, copied(t, path, "", "-wal")+"-wal", path+"-wal") },
		"the shared memory deleted": func(t *testing.T, _, path string) {
			require.NoError(t, os.Remove(path+"-shm"))
		},
		"the shared memory replaced": func(t *testing.T, _, path string) {
			mustMove(t, copied(t, path, "", "-shm")+"-shm", path+"-shm")
		},
		"the directory renamed": func(t *testing.T, dir, _ string) { mustMove(t, dir+"/real", dir+"/other") },
		"the directory replaced": func(t *testing.T, dir, path string) {
			image := copied(t, path, "", "-wal", "-shm")
			mustMove(t, dir+"/real", dir+"/other")
			mustMove(t, filepath.Dir(image), dir+"/real")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "real", "sales.db")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
			refusesOnceHarmed(t, path, func() { harm(t, dir, path) })
		})
	}
}

// A path may lead to the file over symbolic links: to the file itself, or to its directory.
func TestALinkThatPointsElsewhereAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"file": "sales.db", "directory": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link := filepath.Join(t.TempDir(), "link")
			here, there := t.TempDir(), t.TempDir()
			for _, dir := range []string{here, there} {
				require.NoError(t, open(t, filepath.Join(dir, "sales.db")).Close())
			}
			require.NoError(t, os.Symlink(filepath.Join(here, at), link))
			path := link
			if at == "" {
				path = filepath.Join(link, "sales.db")
			}
			refusesOnceHarmed(t, path, func() {
				require.NoError(t, os.Symlink(filepath.Join(there, at), link+"2"))
				mustMove(t, link+"2", link)
			})
			assert.NoFileExists(t, link+"-wal", "SQLite keeps the log beside the file, not beside the link")
		})
	}
}

// refusesOnceHarmed opens a store, sells, does the harm, and checks that the store then
// takes nothing more, whatever is called, and still shows what it has.
func refusesOnceHarmed(t *testing.T, path string, harm func()) {
	t.Helper()
	// Checkpoint at each commit, so that the file itself grows.
	store, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithPragma("wal_autocheckpoint(1)"))
	require.NoError(t, err)
	defer store.Close()
	for n := range sold {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
	}
	harm()
	for n := range 2 {
		err := store.Apply(t.Context(), change(sold+n, "x"))
		moved := new(sqlstore.MovedError)
		require.ErrorAs(t, err, &moved)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "put")
		require.NotErrorIs(t, err, sqlstore.ErrUnknown, "it was not begun")
	}
	require.ErrorAs(t, store.Check(t.Context()), new(*sqlstore.MovedError))
	require.ErrorAs(t, store.Rehash(t.Context(), key(50)), new(*sqlstore.MovedError))
}

// What another program did with the files meanwhile is not known, so putting the file back
// is not enough.
func TestAFileThatCameBackNeedsARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	require.NoError(t, store.Apply(t.Context(), change(0, "x")))
	mustMove(t, path, path+".old")
	require.ErrorAs(t, store.Apply(t.Context(), change(1, "x")), new(*sqlstore.MovedError))
	mustMove(t, path+".old", path)
	require.ErrorAs(t, store.Apply(t.Context(), change(1, "x")), new(*sqlstore.MovedError))
	require.NoError(t, store.Close())
	store = open(t, path)
	whole(t, store, change(0, "x").SaleID, 1)
	require.NoError(t, store.Apply(t.Context(), change(1, "x")))
}

// A copy that is written over the file is shorter than what the file has grown to, though
// it may be longer than the file was at open.
func TestAFileCutToWhatItWasAtOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	require.NoError(t, open(t, path).Close())
	store, err := sqlstore.Open(t.Context(), path, ring(), sqlstore.WithPragma("wal_autocheckpoint(1)"))
	require.NoError(t, err)
	defer store.Close()
	before, err := os.Stat(path)
	require.NoError(t, err)
	now := before
	for n := 0; now.Size() <= before.Size(); n++ {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
		now, err = os.Stat(path)
		require.NoError(t, err)
	}
	require.NoError(t, os.Truncate(path, before.Size()))
	require.ErrorAs(t, store.Apply(t.Context(), change(1000, "x")), new(*sqlstore.MovedError))
}

// A file that is moved while its commit is under way holds the change, and the next start
// does not find it: nobody knows.
func TestAFileMovedInTheCommitIsUnknown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "sales.db")
	g := &gate{}
	store, err := sqlstore.Open(t.Context(), path, ring(), g.option())
	require.NoError(t, err)
	defer store.Close()
	g.set(func(commit func() error) error {
		mustMove(t, path, path+".old")
		return commit()
	})
	err = store.Apply(t.Context(), change(0, "x"))
	require.ErrorAs(t, err, new(*sqlstore.MovedError))
	require.ErrorIs(t, err, sqlstore.ErrUnknown)
}

// A log that is deleted during the commit is brought into the file before anybody is told.
func TestALogDeletedInTheCommitLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	g := &gate{}
	store, err := sqlstore.Open(t.Context(), path, ring(), g.option())
	require.NoError(t, err)
	defer store.Close()
	for n := range sold {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
	}
	g.set(func(commit func() error) error {
		require.NoError(t, os.Remove(path+"-wal"))
		return commit()
	})
	err = store.Apply(t.Context(), change(sold, "x"))
	require.ErrorAs(t, err, new(*sqlstore.MovedError))
	require.ErrorIs(t, err, sqlstore.ErrUnknown)
	killed := open(t, copied(t, path, ""))
	for n := range sold {
		whole(t, killed, change(n, "x").SaleID, 1)
	}
}

// The log that was deleted may hold what was acknowledged and is nowhere else yet: it is
// brought into the file when that is seen, not at a Close that may never come.
func TestADeletedLogLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	for n := range sold {
		require.NoError(t, store.Apply(t.Context(), change(n, "x")))
	}
	require.NoError(t, os.Remove(path+"-wal"))
	require.ErrorAs(t, store.Apply(t.Context(), change(sold, "x")), new(*sqlstore.MovedError))
	killed := open(t, copied(t, path, ""))
	for n := range sold {
		whole(t, killed, change(n, "x").SaleID, 1)
	}
}

// A store that is closed after its files were moved deletes no log that belongs to the
// store at the path now.
func TestClosingAMovedStoreTakesNoOthersLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "sales.db")
	moved, err := sqlstore.Open(t.Context(), path, ring())
	require.NoError(t, err)
	require.NoError(t, moved.Apply(t.Context(), change(0, "x")))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		mustMove(t, path+suffix, path+".old"+suffix)
	}
	fresh := open(t, path)
	for n := range sold {
		require.NoError(t, fresh.Apply(t.Context(), change(n, "x")))
	}
	require.NoError(t, moved.Close())
	killed := open(t, copied(t, path, "", "-wal"))
	for n := range sold {
		whole(t, killed, change(n, "x").SaleID, 1)
	}
	require.NoError(t, fresh.Apply(t.Context(), change(sold, "x")), "it is where it was")
}

// A connection that is made later reads the file that was opened, or none.
func TestAReaderOpensNoOtherFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sales.db")
	store := open(t, path)
	require.NoError(t, store.Apply(t.Context(), change(0, "x")))
	other := filepath.Join(t.TempDir(), "sales.db")
	require.NoError(t, open(t, other).Close())
	for _, suffix := range []string{"", "-wal", "-shm"} {
		mustMove(t, path+suffix, path+".old"+suffix)
	}
	mustMove(t, other, path)
	_, err := store.Load(t.Context(), change(0, "x").SaleID)
	require.NoError(t, err, "the connection it has reads on")
	release, err := store.HoldReader(t.Context())
	require.NoError(t, err)
	defer release()
	_, err = store.Load(t.Context(), change(0, "x").SaleID)
	require.ErrorAs(t, err, new(*sqlstore.MovedError))
	require.NoError(t, os.Remove(path))
	_, err = store.Load(t.Context(), change(0, "x").SaleID)
	require.ErrorAs(t, err, new(*sqlstore.MovedError))
	assert.NoFileExists(t, path, "nor does it make one")
}

// A log without its file is what a moved file leaves. SQLite would delete it, and what it
// holds with it.
func TestALogWithoutItsFileIsKept(t *testing.T) {
	t.Parallel()
	for name, left := range map[string]func(t *testing.T, path string){
		"no file":       func(*testing.T, string) {},
		"an empty file": func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"an empty file behind a link": func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, os.Symlink(path, path+".link"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := filepath.Join(t.TempDir(), "sales.db")
			store := open(t, from)
			require.NoError(t, store.Apply(t.Context(), change(0, "x")))
			path := copied(t, from, "", "-wal")
			mustMove(t, path, path+".old")
			left(t, path)
			name := path
			if _, err := os.Lstat(path + ".link"); err == nil {
				name += ".link"
			}
			_, err := sqlstore.Open(t.Context(), name, ring())
			require.ErrorAs(t, err, new(*sqlstore.MovedError))
			mustMove(t, path+".old", path)
			whole(t, open(t, path), change(0, "x").SaleID, 1)
		})
	}
}

// A link that leads nowhere is a disk that is not there, not a place for a new store.
func TestALinkToNothingIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(dir, "none.db"), filepath.Join(dir, "sales.db")))
	_, err := sqlstore.Open(t.Context(), filepath.Join(dir, "sales.db"), ring())
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.NoFileExists(t, filepath.Join(dir, "none.db"))
}

// A relative path means the directory of the time of Open.
func TestAnotherWorkingDirectoryIsNoOtherFile(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	g := &gate{}
	store, err := sqlstore.Open(t.Context(), "sales.db", ring(), g.option())
	require.NoError(t, err)
	defer store.Close()
	t.Chdir(t.TempDir())
	g.set(func(func() error) error { return context.DeadlineExceeded }) // the writer is opened anew
	require.ErrorIs(t, store.Apply(t.Context(), change(0, "x")), sqlstore.ErrUnknown)
	g.set(func(commit func() error) error { return commit() })
	require.NoError(t, store.Apply(t.Context(), change(0, "x")))
	require.NoError(t, store.Close())
	whole(t, open(t, filepath.Join(here, "sales.db")), change(0, "x").SaleID, 1)
}
