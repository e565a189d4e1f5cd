package reconcile

// This file keeps records until they are compared, in 256 partitions by the first bits of their checksum, so that
// records with one key are in one partition. While they fit they stay in memory; after that, partitions are
// written in chunks to one temporary file. It promises that no more than the limit and the buffers of the sinks
// is in memory. A partition is loaded as a page, and sorted by checksum. What a record says is not its business.
//
//	sink     one of each goroutine that has rows; gathers a chunk for each partition
//	heap     the chunks of all sinks, by partition; one heap for each round, and one for a partition that was split
//	spill    the file behind all heaps of a run
//	page     a whole partition, and the order of its records
//
// First all sinks are filled and handed over, then the partitions are loaded: no two of these phases overlap in one
// heap, so a loaded partition needs no lock.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	partitions    = 256
	partitionBits = 8 // so many bits of a checksum tell the partition
	// chunkSize is how many bytes of a partition are gathered before they are written. A sink has as much for
	// each partition that has records: 4 MiB if all have.
	chunkSize = 16 << 10
	// recordMax is at least the length of the longest record: six texts, each with its length, and a number.
	recordMax = headSize + 6*(textMax+1) + numberSize
)

// spill is the temporary file that all partitions of a run share. It is made by the first write.
type spill struct {
	// dir is where it is made; empty is os.TempDir.
	dir string

	mu sync.Mutex
	// file is nil as long as nothing was written. name is empty once it was removed from the directory, which some
	// systems allow while the file is open.
	file *os.File
	name string
	// end is where the next chunk goes.
	end int64
}

// write appends a chunk and returns where it is. Several goroutines may call it.
func (s *spill) write(b []byte) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, "mobifone-reconcile-*.tmp") // mode 0600
		if err != nil {
			return 0, fmt.Errorf("reconcile: no temporary file; Config.Dir must be a directory that can be written: %w", err)
		}
		s.file, s.name = f, f.Name()
		// A file without a name is gone with the process, however it ends. Where this fails, close removes it.
		if os.Remove(s.name) == nil {
			s.name = ""
		}
	}
	// A chunk that could not be written whole is written over, if there is a next one.
	at := s.end
	if _, err := s.file.WriteAt(b, at); err != nil {
		return 0, fmt.Errorf("reconcile: the temporary file cannot be written; see how much room is left in Config.Dir: %w", err)
	}
	s.end += int64(len(b))
	return at, nil
}

// close closes and removes the file; it does nothing if there is none.
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

// heap is a set of partitions. Sinks fill it, from several goroutines; when all are done, its partitions are
// loaded one after the other, each once. A partition may be partly in memory and partly in the file.
type heap struct {
	file *spill
	// shift is the lowest of the partitionBits bits of a checksum that tell the partition.
	shift int

	mu sync.Mutex
	// held and parts are the chunks of each partition: those in memory, and those in the file.
	held  [partitions][][]byte
	parts [partitions][]chunk
	// sizes are the bytes of both.
	sizes [partitions]int64
	// inside is how many bytes are in held, or about to be: a sink counts them first. limit is how many may be.
	inside int64
	limit  int64
	// out is true once inside was above limit. Chunks go to the file from then on; those in held stay.
	out atomic.Bool
}

// newHeap is an empty heap. depth is how often its records were split before: each time by the next bits.
func newHeap(file *spill, limit int64, depth int) *heap {
	return &heap{file: file, limit: limit, shift: 32 - partitionBits*(depth+1)}
}

// sink gathers records for a heap, so that its lock is taken once in a chunk. Each goroutine has its own, and calls
// done at the end.
type sink struct {
	heap *heap
	bufs [partitions][]byte
	// held is how many bytes are in bufs that the heap has not counted yet.
	held int
}

// part is the partition of a checksum. Its buffer has room for one more record.
func (s *sink) part(crc uint32) uint8 {
	p := uint8(crc >> s.heap.shift)
	if s.bufs[p] == nil {
		s.bufs[p] = make([]byte, 0, chunkSize)
	}
	return p
}

// put adds a copy of a record.
func (s *sink) put(r record) error {
	p := s.part(r.crc())
	s.bufs[p] = append(s.bufs[p], r...)
	return s.added(p, len(r))
}

// added counts n bytes that were put into the buffer of a partition. If the buffer cannot take another record, the
// heap gets it, or the file if the heap is at its limit.
func (s *sink) added(p uint8, n int) error {
	// The heap hears of held bytes a chunk at a time, not with every record: that would be a lock for each.
	s.held += n
	if len(s.bufs[p]) < chunkSize-recordMax {
		return nil
	}
	// out does not go back to false, so that the file gets whole chunks from then on.
	if !s.heap.out.Load() && !s.heap.grow(s.held) {
		s.held = 0
		s.heap.hold(int(p), s.bufs[p])
		s.bufs[p] = nil // the heap has it; part makes another
		return nil
	}
	return s.flush(int(p))
}

