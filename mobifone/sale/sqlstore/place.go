package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// place is where the store's files stand, and which files they were when it opened them.
// An open file lives on under another name, or under none: what is written to it then is
// on a disk where no later start looks.
type place struct {
	path   string // from the root, as the next start finds it
	target string // without links: SQLite names the log and its index after it

	opened atomic.Pointer[[3]fs.FileInfo] // nil until the store holds them open
	size   atomic.Int64                   // of the file, the largest seen
	moved  atomic.Pointer[MovedError]     // once it is set it stays
}

// newPlace makes the file if there is none.
func newPlace(path string) (*place, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(path); err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err // a link that leads nowhere is a disk that is not there
	}
	p := &place{path: path, target: target}
	return p, errors.Join(bereft(target), closeToOthers(p.names()))
}

// names are the file, the log and its index.
func (p *place) names() [3]string { return [3]string{p.path, p.target + "-wal", p.target + "-shm"} }

// settle remembers the files. A connection has them open already, and keeps them: SQLite
// deletes the log and its index only when the last connection closes. before is the file
// as it was when that connection opened it.
func (p *place) settle(before fs.FileInfo) error {
	var files [3]fs.FileInfo
	for i, name := range p.names() {
		var err error
		if files[i], err = os.Stat(name); err != nil {
			return err
		}
	}
	if !os.SameFile(before, files[0]) {
		return &MovedError{Path: p.path, What: "was replaced while it was opened"}
	}
	p.size.Store(files[0].Size())
	p.opened.Store(&files)
	return nil
}

// check returns a [*MovedError] if the files are not those that the store has open, and
// how large the log is. It opens nothing: closing it again would drop the store's locks.
func (p *place) check() (log int64, err error) {
	opened := p.opened.Load()
	if opened == nil {
		return 0, nil
	}
	if moved := p.moved.Load(); moved != nil {
		return 0, moved
	}
	least := p.size.Load() // before the look: a later one may see more
	var files [3]fs.FileInfo
	for i, name := range p.names() {
		files[i], err = os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return 0, p.gone(filepath.Base(name) + " was moved or deleted under the store")
		case err != nil:
			return 0, err
		case !os.SameFile(opened[i], files[i]):
			return 0, p.gone(filepath.Base(name) + " was replaced under the store")
		}
	}
	size := files[0].Size()
	if size < least {
		return 0, p.gone(filepath.Base(p.path) + " was overwritten under the store")
	}
	if size > least {
		p.size.CompareAndSwap(least, size)
	}
	return files[1].Size(), nil
}

func (p *place) gone(what string) error {
	p.moved.CompareAndSwap(nil, &MovedError{Path: p.path, What: what})
	return p.moved.Load()
}

// lostLog reports whether the log alone is gone: the store still has it open, and the file
// is where it was.
func (p *place) lostLog() bool {
	opened, names := p.opened.Load(), p.names()
	for i, gone := range [3]bool{false, true, false} {
		now, err := os.Stat(names[i])
		if same := err == nil && os.SameFile(opened[i], now); same == gone {
			return false
		}
	}
	return true
}

// connector makes connections to the files that the store has open, and to no others.
type connector struct {
	driver.Connector

	place *place
}

// Connect looks after the file is open: what stood there before may not be what was opened.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		_, moved := c.place.check()
		return nil, errors.Join(err, moved)
	}
	if _, err := c.place.check(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
