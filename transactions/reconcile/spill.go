package reconcile

// This file keeps records until they are compared, in 256 partitions by the crc of their keys. While
// they fit, they stay in memory; after that each partition is written in chunks to one temporary file.
// The file loses its name as soon as it is open where the system allows it.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

const (
	partitions    = 256
	partitionBits = 8 // of a crc
	// chunkSize is how much of a partition is gathered before it is written.
	chunkSize = 16 << 10
	// recordMax is more than the longest record.
	recordMax = headSize + 6*(textMax+1) + numberSize
)

// spill is the temporary file that all partitions of a run share.
type spill struct {
	dir string

	mu   sync.Mutex
	file *os.File
	name string // as long as the file has one
	end  int64
}

// write appends a chunk and returns where it is.
func (s *spill) write(b []byte) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "mobifone-reconcile-*.tmp") // mode 0600
		if err != nil {
			return 0, fmt.Errorf("reconcile: no temporary file; Config.Dir must be a directory that can be written: %w", err)
		}
		s.file, s.name = f, f.Name()
		if os.Remove(s.name) == nil {
			s.name = ""
		}
	}
	at := s.end
	if _, err := s.file.WriteAt(b, at); err != nil {
		return 0, fmt.Errorf("reconcile: the temporary file cannot be written; see how much room is left in Config.Dir: %w", err)
	}
	s.end += int64(len(b))
	return at, nil
}

// close removes the file.
func (s *spill) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	s.file = nil
	return err
}

// chunk is a part of a partition in the file.
type chunk struct {
	at   int64
	size int
}

// heap is a set of partitions. Sinks fill it; then its partitions are loaded one after the other.
type heap struct {
	file  *spill
	shift int // which bits of the crc tell the partition

	mu     sync.Mutex
	held   [partitions][][]byte // in memory
	parts  [partitions][]chunk  // in the file
	sizes  [partitions]int64
	inside int64       // bytes in held
	limit  int64       // bytes that may be
	out    atomic.Bool // chunks go to the file
}

func newHeap(file *spill, limit int64, depth int) *heap {
	return &heap{file: file, limit: limit, shift: 32 - partitionBits*(depth+1)}
}

// sink gathers records for a heap. Each goroutine has its own.
type sink struct {
	heap *heap
	bufs [partitions][]byte
	held int // bytes in bufs that the heap does not know of
}

// part is where records of a crc go.
func (s *sink) part(crc uint32) uint8 {
	p := uint8(crc >> s.heap.shift)
	if s.bufs[p] == nil {
		s.bufs[p] = make([]byte, 0, chunkSize)
	}
	return p
}

// put adds a record. It is copied.
func (s *sink) put(r record) error {
	p := s.part(r.crc())
	s.bufs[p] = append(s.bufs[p], r...)
	return s.added(p, len(r))
}

// added looks whether a buffer is full: then it is kept, or written if what is kept is too much.
func (s *sink) added(p uint8, n int) error {
	s.held += n
	if len(s.bufs[p]) < chunkSize-recordMax {
		return nil
	}
	if !s.heap.out.Load() && !s.heap.grow(s.held) {
		s.held = 0
		s.heap.hold(int(p), s.bufs[p])
		s.bufs[p] = nil
		return nil
	}
	return s.flush(int(p))
}

// grow counts bytes in memory, and reports whether they are too many from now on.
func (h *heap) grow(n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inside += int64(n)
	if h.inside > h.limit {
		h.out.Store(true)
	}
	return h.out.Load()
}

// flush writes one buffer to the file.
func (s *sink) flush(p int) error {
	b := s.bufs[p]
	if len(b) == 0 {
		return nil
	}
	at, err := s.heap.file.write(b)
	if err != nil {
		return err
	}
	s.heap.keep(p, chunk{at: at, size: len(b)})
	s.bufs[p] = b[:0]
	return nil
}

func (s *sink) flushAll() error {
	for p := range s.bufs {
		if err := s.flush(p); err != nil {
			return err
		}
	}
	return nil
}

func (h *heap) keep(p int, c chunk) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts[p] = append(h.parts[p], c)
	h.sizes[p] += int64(c.size)
}

func (h *heap) hold(p int, b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[p] = append(h.held[p], b)
	h.sizes[p] += int64(len(b))
}

// done hands over what is left in the sink, which is spent then.
func (s *sink) done() error {
	if s.heap.out.Load() || s.heap.grow(s.held) {
		return s.flushAll()
	}
	for p, b := range s.bufs {
		s.heap.hold(p, bytes.Clone(b)) // most of a buffer may be empty
	}
	return nil
}

// load reads a whole partition into buf, which it returns, longer where needed.
func (h *heap) load(p int, buf []byte) ([]byte, error) {
	if need := int(h.sizes[p]); cap(buf) < need {
		// Rounded up, so that partitions of about one size share one buffer.
		buf = make([]byte, 0, need+need>>3)
	}
	buf = buf[:0]
	for _, b := range h.held[p] {
		buf = append(buf, b...)
	}
	h.held[p] = nil
	for _, c := range h.parts[p] {
		var err error
		if buf, err = c.append(h.file, buf); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// append reads the chunk to the end of buf.
func (c chunk) append(file *spill, buf []byte) ([]byte, error) {
	n := len(buf)
	buf = append(buf, make([]byte, c.size)...)
	if _, err := file.file.ReadAt(buf[n:], c.at); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return buf, fmt.Errorf("reconcile: the temporary file cannot be read again: %w", err)
	}
	return buf, nil
}

// split moves a partition that is too large into a heap by the next bits.
func (h *heap) split(p int) (*heap, error) {
	// All of it goes to the file.
	finer := newHeap(h.file, 0, (32-h.shift)/partitionBits)
	s := &sink{heap: finer}
	for _, b := range h.held[p] {
		if err := s.putAll(b); err != nil {
			return nil, err
		}
	}
	var buf []byte
	for _, c := range h.parts[p] {
		var err error
		if buf, err = c.append(h.file, buf[:0]); err != nil {
			return nil, err
		}
		if err := s.putAll(buf); err != nil {
			return nil, err
		}
	}
	h.held[p], h.parts[p] = nil, nil
	return finer, s.done()
}

// putAll adds the records that follow each other there.
func (s *sink) putAll(b []byte) error {
	for len(b) > 0 {
		r := recordAt(b)
		b = b[len(r):]
		if err := s.put(r); err != nil {
			return err
		}
	}
	return nil
}