// grow counts n more bytes in memory, and reports whether chunks have to go to the file from now on.
func (h *heap) grow(n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inside += int64(n)
	if h.inside > h.limit {
		h.out.Store(true)
	}
	return h.out.Load()
}

// flush writes the buffer of a partition to the file, and empties it.
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

// flushAll writes all buffers to the file.
func (s *sink) flushAll() error {
	for p := range s.bufs {
		if err := s.flush(p); err != nil {
			return err
		}
	}
	return nil
}

// keep notes a chunk that was written to the file.
func (h *heap) keep(p int, c chunk) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts[p] = append(h.parts[p], c)
	h.sizes[p] += int64(c.size)
}

// hold keeps records in memory. The heap owns b from now on.
func (h *heap) hold(p int, b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[p] = append(h.held[p], b)
	h.sizes[p] += int64(len(b))
}

// done hands over what is left in the sink, which must not be used after it.
func (s *sink) done() error {
	if s.heap.out.Load() || s.heap.grow(s.held) {
		return s.flushAll()
	}
	for p, b := range s.bufs {
		s.heap.hold(p, bytes.Clone(b)) // most of a buffer may be empty, and would stay in memory until the end
	}
	return nil
}

// load reads a whole partition into buf, or into a longer buffer, and returns it. The partition lets go of what it
// held in memory, so it can be loaded only once.
func (h *heap) load(p int, buf []byte) ([]byte, error) {
	if need := int(h.sizes[p]); cap(buf) < need {
		// Rounded up, so that partitions of about one size share one buffer.
		buf = make([]byte, 0, need+need>>3)
	}
	// No lock: all sinks are done, and no two goroutines load one partition.
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

// append reads the chunk and appends it to buf. A file that ends before it is damaged, and an error.
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

// split moves a partition that is too large into a heap of its own, by the next bits of the checksum. The parts go
// to the end of the file; the old chunks stay there, unused, until the run is closed.
func (h *heap) split(p int) (*heap, error) {
	// With a limit of 0 all of it goes to the file.
	finer := newHeap(h.file, 0, (32-h.shift)/partitionBits)
	s := &sink{heap: finer}
	for _, b := range h.held[p] {
		if err := s.putAll(b); err != nil {
			return nil, err
		}
	}
	// One chunk after the other, for all of them are too much for the memory.
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

// putAll adds copies of the records that follow each other in b.
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

// page is one partition in memory. Pages are used again for further partitions.
type page struct {
	// data has the records, one after the other.
	data []byte
	// index has an entry for each record, sorted: its checksum, and in the lower 32 bits where it is in data.
	index []uint64
	// other is room for sorting, as long as index.
	other []uint64
	// matched and otherDays count the pairs of the reported day and of others that joiner.equal found equal.
	matched, otherDays Sides
	// odd are the groups of one checksum that are no such pair, each [from, to) in index.
	odd [][2]int
	// err is why the partition could not be loaded; the other fields mean nothing then.
	err error
}

// sort sorts the index by checksum. Its first bits are those of the partition, so two passes over 12
// bits each are enough; a sort that compares took five times as long. Where two are equal the order does not
// matter: the records of a group are sorted again, by content.
func (pg *page) sort() {
	const digit, buckets = 12, 1 << 12
	if len(pg.index) < buckets { // then the passes over the buckets would take longer than the entries
		slices.Sort(pg.index)
		return
	}
	// A radix sort, the lowest digit first: count how often each digit is there, turn the counts into places, and
	// move each entry to its place. Equal digits keep their order, so the second pass keeps the first one's work.
	pg.other = slices.Grow(pg.other[:0], len(pg.index))[:len(pg.index)]
	for shift := 32; shift < 32+2*digit; shift += digit {
		var at [buckets]int32
		for _, e := range pg.index {
			at[e>>shift&(buckets-1)]++
		}
		next := int32(0)
		for i, n := range at {
			at[i], next = next, next+n
		}
		for _, e := range pg.index {
			to := &at[e>>shift&(buckets-1)]
			pg.other[*to] = e
			*to++
		}
		pg.index, pg.other = pg.other, pg.index
	}
}

// record is the record that the i-th entry of the index names.
func (pg *page) record(i int) record { return recordAt(pg.data[uint32(pg.index[i]):]) }
