// Package sqlstore keeps sales in one SQLite file: the sale.Store for a shop, or for a
// machine with several processes.
//
//	store, err := sqlstore.Open(ctx, "/var/lib/shop/sales.db", sqlstore.Keyring{
//		Keys:    map[string]telco.Secret{"2026-03": key},
//		Current: "2026-03",
//		BusyKey: busyKey,
//	})
//
// # What it promises
//
// What Apply acknowledged is on the disk: the write-ahead log is synced before Apply
// returns (WAL, synchronous=FULL), so it survives a kill of the process and a loss of
// power, as far as the disk tells the truth about its own sync. Applies of many
// goroutines share a sync (group commit); each is acknowledged only after the commit that
// holds it has returned, and one that is refused takes no other one with it.
//
// Any number of processes on one machine may open the file at once. Not over a network
// file system: its locks and shared memory do not hold there.
//
// # When a sync fails
//
// A commit that fails is neither done nor undone as far as anybody knows: its callers get
// an error of no type of the contract and load again. The store then drops its writing
// connection and opens another one before the next change, so nothing goes on in a
// connection that saw the failure. SQLite counts a page as written only once a sync that
// came after the write has succeeded: frames of a failed commit are written again by the
// next one, and a checkpoint whose sync failed is done again in full. So a kernel that
// reports a failed sync once, and forgets the pages, takes nothing that was acknowledged.
//
// # When the file is moved
//
// An open file that is renamed, deleted or replaced lives on where no later start looks.
// Before and after each commit the store therefore compares the file, the log beside it
// (-wal) and the log's index (-shm) with those it opened; if one of them is another one,
// or is gone, or the file became shorter, nothing is acknowledged any more: every change
// is a [*MovedError] until the store is opened again. Stop every program that has the file
// open, put the file back together with its -wal, start again.
//
// To restore a copy, stop every program first and remove the -wal and -shm of the old
// file. A copy of the same or a greater length, written over the file while it is open,
// cannot be told from the store's own writing.
//
// # How long the log is
//
// The log is cut when it has grown past 16 MiB, which takes a moment at which it is
// written into the file and nobody reads from it: where somebody reads for long (a backup,
// a report), changes wait for it 100 ms now and then, and the log grows until it is done.
//
// # What a torn or damaged file is
//
// Frames of the log carry checksums. A torn tail, which only a change that was not
// acknowledged can leave, is cut at open without a word. Damage inside the synced part of
// the log looks the same to SQLite and cannot be told from a torn tail: the changes from
// there on are gone, as with an old backup; reconciliation shows them. Damage in the file
// itself is a [*CorruptError], at open if it is in the first pages, else where it is
// read; [Store.Check] reads it all.
//
// # Personal data
//
// A subscriber's number is stored as AES-256-GCM ciphertext bound to its sale, until
// Erase; the busy claim is an HMAC-SHA256 with a key of its own; the last three digits
// stay. Erased and overwritten content is zeroed in the file. Older copies of ciphertext
// may live on in the log until its next checkpoint, and in backups: they end when the
// key is destroyed after a rotation. The file and the two beside it (-wal, -shm) have mode
// 0600. No OTP ever reaches a store.
//
// Programs must not open and close the file by other means in the process that has the
// store open: POSIX drops a process's locks on a file with any of its descriptors.
package sqlstore
